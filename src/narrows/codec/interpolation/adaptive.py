"""Frequencies of symbols by class, which sender and receiver learn alike from what is coded.

A table of a class begins as a two-sided geometric distribution that its scale suggests, worth some
symbols; each symbol that was coded adds to its entry. All numbers are integers, so that both sides
have the same frequencies everywhere. Nothing of the tables is sent.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from narrows.codec.entropy.tables import TOTAL

Integers = npt.NDArray[np.int64]
Entries = npt.NDArray[np.int32]

FARTHEST = 24
"""Symbols from -24 to 24 have an entry of their own; the last entry, 49, escapes to all others."""
ESCAPE = 2 * FARTHEST + 1
SEEN = 64  # what a coded symbol adds to its entry
PRIOR = 8 * SEEN  # what the first distribution is worth
ONE = 64  # the scale of a class whose symbols are 1 away from 0, on average

LATER_CLASSES = 4  # above the last class of its own, classes of four to an octave share tables
SCALE_BITS = 50  # scales are below 2 to their power
MANTISSA_BITS, EXPONENT_BIAS = 52, 1023  # of float64
OWN_CLASSES = 34  # up to 5 steps; symbols of larger scales are coded without their lowest bits
N_CLASSES = OWN_CLASSES + LATER_CLASSES


def classes_of(scales: Integers) -> Integers:
    """Return the class of each scale >= 0 below 2**50: 0 of 0, and four to an octave.

    A scale is the expected distance of a symbol from 0, in 64ths. With n = floor(log2(v)) the class
    is 4 n + 1 + the two bits behind the first one of v: a float64 has these in its highest bits.
    """
    classes = scales.astype(np.float64).view(np.int64) >> MANTISSA_BITS - 2
    classes -= 4 * EXPONENT_BIAS - 1
    np.maximum(classes, 0, out=classes)
    return np.asarray(classes)


def low_bits_of(classes: Integers) -> Integers:
    """Return how many of the lowest bits of a symbol each class sends as they are."""
    return _by_class()[0].take(classes)


def tables_of(classes: Integers) -> Integers:
    """Return the number of the table of each class."""
    return _by_class()[1].take(classes)


@cache
def _by_class() -> tuple[Integers, Integers]:
    """Return the low bits and the table of all classes that scales can have."""
    classes = np.arange(4 * SCALE_BITS + 1)
    low_bits = np.maximum(0, (classes - OWN_CLASSES + LATER_CLASSES) >> 2)
    shared = OWN_CLASSES + ((classes - OWN_CLASSES) & 3)
    return low_bits, np.where(classes < OWN_CLASSES, classes, shared)


class AdaptiveTables:
    """Tables that learn from what is coded by them.

    Parameters
    ----------
    counts : (tables, size) int64
        With which they begin.
    """

    def __init__(self, counts: Integers) -> None:
        self._counts = counts

    def frequencies(self, tables: Integers) -> Integers:
        """Return the frequencies of some tables, `(n, size)`, of sum 2**24 each."""
        return to_frequencies(self._counts[tables])

    def learn(self, tables: Integers, ends: npt.NDArray[np.intp], entries: Entries) -> None:
        """Count entries in runs that were coded by different tables; run `i` ends at `ends[i]`."""
        n, size = len(tables), self._counts.shape[1]
        places = np.repeat(np.arange(0, n * size, size), lengths_of(ends)) + entries
        self._counts[tables] += SEEN * np.bincount(places, minlength=n * size).reshape(n, size)


def lengths_of(ends: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """Return the lengths of runs that end there."""
    lengths = ends.copy()
    lengths[1:] -= ends[:-1]
    return lengths


def residual_tables() -> AdaptiveTables:
    """Return the tables of distances from what was predicted, by class."""
    return AdaptiveTables(first_counts().copy())


def value_tables(n_contexts: int, n_values: int) -> AdaptiveTables:
    """Return the tables of values from 0 to `n_values - 1`, by context; at first all are alike."""
    return AdaptiveTables(np.ones((n_contexts, max(2, n_values)), np.int64))


def to_frequencies(counts: Integers) -> Integers:
    """Return frequencies, `(n, size)`, of at least 1 that sum to 2**24, in proportion to counts.

    What rounding down leaves goes to the first of the largest counts.
    """
    frequencies = 1 + counts * (TOTAL - counts.shape[1]) // counts.sum(axis=1, keepdims=True)
    largest = np.arange(len(counts)), counts.argmax(axis=1)
    frequencies[largest] += TOTAL - frequencies.sum(axis=1)
    return np.asarray(frequencies)


@cache
def first_counts() -> Integers:
    """Return the counts that all tables begin with."""
    return np.stack([_geometric(number) for number in range(N_CLASSES)])


def _geometric(table: int) -> Integers:
    """Return the counts that a table begins with: a symbol k away from 0 has ratio**k of them."""
    scale = _scale_of(table if table < OWN_CLASSES else table - LATER_CLASSES)
    ratio = (scale << 16) // (scale + ONE)
    side = [1 << 16]
    for _ in range(FARTHEST):
        side.append(side[-1] * ratio >> 16)
    row = np.array([*side[:0:-1], *side, 0], dtype=np.int64)
    return np.asarray(1 + row * PRIOR // row.sum())


def _scale_of(number: int) -> int:
    """Return the least scale of a class."""
    if number == 0:
        return 1
    octave, quarter = divmod(number - 1, 4)
    return -(-((4 + quarter) << octave) // 4)
