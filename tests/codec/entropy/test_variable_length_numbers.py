"""Variable-length integers in bytes and in bits."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrows.codec.entropy.ans import fold_escape
from narrows.codec.entropy.bits import (
    MAX_GOLOMB_ZEROS,
    BitReader,
    BitWriter,
    read_varint,
    write_varint,
)
from narrows.codec.entropy.tables import FrequencyTable
from narrows.errors import FormatError
from tests.helpers.tiny_models import examples

LARGEST = 2**35 - 1


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0, b"\x00"),
        (1, b"\x01"),
        (127, b"\x7f"),
        (128, b"\x80\x01"),
        (300, b"\xac\x02"),
        (16_383, b"\xff\x7f"),
        (16_384, b"\x80\x80\x01"),
        (2**21 - 1, b"\xff\xff\x7f"),
        (2**28, b"\x80\x80\x80\x80\x01"),
        (LARGEST, b"\xff\xff\xff\xff\x7f"),
    ],
)
def test_varints_have_exactly_these_bytes(value, written):
    assert write_varint(value) == written
    assert read_varint(written, 0) == (value, len(written))


@given(st.integers(0, LARGEST) | st.integers(0, 300), st.binary(max_size=3), st.binary(max_size=3))
@examples(200)
def test_a_varint_is_read_as_it_was_written(value, before, after):
    written = write_varint(value)
    assert len(written) == max(1, -(-value.bit_length() // 7))
    end = len(before) + len(written)
    assert read_varint(before + written + after, len(before)) == (value, end)


@given(st.binary(max_size=8))
@examples(300)
def test_any_bytes_are_one_varint_in_its_only_form_or_refused(data):
    try:
        value, end = read_varint(data, 0)
    except FormatError:
        return
    assert write_varint(value) == data[:end]


@pytest.mark.parametrize(
    "data", [b"\x80\x00", b"\xff\x00", b"\x80\x80\x00", b"\x80\x80\x80\x80\x00"]
)
def test_needless_zero_bytes_are_refused(data):
    with pytest.raises(FormatError, match="shortest"):
        read_varint(data, 0)


@pytest.mark.parametrize("data", [b"", b"\x80", b"\xff\xff\xff\xff"])
def test_a_varint_that_the_data_ends_in_is_refused(data):
    with pytest.raises(FormatError, match="truncated"):
        read_varint(data, 0)
    with pytest.raises(FormatError, match="truncated"):
        read_varint(b"\x00" + data, 1)


@pytest.mark.parametrize("data", [b"\x80" * 5, b"\xff" * 9, b"\x80" * 5 + b"\x01"])
def test_a_varint_of_more_than_five_bytes_is_refused(data):
    with pytest.raises(FormatError, match="more than 5 bytes"):
        read_varint(data, 0)


# ---------------------------------------------------------------- bits

LARGEST_GOLOMB = 2 ** (MAX_GOLOMB_ZEROS + 1) - 2
numbers = st.lists(st.integers(0, 9) | st.integers(0, LARGEST_GOLOMB), max_size=30)


def written(values):
    writer = BitWriter()
    for value in values:
        writer.write_exp_golomb(value)
    return writer.to_bytes()


@pytest.mark.parametrize(
    ("values", "data"),
    [
        ([], b""),
        ([0], b"\x80"),
        ([1], b"\x40"),
        ([2], b"\x60"),
        ([3], b"\x20"),
        ([0] * 8, b"\xff"),
        ([0] * 9, b"\xff\x80"),
        ([2, 0, 6], b"\x73\x80"),
        ([2**32 - 1], b"\x00\x00\x00\x00\x80\x00\x00\x00\x00"),
    ],
)
def test_exp_golomb_numbers_have_exactly_these_bits(values, data):
    assert written(values) == data


@given(numbers)
@examples(150)
def test_exp_golomb_numbers_are_read_as_they_were_written(values):
    data = written(values)
    n_bits = sum(2 * (value + 1).bit_length() - 1 for value in values)
    assert len(data) == -(-n_bits // 8)
    reader = BitReader(data)
    assert [reader.read_exp_golomb() for _ in values] == values
    reader.check_end()


@given(st.binary(max_size=12))
@examples(200)
def test_any_bytes_are_numbers_in_their_only_form_or_refused(data):
    reader, values = BitReader(data), []
    try:
        while True:
            values.append(reader.read_exp_golomb())
    except FormatError:
        pass
    try:
        reader.check_end()
    except FormatError:
        return
    assert written(values) == data


@given(numbers, st.integers(1, 8))
@examples(80)
def test_a_number_that_the_bits_end_in_is_refused(values, cut):
    data = written([*values, LARGEST_GOLOMB])[:-cut]  # the last number has 65 bits
    reader = BitReader(data)
    for _ in values:
        reader.read_exp_golomb()
    with pytest.raises(FormatError):
        reader.read_exp_golomb()


@given(numbers, st.binary(min_size=1, max_size=3))
@examples(80)
def test_bytes_after_the_last_number_are_refused(values, rest):
    reader = BitReader(written(values) + rest)
    for _ in values:
        reader.read_exp_golomb()
    with pytest.raises(FormatError, match="left over"):
        reader.check_end()


def test_a_set_bit_in_the_filling_is_refused():
    reader = BitReader(b"\x81")
    assert reader.read_exp_golomb() == 0
    with pytest.raises(FormatError, match="left over"):
        reader.check_end()


def test_the_largest_number_is_the_last_that_is_read():
    assert BitReader(written([LARGEST_GOLOMB])).read_exp_golomb() == LARGEST_GOLOMB
    for too_large in (LARGEST_GOLOMB + 1, 2**40, 2**100_000):
        with pytest.raises(FormatError):
            BitReader(written([too_large])).read_exp_golomb()


def test_every_escape_of_an_int32_has_a_number_that_is_read():
    for low, symbol in ((2**31 - 1, -(2**31)), (-(2**31), 2**31 - 1)):
        number = fold_escape(symbol, FrequencyTable(low, np.array([2**24 - 1, 1])))
        assert number <= LARGEST_GOLOMB


def test_nothing_is_refused_where_a_number_should_be():
    BitReader(b"").check_end()
    with pytest.raises(FormatError):
        BitReader(b"").read_exp_golomb()
