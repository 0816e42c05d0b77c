"""Efforts: never worse with more, the one that is asked for, and those that are refused."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrows.codec.archive import Mode
from narrows.codec.codec import Codec
from narrows.codec.encoding.requests import DEFAULT_EFFORT, EFFORTS, MAX_EFFORT, Request
from narrows.errors import SettingError
from narrows.evaluation.metrics import evaluate
from tests.helpers.symbol_search import (
    LEVELS,
    MODELS,
    check_no_effort_is_worse,
    each_model,
    mixed_frames,
    model_of,
    outside,
    searched,
)
from tests.helpers.tiny_models import (
    DTYPES,
    assert_identical,
    assert_one_line,
    blocks_of,
    examples,
    refusing,
    searching,
    tiny_model,
    typical_frames,
)

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
    numbers = [(each.rounds, each.trials, each.forced_moves) for each in EFFORTS]
    assert numbers[0] == (0, 0, 0)
    assert len(set(numbers)) == len(numbers)
    for before, after in pairwise(numbers):
        assert all(a <= b for a, b in zip(before, after, strict=True))
        # What comes later begins only where what comes before it is done.
        assert not before[1] or before[0] == after[0]
        assert not before[2] or before[1] == after[1]


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
    tradeoffs = replace(model.tradeoffs, lambda_=[factor * model.tradeoffs.lambda_[0]])
    model = replace(model, tradeoffs=tradeoffs)
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
            assert_identical(codec.decoder.blocks.unpack(block).values, symbols)
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
        symbols = codec.encode(x, 1, effort)  # whose costs are those of tables that do not learn
        block = codec.decoder.blocks.pack(symbols, np.ones(len(x), np.intp))
        e = (codec.decode(symbols, 1).astype(np.float64) - x) * model.tradeoffs.unit
        distortion = np.square(np.rint(e)).sum()
        sums.append(8 * len(block.payload) + model.tradeoffs.lambda_[0] * distortion)
        cost = search.cost(x, codec.encode(x, 1, effort)).sum()
        assert sums[-1] == pytest.approx(cost, abs=100, rel=1e-9)  # the coder ends in whole words
    assert len(x) > 100
    assert sums[0] > sums[1] > sums[2]


def test_the_default_is_effort_2_where_there_are_tradeoffs_and_0_where_there_is_none():
    assert DEFAULT_EFFORT == 2
    model = model_of("dense")
    codec, x = Codec(model), typical_frames(model, 40, seed=3)
    assert_identical(codec.encode(x), codec.encode(x, None, 2))
    assert codec.compress(x) == codec.compress(x, effort=2)
    assert codec.compress_packet(x[0]) == codec.compress_packet(x[0], effort=2)
    assert (codec.encode(x) != codec.encode(x, effort=0)).any()
    plain = Codec(replace(model, tradeoffs=None))
    assert_identical(plain.encode(x), codec.encode(x, effort=0))
    assert_identical(plain.encode(x, effort=0), codec.encode(x, effort=0))


def test_a_measurement_is_of_the_effort_that_it_is_given():
    model = model_of("dense")
    codec, x = Codec(model), typical_frames(model, 200, seed=3)
    for effort in (0, 2, 9):
        blob = codec.compress(x, 1, effort)
        measured = evaluate(codec, x, Request(1, effort))
        assert measured.compressed_bytes == len(blob)
        assert measured.mse == evaluate(codec, x, Request(1, effort)).mse
    assert len({evaluate(codec, x, Request(1, effort)).mse for effort in (0, 2, 9)}) == 3


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
def test_a_model_without_tradeoffs_cannot_be_searched_by(function):
    model = replace(model_of("dense"), tradeoffs=None)
    x = typical_frames(model, 3)
    x = x[0] if function == "compress_packet" else x
    with refusing(SettingError, "effort 1", "give 0"):
        getattr(Codec(model), function)(x, 1, 1)
    getattr(Codec(model), function)(x, 1, 0)
