"""The entropy coder itself: asymmetric numeral systems, a stack of table entries.

64-bit state, 32-bit words, 24-bit frequencies (Duda 2013). Compiled code does it where it is built,
or `constriction` where that is installed; `PlainStack` writes and reads the same words.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import accumulate
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from narrows.codec.entropy.native.stack import WORDS_LEFT_OVER, native_stack
from narrows.codec.entropy.tables import PRECISION, TOTAL, Frequencies
from narrows.errors import FormatError

Words = npt.NDArray[np.uint32]
Entries = npt.NDArray[np.int32]
Ends = npt.NDArray[np.intp]

WORD_BITS = 32
WORD_MASK = (1 << WORD_BITS) - 1


class Stack(Protocol):
    """What the coder pushes table entries on, and pops them from, last first."""

    def push(self, entries: Entries, frequencies: Frequencies) -> None:
        """Code `(n,)` entries, last first, with frequencies `(size,)` or `(n, size)`."""
        ...

    def pop(self, n: int, frequencies: Frequencies) -> Entries:
        """Undo `push`: return `(n,)` entries."""
        ...

    def push_runs(self, entries: Entries, ends: Ends, frequencies: Frequencies) -> None:
        """Code `(n,)` entries in runs, last first, each with a row of frequencies, `(runs, size)`.

        Run `i` ends before entry `ends[i]`, where the next one begins. Rows are used once.
        """
        ...

    def pop_runs(self, ends: Ends, frequencies: Frequencies) -> Entries:
        """Undo `push_runs`: return `(n,)` entries."""
        ...

    def pop_chain(self, n: int, rows: Frequencies) -> Entries:
        """Return `(n,)` entries: the first by the first of rows of frequencies, `(rows, size)`.

        Each other entry is one of the row that the one before names, or of the last row.
        """
        ...

    def words(self) -> Words:
        """Return the words of all that was pushed."""
        ...

    def check_empty(self) -> None:
        """Raise FormatError where the words do not end here."""
        ...


class ConstrictionStack:
    """The coder of the constriction library (Bamler 2022), compiled code."""

    def __init__(self, words: Words | None = None) -> None:
        import constriction  # not available on every platform

        self._categorical = constriction.stream.model.Categorical
        self._family = self._categorical(perfect=False)
        self._models: dict[int, tuple[Frequencies, Any]] = {}  # by the identity of frequencies
        try:
            coder = constriction.stream.stack.AnsCoder
            self._coder = coder() if words is None else coder(words)
        except ValueError as error:
            raise FormatError(f"payload that the entropy coder refuses: {error}") from None

    def push(self, entries: Entries, frequencies: Frequencies) -> None:
        """Code `(n,)` entries, last first, with frequencies `(size,)` or `(n, size)`."""
        self._coder.encode_reverse(entries, *self._model(frequencies))

    def pop(self, n: int, frequencies: Frequencies) -> Entries:
        """Undo `push`: return `(n,)` entries."""
        model, *parameters = self._model(frequencies)
        with _refused():
            entries: Entries = self._coder.decode(model, *(parameters or [n]))
        return entries

    def push_runs(self, entries: Entries, ends: Ends, frequencies: Frequencies) -> None:
        """Code `(n,)` entries in runs, last first, each with a row of frequencies."""
        starts, rows = [0, *ends[:-1].tolist()], (frequencies - 1).astype(np.float64)
        for start, end, row in zip(reversed(starts), ends[::-1].tolist(), rows[::-1], strict=True):
            self._coder.encode_reverse(entries[start:end], self._categorical(row, perfect=False))

    def pop_runs(self, ends: Ends, frequencies: Frequencies) -> Entries:
        """Undo `push_runs`: return `(n,)` entries."""
        lengths, rows = np.diff(ends, prepend=0).tolist(), (frequencies - 1).astype(np.float64)
        decode, model = self._coder.decode, self._categorical
        with _refused():
            runs = [
                decode(model(row, perfect=False), n) for n, row in zip(lengths, rows, strict=True)
            ]
        return np.concatenate(runs)

    def pop_chain(self, n: int, rows: Frequencies) -> Entries:
        """Return `(n,)` entries, each by the row that the entry before it names."""
        return _chained(self, n, rows)

    def words(self) -> Words:
        """Return the words of all that was pushed."""
        words: Words = self._coder.get_compressed()
        return words

    def check_empty(self) -> None:
        """Raise FormatError where the words do not end here."""
        if not self._coder.is_empty():
            raise FormatError(WORDS_LEFT_OVER)

    def _model(self, frequencies: Frequencies) -> list[Any]:
        """Return a model for all symbols, or a family of models and each symbol's parameters.

        With `perfect=False`, weights w - 1 in floating point become exactly our integers w.
        """
        if frequencies.ndim == 2:
            return [self._family, frequencies - 1]
        found = self._models.get(id(frequencies))
        if found is None:
            model = self._categorical((frequencies - 1).astype(np.float64), perfect=False)
            found = self._models[id(frequencies)] = (frequencies, model)  # which keeps its identity
        return [found[1]]


@contextmanager
def _refused() -> Iterator[None]:
    """Turn what constriction raises into a FormatError."""
    try:
        yield
    except (AssertionError, KeyError, ValueError) as error:
        raise FormatError(f"payload that the entropy coder refuses: {error}") from None


class PlainStack:
    """The same words from Python integers alone."""

    def __init__(self, words: Words | None = None) -> None:
        self._words: list[int] = [] if words is None else words.tolist()
        if self._words and self._words[-1] == 0:
            raise FormatError("payload whose last word is zero")
        self._state = 0
        self._refill()

    def _refill(self) -> None:
        while self._words and self._state < 1 << WORD_BITS:
            self._state = self._state << WORD_BITS | self._words.pop()

    def push(self, entries: Entries, frequencies: Frequencies) -> None:
        """Code `(n,)` entries, last first, with frequencies `(size,)` or `(n, size)`."""
        state, rows = self._state, _rows(frequencies, len(entries))
        for entry, (weights, starts) in zip(
            reversed(entries.tolist()), reversed(rows), strict=True
        ):
            weight = weights[entry]
            if state >> (64 - PRECISION) >= weight:
                self._words.append(state & WORD_MASK)
                state >>= WORD_BITS
            state = (state // weight << PRECISION) + state % weight + starts[entry]
        self._state = state

    def pop(self, n: int, frequencies: Frequencies) -> Entries:
        """Undo `push`: return `(n,)` entries."""
        entries = np.empty(n, dtype=np.int32)
        for i, (weights, starts) in enumerate(_rows(frequencies, n)):
            quantile = self._state & (TOTAL - 1)
            entry = bisect_right(starts, quantile) - 1
            entries[i] = entry
            self._state = (self._state >> PRECISION) * weights[entry] + quantile - starts[entry]
            self._refill()
        return entries

    def push_runs(self, entries: Entries, ends: Ends, frequencies: Frequencies) -> None:
        """Code `(n,)` entries in runs, last first, each with a row of frequencies."""
        runs = np.split(entries, ends[:-1])
        for run, row in zip(reversed(runs), frequencies[::-1], strict=True):
            self.push(run, row)

    def pop_runs(self, ends: Ends, frequencies: Frequencies) -> Entries:
        """Undo `push_runs`: return `(n,)` entries."""
        lengths = np.diff(ends, prepend=0).tolist()
        runs = [self.pop(n, row) for n, row in zip(lengths, frequencies, strict=True)]
        return np.concatenate(runs)

    def pop_chain(self, n: int, rows: Frequencies) -> Entries:
        """Return `(n,)` entries, each by the row that the entry before it names."""
        return _chained(self, n, rows)

    def words(self) -> Words:
        """Return the words of all that was pushed."""
        words, state = list(self._words), self._state
        while state:
            words.append(state & WORD_MASK)
            state >>= WORD_BITS
        return np.array(words, dtype=np.uint32)

    def check_empty(self) -> None:
        """Raise FormatError where the words do not end here."""
        if self._state or self._words:
            raise FormatError(WORDS_LEFT_OVER)


def _rows(frequencies: Frequencies, n: int) -> list[tuple[list[int], list[int]]]:
    """Return weights and starts for each of n symbols, as Python's integers."""
    rows = [
        (weights, list(accumulate(weights, initial=0)))
        for weights in np.atleast_2d(frequencies).astype(np.int64).tolist()
    ]
    return rows * n if frequencies.ndim == 1 else rows


def _chained(stack: Stack, n: int, rows: Frequencies) -> Entries:
    """Pop a chain, entry by entry."""
    entries, each = np.empty(n, dtype=np.int32), list(rows)
    row = each[0]
    for i in range(n):
        entries[i] = entry = stack.pop(1, row)[0]
        row = each[min(int(entry), len(each) - 1)]
    return entries


def best_stack(words: Words | None = None) -> Stack:
    """Return compiled code's stack, or constriction's where that is installed, or the plain one."""
    native = native_stack(words)
    if native is not None:
        return native
    try:
        return ConstrictionStack(words)
    except ImportError:
        return PlainStack(words)
