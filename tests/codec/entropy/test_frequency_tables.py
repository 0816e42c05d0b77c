"""Integer frequency tables: what a row must be, whatever symbols it is counted from."""

from itertools import chain

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from narrows.codec.entropy.ans import ideal_bits
from narrows.codec.entropy.counting import count_table
from narrows.codec.entropy.tables import (
    MAX_SYMBOLS,
    TOTAL,
    FixedTables,
    FrequencyTable,
    pack_tables,
    unpack_tables,
)
from narrows.errors import FormatError
from tests.helpers.tiny_models import INT32, any_int32, examples


def int32(*values):
    return np.array(values, np.int32)


@st.composite
def symbol_arrays(draw):
    """Symbols as training gives them, and as it never would."""
    n = draw(st.integers(1, 60))
    middle, width = draw(any_int32), draw(st.sampled_from([0, 1, 7, 300, 3500, 5000, 2**31]))
    low, high = max(INT32.min, middle - width), min(INT32.max, middle + width)
    values = draw(st.lists(st.integers(low, high), min_size=n, max_size=n))
    repeats = draw(st.sampled_from([1, 1, 400]))
    return np.repeat(int32(*values), repeats)


def row(*weights):
    """Make weights of sum 2**24 whose last entries are those given."""
    return np.array([TOTAL - sum(weights), *weights], np.int64)


def assert_is_a_table(table):
    assert table.weights.dtype == np.int64
    assert 2 <= table.weights.size <= MAX_SYMBOLS + 1
    assert table.weights.min() >= 1
    assert sum(table.weights.tolist()) == TOTAL == 2**24
    assert INT32.min <= table.low <= table.high <= INT32.max


# ---------------------------------------------------------------- counting


@given(symbol_arrays())
@example(int32(INT32.min, INT32.min + 3500))
@example(int32(INT32.max - 3500, INT32.max))
@example(int32(INT32.min, INT32.max))
@example(int32(INT32.min))
@example(int32(INT32.max))
@example(int32(0, 3600))
@example(int32(*range(-3000, 3000)))
@examples(120)
def test_every_row_sums_to_two_to_the_24_with_entries_of_at_least_one(symbols):
    assert_is_a_table(count_table(symbols))


@given(symbol_arrays())
@examples(60)
def test_counting_gives_the_same_table_in_any_order(symbols):
    table, again = count_table(symbols), count_table(symbols[::-1])
    assert table.low == again.low
    np.testing.assert_array_equal(table.weights, again.weights)


def bits(table, symbol):
    """Return the ideal code length of a symbol."""
    return ideal_bits(int32(symbol)[:, None], FixedTables([table]))[0]


@given(st.integers(INT32.min, INT32.max), st.sampled_from([1, 2, 1000]))
@example(INT32.min, 5)
@example(INT32.max, 5)
@examples(40)
def test_a_constant_latent_costs_next_to_nothing(value, n):
    table = count_table(np.full(n, value, np.int32))
    assert (table.low, table.high) == (value, value)
    assert bits(table, value) < (0.7 if n < 1000 else 0.001)


@given(symbol_arrays())
@examples(60)
def test_a_symbol_near_those_seen_is_covered_where_the_row_has_room(symbols):
    table = count_table(symbols)
    low, high = int(symbols.min()), int(symbols.max())
    if len(symbols) < 1000 and high - low < 2000:
        assert table.low <= low <= high <= table.high


def test_frequent_symbols_are_cheaper_than_rare_ones():
    table = count_table(np.repeat(int32(-1, 0, 1), (100, 1000, 10)))
    costs = [bits(table, value) for value in (0, -1, 1, 2)]
    assert costs == sorted(costs)
    assert bits(table, table.high + 1) > costs[2]


def test_a_rare_far_symbol_is_left_to_the_escape():
    symbols = np.append(np.zeros(20_000, np.int32), int32(INT32.max, INT32.min))
    table = count_table(symbols)
    assert table.weights.size < 10
    assert table.indices(symbols[-2:]).tolist() == [table.escape] * 2


# ---------------------------------------------------------------- entries


@given(symbol_arrays(), st.lists(any_int32, max_size=20))
@examples(80)
def test_every_int32_has_an_entry_and_outside_it_is_the_escape(symbols, asked):
    table = count_table(symbols)
    edges = [table.low - 1, table.low, table.high, table.high + 1]
    asked = int32(*asked, *(s for s in edges if INT32.min <= s <= INT32.max))
    expected = [
        s - table.low if table.low <= s <= table.high else table.escape for s in asked.tolist()
    ]
    assert table.indices(asked).tolist() == expected
    assert table.indices(asked).dtype == np.int32


def test_code_lengths_are_those_of_the_frequencies():
    table = FrequencyTable(0, np.array([TOTAL // 2, TOTAL // 4, TOTAL // 4]))
    assert [bits(table, symbol) for symbol in (0, 1)] == [1.0, 2.0]
    assert [bits(table, symbol) for symbol in (2, -1, 3)] == [3.0, 5.0, 5.0]  # 1, 010 and 011


@pytest.mark.parametrize(
    "weights",
    [
        np.array([TOTAL]),
        np.array([], np.int64),
        row(0),
        row(-1),
        row(1) + 1,
        row(1) - 1,
        np.array([TOTAL + 2**40, -(2**40)]),
        np.append(row(*[1] * MAX_SYMBOLS), 0),
        row(*[1] * (MAX_SYMBOLS + 1)),
    ],
)
def test_rows_of_another_sum_size_or_sign_are_refused(weights):
    with pytest.raises(FormatError, match="frequency table"):
        FrequencyTable(0, weights)


@pytest.mark.parametrize("low", [INT32.min - 1, INT32.max, INT32.max - 1])
def test_rows_that_cover_symbols_outside_int32_are_refused(low):
    with pytest.raises(FormatError):
        FrequencyTable(low, row(5, 5, 5))  # three symbols and the escape


def test_the_widest_and_the_narrowest_rows_are_accepted():
    assert FrequencyTable(0, row(*[1] * MAX_SYMBOLS)).high == MAX_SYMBOLS - 1
    assert FrequencyTable(INT32.max, row(1)).high == INT32.max


# ---------------------------------------------------------------- tensors


def rows_of(seed, n_qualities=2, k=3):
    rng = np.random.default_rng(seed)
    return [
        [count_table(np.round(rng.laplace(size=50) * 3**j).astype(np.int32)) for j in range(k)]
        for _ in range(n_qualities)
    ]


@given(st.integers(0, 2**32), st.integers(1, 4), st.integers(1, 4))
@examples(30)
def test_tables_are_unpacked_as_they_were_packed(seed, n_qualities, k):
    rows = rows_of(seed, n_qualities, k)
    packed = pack_tables(rows)
    assert {t.dtype.name for t in packed.values()} == {"int32"}
    again = unpack_tables(packed)
    assert [len(r) for r in again] == [k] * n_qualities
    for ours, theirs in zip(chain(*rows), chain(*again), strict=True):
        assert ours.low == theirs.low
        np.testing.assert_array_equal(ours.weights, theirs.weights, strict=True)


@pytest.mark.parametrize("value", [INT32.min, INT32.max])
def test_tables_at_the_ends_of_int32_are_unpacked_as_they_were_packed(value):
    rows = [[count_table(int32(value, value))]]
    assert unpack_tables(pack_tables(rows))[0][0].low == value


def bad_tensors():
    good = pack_tables(rows_of(0))
    low, size, weights = good["low"], good["size"], good["weights"]
    one = pack_tables([[FrequencyTable(0, row(1))]])
    moved = size + np.array([[1, -1, 0], [0, 0, 0]], np.int32)
    huge = size.copy()
    huge[0, :2] = INT32.max  # their sum passes int32
    zero = weights.copy()
    zero[0], zero[1] = 0, weights[0] + weights[1]
    return {
        "one row fewer": {"low": low[:1]},
        "sizes in one dimension": {"size": size.reshape(-1)},
        "both in one dimension": {"size": size.reshape(-1), "low": low.reshape(-1)},
        "one weight fewer": {"weights": weights[:-1]},
        "one weight more": {"weights": np.append(weights, 1).astype(np.int32)},
        "no weights": {"weights": weights[:0]},
        "sizes moved": {"size": moved},
        "sizes past int32": {"size": huge},
        "a row of one entry": {"size": size * 0 + 1},
        "negative sizes": {"size": -size},
        "a weight of zero": {"weights": zero},
        "another sum": {"weights": weights + np.eye(1, weights.size, dtype=np.int32)[0]},
        "no qualities": {"low": low[:0], "size": size[:0], "weights": weights[:0]},
        "no latents": {"low": low[:, :0], "size": size[:, :0], "weights": weights[:0]},
        "weights in two dimensions": {**one, "weights": one["weights"].reshape(1, -1)},
        "float weights": {"weights": weights.astype(np.float64)},
        "float lows": {"low": low + 0.5},
        "float sizes": {"size": size.astype(np.float32)},
        "symbols outside int32": {"low": np.full_like(low, INT32.max)},
    }


@pytest.mark.parametrize("fault", bad_tensors())
def test_tensors_that_are_no_tables_are_refused(fault):
    tensors = pack_tables(rows_of(0)) | bad_tensors()[fault]
    with pytest.raises(FormatError):
        unpack_tables(tensors)


@given(hnp.arrays(np.int32, (2, 3)), hnp.arrays(np.int32, (2, 3)), hnp.arrays(np.int32, 20))
@examples(60)
def test_random_tensors_are_refused(low, size, weights):
    with pytest.raises(FormatError):
        unpack_tables({"low": low, "size": size, "weights": weights})
