"""Context models: what their frequencies depend on, in which dtype, and a case by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrows.codec.entropy import context_tables
from narrows.codec.entropy.ans import ideal_bits
from narrows.codec.entropy.context_tables import ContextTables
from narrows.codec.entropy.tables import TOTAL
from tests.helpers.context_models import (
    STACKS,
    THREE,
    all_frequencies,
    by_hand,
    coder_of,
    slow_frequencies,
    symbols_of,
    tables_and_symbols,
    tables_of,
)
from tests.helpers.tiny_models import any_int32, assert_identical, examples

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
