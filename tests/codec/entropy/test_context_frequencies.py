"""Frequencies of context models: exponentials and shares of 2**24, bit for bit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrows.codec.entropy.context_tables import exponentials, shared_out
from narrows.codec.entropy.tables import TOTAL, frequencies_of
from tests.helpers.context_models import (
    all_frequencies,
    part_of,
    share_out,
    slow_frequencies,
    tables_and_symbols,
)
from tests.helpers.tiny_models import examples, rng_of


def exponentials_below(*below):
    """The exponentials of logarithms that are so far below the greatest, which is 1000."""
    (values,) = exponentials(1000.0 - np.array([[0, *below]]).T).T.tolist()
    return values[1:]


def test_exponentials_are_powers_of_two_and_straight_lines_between():
    assert exponentials_below(*range(0, 417, 32)) == [2**i for i in range(18, 4, -1)]
    below = np.arange(417)
    values = np.array(exponentials_below(*below))
    assert (values == np.interp(-below, -below[::-32], values[::-32])).all()
    assert values.tolist() == [part_of(d) for d in below]
    too_much = values / 2 ** (18 - below / 32)
    assert too_much.min() == 1
    assert 1.061 < too_much.max() < 1.062


def test_exponentials_fall_from_2_to_the_18_to_2_to_the_5():
    values = exponentials_below(*range(1000))
    assert (np.diff(values) <= 0).all()
    assert (np.diff(values[:417]) < 0).all()
    assert values[0] == 2**18
    assert set(values[416:]) == {2**5}
    assert exponentials_below(10**6, 2**40, 2**52) == 3 * [2**5]


@given(tables_and_symbols(min_n=1, max_n=4))
@examples(60)
def test_frequencies_are_those_of_slow_integers(case):
    tables, symbols = case
    found = all_frequencies(symbols, tables)
    columns = [tables.row[j].indices(symbols[:, j]) for j in tables.order]
    for i, entries in enumerate(np.stack(columns, axis=1).tolist()):
        expected = slow_frequencies(tables.context, entries)
        assert [frequencies[i].tolist() for frequencies in found] == expected


@given(tables_and_symbols())
@examples(60)
def test_frequencies_are_integers_from_1_on_and_sum_to_2_to_the_24(case):
    tables, symbols = case
    for position, frequencies in enumerate(frequencies_of(symbols, tables)):
        assert frequencies.shape == (len(symbols), tables.context.sizes[position])
        assert (frequencies == np.floor(frequencies)).all()
        assert (frequencies >= 1).all()
        assert (frequencies.sum(axis=1) == TOTAL).all()


@st.composite
def logarithms(draw):
    """Draw `(size, n)` logarithms with bits behind the point, how many, and their floating type."""
    dtype, limit, most = draw(st.sampled_from([(np.float32, 2**24, 11), (np.float64, 2**53, 40)]))
    size, n = draw(st.integers(2, 300) | st.sampled_from([62, 63, 64, 65])), draw(st.integers(0, 3))
    shift = draw(st.integers(0, most))
    largest = (limit - 1 - (4640 << shift)) // 2
    rng = rng_of(draw(st.integers(0, 2**32 - 1)))
    spread = min(draw(st.sampled_from([1, 32, 416, 2000, 2**60])) << shift, largest)
    middle = draw(st.sampled_from([0, largest - spread, spread - largest]) | st.integers(-999, 999))
    whole = np.clip(middle + rng.integers(-spread, spread, (size, n), endpoint=True),
                    -largest, largest)  # fmt: skip
    return whole, shift, dtype


@given(logarithms())
@examples(300)
def test_any_logarithms_share_2_to_the_24_out(case):
    whole, shift, dtype = case
    logs = (whole * 2.0**-shift).astype(dtype)
    assert (logs.astype(object) * 2**shift == whole).all()
    columns = (whole >> shift).T.tolist()
    parts = exponentials(logs)
    below = whole.max(axis=0, initial=-(2**53)) // 2**shift - (whole >> shift)
    assert parts.T.tolist() == [[part_of(d) for d in column] for column in below.T.tolist()]
    weights = shared_out(parts)
    assert weights.tolist() == [share_out(column) for column in columns]
    assert weights.shape == whole.T.shape
    assert (weights >= 1).all()
    assert (weights.sum(axis=1) == TOTAL).all()


def shares_of(logs, dtype=np.float32):
    return shared_out(exponentials(np.array(logs, dtype))).tolist()


def test_all_tables_of_two_entries_and_many_of_three_are_exact():
    """Some are not where the quotient is in float32, as of a float64 scalar in numpy 1."""
    pairs = [(log, 0) for log in range(-420, 421)]
    triples = [(0, a, b) for a in range(-416, 1, 7) for b in range(-416, 417, 5)]
    for columns in (pairs, triples):
        expected = [share_out(column) for column in columns]
        for dtype in (np.float32, np.float64):
            assert shares_of(np.transpose(columns), dtype) == expected


@pytest.mark.parametrize("size", [2, 3, 62, 63, 64, 65, 300, 4096, 4097])
def test_tables_of_any_size_are_exact(size):
    """The sum of the parts is 63 * 2**18 where it is greatest in float32, just below 2**24."""
    rng = rng_of(size)
    rest = size - 1
    columns = [size * [0], rest * [0] + [-1], [1] + rest * [0], [0] + rest * [-416],
               rest * [-416] + [0]]  # fmt: skip
    for least in (-32, -450, -5000):
        columns += rng.integers(least, 1, (9, size)).tolist()
    expected = [share_out(column) for column in columns]
    for dtype in (np.float32, np.float64):
        assert shares_of(np.transpose(columns), dtype) == expected


@pytest.mark.parametrize("size", [2, 63, 64])
def test_the_memory_order_of_logarithms_changes_nothing(size):
    columns = rng_of(0).integers(-500, 1, (9, size))
    expected = [share_out(column) for column in columns.tolist()]
    rows = np.array(columns.T, np.float32)
    for logs in (
        rows.copy(), np.asfortranarray(rows), np.repeat(rows, 2, axis=1)[:, ::2],
        np.repeat(rows, 3, axis=0)[::3], np.ascontiguousarray(rows[::-1])[::-1],
    ):  # fmt: skip
        weights = shared_out(exponentials(logs))
        assert weights.tolist() == expected
        assert weights.flags.c_contiguous


def test_frequencies_are_float32_where_it_holds_their_sums():
    for size, dtype in {2: np.float32, 63: np.float32, 64: np.float64, 4097: np.float64}.items():
        assert shared_out(np.full((size, 1), 2**18, np.float32)).dtype == dtype


@pytest.mark.parametrize("size", [2, 3, 62, 63])
def test_equal_logarithms_get_equal_shares_of_64ths_and_the_escape_the_rest(size):
    """The greatest part is 2**18 and a unit has 12 bits behind the point: steps of 2**6."""
    (weights,) = shares_of([[0]] * size)
    assert set(weights[:-1]) == {1 + 64 * ((TOTAL - size) // (64 * size))}
    assert weights[-1] == TOTAL - (size - 1) * weights[0]
    assert 0 <= weights[-1] - weights[0] < 64 * size


@pytest.mark.parametrize("size", [64, 65, 4096, 4097])
def test_equal_logarithms_of_a_wide_table_get_equal_shares_and_the_escape_the_rest(size):
    (weights,) = shares_of([[0]] * size)
    assert set(weights[:-1]) == {TOTAL // size}
    assert weights[-1] == TOTAL - (size - 1) * (TOTAL // size)


def test_a_sure_entry_leaves_an_8192nd_to_each_other():
    """The unit is `(2**24 - 3) * 2**12 // (2**18 + 64) = 262079`: 32 of them are 2047.5."""
    assert shares_of([[-(10**6)], [0], [-(10**6)]]) == [[2048, TOTAL - 4159, 2111]]
