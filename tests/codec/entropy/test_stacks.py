"""Stacks of table entries: chains, runs, what is refused, and which stack is used."""

import numpy as np
import pytest

from narrows.codec.entropy.ans import PayloadReader, PayloadWriter
from narrows.codec.entropy.chains import ChainTables
from narrows.codec.entropy.native import stack as native_stacks
from narrows.codec.entropy.native.stack import NativeStack
from narrows.codec.entropy.stacks import ConstrictionStack, best_stack
from narrows.codec.entropy.tables import TOTAL, FixedTables, FrequencyTable
from narrows.codec.networks.native.extension import extension
from narrows.errors import FormatError
from tests.helpers.context_models import STACKS, row_of, symbols_of

native, WHY = extension()
compiled_only = pytest.mark.skipif(native is None, reason=f"the compiled part is {WHY}")
THIRDS = np.array([TOTAL // 4, TOTAL // 2, TOTAL // 4])


def tables_of(seed, sizes):
    """Return a table of each size, from -1 on."""
    rng = np.random.default_rng(seed)
    weights = [rng.integers(1, 1000, size) for size in sizes]
    for each in weights:
        each[0] += TOTAL - each.sum()
    return [FrequencyTable(-1, each) for each in weights]


@pytest.mark.parametrize("kind", STACKS)
@pytest.mark.parametrize("sizes", [(4, 4, 4), (3, 3), (4, 5, 4), (6,)])
def test_chains_are_coded_as_latents_of_one_signal(kind, sizes):
    after, rng = tables_of(len(sizes), sizes), np.random.default_rng(1)
    for n in (1, 2, 200):
        tables = ChainTables(after, n)
        symbols = rng.integers(-4, 9, n).astype(np.int32)
        parts = (tables, symbols[None]), (FixedTables(row_of(1, 3)), symbols_of(row_of(1, 3), 9))
        writer = PayloadWriter(STACKS[kind])
        entries, tables_pass = after[0].indices(symbols), tables.start(1)
        for entry in entries:
            tables_pass.advance(np.array([entry]))
        rows = [tables_pass.frequencies(i, slice(0, 1)) for i in range(n)]
        if tables.rows is not None:
            assert np.array_equal(tables.rows[tables.rows_of(entries)], np.array(rows))
        for part in parts:
            writer.add(*part)
        payload = writer.to_bytes()
        reader = PayloadReader(payload, STACKS["plain"])
        for each, expected in parts:
            assert np.array_equal(reader.take(each, len(expected)), expected)
        reader.check_end()
        again = PayloadReader(payload, STACKS[kind])
        assert np.array_equal(again.take(tables, 1)[0], symbols)


@pytest.mark.parametrize("kind", STACKS)
def test_runs_come_back(kind):
    rng, stack = np.random.default_rng(0), STACKS[kind]()
    ends = np.array([3, 3, 10, 11])
    rows = np.stack([each.weights for each in tables_of(5, (9, 9, 9, 9))])
    entries = rng.integers(0, 9, 11).astype(np.int32)
    stack.push_runs(entries, ends, rows)
    plain = STACKS["plain"]()
    plain.push_runs(entries, ends, rows)
    assert np.array_equal(stack.words(), plain.words())
    again = STACKS[kind](stack.words().copy())
    assert np.array_equal(again.pop_runs(ends, rows), entries)
    again.check_empty()


@compiled_only
def test_what_fits_no_stack_is_refused():
    stack, entries = NativeStack(native), np.array([0, 1, 2], np.int32)
    wrong = [
        (entries, THIRDS + 1),
        (entries, THIRDS * 0),
        (entries, THIRDS[:2]),
        (entries + 1, THIRDS),
        (entries - 1, THIRDS),
        (entries, np.stack([THIRDS, THIRDS])),
        (entries, np.zeros((3, 0), np.int64)),
    ]
    for each in wrong:
        with pytest.raises(ValueError, match="do not fit a stack"):
            stack.push(*each)
    stack = NativeStack(native)
    with pytest.raises(ValueError, match="do not fit a stack"):
        stack.pop(2, THIRDS[:2])
    with pytest.raises(ValueError, match="do not fit a stack"):
        stack.pop_chain(2, np.zeros((0, 3), np.int64))
    with pytest.raises(ValueError, match="do not fit a stack"):
        native.stack_pop(stack._stack, np.array([2, 1]), np.stack([THIRDS, THIRDS]), entries)
    with pytest.raises(FormatError, match="last word is zero"):
        NativeStack(native, np.array([1, 0], np.uint32))
    with pytest.raises(FormatError, match="left over"):
        NativeStack(native, np.array([1], np.uint32)).check_empty()


@compiled_only
def test_the_engine_says_which_stack_is_used(monkeypatch):
    assert isinstance(best_stack(), NativeStack)
    monkeypatch.setenv("NARROWS_ENGINE", "numpy")
    assert not isinstance(best_stack(), NativeStack)


@compiled_only
def test_a_stack_of_other_words_is_not_used(monkeypatch):
    monkeypatch.setattr(native_stacks, "KNOWN", 1)
    native_stacks.trusted.cache_clear()
    try:
        with pytest.warns(RuntimeWarning, match="known words of an entropy coder"):
            assert isinstance(best_stack(), ConstrictionStack)
    finally:
        native_stacks.trusted.cache_clear()
