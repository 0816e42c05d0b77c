"""Integer tensors <-> packed bytes."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from narrows.codec.model.packed_tensors import DTYPES, pack_tensor, unpack_tensor
from narrows.errors import FormatError
from tests.helpers.tiny_models import assert_identical, assert_one_line, examples

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
    rng = np.random.default_rng(0)
    codings = [
        pack_tensor(x)[0]
        for x in (
            rng.integers(-(2**15), 2**15, 2000).astype(np.int16),
            np.arange(2000, dtype=np.int32) * 7,
            np.round(rng.normal(size=2000) * 40).astype(np.int16),
        )
    ]
    assert codings == [0, 1, 2]


def test_low_bits_that_are_all_zero_cost_nothing():
    x = np.round(np.random.default_rng(0).normal(size=2000) * 40).astype(np.int32)
    assert len(pack_tensor(x << 12)) == len(pack_tensor(x))


def refused(data):
    with pytest.raises(FormatError) as caught:
        unpack_tensor(data)
    assert_one_line(caught.value)


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


@given(st.sampled_from([0, 1, 2]), st.integers(0, 3), st.lists(st.integers(0, 5), max_size=3),
       st.integers(0, 70), st.binary(max_size=30))  # fmt: skip
@examples(200)
def test_random_bodies_give_an_error_or_some_tensor(coding, dtype, shape, shift, body):
    refused_or_unpacked(bytes([coding, dtype, len(shape), *shape, shift]) + body)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00\x01\x00",
        b"\x03\x01\x00\x00",
        b"\x00\x04\x00\x00",
        b"\x00\x01\x09" + b"\x01" * 9 + b"\x00",
        b"\x00\x01\x01\x00\x10",
        b"\x00\x01\x02\xff\xff\xff\xff\x7f\xff\xff\xff\xff\x7f\x00",
    ],
)
def test_heads_that_are_none_are_refused(data):
    refused(data)


@pytest.mark.parametrize("packed", GOOD[:4])
def test_bytes_after_the_end_are_refused(packed):
    refused(packed + b"\0")
    refused(packed + b"x")
