"""The path of least cost through a trellis, against all paths, and on Gaussian numbers."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from narrows.codec.codec import Codec
from narrows.codec.encoding.costs import SymbolCosts
from narrows.codec.encoding.symbol_encoder import SymbolEncoder
from narrows.codec.encoding.symbol_search import SymbolSearch
from narrows.codec.encoding.trellis_search import Costs, cheapest_paths
from narrows.codec.entropy.ans import ideal_bits
from narrows.codec.entropy.counting import count_table, count_tables, to_integers
from narrows.codec.entropy.native.tables import description
from narrows.codec.entropy.tables import FixedTables, FrequencyTable
from narrows.codec.entropy.trellis import TrellisPass, TrellisTables
from narrows.codec.networks.engines import engine_for
from narrows.codec.networks.native.extension import levels
from tests.helpers.altered_models import in_trellis, random_table
from tests.helpers.context_models import row_of
from tests.helpers.tiny_models import right_answers, searching, tiny_model, typical_frames

PRICE = 3.0  # bits that an error of one step is worth


def falling_table(spread):
    """A table of the symbols from -6 to 6, less likely the further from 0."""
    weights = np.exp(-np.abs(np.arange(-6, 7)) / spread)
    return FrequencyTable(-6, to_integers(np.append(weights, 1e-4)))


def small_trellis():
    both = (2.0, 1.0, 1.5, 0.7), (1.5, 1.4, 1.0, 1.0)
    return TrellisTables(*([falling_table(spread) for spread in row] for row in both))


def cost_of(symbols, target, tables):
    errors = np.square(tables.levels(symbols) - target).sum(axis=1)
    return SymbolCosts(tables).bits(symbols) + PRICE * errors


@pytest.mark.parametrize("seed", range(20))
def test_no_path_costs_less(seed):
    tables, rng = small_trellis(), np.random.default_rng(seed)
    target = rng.uniform(-6, 6, (1, 4))
    found = cheapest_paths(target.T, np.full((4, 1), PRICE), Costs.of(tables))
    every = np.array(list(product(range(-5, 6), repeat=4)), np.int32)
    assert cost_of(found, target, tables)[0] == cost_of(every, target, tables).min()


def test_latents_far_outside_of_their_table_are_escaped():
    tables = small_trellis()
    target = np.array([[0.2, 500.3, -0.1, 7e9]])
    found = cheapest_paths(target.T, np.full((4, 1), PRICE), Costs.of(tables))
    reached = tables.levels(found)[0]
    assert abs(reached[1] - 500.3) <= 2
    assert reached[3] >= 2**32 - 4


@pytest.mark.skipif(not levels(), reason="the compiled part was not built")
@pytest.mark.parametrize("seed", range(6))
def test_compiled_code_finds_the_same_paths(seed):
    row, rng = row_of(seed, 7), np.random.default_rng(seed)
    tables = TrellisTables(row, [random_table(rng, table) for table in row])
    centre = np.array([0.5 * (table.low + table.high) for table in row])
    target = 2 * centre + rng.normal(size=(600, 7)) * 10.0 ** rng.integers(-2, 4, (600, 1))
    target[0], target[1], target[2, ::2] = 0.0, 1e100, -np.arange(4) * 2.0**31
    price = 10.0 ** rng.uniform(-3, 2, (600, 7))
    price[3] = 0.0
    compiled = engine_for(None).compile_tables(tables)
    entries = Costs.of(tables)
    found = compiled.paths(target, price, entries.flat)
    assert np.array_equal(found, cheapest_paths(target.T, price.T, entries))
    assert np.array_equal(compiled.levels(found), tables.levels(found))


@pytest.mark.skipif(not levels(), reason="the compiled part was not built")
def test_arguments_of_compiled_code_that_do_not_fit_are_refused():
    from narrows.codec import _native as native

    tables = small_trellis()
    made = native.make_tables("plain", *description(tables))
    fixed = native.make_tables("plain", *description(FixedTables(tables.row)))
    bits, own = Costs.of(tables).flat, np.zeros((2, 4))
    symbols, to = np.zeros((2, 4), np.int32), np.zeros((2, 4), np.int64)
    native.trellis_paths(made, own, own, bits, symbols)
    native.trellis_levels(made, symbols, to)
    for arguments in (
        (fixed, own, own, bits, symbols),
        (made, own[:1].copy(), own, bits, symbols),
        (made, own, own[:1].copy(), bits, symbols),
        (made, own, own, bits[:-1].copy(), symbols),
        (made, own, own, bits, symbols[0, :3].copy()),
    ):
        with pytest.raises(ValueError, match="do not fit"):
            native.trellis_paths(*arguments)
    for arguments in ((fixed, symbols, to), (made, symbols, to[:1].copy())):
        with pytest.raises(ValueError, match="do not fit"):
            native.trellis_levels(*arguments)
    with pytest.raises(ValueError, match="expected 8"):
        native.trellis_levels(made, symbols, symbols)


@pytest.mark.skipif(not levels(), reason="the compiled part was not built")
def test_no_damaged_description_of_a_trellis_reaches_other_memory():
    from narrows.codec import _native as native

    rng, refused, tables = np.random.default_rng(0), 0, small_trellis()
    fields, *rest = description(tables)
    symbols = rng.integers(-9, 9, (2, 4)).astype(np.int32)
    bits = Costs.of(tables).flat
    for _ in range(2000):
        damage, at = fields.copy(), rng.integers(len(fields))
        damage[at] = rng.choice([damage[at] + rng.integers(-3, 4), -1, 2**31, rng.integers(60)])
        try:
            made = native.make_tables("plain", damage, *rest)
            native.unpack(
                made, bytes(16), tuple(native.pack(made, bytes(16), 1, symbols, 0)),
                symbols.copy(), np.zeros(2, np.bool_),
            )  # fmt: skip
            native.trellis_levels(made, symbols, np.zeros((2, 4), np.int64))
            native.trellis_paths(made, np.ones((2, 4)), np.ones((2, 4)), bits, symbols.copy())
        except ValueError:
            refused += 1
    assert 500 < refused < 2000


def model_with_trellis(dtype="int16", shape=(9, 2)):
    model = in_trellis(searching(tiny_model(dtype, shape, 4, n_qualities=2)))
    return replace(model, known_answers=right_answers(model))


@pytest.mark.parametrize("dtype", ["int16", "float32", "uint8"])
def test_a_search_costs_no_more_than_where_it_begins(dtype):
    codec = Codec(model_with_trellis(dtype))
    x, encoder = typical_frames(codec.model, 40), SymbolEncoder(codec.decoder.transform)
    search = SymbolSearch(codec.decoder.transform, 1)
    rounded = codec.decoder.transform.rounded(x, [codec.model.quality(1)])[1]
    found = encoder.improve(x, rounded, 1, 4)
    before, after = search.cost(x, rounded), search.cost(x, found.symbols)
    assert (after <= before).all()
    assert after.mean() < before.mean()
    assert np.allclose(found.distortion_at_most * codec.model.tradeoffs.lambda_[0], after)


def test_effort_0_searches_too_and_parts_find_what_all_find():
    codec = Codec(model_with_trellis("float32", (4, 3)))
    x = typical_frames(codec.model, 700)
    symbols = codec.encode(x, effort=0)
    assert np.array_equal(symbols, codec.encode(x, effort=9))
    assert np.array_equal(symbols[300:], codec.encode(x[300:], effort=0))


def counted(symbols, tables):
    known, both = TrellisPass(tables, len(symbols)), []
    for column, table in zip(symbols.T, tables.row, strict=True):
        both.append(count_tables(column, known.quantiser, 2))
        known.advance(table.indices(column))
    return TrellisTables(*zip(*both, strict=True))


def test_gaussian_numbers_are_nearer_to_the_bound_than_one_quantiser_comes():
    x, step = np.random.default_rng(0).normal(size=(2000, 32)), 0.58
    turns = np.arange(len(x))[:, None] & 1
    first = [count_table(c) for c in ((np.rint(x / step).astype(np.int32) + turns) >> 1).T]
    tables = TrellisTables(first, first)
    for _ in range(4):
        target, price = (x / step).T, np.full(x.T.shape, PRICE)
        symbols = cheapest_paths(target, price, Costs.of(tables))
        tables = counted(symbols, tables)
    bits = ideal_bits(symbols, tables).mean() / 32
    error = np.square(tables.levels(symbols) * step - x).mean()
    off = 10 * np.log10(error * 4**bits)  # decibels above D(R) = 4**-R
    assert 1.9 < bits < 2.1
    assert off < 1.1  # one quantiser: 1.5
