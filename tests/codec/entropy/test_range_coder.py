"""Entries to the shortest string of their interval, and back."""

from fractions import Fraction
from math import log2

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrows.codec.entropy.range_coder import RangeDecoder, RangeEncoder
from narrows.codec.entropy.tables import TOTAL
from narrows.codec.levels.range_decisions import RangeReader
from narrows.errors import FormatError
from tests.helpers.tiny_models import examples

HALF = TOTAL // 2


def encoded(entries):
    encoder = RangeEncoder()
    for start, weight in entries:
        encoder.encode(start, weight)
    return encoder.to_bytes()


@st.composite
def parts(draw):
    """Draw an entry: likely ones, those at both ends, and any."""
    weight = draw(st.sampled_from([1, 2, HALF, TOTAL - 1, TOTAL]) | st.integers(1, TOTAL))
    start = draw(st.sampled_from([0, TOTAL - weight]) | st.integers(0, TOTAL - weight))
    return start, weight


@given(st.lists(parts(), max_size=200))
@examples(300)
def test_entries_come_back_from_their_string(entries):
    decoder = RangeDecoder(encoded(entries))
    for start, weight in entries:
        assert start <= decoder.part() < start + weight
        decoder.advance(start, weight)


@given(st.lists(parts(), max_size=200))
@examples(300)
def test_a_string_takes_a_byte_more_than_the_ideal_bits_at_most(entries):
    ideal = sum(24 - log2(weight) for _, weight in entries)
    assert len(encoded(entries)) <= ideal / 8 + 1.01


def interval_of(entries):
    """The interval by its definition, in whole numbers of any size."""
    low, width, n_bytes = 0, 1 << 64, 8
    for start, weight in entries:
        part = width >> 24
        low, width = low + start * part, weight * part
        while width < 1 << 56:
            low, width, n_bytes = low << 8, width << 8, n_bytes + 1
    return Fraction(low, 256**n_bytes), Fraction(low + width, 256**n_bytes)


@given(st.lists(parts(), max_size=4))
@examples(300)
def test_the_string_is_the_first_of_the_shortest_in_the_interval(entries):
    low, high = interval_of(entries)
    string = encoded(entries)
    value = Fraction(int.from_bytes(string, "big"), 256 ** len(string))
    assert low <= value < high
    for n_bytes in range(len(string)):
        first = -(-low * 256**n_bytes // 1)
        assert not low <= Fraction(first, 256**n_bytes) < high
    assert not string or value - Fraction(1, 256 ** len(string)) < low
    assert not string.endswith(b"\0")


BY_HAND = {
    "": [],
    "80": [(HALF, HALF)],
    "c0": [(HALF, HALF), (HALF, HALF)],
    "40": [(0, HALF), (HALF, HALF)],
    "ff": 8 * [(HALF, HALF)],
    "ff80": 9 * [(HALF, HALF)],
    "0001": [(0, HALF)] * 15 + [(HALF, HALF)],
}


@pytest.mark.parametrize("string", BY_HAND)
def test_strings_are_the_bytes_worked_out_by_hand(string):
    assert encoded(BY_HAND[string]).hex() == string


def test_a_carry_goes_through_all_digits_of_255():
    """At 1/2 - 2**-40, what is left is cut into parts until it reaches beyond 1/2."""
    near = [(HALF - 1, 1), (TOTAL - 1, 1)]
    assert encoded([*near, (TOTAL - 1, 1), (TOTAL - 1, 1)]).startswith(b"\x7f\xff\xff")
    entries = [*near, (TOTAL - 1, 1), (3, TOTAL - 3)]
    low, high = interval_of(entries)
    value = int.from_bytes(encoded(entries), "big")
    assert low <= Fraction(value, 256 ** len(encoded(entries))) < high


def test_a_string_in_no_entry_is_refused():
    """Powers of three soon leave a rest of the width, which no entry has."""
    decoder = RangeDecoder(b"\xff" * 400)

    def decode():
        for _ in range(100):
            decoder.part()
            decoder.advance(TOTAL - 3, 3)

    with pytest.raises(FormatError, match="no entry"):
        decode()


@pytest.mark.parametrize("n", [0, 1, 7, 5000])
def test_decisions_and_symbols_are_read_as_they_were_kept(n):
    rng = np.random.default_rng(n)
    ones = np.clip(rng.integers(1, TOTAL, n), 32, TOTAL - 32).astype(np.float32)
    truth = rng.random(n) * TOTAL < ones
    weights = np.array([5, TOTAL - 12, 7])
    entries = rng.integers(0, 3, n // 5)
    starts = [0, 5, TOTAL - 7]
    parts = [(TOTAL - int(w), int(w)) if yes else (0, TOTAL - int(w))
             for w, yes in zip(ones, truth, strict=True)]  # fmt: skip
    parts += [(starts[e], int(weights[e])) for e in entries]
    string = encoded(parts)

    def read(data):
        reader = RangeReader(data)
        found = reader.bits(ones, None), reader.symbols(weights, len(entries), None)
        reader.check_end()
        return found

    bits, symbols = read(string)
    assert np.array_equal(bits, truth)
    assert np.array_equal(symbols, entries)
    with pytest.raises(FormatError):
        read(string + b"\1")
