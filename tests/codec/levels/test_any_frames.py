"""Frames of any shape, type and values come back from networks of levels."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from narrows.codec.archive.guarantee import Guarantee
from narrows.codec.encoding.level_payloads import encode_levels
from narrows.codec.levels.kinds import decode_levels
from narrows.codec.levels.lattice import LARGEST, Lattice
from narrows.codec.levels.passes import PassOrder
from narrows.element_types import ends_of
from tests.helpers.hostile_signals import elements_of
from tests.helpers.level_models import random_levels, random_number_levels

WHOLE = ("int8", "uint16", "int16", "uint32", "int32", "int64", "uint64")


@st.composite
def orders(draw):
    """Draw the order of a frame of 1 to 3 axes and up to 3 channels."""
    shape = tuple(draw(st.lists(st.integers(1, 6), min_size=1, max_size=3)))
    stride = 2 ** draw(st.integers(0, 4))
    origin = draw(st.integers(0, min(stride, *shape) - 1))
    return PassOrder(shape, draw(st.integers(1, 3)), stride, origin)


def hostile(dtype):
    """Draw values of a type: its ends, what lies around 0 and around powers of two, or any."""
    low, high = ends_of(np.dtype(dtype))
    powers = [sign * (2**k + d) for k in range(40) for sign in (-1, 1) for d in (-1, 0, 1)]
    some = [value for value in (low, high, *powers) if low <= value <= high]
    return st.one_of(st.sampled_from(some), st.integers(low, high))


def frames_of(data, order, dtype):
    shape = (data.draw(st.integers(0, 3)), *order.shape, order.n_channels)
    return data.draw(arrays(dtype, shape, elements=hostile(dtype), fill=hostile(dtype)))


@settings(max_examples=60, deadline=None)
@given(order=orders(), data=st.data())
def test_bytes_come_back_whatever_the_atoms(order, data):
    atoms = tuple(data.draw(st.lists(st.integers(0, 255), min_size=1, max_size=8, unique=True)))
    levels = random_levels(order, atoms, seed=data.draw(st.integers(0, 99)))
    x = frames_of(data, order, "uint8")
    payload = encode_levels(levels, x)
    assert np.array_equal(decode_levels(levels, payload, len(x), x.shape[1:], x.dtype), x)


@settings(max_examples=60, deadline=None)
@given(order=orders(), dtype=st.sampled_from(WHOLE), data=st.data())
def test_whole_numbers_come_back_or_are_left_to_other_blocks(order, dtype, data):
    levels = random_number_levels(order, seed=data.draw(st.integers(0, 99)))
    x = frames_of(data, order, dtype)
    payload = encode_levels(levels, x)
    largest = max((abs(value) for value in x.reshape(-1).tolist()), default=0)
    assert (payload is None) == (largest > LARGEST)
    if payload is not None:
        assert np.array_equal(decode_levels(levels, payload, len(x), x.shape[1:], x.dtype), x)


@settings(max_examples=40, deadline=None)
@given(order=orders(), dtype=st.sampled_from(("uint8", *WHOLE)), data=st.data())
def test_whole_numbers_come_back_within_a_bound(order, dtype, data):
    bound = data.draw(st.sampled_from([1, 2, 10, 127, 200, 2**20]))
    seed, lowest = data.draw(st.integers(0, 99)), -bound if dtype == "uint8" else -(2**53)
    lattice = Lattice(data.draw(st.integers(lowest, -lowest)), 2 * bound + 1)
    make = random_levels if dtype == "uint8" else random_number_levels
    levels = make(order, seed=seed, lattice=lattice)
    assert_kept(levels, frames_of(data, order, dtype), bound)


@settings(max_examples=40, deadline=None)
@given(order=orders(), dtype=st.sampled_from(("float16", "float32", "float64")), data=st.data())
def test_floats_come_back_within_a_bound_or_exactly(order, dtype, data):
    bound = data.draw(st.sampled_from([1e-3, 0.5, 100.0]))
    offset = data.draw(st.sampled_from([0.0, -7.25, 1e9]))
    levels = random_number_levels(
        order, seed=data.draw(st.integers(0, 99)), lattice=Lattice(offset, 2 * bound)
    )
    shape = (data.draw(st.integers(1, 3)), *order.shape, order.n_channels)
    x = data.draw(arrays(dtype, shape, elements=elements_of(np.dtype(dtype))))
    assert_kept(levels, x, bound)


def assert_kept(levels, x, bound):
    """Frames come back, none of their elements further off than a bound."""
    guarantee = Guarantee((float(bound),))
    payload = encode_levels(levels, x, guarantee)
    y = decode_levels(levels, payload, len(x), x.shape[1:], x.dtype)
    assert (y.dtype, y.shape) == (x.dtype, x.shape)
    assert not guarantee.exceeded(x, y).any()
