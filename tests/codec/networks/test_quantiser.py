"""Latents <-> symbols against exact rational numbers."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from narrows.codec.networks.quantiser import MAX_QUALITIES, MAX_QUANTISER_SHIFT, Quantiser
from narrows.errors import FormatError, UnprovenModelError
from tests.helpers.tiny_models import INT32, any_int32, assert_identical, examples

MAX_STEP = 2**21 - 1


def clipped(value, low, high):
    return min(max(value, low), high)


@st.composite
def quantisers(draw):
    shape = draw(st.tuples(st.integers(1, 3), st.integers(1, 4)))
    largest = draw(st.sampled_from([2, 300, 2**20]))
    return Quantiser(
        gain=draw(hnp.arrays(np.int32, shape, elements=st.integers(0, largest))),
        shift=draw(st.integers(0, MAX_QUANTISER_SHIFT)),
        step=draw(hnp.arrays(np.int32, shape, elements=st.integers(0, MAX_STEP))),
        limit=draw(st.one_of(st.integers(1, 2**10), st.integers(1, 2**31 - 1))),
    )


def latent_limit(quantiser):
    """The largest latents for which the rounding is proven exact."""
    room = 2**52 - 1 - 2**quantiser.shift
    return min(room // max(1, int(quantiser.gain.max())), 2**52 - 1)


def integer_rows(k, low, high):
    number = st.one_of(st.integers(low, high), st.integers(max(low, -9), min(high, 9)),
                       st.sampled_from([low, high]))  # fmt: skip
    return st.lists(st.lists(number, min_size=k, max_size=k), min_size=0, max_size=5)


def symbols_by_hand(quantiser, row, quality):
    gains = quantiser.gain[quality].tolist()
    exact = [Fraction(y * g, 2**quantiser.shift) for y, g in zip(row, gains, strict=True)]
    return [clipped(math.floor(y + Fraction(1, 2)), INT32.min, INT32.max) for y in exact]


def latents_by_hand(quantiser, row, quality):
    steps = quantiser.step[quality].tolist()
    limit = quantiser.limit
    return [clipped(s * step, -limit, limit) for s, step in zip(row, steps, strict=True)]


@given(st.data())
@examples(70)
def test_symbols_are_exact_rational_numbers_rounded_half_up(data):
    quantiser = data.draw(quantisers())
    limit = latent_limit(quantiser)
    quantiser.check_input(limit)
    rows = data.draw(integer_rows(quantiser.latent_size, -limit, limit))
    latents = np.array(rows, np.float64).reshape(-1, quantiser.latent_size)
    for quality in range(quantiser.n_qualities):
        symbols = quantiser.to_symbols(latents, quantiser.gain[quality])
        assert symbols.dtype == np.int32
        assert symbols.tolist() == [symbols_by_hand(quantiser, row, quality) for row in rows]


@given(st.data())
@examples(70)
def test_latents_are_symbols_times_steps_clipped(data):
    quantiser = data.draw(quantisers())
    k = quantiser.latent_size
    rows = data.draw(st.lists(st.lists(any_int32, min_size=k, max_size=k), max_size=5))
    symbols = np.array(rows, np.int32).reshape(-1, k)
    for quality in range(quantiser.n_qualities):
        latents = quantiser.to_latents(symbols, quantiser.step[quality])
        assert latents.dtype == np.float64
        assert latents.tolist() == [latents_by_hand(quantiser, row, quality) for row in rows]


@given(hnp.arrays(np.int32, (7, 3), elements=st.integers(-(2**15), 2**15)), st.integers(0, 10))
@examples(60)
def test_symbols_survive_where_gain_and_step_cancel(symbols, shift):
    gain = np.array([[1, 1, 2**shift], [2**shift, 1, 1]], np.int32)
    quantiser = Quantiser(gain, shift, 2**shift // gain, 2**31 - 1)
    for own_gain, step in zip(quantiser.gain, quantiser.step, strict=True):
        again = quantiser.to_symbols(quantiser.to_latents(symbols, step), own_gain)
        assert_identical(again, symbols)


def test_halves_go_up():
    quantiser = Quantiser(np.ones((1, 1), np.int32), 1, np.ones((1, 1), np.int32), 9)
    latents = np.array([[-3.0], [-2.0], [-1.0], [0.0], [1.0], [2.0], [3.0]])
    assert quantiser.to_symbols(latents, quantiser.gain[0]).ravel().tolist() == [
        -1,
        -1,
        0,
        0,
        1,
        1,
        2,
    ]


def test_symbols_are_clipped_to_int32_at_both_ends():
    quantiser = Quantiser(np.full((1, 1), 4, np.int32), 0, np.ones((1, 1), np.int32), 9)
    latents = np.array([[2.0**40], [-(2.0**40)], [2.0**29], [-(2.0**29)], [-(2.0**29) - 1]])
    expected = [INT32.max, INT32.min, INT32.max, INT32.min, INT32.min]
    assert quantiser.to_symbols(latents, quantiser.gain[0]).ravel().tolist() == expected


def test_the_extreme_symbols_times_the_largest_step_are_exact():
    step = np.full((1, 1), MAX_STEP, np.int32)
    quantiser = Quantiser(step, 0, step, 2**31 - 1)
    symbols = np.array([[INT32.min], [INT32.max], [1], [-1]], np.int32)
    expected = [-(2**31) + 1, 2**31 - 1, MAX_STEP, -MAX_STEP]
    assert quantiser.to_latents(symbols, quantiser.step[0]).ravel().tolist() == expected


def test_neither_direction_writes_into_its_input():
    quantiser = Quantiser(np.ones((1, 2), np.int32), 1, np.ones((1, 2), np.int32), 1)
    latents, symbols = np.full((2, 2), 5.0), np.full((2, 2), 5, np.int32)
    for array in (latents, symbols):
        array.setflags(write=False)
    quantiser.to_symbols(latents, quantiser.gain[0])
    quantiser.to_latents(symbols, quantiser.step[0])


@given(st.data())
@examples(40)
def test_torch_gives_the_same_symbols_and_latents(torch_backend, data):
    quantiser = data.draw(quantisers())
    limit = latent_limit(quantiser)
    rows = data.draw(integer_rows(quantiser.latent_size, -limit, limit))
    latents = np.array(rows, np.float64).reshape(-1, quantiser.latent_size)
    for gain, step in zip(quantiser.gain, quantiser.step, strict=True):
        symbols = quantiser.to_symbols(latents, gain)
        theirs = torch_backend.constant(latents, np.float64)
        assert_identical(quantiser.to_symbols(theirs, gain, torch_backend), symbols)
        np.testing.assert_array_equal(
            torch_backend.to_numpy(quantiser.to_latents(symbols, step, torch_backend)),
            quantiser.to_latents(symbols, step),
            strict=True,
        )


@given(quantisers())
@examples(40)
def test_latents_that_could_reach_two_to_the_52_are_refused(quantiser):
    if quantiser.gain.max() > 0:
        quantiser.check_input(latent_limit(quantiser))
        with pytest.raises(UnprovenModelError, match=r"2\*\*52"):
            quantiser.check_input(latent_limit(quantiser) + 1)


ONES = np.ones((1, 2), np.int32)


@pytest.mark.parametrize(
    "changes",
    [
        {"gain": ONES.astype(np.float64)},
        {"step": ONES.astype(np.int64)},
        {"gain": np.ones((2, 2), np.int32)},
        {"gain": np.ones(2, np.int32), "step": np.ones(2, np.int32)},
        {"gain": np.ones((0, 2), np.int32), "step": np.ones((0, 2), np.int32)},
        {"gain": np.ones((1, 0), np.int32), "step": np.ones((1, 0), np.int32)},
        {"gain": -ONES},
        {"step": -ONES},
        {"step": ONES << 21},
        {"shift": -1},
        {"shift": MAX_QUANTISER_SHIFT + 1},
        {"shift": 1.5},
        {"shift": True},
        {"limit": 1.5},
        {"limit": np.inf},
        {
            "gain": np.ones((MAX_QUALITIES + 1, 2), np.int32),
            "step": np.ones((MAX_QUALITIES + 1, 2), np.int32),
        },
        {"limit": 0},
        {"limit": 2**31},
    ],
)
def test_a_quantiser_outside_its_limits_is_refused(changes):
    good = {"gain": ONES, "shift": 8, "step": ONES, "limit": 5}
    Quantiser(**good)
    with pytest.raises(FormatError):
        Quantiser(**(good | changes))
