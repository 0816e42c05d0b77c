"""How far a number lies from what is predicted, by a logistic of one of 48 scales.

Nothing of the tables is stored: they are whole numbers made from the table of the sigmoid.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.entropy.tables import TOTAL
from narrows.codec.levels.decisions import (
    SIGMOID_ONE,
    SIGMOID_REACH,
    SIGMOID_UNIT,
    DecisionCoder,
    sigmoid_table,
)

Integers = npt.NDArray[np.int64]

N_CLASSES = 48  # of scales, three to an octave: class 14 has 1, the first 0.04, the last 2,048
N_FRACTIONS = 8  # eighths
SHARED = 23  # from class 26 on, symbols lose their lowest bits, and have the scale of 23 to 25
FARTHEST = 180  # of a symbol with an entry of its own: 14 times the widest scale
ESCAPE = 2 * FARTHEST + 1
FLOOR = 32  # of 2**24: what each entry has beside the logistic
RATE_SHIFT = 8
UNIFORM_BITS = 16
MAX_DISTANCE = 1 << 47

# fmt: off
RATES = (
    6658043, 5284492, 4194304, 3329021, 2642246, 2097152, 1664511, 1321123, 1048576, 832255,
    660561, 524288, 416128, 330281, 262144, 208064, 165140, 131072, 104032, 82570, 65536, 52016,
    41285, 32768, 26008, 20643,
)
# fmt: on
"""Of the classes 0 to 25, round(2**18 / scale)."""


def low_bits_of(classes: Any) -> Any:
    """Return how many of the lowest bits of its symbols a class sends as they are."""
    return np.maximum(0, (classes - SHARED) // 3)


@cache
def logistic_table(number: int, fraction: int) -> Integers:
    """Return the `(362,)` frequencies of a class, about a prediction that ends in `fraction` / 8.

    Entry i stands for the symbol i - 180, which is what its lowest bits leave of the distance, and
    the last one for all others.
    """
    low_bits = int(low_bits_of(number))
    edges = np.arange(-FARTHEST, FARTHEST + 2, dtype=np.int64)
    at = ((edges << low_bits + 3) - 4 - fraction) * RATES[number - 3 * low_bits]
    at >>= RATE_SHIFT + 3 + low_bits
    at += SIGMOID_REACH * SIGMOID_UNIT
    below = sigmoid_table().take(at, mode="clip").astype(np.int64)
    left = TOTAL - (ESCAPE + 1) * FLOOR
    weights = (np.diff(below) * left // SIGMOID_ONE) + FLOOR
    return np.append(weights, TOTAL - weights.sum())


def code_distances(
    classes: Integers, fractions: Integers, coder: DecisionCoder, truth: Integers | None
) -> Integers:
    """Code `(rows,)` whole distances, and return them.

    First the symbols, table by table; then lowest bits, by their number; then those distances that
    escaped, in three uniform symbols of 16 bits.
    """
    low_bits = low_bits_of(classes)
    symbols = np.empty(classes.size, dtype=np.int64)
    for table, members in grouped(classes * N_FRACTIONS + fractions):
        entries = None
        if truth is not None:
            entries = (truth[members] >> low_bits[members]) + FARTHEST
            entries[(entries < 0) | (entries >= ESCAPE)] = ESCAPE
        weights = logistic_table(*divmod(table, N_FRACTIONS))
        symbols[members] = _symbols(weights, members.size, coder, entries)
    distances: Integers = symbols - FARTHEST << low_bits
    for width, members in grouped(low_bits):
        if width:
            known = None if truth is None else truth[members] & ((1 << width) - 1)
            distances[members] += _symbols(_uniform(width), members.size, coder, known)
    escaped = np.flatnonzero(symbols == ESCAPE)
    known = None if truth is None else truth[escaped] + MAX_DISTANCE
    distances[escaped] = -MAX_DISTANCE
    for shift in (0, 16, 32):
        part = None if known is None else (known >> shift) & ((1 << UNIFORM_BITS) - 1)
        found = _symbols(_uniform(UNIFORM_BITS), escaped.size, coder, part)
        distances[escaped] += found << shift
    return distances


def grouped(numbers: Integers) -> Iterator[tuple[int, npt.NDArray[np.intp]]]:
    """Yield each number that occurs, in rising order, with the positions where it does."""
    if not numbers.size:
        return
    order = np.argsort(numbers.astype(np.uint16), kind="stable")
    ordered = numbers[order]
    starts = np.flatnonzero(np.diff(ordered, prepend=-1))
    yield from zip(ordered[starts].tolist(), np.split(order, starts[1:]), strict=True)


def _symbols(weights: Integers, n: int, coder: DecisionCoder, truth: Any) -> Integers:
    known = None if truth is None else truth.astype(np.int32)
    return coder.symbols(weights, n, known).astype(np.int64)


@cache
def _uniform(n_bits: int) -> Integers:
    return np.full(1 << n_bits, TOTAL >> n_bits, dtype=np.int64)
