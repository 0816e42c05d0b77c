"""Searching for better symbols: exact, never worse with more effort, and no more than asked for."""

import math
from dataclasses import replace
from fractions import Fraction
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrows.codec.archive import Mode
from narrows.codec.codec import Codec
from narrows.codec.encoding import DEFAULT_EFFORT, EFFORTS, MAX_EFFORT, SymbolSearch
from narrows.codec.encoding.bit_costs import SymbolCosts, code_lengths
from narrows.codec.encoding.distortion import LARGEST_SUM, errors, squared
from narrows.codec.entropy.tables import TOTAL, FixedTables, FrequencyTable, frequencies_of
from narrows.errors import SettingError
from narrows.evaluation.metrics import evaluate
from tests.helpers.tiny_models import (
    DTYPES,
    FLOAT_DTYPES,
    ODD_SHAPES,
    assert_identical,
    assert_one_line,
    blocks_of,
    examples,
    noise_frames,
    searching,
    tiny_conv_model,
    tiny_model,
    typical_frames,
)

LEVELS = range(10)
CLOSE = 2.0**-10  # bits of a symbol
MODELS = {
    "dense": lambda: tiny_model("uint8", (5, 4), 4, 2),
    "table": lambda: tiny_model("float32", (6,), 3, activation="elu"),
    "dense and context": lambda: tiny_model("int16", (5, 4), 4, 2, contexts=(1, 2)),
    "convolutions": lambda: tiny_conv_model("uint8"),
    "convolutions and context": lambda: tiny_conv_model("float32", (9,), 2, contexts=(1,)),
}
each_model = pytest.mark.parametrize("name", MODELS)


@cache
def model_of(name):
    return searching(MODELS[name]())


def searched(model, quality=1, **options):
    """Give a codec, and the search that it does at a quality."""
    codec = Codec(model, **options)
    return codec, SymbolSearch(model, quality, codec.decode)


def mixed_frames(model, n, seed=5):
    """Give signals of which some are like those of the tables, and some like none."""
    x = typical_frames(model, n, seed)
    x[::4] = noise_frames(model.dtype, x[::4].shape, seed)
    return x


def outside(symbols, row):
    """Tell which of `(n, latent_size)` symbols are escaped."""
    return np.stack([t.indices(s) == t.escape for t, s in zip(row, symbols.T, strict=True)], 1)


# ---------------------------------------------------------------- efforts


@each_model
def test_effort_0_rounds_the_latents(name):
    model = model_of(name)
    codec, x = Codec(model), mixed_frames(model, 50)
    for quality in range(1, model.n_qualities + 1):
        rounded = np.floor(codec.latents(x, quality) + 0.5).astype(np.int32)
        assert_identical(codec.encode(x, quality, effort=0), rounded)
        assert_identical(codec.encode(x, quality, 0), Codec(MODELS[name]()).encode(x, quality))


def test_there_are_ten_efforts_and_each_goes_on_where_the_one_before_stops():
    assert len(EFFORTS) == MAX_EFFORT + 1 == len(LEVELS)
    numbers = [(each.rounds, each.trials, each.leaps) for each in EFFORTS]
    assert numbers[0] == (0, 0, 0)
    assert len(set(numbers)) == len(numbers)
    for before, after in pairwise(numbers):
        assert all(a <= b for a, b in zip(before, after, strict=True))
        # What comes later begins only where what comes before it is done.
        assert not before[1] or before[0] == after[0]
        assert not before[2] or before[1] == after[1]


def check_no_effort_is_worse(model, x):
    for quality in range(1, model.n_qualities + 1):
        codec, search = searched(model, quality)
        costs = [search.cost(x, codec.encode(x, quality, effort)) for effort in LEVELS]
        for less, more in pairwise(costs):
            assert (more <= less).all()
        yield costs


@each_model
def test_more_effort_costs_no_signal_more(name):
    model = model_of(name)
    for costs in check_no_effort_is_worse(model, mixed_frames(model, 40)):
        assert costs[1].mean() < costs[0].mean()
        assert costs[9].mean() < costs[1].mean()


@given(
    st.integers(0, 2**16), st.sampled_from(DTYPES), st.floats(0.02, 20), st.booleans(),
    st.sampled_from(["none", "relu", "leaky_relu", "elu", "step"]),
)  # fmt: skip
@examples(15)
def test_no_model_is_made_worse_by_more_effort(seed, dtype, factor, has_context, activation):
    contexts = (1,) if has_context else ()
    model = tiny_model(dtype, (4,), 3, 1, activation, seed, contexts=contexts)
    model = searching(model)
    exchange = replace(model.exchange, lambda_=[factor * model.exchange.lambda_[0]])
    model = replace(model, exchange=exchange)
    assert len(list(check_no_effort_is_worse(model, mixed_frames(model, 12, seed)))) == 1


@pytest.mark.parametrize("dtype", DTYPES)
def test_archives_and_packets_hold_the_symbols_that_were_found(dtype):
    model = searching(tiny_model(dtype, (5, 4), 4, 2, contexts=(2,)))
    codec, x = Codec(model), typical_frames(model, 60, seed=3)
    for quality in (1, 2):
        for effort in (0, 2, 8):
            symbols = codec.encode(x, quality, effort)
            decoded = codec.decode(symbols, quality)
            blob = codec.compress(x, quality, effort)
            (block,) = blocks_of(blob)
            assert block.mode == Mode.CODED
            assert_identical(codec.blocks.unpack(block).values, symbols)
            assert_identical(codec.decompress(blob), decoded)
            packet = codec.compress_packet(x[7], quality, effort)
            assert_identical(codec.decompress_packet(packet), decoded[7])
        _, search = searched(model, quality)
        first, last = (codec.encode(x, quality, effort) for effort in (0, 8))
        assert search.cost(x, last).mean() < search.cost(x, first).mean()


@each_model
def test_an_archive_is_as_large_and_as_wrong_as_its_cost_says(name):
    model = model_of(name)
    codec, search = searched(model)
    x = typical_frames(model, 300, seed=3)
    x = x[~outside(codec.encode(x, 1, 0), model.tables[0]).any(axis=1)]
    sums = []
    for effort in (0, 2, 8):
        blob = codec.compress(x, 1, effort)
        (block,) = blocks_of(blob)
        e = (codec.decompress(blob).astype(np.float64) - x) * model.exchange.unit
        distortion = np.square(np.rint(e)).sum()
        sums.append(8 * len(block.payload) + model.exchange.lambda_[0] * distortion)
        cost = search.cost(x, codec.encode(x, 1, effort)).sum()
        assert sums[-1] == pytest.approx(cost, abs=100, rel=1e-9)  # the coder ends in whole words
    assert len(x) > 100
    assert sums[0] > sums[1] > sums[2]


def test_the_default_is_effort_2_where_there_is_an_exchange_and_0_where_there_is_none():
    assert DEFAULT_EFFORT == 2
    model = model_of("dense")
    codec, x = Codec(model), typical_frames(model, 40, seed=3)
    assert_identical(codec.encode(x), codec.encode(x, None, 2))
    assert codec.compress(x) == codec.compress(x, effort=2)
    assert codec.compress_packet(x[0]) == codec.compress_packet(x[0], effort=2)
    assert (codec.encode(x) != codec.encode(x, effort=0)).any()
    plain = Codec(replace(model, exchange=None))
    assert_identical(plain.encode(x), codec.encode(x, effort=0))
    assert_identical(plain.encode(x, effort=0), codec.encode(x, effort=0))


def test_a_measurement_is_of_the_effort_that_it_is_given():
    model = model_of("dense")
    codec, x = Codec(model), typical_frames(model, 200, seed=3)
    for effort in (0, 2, 9):
        blob = codec.compress(x, 1, effort)
        measured = evaluate(codec, x, 1, effort)
        assert measured.compressed_bytes == len(blob)
        assert measured.mse == evaluate(codec, x, 1, effort).mse
    assert len({evaluate(codec, x, 1, effort).mse for effort in (0, 2, 9)}) == 3


# ---------------------------------------------------------------- costs


def cost_by_hand(model, quality, x, symbols):
    """Give `bits + lambda * distortion` of one signal, from its frame and the frequencies."""
    exchange, tables = model.exchange, model.coding_tables[quality - 1]
    frame = Codec(model).decode(symbols[None], quality)[0]
    distortion = 0
    for decoded, original in zip(frame.ravel().tolist(), x.ravel().tolist(), strict=True):
        e = round((Fraction(decoded) - Fraction(original)) * Fraction(exchange.unit))
        distortion += e * e
    bits = 0.0
    frequencies = frequencies_of(symbols[None], tables)
    for j, each in zip(tables.order, frequencies, strict=True):
        table, symbol = tables.row[j], int(symbols[j])
        entry = symbol - table.low if table.low <= symbol <= table.high else table.escape
        bits += 24 - math.log2(int(each.reshape(-1)[entry]))
    return bits, distortion * Fraction(exchange.lambda_[quality - 1])


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
    codec, costs = Codec(model), SymbolCosts(model.coding_tables[0])
    symbols = codec.encode(mixed_frames(model, 20), 1, 0)
    bits, more = costs.beside(symbols)
    np.testing.assert_array_equal(bits, costs.bits(symbols))
    tables = model.coding_tables[0]
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
    for dtype in ("uint8", "int8", "uint16", "int16", "int32"):
        bounds = np.iinfo(dtype)
        ends = np.array([[bounds.min, bounds.max]], dtype)
        distance = int(bounds.max) - int(bounds.min)
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
            return squared(errors(codec.decode(symbols, quality), x, model.exchange.unit))

        found, gradient = search._gradient(x, y)
        np.testing.assert_array_equal(found, distortion(y))
        steps = np.eye(model.latent_size, dtype=np.int32)
        ahead = np.stack([(distortion(y + s) - distortion(y - s)) / 2 for s in steps], axis=1)
        assert (ahead * gradient).sum() / np.square(gradient).sum() == pytest.approx(1, abs=0.02)
        assert np.corrcoef(ahead.ravel(), gradient.ravel())[0, 1] > 0.999


# ---------------------------------------------------------------- what is found


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_best_pair_of_symbols_is_nearly_always_found(dtype, seed):
    model = searching(tiny_model(dtype, (5,), 2, seed=seed))
    codec, search = searched(model)
    x = typical_frames(model, 30, seed=4)
    low, high = ([getattr(t, end) for t in model.tables[0]] for end in ("low", "high"))
    all_pairs = np.mgrid[low[0] : high[0] + 1, low[1] : high[1] + 1]
    pairs = all_pairs.reshape(2, -1).T.astype(np.int32)
    best = np.array([search.cost(np.repeat(f[None], len(pairs), 0), pairs).min() for f in x])
    costs = [search.cost(x, codec.encode(x, 1, effort)) for effort in (0, 2, 9)]
    found = [(cost <= best).mean() for cost in costs]
    assert not outside(codec.encode(x, 1, 0), model.tables[0]).any()
    assert all((cost >= best).all() for cost in costs)
    assert found[0] < found[1]
    assert found[2] >= 0.9


def test_symbols_that_are_best_already_stay():
    model = model_of("dense")
    codec, search = searched(model)
    y = np.array([[t.low + int(t.weights[:-1].argmax()) for t in model.tables[0]]], np.int32)
    x = codec.decode(y, 1)  # no other symbols have fewer bits, and these have no error
    for effort in EFFORTS:
        assert_identical(search.improve(x, y, effort), y)


def test_the_given_symbols_are_left_as_they_are():
    model = model_of("dense")
    codec, search = searched(model)
    x = typical_frames(model, 20, seed=3)
    y = codec.encode(x, 1, 0)
    y.setflags(write=False)
    x.setflags(write=False)
    for effort in EFFORTS:
        search.improve(x, y, effort)  # writing would raise


def test_a_latent_that_nothing_depends_on_takes_its_cheapest_symbol():
    """Its curvature is 0, and so is its gradient."""
    model = tiny_model("uint8", (5,), 2, known_answers=False)
    first, *rest = model.decoder.layers
    weight = first.weight.copy()
    weight[1] = 0
    layers = [replace(first, weight=weight), *rest]
    decoder = type(model.decoder)(layers, model.decoder.input_shape, model.decoder.input_limit)
    model = searching(replace(model, decoder=decoder))
    assert model.exchange.curvature[0, 1] == 0
    codec, x = Codec(model), typical_frames(model, 30)
    cheapest = model.tables[0][1].low + int(model.tables[0][1].weights[:-1].argmax())
    assert (codec.encode(x, 1, 9)[:, 1] == cheapest).mean() > 0.9


@pytest.fixture(scope="module")
def efforts_on_digits(tiny_codec, digits):
    """Digits, and the symbols that each effort finds for them with a trained model."""
    x = digits[1400:]
    return x, [tiny_codec.encode(x, effort=effort) for effort in LEVELS]


def test_no_effort_on_a_trained_model_is_silently_that_below(tiny_codec, efforts_on_digits):
    x, symbols = efforts_on_digits
    blobs = [tiny_codec.compress(x, effort=effort) for effort in (0, 1, 2)]
    assert len(set(blobs)) == 3
    _, search = searched(tiny_codec.model)
    costs = [search.cost(x, each) for each in symbols]
    for less, more in pairwise(costs):
        assert (more <= less).all()
    for chosen in ((0, 1, 2, 4, 7, 9), (6, 7, 8, 9)):
        means = [costs[effort].mean() for effort in chosen]
        assert all(more < less for less, more in pairwise(means)), means


def test_a_trained_model_gains_bits_or_decibels_by_effort(tiny_codec, efforts_on_digits):
    x, symbols = efforts_on_digits
    _, search = searched(tiny_codec.model)
    first, default, last = (search.cost(x, symbols[effort]).mean() for effort in (0, 2, 9))
    assert default < 0.97 * first
    assert last < 0.98 * default


# ---------------------------------------------------------------- the same symbols everywhere


@given(st.sampled_from(list(MODELS)), st.sampled_from([1, 2, 7, 8]), st.data())
@examples(20)
def test_a_signal_has_the_same_symbols_in_every_company(name, effort, data):
    model = model_of(name)
    x = mixed_frames(model, 24)
    whole = Codec(model).encode(x, 1, effort)
    chosen = data.draw(st.lists(st.integers(0, 23), max_size=40))
    codec = Codec(model, batch_size=data.draw(st.sampled_from([1, 3, 256])))
    assert_identical(codec.encode(x[chosen], 1, effort), whole[chosen])


@each_model
def test_a_signal_alone_has_the_symbols_that_it_has_among_many(name, monkeypatch):
    model = model_of(name)
    codec, x = Codec(model), mixed_frames(model, 300)
    for effort in (2, 7):
        whole = codec.encode(x, 1, effort)
        for i in (0, 1, 255, 256, 299):
            assert_identical(codec.encode(x[i : i + 1], 1, effort), whole[i : i + 1])
        monkeypatch.setattr("narrows.codec.encoding.symbol_search.BATCH_SIGNALS", 7)
        assert_identical(codec.encode(x, 1, effort), whole)
        monkeypatch.setattr("narrows.codec.encoding.symbol_search.BATCH_ELEMENTS", 1)
        assert_identical(codec.encode(x[:20], 1, effort), whole[:20])
        monkeypatch.undo()


@each_model
def test_torch_finds_the_symbols_that_numpy_finds(torch_backend, name):
    model = model_of(name)
    x = mixed_frames(model, 60)
    for effort in (0, 2, 9):
        on_torch, here = Codec(model, backend=torch_backend), Codec(model)
        assert on_torch.compress(x, 1, effort) == here.compress(x, 1, effort)


def test_qualities_are_searched_for_one_by_one():
    model = model_of("dense")
    x = typical_frames(model, 30, seed=3)
    one_codec = Codec(model)
    for quality in (1, 2, 1):
        assert_identical(one_codec.encode(x, quality, 7), Codec(model).encode(x, quality, 7))


# ---------------------------------------------------------------- odd signals


@given(
    st.sampled_from(DTYPES), st.sampled_from(ODD_SHAPES), st.sampled_from([1, 2, 8]),
    st.integers(0, 2**16),
)  # fmt: skip
@examples(40)
def test_symbols_outside_the_tables_stay_and_none_are_added(dtype, shape, effort, seed):
    model = searching(tiny_model(dtype, shape, 3, seed=seed % 5))
    codec, x = Codec(model), noise_frames(dtype, (15, *model.frame_shape), seed)
    before, after = codec.encode(x, 1, 0), codec.encode(x, 1, effort)
    escaped = outside(before, model.tables[0])
    np.testing.assert_array_equal(outside(after, model.tables[0]), escaped)
    np.testing.assert_array_equal(after[escaped], before[escaped])


@pytest.mark.parametrize("dtype", DTYPES)
def test_symbols_beside_the_ends_of_int32_do_not_wrap(dtype):
    model = tiny_model(dtype, (4,), 2, known_answers=False)
    half = np.array([TOTAL // 4, TOTAL // 4, TOTAL // 2])
    row = [FrequencyTable(-(2**31), half), FrequencyTable(2**31 - 2, half)]
    model = searching(replace(model, tables=[row]))
    _, search = searched(model)
    x = noise_frames(dtype, (40, 4))
    ends = [[-(2**31), 2**31 - 1], [2**31 - 1, -(2**31)], [-(2**31) + 1, 2**31 - 2]]
    y = np.array(ends * 14, np.int32)[:40]
    for effort in EFFORTS[1:]:
        found = search.improve(x, y, effort).astype(np.int64)
        assert np.abs(found - y).max() <= 1


@pytest.mark.parametrize("name", ["dense", "dense and context"])
def test_signals_unlike_all_others_come_back(name):
    model = model_of(name)
    codec, x = Codec(model), noise_frames(model.dtype, (40, *model.frame_shape))
    for effort in LEVELS:
        symbols = codec.encode(x, 1, effort)
        assert outside(symbols, model.tables[0]).mean() > 0.5
        blob = codec.compress(x, 1, effort)
        (block,) = blocks_of(blob)
        if block.mode == Mode.CODED:
            assert_identical(codec.decompress(blob), codec.decode(symbols, 1))
        packet = codec.compress_packet(x[3], 1, effort)
        assert_identical(codec.decompress_packet(packet), codec.decode(symbols, 1)[3])


@pytest.mark.parametrize("dtype", FLOAT_DTYPES)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_signals_with_nan_or_infinities_are_stored_as_before(dtype, value):
    model = searching(tiny_model(dtype, (5,), 3))
    codec, x = Codec(model), typical_frames(model, 30)
    x[4, 2] = value
    (before,) = blocks_of(Codec(replace(model, exchange=None)).compress(x, 1))
    for effort in (0, 2, 9):
        blob = codec.compress(x, 1, effort)
        (block,) = blocks_of(blob)
        assert (block.mode, block.payload) == (before.mode, before.payload)
        assert_identical(codec.decompress(blob), x)
    others = np.arange(30) != 4
    for effort in (2, 9):
        whole = codec.encode(x, 1, effort)
        assert_identical(whole[others], codec.encode(x[others], 1, effort))


@pytest.mark.parametrize("dtype", FLOAT_DTYPES)
def test_the_largest_and_smallest_floats_can_be_searched_for(dtype):
    bounds = np.finfo(dtype)
    model = searching(tiny_model(dtype, (3,), 2))
    ends = [bounds.max, -bounds.max, bounds.tiny, bounds.smallest_subnormal, -0.0, 1.0]
    x = np.random.default_rng(0).choice(np.array(ends, dtype), (50, 3))
    for costs in check_no_effort_is_worse(model, x):
        assert np.isfinite(costs).all()


@each_model
def test_no_signals_have_no_symbols_and_one_has_its_own(name):
    model = model_of(name)
    codec = Codec(model)
    for effort in LEVELS:
        x = typical_frames(model, 1)
        assert codec.encode(x[:0], 1, effort).shape == (0, model.latent_size)
        assert codec.decompress(codec.compress(x[:0], 1, effort)).shape == x[:0].shape
        assert codec.encode(x, 1, effort).shape == (1, model.latent_size)


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize("function", ["compress", "encode", "compress_packet"])
@pytest.mark.parametrize("effort", [10, -1, 2**70, 2.5, 2.0, True, "3"])
def test_efforts_other_than_0_to_9_are_refused(function, effort):
    model = model_of("dense")
    x = typical_frames(model, 3)
    x = x[0] if function == "compress_packet" else x
    with pytest.raises(SettingError) as caught:
        getattr(Codec(model), function)(x, 1, effort)
    is_whole = isinstance(effort, int) and not isinstance(effort, bool)
    accepted = ("0", "9") if is_whole else ("whole number",)
    assert_one_line(caught.value, "effort", repr(effort), *accepted)


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int64])
def test_efforts_may_be_numpys_whole_numbers(kind):
    model = model_of("dense")
    codec, x = Codec(model), typical_frames(model, 20, seed=3)
    assert codec.compress(x, 1, kind(9)) == codec.compress(x, 1, 9)


@pytest.mark.parametrize("function", ["compress", "encode", "compress_packet"])
def test_a_model_without_an_exchange_cannot_be_searched_by(function):
    model = replace(model_of("dense"), exchange=None)
    x = typical_frames(model, 3)
    x = x[0] if function == "compress_packet" else x
    with pytest.raises(SettingError) as caught:
        getattr(Codec(model), function)(x, 1, 1)
    assert_one_line(caught.value, "effort 1", "give 0")
    getattr(Codec(model), function)(x, 1, 0)


def test_costs_of_no_signals_are_none():
    table = FrequencyTable(0, np.array([TOTAL // 2, TOTAL // 2]))
    costs = SymbolCosts(FixedTables([table]))
    assert costs.bits(np.zeros((0, 1), np.int32)).shape == (0,)
    assert [each.shape for each in costs.beside(np.zeros((0, 1), np.int32))] == [(0,), (0, 1, 2)]
