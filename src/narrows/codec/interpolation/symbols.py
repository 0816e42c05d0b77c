"""Integers <-> the streams of a block, part by part: what is learnt from one serves the next.

The coder is a stack: the writer keeps all parts and pushes the last one first.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from narrows.codec.entropy.stacks import best_stack
from narrows.codec.interpolation.adaptive import (
    ESCAPE,
    FARTHEST,
    AdaptiveTables,
    Entries,
    Integers,
    low_bits_of,
    tables_of,
)
from narrows.codec.interpolation.streams import Streams
from narrows.errors import FormatError

MOST_STEPS = 1 << 40


class Runs(NamedTuple):
    """Members of the same kind together, in rising order of kinds, and in their own within.

    Attributes
    ----------
    order : (m,) int
        The members.
    kinds : (n,) int
        Those that occur.
    ends : (n,) int
        Where in `order` each kind ends.
    """

    order: npt.NDArray[np.intp]
    kinds: Integers
    ends: npt.NDArray[np.intp]


class StreamsWriter:
    """Parts of integers to the streams of a block."""

    def __init__(self) -> None:
        self._pushed: list[tuple[Entries, npt.NDArray[np.intp], Integers]] = []
        self._low: list[bytes] = []
        self._escaped: list[Integers] = []

    def residuals(self, values: Integers, classes: Integers, tables: AdaptiveTables) -> None:
        """Let `(m,)` distances from what was predicted follow, of such classes."""
        low_bits = low_bits_of(classes)
        high = values >> low_bits
        self.low(values - (high << low_bits), low_bits)
        outside = np.abs(high) > FARTHEST
        self._escaped.append(high[outside])
        self.entries(np.where(outside, ESCAPE, high + FARTHEST), tables_of(classes), tables)

    def entries(self, values: Integers, contexts: Integers, tables: AdaptiveTables) -> None:
        """Let `(m,)` entries of tables follow, those of one table together."""
        order, kinds, ends = in_runs(contexts)
        entries = values[order].astype(np.int32)
        self._pushed.append((entries, ends, tables.frequencies(kinds)))
        tables.learn(kinds, ends, entries)

    def low(self, values: Integers, low_bits: Integers) -> None:
        """Let the lowest bits of `(m,)` values follow, so many of each."""
        self._low.append(_pack_low(values, low_bits))

    def to_bytes(self) -> bytes:
        """Code all parts."""
        stack = best_stack(None)
        for entries, ends, frequencies in reversed(self._pushed):
            stack.push_runs(entries, ends, frequencies)
        escaped = np.concatenate([np.zeros(0, np.int64), *self._escaped])
        low = np.frombuffer(b"".join(self._low), np.uint8)
        return Streams(stack.words(), low, escaped).to_bytes()


class StreamsReader:
    """The inverse of `StreamsWriter`: parts are taken in the order in which they were added.

    Parameters
    ----------
    streams : Streams

    Raises
    ------
    FormatError
        Here and in each method, for streams that no `StreamsWriter` wrote.
    """

    def __init__(self, streams: Streams) -> None:
        self._stack = best_stack(streams.words)
        self._low, self._low_at = streams.low, 0
        self._escaped, self._escaped_at = streams.escaped, 0

    def residuals(self, classes: Integers, tables: AdaptiveTables) -> Integers:
        """Return the `(m,)` distances that follow, of such classes."""
        entries = self.entries(tables_of(classes), tables)
        high, outside = entries - FARTHEST, entries == ESCAPE
        n = int(outside.sum())
        if self._escaped_at + n > self._escaped.size:
            raise FormatError("block of levels whose escaped symbols end too early")
        high[outside] = self._escaped[self._escaped_at : self._escaped_at + n]
        self._escaped_at += n
        low_bits = low_bits_of(classes)
        most = MOST_STEPS >> low_bits  # no sender goes there, and sums stay in 64 bits
        np.minimum(high, most, out=high)
        np.maximum(high, -most, out=high)
        return (high << low_bits) + self.low(low_bits)

    def entries(self, contexts: Integers, tables: AdaptiveTables) -> Integers:
        """Return the `(m,)` entries that follow, of such tables."""
        order, kinds, ends = in_runs(contexts)
        entries = self._stack.pop_runs(ends, tables.frequencies(kinds))
        tables.learn(kinds, ends, entries)
        values = np.empty(contexts.size, np.int64)
        values[order] = entries
        return values

    def low(self, low_bits: Integers) -> Integers:
        """Return the low bits that follow, of so many each."""
        values, total = np.zeros(low_bits.size, np.int64), int(low_bits.sum())
        if not total:
            return values
        end = self._low_at + (total + 7) // 8
        if end > self._low.size:
            raise FormatError("block of levels whose low bits end too early")
        bits = np.unpackbits(self._low[self._low_at : end])
        self._low_at = end
        if bits[total:].any():
            raise FormatError("block of levels with low bits left over")
        position = 0
        for width, members in grouped(low_bits):
            taken = bits[position : position + width * members.size]
            values[members] = from_bits(taken.reshape(members.size, width))
            position += taken.size
        return values

    def check_end(self) -> None:
        """Raise FormatError where the streams do not end here."""
        self._stack.check_empty()
        if self._low_at != self._low.size or self._escaped_at != self._escaped.size:
            raise FormatError("block of levels with low bits or escaped symbols left over")


def in_runs(kinds: Integers) -> Runs:
    """Sort `(m,)` kinds below 2**16."""
    order = kinds.astype(np.uint16).argsort(kind="stable")
    counts = np.bincount(kinds)
    (which,) = counts.nonzero()
    return Runs(order, which, counts[which].cumsum())


def grouped(kinds: Integers) -> list[tuple[int, npt.NDArray[np.intp]]]:
    """Return each kind below 2**16 that occurs, in rising order, and where it does."""
    order, which, ends = in_runs(kinds)
    return list(zip(which.tolist(), np.split(order, ends[:-1]), strict=True))


def _pack_low(values: Integers, low_bits: Integers) -> bytes:
    """Lay the low bits of values out, highest first: those of the fewest bits, then of more."""
    if not low_bits.any():
        return b""
    parts = [to_bits(values[members], width).reshape(-1) for width, members in grouped(low_bits)]
    return np.packbits(np.concatenate(parts)).tobytes()


def to_bits(values: Integers, width: int) -> npt.NDArray[np.uint8]:
    """Return the `(m, width)` lowest bits of `(m,)` whole numbers, highest first."""
    octets = values.astype(">u8").view(np.uint8).reshape(-1, 8)
    return np.unpackbits(octets, axis=1)[:, 64 - width :]


def from_bits(bits: npt.NDArray[np.uint8]) -> Integers:
    """Undo `to_bits`, of a width of at most 63."""
    octets = np.zeros((len(bits), 8), np.uint8)
    n = (bits.shape[1] + 7) // 8
    padded = np.zeros((len(bits), 8 * n), np.uint8)
    padded[:, 8 * n - bits.shape[1] :] = bits
    octets[:, 8 - n :] = np.packbits(padded, axis=1)
    return octets.view(">i8")[:, 0].astype(np.int64)
