"""Searching for better symbols: what is found, the same everywhere, for odd signals too."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrows.codec.archive import Mode
from narrows.codec.codec import Codec
from narrows.codec.encoding.costs import errors, squared
from narrows.codec.encoding.requests import EFFORTS
from narrows.codec.entropy.tables import TOTAL, FrequencyTable
from tests.helpers.symbol_search import (
    LEVELS,
    check_no_effort_is_worse,
    each_model,
    model_of,
    outside,
    searched,
)
from tests.helpers.tiny_models import (
    DTYPES,
    FLOAT_DTYPES,
    ODD_SHAPES,
    assert_identical,
    blocks_of,
    examples,
    noise_frames,
    searching,
    tiny_model,
    typical_frames,
)

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
        assert_identical(search.improve(x, y, effort).symbols, y)


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
    assert model.tradeoffs.curvature[0, 1] == 0
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
        found = search.improve(x, y, effort).symbols.astype(np.int64)
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
def test_signals_with_nan_or_infinities_change_no_other(dtype, value):
    model = searching(tiny_model(dtype, (5,), 3))
    codec, x = Codec(model), typical_frames(model, 30)
    x[4, 2] = value
    others = np.arange(30) != 4
    for effort in (0, 2, 9):
        back = codec.decompress(codec.compress(x, 1, effort))
        assert_identical(back[4, 2:3], x[4, 2:3])
        whole = codec.decompress(codec.compress(x[others], 1, effort))
        assert_identical(back[others], whole)


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


def test_a_search_tells_what_the_distortion_is_at_most():
    model = model_of("dense")
    codec, search = searched(model)
    x = typical_frames(model, 20, seed=3)
    rounded = codec.encode(x, 1, 0)
    assert np.isinf(search.improve(x, rounded, EFFORTS[0]).distortion_at_most).all()
    found = search.improve(x, rounded, EFFORTS[2])
    distortion = squared(errors(codec.decode(found.symbols, 1), x, model.tradeoffs.units))
    assert (distortion <= found.distortion_at_most).all()
    assert np.isfinite(found.distortion_at_most).all()


def test_missing_values_become_what_the_decoder_makes_of_them(tiny_codec, digits):
    known = np.random.default_rng(3).random(digits[:50].shape) < 0.7
    known[0] = True
    encoder, x = tiny_codec.encoder.symbol_encoder, np.where(known, digits[:50], 99)
    before = x.copy()
    encoder.refill(x, known, 1, rounds=1)
    assert np.array_equal(x[known], before[known])
    decoded = tiny_codec.decode(tiny_codec.encode(before, effort=0))
    assert np.array_equal(x[~known], decoded[~known])
    encoder.refill(x, known, 1, rounds=8)
    error, first = (np.square(a.astype(float) - digits[:50])[~known].sum() for a in (x, before))
    assert error < 0.5 * first
