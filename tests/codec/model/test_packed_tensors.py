"""Integer tensors <-> packed bytes."""

import zlib

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from narrows.codec.model.packed_tensors import DTYPES, pack_tensor, unpack_tensor
from narrows.errors import FormatError
from tests.helpers.tiny_models import assert_identical, assert_one_line, examples, refusing

SHAPES = hnp.array_shapes(min_dims=0, max_dims=8, min_side=0, max_side=4)


@st.composite
def tensors(draw):
    """Tensors as models have them: few values, many, far from zero, multiples of a power of two."""
    dtype = draw(st.sampled_from(DTYPES))
    bounds = np.iinfo(dtype)
    middle = draw(
        st.sampled_from([0, bounds.min, bounds.max]) | st.integers(bounds.min, bounds.max)
    )
    width = draw(st.sampled_from([0, 1, 20, 999, 1000, 2999, 3000, 5000, 2**40, 2**63]))
    low, high = max(bounds.min, middle - width), min(bounds.max, middle + width)
    shape = draw(SHAPES | st.sampled_from([(300,), (30, 40)]))
    x = draw(hnp.arrays(dtype, shape, elements=st.integers(low, high)))
    if draw(st.booleans()) and bounds.min < 0:
        x = (x >> draw(st.integers(0, bounds.bits - 1))) << draw(st.integers(0, bounds.bits - 1))
    return x


@given(tensors())
@example(np.array([2**40 + 1]))
@example(np.array([-(2**40) + 1]))
@example(np.full(50, 2**62 + 1))
@example(np.array([-(2**63), 2**63 - 1]))
@example(np.array([-(2**63)]))
@example(np.arange(3500, dtype=np.int16))
@example(np.zeros((0, 3), np.int16))
@example(np.array(7, np.int32))
@examples(200)
def test_a_tensor_is_unpacked_as_it_was_packed(tensor):
    assert_identical(
        unpack_tensor(pack_tensor(tensor)), np.ascontiguousarray(tensor).reshape(tensor.shape)
    )


@pytest.mark.parametrize("n_values", [2, 900, 1100, 2900, 3100, 4200])
@pytest.mark.parametrize("offset", [-(2**15), -1000, 0])
def test_many_random_numbers_are_unpacked_as_they_were_packed(n_values, offset):
    rng = np.random.default_rng(n_values)
    for values in (
        rng.integers(0, n_values, 20_000) + offset,
        np.clip(np.round(rng.laplace(size=20_000) * n_values / 12), 0, n_values - 1) + offset,
    ):
        tensor = values.astype(np.int16)
        packed = pack_tensor(tensor)
        assert_identical(unpack_tensor(packed), tensor)
        assert len(packed) < tensor.nbytes + 64


def test_the_memory_order_does_not_matter():
    x = np.random.default_rng(0).integers(-500, 500, (40, 30)).astype(np.int16)
    packed = pack_tensor(x)
    assert pack_tensor(np.asfortranarray(x)) == packed
    assert pack_tensor(np.flip(np.ascontiguousarray(np.flip(x)))) == packed
    assert pack_tensor(x.astype(">i2")) == packed


def test_every_coding_is_used_where_it_takes_the_fewest_bytes():
    """The coding and the number of raw bits stand behind type, dimensions, size and shift."""
    rng = np.random.default_rng(0)
    noise = rng.integers(-(2**15), 2**15, 2000).astype(np.int16)
    line = np.arange(2000, dtype=np.int32) * 7 + 1
    bell = np.round(rng.normal(size=2000) * 40).astype(np.int16)
    codings = [tuple(pack_tensor(x)[5:7]) for x in (noise, line, bell)]
    assert codings == [(0, 0), (1, 0), (0, 4)]


@pytest.mark.parametrize("spread", [10, 60, 300])
def test_weights_take_few_bytes_more_than_their_entropy(spread):
    weights = np.round(np.random.default_rng(spread).normal(size=100_000) * spread)
    _, counts = np.unique(weights, return_counts=True)
    entropy = -(counts * np.log2(counts / weights.size)).sum() / 8
    assert len(pack_tensor(weights.astype(np.int16))) < 1.01 * entropy


def test_low_bits_that_are_all_zero_cost_nothing():
    x = np.round(np.random.default_rng(0).normal(size=2000) * 40).astype(np.int32)
    assert len(pack_tensor(x << 12)) == len(pack_tensor(x))


def refused(data):
    with refusing(FormatError):
        unpack_tensor(data)


def refused_or_unpacked(data):
    try:
        tensor = unpack_tensor(data)
    except FormatError as error:
        assert_one_line(error)
    else:
        assert tensor.dtype in DTYPES


GOOD = [
    pack_tensor(np.random.default_rng(0).integers(-(2**15), 2**15, (4, 5)).astype(np.int16)),
    pack_tensor(np.arange(60, dtype=np.int32).reshape(3, 20) * 7),
    pack_tensor(np.round(np.random.default_rng(0).normal(size=300) * 5).astype(np.int16)),
    pack_tensor(np.array(5, np.int64)),
    pack_tensor(np.zeros((0, 2), np.uint8)),
]


@pytest.mark.parametrize("packed", GOOD)
def test_damaged_bytes_give_an_error_or_some_tensor(packed):
    for position in range(len(packed)):
        for flip in [*(1 << bit for bit in range(8)), 0xFF]:
            refused_or_unpacked(
                packed[:position] + bytes([packed[position] ^ flip]) + packed[position + 1 :]
            )
        refused_or_unpacked(packed[:position])


@given(st.binary(max_size=30))
@examples(200)
def test_random_bytes_give_an_error_or_some_tensor(data):
    refused_or_unpacked(data)


SETTINGS = st.tuples(st.integers(0, 70), st.integers(0, 2), st.integers(0, 70), st.integers(0, 9))


@given(st.integers(0, 3), st.lists(st.integers(0, 5), max_size=3), SETTINGS, st.binary(max_size=30))
@examples(200)
def test_random_bodies_give_an_error_or_some_tensor(dtype, shape, settings, body):
    refused_or_unpacked(bytes([dtype, len(shape), *shape, *settings]) + body)


@pytest.mark.parametrize("shift", [0, 1, 15])
@pytest.mark.parametrize("n_raw", [0, 1, 8, 15])
@pytest.mark.parametrize("n_planes", [1, 2])
def test_any_raw_bits_and_planes_may_be_used(shift, n_raw, n_planes):
    """Values: the planes with their sign, then the raw bits; nine of them fill two bytes a bit."""
    above = np.arange(-4, 5, dtype=np.int16)
    bits = np.arange(9, dtype=np.int16) % 2
    planes = above.astype("<i2").view(np.uint8).reshape(9, 2).T[:n_planes]
    head = bytes([1, 1, 9, shift, 0, n_raw, n_planes])
    packed = head + n_raw * np.packbits(bits).tobytes() + zlib.compress(planes.tobytes())
    values = (above << n_raw) + bits * (2**n_raw - 1)
    assert_identical(unpack_tensor(packed), values.astype(np.int16) << shift)


BODY = zlib.compress(bytes(2))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x01",
        b"\x04\x00\x00\x00\x00\x01" + BODY,  # number type
        b"\x01\x09" + b"\x01" * 9 + b"\x00\x00\x00\x01" + BODY,  # dimensions
        b"\x01\x00\x10\x00\x00\x02" + BODY,  # shift
        b"\x01\x00\x00\x02\x00\x02" + BODY,  # coding
        b"\x01\x00\x00\x00\x10\x02" + bytes(16) + BODY,  # raw bits
        b"\x01\x00\x00\x00\x00\x00" + zlib.compress(b""),  # planes
        b"\x01\x00\x00\x00\x00\x03" + zlib.compress(bytes(3)),
        b"\x01\x00\x00\x00\x09\x01" + bytes(8),  # fewer raw bits than announced
        b"\x01\x00\x00\x00\x00\x02" + zlib.compress(bytes(1)),
        b"\x01\x00\x00\x00\x00\x02" + zlib.compress(bytes(3)),
        b"\x01\x02\xff\xff\xff\xff\x7f\xff\xff\xff\xff\x7f\x00\x00\x00\x01",
    ],
)
def test_packed_tensors_that_are_none_are_refused(data):
    refused(data)


@pytest.mark.parametrize("packed", GOOD[:4])
def test_bytes_after_the_end_are_refused(packed):
    refused(packed + b"\0")
    refused(packed + b"x")
