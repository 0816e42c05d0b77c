"""What a search compares: bits, errors and their gradient."""

import math
from fractions import Fraction

import numpy as np
import pytest

from narrows.codec.codec import Codec
from narrows.codec.encoding.costs import LARGEST_SUM, SymbolCosts, code_lengths, errors, squared
from narrows.codec.entropy.tables import TOTAL, FixedTables, FrequencyTable, frequencies_of
from narrows.element_types import ends_of
from tests.helpers.symbol_search import CLOSE, each_model, mixed_frames, model_of, searched
from tests.helpers.tiny_models import (
    INTEGER_DTYPES,
    searching,
    tiny_conv_model,
    tiny_model,
    typical_frames,
)

# ---------------------------------------------------------------- costs


def cost_by_hand(model, quality, x, symbols):
    """Return `bits + lambda * distortion` of one signal, from its frame and the frequencies."""
    tradeoffs, tables = model.tradeoffs, model.quality(quality).tables
    frame = Codec(model).decode(symbols[None], quality)[0]
    distortion = 0
    for decoded, original in zip(frame.ravel().tolist(), x.ravel().tolist(), strict=True):
        e = round((Fraction(decoded) - Fraction(original)) * Fraction(tradeoffs.unit))
        distortion += e * e
    bits = 0.0
    frequencies = frequencies_of(symbols[None], tables)
    for j, each in zip(tables.order, frequencies, strict=True):
        table, symbol = tables.row[j], int(symbols[j])
        entry = symbol - table.low if table.low <= symbol <= table.high else table.escape
        bits += 24 - math.log2(int(each.reshape(-1)[entry]))
    return bits, distortion * Fraction(tradeoffs.lambda_[quality - 1])


@each_model
@pytest.mark.parametrize("effort", [0, 2, 9])
def test_a_cost_is_bits_and_lambda_times_the_squared_error(name, effort):
    model = model_of(name)
    for quality in range(1, model.n_qualities + 1):
        codec, search = searched(model, quality)
        x = typical_frames(model, 12, seed=8)
        symbols = codec.encode(x, quality, effort)
        for signal, each, cost in zip(x, symbols, search.cost(x, symbols), strict=True):
            bits, error = cost_by_hand(model, quality, signal, each)
            close = model.latent_size * CLOSE + 1e-12 * float(error)
            assert float(cost) == pytest.approx(bits + float(error), abs=close, rel=0)


def test_code_lengths_are_nearly_logarithms_and_longer_for_what_is_rarer():
    rng = np.random.default_rng(0)
    powers = 2 ** np.arange(24)
    many = rng.integers(1, TOTAL, 100_000)
    some = np.concatenate([many, (many / 2.0 ** rng.integers(0, 24, many.size)).astype(int) + 1])
    beside = np.concatenate([powers, powers + 1, powers[1:] - 1])
    w = np.unique(np.concatenate([np.arange(1, 5000), some, beside, [TOTAL - 1]]))
    assert (w[0], w[-1]) == (1, TOTAL - 1)
    lengths = code_lengths(w.astype(np.float64))
    assert np.abs(lengths - (24 - np.log2(w))).max() <= CLOSE
    assert (np.diff(lengths) <= 0).all()
    assert (lengths[:2000] > lengths[1:2001]).all()
    assert lengths[-1] >= 0


def test_code_lengths_are_whole_parts_of_a_bit():
    lengths = code_lengths(np.random.default_rng(0).integers(1, TOTAL, 1000).astype(np.float64))
    assert (lengths * 2**12 % 1 == 0).all()


@each_model
def test_what_a_symbol_beside_would_cost_more_is_told_for_the_tables_as_they_are(name):
    model = model_of(name)
    codec, costs = Codec(model), SymbolCosts(model.quality(1).tables)
    symbols = codec.encode(mixed_frames(model, 20), 1, 0)
    bits, more = costs.beside(symbols)
    np.testing.assert_array_equal(bits, costs.bits(symbols))
    tables = model.quality(1).tables
    by_latent = dict(zip(tables.order, frequencies_of(symbols, tables), strict=True))
    for i, j in np.ndindex(symbols.shape):
        table, frequencies = tables.row[j], by_latent[j]
        weights = frequencies if frequencies.ndim == 1 else frequencies[i]
        now = symbols[i, j] - table.low
        for number, other in enumerate((now - 1, now + 1)):
            if 0 <= now < table.escape and 0 <= other < table.escape:
                expected = math.log2(int(weights[now])) - math.log2(int(weights[other]))
                assert more[i, j, number] == pytest.approx(expected, abs=2 * CLOSE, rel=0)
            else:
                assert more[i, j, number] > 1000


def test_errors_are_whole_and_their_squares_sum_below_two_to_the_52():
    x = np.array([[0.0, 0.25, -1.0], [1e308, -1e308, 3.0]])
    decoded = np.array([[0.3, 0.25, 2.0], [-1e308, 1e308, 3.0]])
    e = errors(decoded, x, 8.0)
    assert e[0].tolist() == [2, 0, 24]
    assert squared(e)[0] == 580
    assert e[1, 2] == 0
    assert e[1, 0] == -e[1, 1] < -1e7
    assert LARGEST_SUM / 4 < squared(e)[1] <= LARGEST_SUM


def test_errors_of_integers_do_not_wrap():
    for dtype in ("bool", *INTEGER_DTYPES):
        least, most = ends_of(np.dtype(dtype))
        ends, distance = np.array([[least, most]], dtype), most - least
        limit = math.isqrt(LARGEST_SUM // 2)
        expected = [-min(distance, limit), min(distance, limit)]
        assert errors(ends, ends[:, ::-1], 1.0).tolist() == [expected]


@pytest.mark.parametrize(
    "build",
    [
        lambda: tiny_model("float64", (5, 4), 3, activation="none"),
        lambda: tiny_model("int16", (5, 4), 3, 2, activation="none"),
        lambda: tiny_model("int32", (4,), 2, activation="none"),
        lambda: tiny_conv_model("int16"),
    ],
    ids=["float64", "int16", "int32", "convolutions"],
)
def test_the_gradient_foretells_what_a_step_of_a_latent_changes(build):
    model = searching(build())
    for quality in range(1, model.n_qualities + 1):
        codec, search = searched(model, quality)
        x = typical_frames(model, 60, seed=4)
        y = codec.encode(x, quality, 0)

        def distortion(symbols, codec=codec, quality=quality, x=x):
            return squared(errors(codec.decode(symbols, quality), x, model.tradeoffs.unit))

        found, gradient = search._gradient(search._objective(x), y)
        np.testing.assert_array_equal(found, distortion(y))
        steps = np.eye(model.latent_size, dtype=np.int32)
        ahead = np.stack([(distortion(y + s) - distortion(y - s)) / 2 for s in steps], axis=1)
        assert (ahead * gradient).sum() / np.square(gradient).sum() == pytest.approx(1, abs=0.02)
        assert np.corrcoef(ahead.ravel(), gradient.ravel())[0, 1] > 0.999


# ---------------------------------------------------------------- refusals


def test_costs_of_no_signals_are_none():
    table = FrequencyTable(0, np.array([TOTAL // 2, TOTAL // 2]))
    costs = SymbolCosts(FixedTables([table]))
    assert costs.bits(np.zeros((0, 1), np.int32)).shape == (0,)
    assert [each.shape for each in costs.beside(np.zeros((0, 1), np.int32))] == [(0,), (0, 1, 2)]
