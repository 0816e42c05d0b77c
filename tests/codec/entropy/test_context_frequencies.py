"""Frequencies of context models: bit for bit, what they depend on, and in which dtype."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrows.codec.entropy import context_tables
from narrows.codec.entropy.ans import ideal_bits
from narrows.codec.entropy.context_tables import ContextTables, exponentials, shared_out
from narrows.codec.entropy.tables import TOTAL, frequencies_of
from tests.helpers.context_models import (
    STACKS,
    THREE,
    all_frequencies,
    by_hand,
    coder_of,
    part_of,
    share_out,
    slow_frequencies,
    symbols_of,
    tables_and_symbols,
    tables_of,
)
from tests.helpers.tiny_models import any_int32, assert_identical, examples, rng_of


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


# ---------------------------------------------------------------- what they depend on


@given(tables_and_symbols(min_n=1), st.data())
@examples(60)
def test_frequencies_do_not_depend_on_later_latents(case, data):
    tables, symbols = case
    position = data.draw(st.integers(0, len(tables.order) - 1))
    later, other = tables.order[position:], symbols.copy()
    other[:, later] = data.draw(any_int32)
    ours, theirs = all_frequencies(symbols, tables), all_frequencies(other, tables)
    for before in range(position + 1):
        assert_identical(theirs[before], ours[before])


def test_frequencies_depend_on_every_earlier_latent():
    tables = tables_of(3, 4)
    symbols = symbols_of(tables.row, 200, escapes=False)
    ours = all_frequencies(symbols, tables)
    for position, j in enumerate(tables.order[:-1]):
        if tables.row[j].escape == 1:
            continue
        other = symbols.copy()
        other[:, j] = np.where(
            symbols[:, j] == tables.row[j].low, tables.row[j].high, symbols[0, j]
        )
        theirs = all_frequencies(other, tables)
        for later in range(position + 1, len(ours)):
            assert (ours[later] != theirs[later]).any()


@given(tables_and_symbols(min_n=1))
@examples(40)
def test_frequencies_do_not_depend_on_other_signals(case):
    tables, symbols = case
    together = all_frequencies(symbols, tables)
    for i in range(len(symbols)):
        alone = all_frequencies(symbols[i : i + 1], tables)
        for ours, theirs in zip(together, alone, strict=True):
            assert_identical(np.ascontiguousarray(ours[i : i + 1]), theirs)


@given(tables_and_symbols(min_n=1))
@examples(40)
def test_frequencies_are_the_same_after_all_symbols_were_seen(case):
    """The encoder sees all of them first, the decoder only those before."""
    tables, symbols = case
    tables_pass = tables.start(len(symbols))
    for j in tables.order:
        tables_pass.advance(tables.row[j].indices(symbols[:, j]))
    for position, frequencies in enumerate(all_frequencies(symbols, tables)):
        again = tables_pass.frequencies(position, slice(0, len(symbols)))
        assert_identical(np.array(again), frequencies)


@pytest.mark.parametrize("entries", [1, 7, 100, 10**9])
@pytest.mark.parametrize("kind", STACKS)
def test_how_signals_are_cut_into_parts_changes_no_byte(kind, entries, monkeypatch):
    tables = tables_of(4, 4)
    symbols = symbols_of(tables.row, 60)
    payload = coder_of(kind, tables).encode(symbols)
    monkeypatch.setattr(context_tables, "PART_ENTRIES", entries)
    parts = tables.start(60).parts(1)
    assert [i for part in parts for i in range(60)[part]] == list(range(60))
    assert (len(parts) == 1) == (entries == 10**9)
    assert coder_of(kind, tables).encode(symbols) == payload
    assert_identical(coder_of(kind, tables).decode(payload, 60), symbols)


def dtypes_of(tables):
    return [each[0][0].dtype for each in (tables.hidden, tables.outputs, tables.rows)]


@pytest.mark.parametrize("seed", range(6))
def test_float32_and_float64_give_the_same_frequencies(seed, monkeypatch):
    row, context = tables_of(seed, 5).row, tables_of(seed, 5).context
    narrow = ContextTables(row, context)
    monkeypatch.setattr(context_tables, "EXACT_FLOAT32", 0)
    wide = ContextTables(row, context)
    assert dtypes_of(narrow) == [np.float32] * 3
    assert dtypes_of(wide) == [np.float64] * 3
    symbols = symbols_of(row, 300)
    ours, theirs = all_frequencies(symbols, narrow), all_frequencies(symbols, wide)
    for a, b in zip(ours, theirs, strict=True):
        assert_identical(a, b)


@pytest.mark.parametrize("seed", range(6))
def test_sums_of_2_to_the_24_and_more_are_computed_in_float64(seed):
    tables = tables_of(seed, 5, wide=True)
    assert all(2**24 <= peak < 2**53 for peak in tables.context.peaks)
    assert dtypes_of(tables) == [np.float64] * 3


def test_the_peaks_are_those_of_the_worst_entries():
    """One unit and one output of the greatest weights, the entries at the end of the tables."""
    worst = {"sizes": (5, 5), "order": [0, 1], "hidden_weight": [-7], "hidden_bias": [-3],
             "output_weight": [-9], "output_bias": [0, -4], "basis": [0] * 5 + [-6] * 5,
             "base": [0] * 5 + [-2] * 5, "hidden_limit": 17, "output_limit": 50}  # fmt: skip
    logs = 50 * 6 + 2
    assert by_hand(**worst).peaks == (2 * 7 + 3, 17 * 9 + 4, 2 * logs + 4640)
    assert by_hand(**worst, row_shift=40).peaks[2] == 2 * logs + 4640 * 2**40


def with_logarithms(largest, row_shift, weight):
    """Make a context model whose second latent has logarithms of +-`largest`, before the shift.

    All 32 outputs are 100 behind entry 0 of the first latent and -100 behind the others.
    """
    rest = largest - 32 * 100 * weight
    parts = {"output_weight": 32 * [-64], "output_bias": 64 * [500], "output_limit": 100,
             "basis": 96 * [0] + 32 * [weight, -weight, weight],
             "base": [0, 0, 0, rest, -rest, 1 - rest]}  # fmt: skip
    return by_hand(**parts, row_shift=row_shift)


@pytest.mark.parametrize("weight", [0, 3, 1000])
@pytest.mark.parametrize("row_shift", [0, 1, 6, 11])
def test_logarithms_are_computed_in_float32_up_to_a_peak_of_2_to_the_24(row_shift, weight):
    last = (2**24 - (4640 << row_shift)) // 2 - 1
    symbols = np.array([[0, 0], [1, 0], [7, 0]], np.int32)
    for largest, dtype in ((last, np.float32), (last + 1, np.float64)):
        context_model = with_logarithms(largest, row_shift, weight)
        assert context_model.peaks[2] == (2**24 - 2 if dtype == np.float32 else 2**24)
        tables = ContextTables([THREE, THREE], context_model)
        assert tables.rows[1].dtype == dtype
        expected = [slow_frequencies(context_model, [entry, 0]) for entry in range(3)]
        for position, frequencies in enumerate(all_frequencies(symbols, tables)):
            assert frequencies.tolist() == [each[position] for each in expected]


@pytest.mark.parametrize("row_shift", [12, 40])
def test_logarithms_of_more_than_11_bits_behind_the_point_are_computed_in_float64(row_shift):
    assert ContextTables([THREE, THREE], by_hand(row_shift=row_shift)).rows[1].dtype == np.float64


# ---------------------------------------------------------------- a case by hand


def test_a_latent_that_repeats_the_one_before_takes_almost_no_bits():
    """Entries 0 and 1 are x = -1 and 0; h = 64 x + 32 is -32, then -4, or 32; y = h - 14.

    So y is -18 or 18, and the logarithms of the second latent differ by 18 * 40 / 32 bits: 22.5,
    of which 13 count. Its parts are 2**18, 2**5 and 2**5; those of the first 2**18, 2**18 and 2**5.
    """
    tables = ContextTables([THREE, THREE], by_hand())
    same, other = np.array([[0, 0], [1, 1]], np.int32), np.array([[0, 1], [1, 0]], np.int32)
    half, sure = TOTAL // 2 - 575, TOTAL - 2048 - 2111
    assert all_frequencies(same, tables)[0].tolist() == 2 * [[half, half, 1150]]
    assert all_frequencies(same, tables)[1].tolist() == [[sure, 2048, 2111], [2048, sure, 2111]]
    assert ideal_bits(same, tables).round(3).tolist() == [1, 1]
    assert ideal_bits(other, tables).round(3).tolist() == [14, 14]


def test_the_order_says_which_latent_is_known_first():
    symbols = np.array([[0, 1]], np.int32)
    forwards = ContextTables([THREE, THREE], by_hand())
    backwards = ContextTables([THREE, THREE], by_hand(order=[1, 0]))
    ours, theirs = (
        all_frequencies(symbols, tables)[1].tolist() for tables in (forwards, backwards)
    )
    assert ours == [[TOTAL - 4159, 2048, 2111]]
    assert theirs == [[2048, TOTAL - 4159, 2111]]
