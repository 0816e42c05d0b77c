"""The entropy coder in compiled code: the words of `narrows.codec.entropy.stacks`."""

from __future__ import annotations

import os
import warnings
import zlib
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.entropy.tables import TOTAL, Frequencies
from narrows.codec.networks.native.extension import ENGINE_VARIABLE, extension
from narrows.errors import FormatError

Words = npt.NDArray[np.uint32]
Entries = npt.NDArray[np.int32]
Ends = npt.NDArray[np.intp]

WORDS_LEFT_OVER = "payload with words left over after the last symbol"
TRIED = 200  # entries
KNOWN = 2846956714  # the checksum of their words


class NativeStack:
    """The coder of `narrows.codec._native`, the module.

    Parameters
    ----------
    native : module
    words : (n,) uint32, optional
        Those of a payload; by default there are none.

    Raises
    ------
    FormatError
        For words that no stack has.
    """

    def __init__(self, native: Any, words: Words | None = None) -> None:
        if words is not None and words.size and not words[-1]:
            raise FormatError("payload whose last word is zero")
        given = np.zeros(0, np.uint32) if words is None else np.ascontiguousarray(words)
        self._native, self._stack = native, native.make_stack(given)

    def push(self, entries: Entries, frequencies: Frequencies) -> None:
        """Code `(n,)` entries, last first, with frequencies `(size,)` or `(n, size)`."""
        self.push_runs(entries, _ends(len(entries), frequencies), frequencies)

    def pop(self, n: int, frequencies: Frequencies) -> Entries:
        """Undo `push`: return `(n,)` entries."""
        return self._popped(n, _ends(n, frequencies), frequencies)

    def push_runs(self, entries: Entries, ends: Ends, frequencies: Frequencies) -> None:
        """Code `(n,)` entries in runs, last first, each with a row of frequencies."""
        given = np.ascontiguousarray(ends, np.int64), _laid(frequencies)
        self._native.stack_push(self._stack, *given, np.ascontiguousarray(entries, np.int32))

    def pop_runs(self, ends: Ends, frequencies: Frequencies) -> Entries:
        """Undo `push_runs`: return `(n,)` entries."""
        return self._popped(int(ends[-1]) if len(ends) else 0, ends, frequencies)

    def _popped(self, n: int, ends: Ends, frequencies: Frequencies) -> Entries:
        entries = np.empty(n, np.int32)
        given = np.ascontiguousarray(ends, np.int64), _laid(frequencies)
        self._native.stack_pop(self._stack, *given, entries)
        return entries

    def pop_chain(self, n: int, rows: Frequencies) -> Entries:
        """Return `(n,)` entries, each by the row that the entry before it names."""
        entries = np.empty(n, np.int32)
        numbers = np.arange(1, len(rows) + 1, dtype=np.int64)
        self._native.stack_pop_chain(self._stack, numbers, _laid(rows), entries)
        return entries

    def words(self) -> Words:
        """Return the words of all that was pushed."""
        return np.frombuffer(self._native.stack_words(self._stack), np.uint32)

    def check_empty(self) -> None:
        """Raise FormatError where the words do not end here."""
        if not self._native.stack_is_empty(self._stack):
            raise FormatError(WORDS_LEFT_OVER)


def _laid(frequencies: Frequencies) -> npt.NDArray[np.int64]:
    return np.ascontiguousarray(frequencies, np.int64)


def _ends(n: int, frequencies: Frequencies) -> Ends:
    """Return the ends of runs: of all entries together, or of each."""
    return np.array([n], np.int64) if frequencies.ndim == 1 else np.arange(1, n + 1)


def native_stack(words: Words | None) -> NativeStack | None:
    """Return a stack of compiled code; None where NARROWS_ENGINE, or what was built, has none."""
    is_asked_for = os.environ.get(ENGINE_VARIABLE) != "numpy"
    native = trusted() if is_asked_for else None
    return None if native is None else NativeStack(native, words)


@cache
def trusted() -> Any:
    """Return the module if it codes known entries to known words; None, with a warning, if not."""
    native, _ = extension()
    if native is None or _codes_known(native):
        return native
    warnings.warn(
        "compiled code does not give the known words of an entropy coder, so another one is used; "
        "please report this processor and compiler",
        RuntimeWarning,
        stacklevel=2,
    )
    return None


def _codes_known(native: Any) -> bool:
    at = np.arange(TRIED)
    entries, row = (at * at % 7 % 3).astype(np.int32), np.array([TOTAL - 70_001, 1, 70_000])
    stack = NativeStack(native)
    stack.push(entries, row)
    words = stack.words()
    again = NativeStack(native, words)
    return zlib.crc32(words.astype("<u4").tobytes()) == KNOWN and np.array_equal(
        again.pop(TRIED, row), entries
    )
