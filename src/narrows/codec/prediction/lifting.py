"""The wavelets of Cohen, Daubechies and Feauveau with 9 and 7 taps, in steps of lifting.

Decoding is in whole numbers, in 64 bits: sums are multiplied by whole numbers, shifted to the
right and clipped, so that all machines agree. Encoding is in float64, a step at a time.
Daubechies and Sweldens 1998, "Factoring wavelet transforms into lifting steps".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

SHIFT = 14
STEPS = (-25987, -868, 14466, 7266)
"""What sums of two neighbours are multiplied by, in parts of 2**SHIFT: odd places come first."""
LOW, HIGH = 14252, 18835
"""What low and high coefficients are multiplied by before the steps are undone."""
LIMIT = 1 << 40
LEAST_LENGTH, MAX_LEVELS = 5, 6


class Level:
    """One halving of a box at an array's start.

    Parameters
    ----------
    lengths : dict of int to int
        The box along the axes of a group; along others, the array is whole.
    axes : tuple of int
        Those that are halved.
    """

    def __init__(self, lengths: dict[int, int], axes: tuple[int, ...]) -> None:
        self.lengths, self.axes = lengths, axes

    def box(self, n_axes: int) -> tuple[slice, ...]:
        """Return the box as an index."""
        return tuple(slice(0, self.lengths.get(axis)) for axis in range(n_axes))

    @property
    def low(self) -> dict[int, int]:
        """The lengths of the lower half."""
        return {a: (n + 1) // 2 if a in self.axes else n for a, n in self.lengths.items()}


def levels_of(shape: tuple[int, ...], group: Sequence[int]) -> list[Level]:
    """Return the levels of a group of axes of an array, the finest first."""
    lengths = {axis: shape[axis] for axis in group}
    levels: list[Level] = []
    while len(levels) < MAX_LEVELS:
        axes = tuple(axis for axis in group if lengths[axis] >= LEAST_LENGTH)
        if not axes:
            break
        levels.append(Level(lengths, axes))
        lengths = levels[-1].low
    return levels


def analysed(values: npt.NDArray[Any], groups: Sequence[Sequence[int]]) -> Floats:
    """Return the coefficients of an array, of its shape: low ones before high ones."""
    out = np.array(values, dtype=np.float64)
    for group in groups:
        for level in levels_of(out.shape, group):
            box = level.box(out.ndim)
            for axis in level.axes:
                part = np.moveaxis(out[box], axis, 0)
                part[:] = np.concatenate(_split(part[0::2].copy(), part[1::2].copy()))
    return out


def synthesised(coefficients: Integers, groups: Sequence[Sequence[int]]) -> Integers:
    """Return the values that coefficients stand for: near what `analysed` would undo."""
    out = np.clip(coefficients, -LIMIT, LIMIT)
    for group in reversed(groups):
        for level in reversed(levels_of(out.shape, group)):
            box = level.box(out.ndim)
            for axis in reversed(level.axes):
                _join(np.moveaxis(out[box], axis, 0))
    return out


def _split(even: Floats, odd: Floats) -> tuple[Floats, Floats]:
    """Return the low and high coefficients of values at even and odd places along axis 0."""
    for number, step in enumerate(STEPS):
        factor = step * 2.0**-SHIFT
        if number % 2:
            even += factor * _around_even(odd, len(even))
        else:
            odd += factor * _around_odd(even, len(odd))
    even /= LOW * 2.0**-SHIFT
    odd /= HIGH * 2.0**-SHIFT
    return even, odd


def _join(part: Integers) -> None:
    """Undo `_split` along axis 0, in place: low coefficients before high ones."""
    n = (len(part) + 1) // 2
    half = 1 << (SHIFT - 1)
    even, odd = (part[:n] * LOW + half) >> SHIFT, (part[n:] * HIGH + half) >> SHIFT
    for number, step in reversed(list(enumerate(STEPS))):
        if number % 2:
            even -= (step * _around_even(odd, len(even)) + half) >> SHIFT
        else:
            odd -= (step * _around_odd(even, len(odd)) + half) >> SHIFT
    part[0::2], part[1::2] = even, odd
    np.clip(part, -LIMIT, LIMIT, out=part)


def _around_odd(even: npt.NDArray[Any], n: int) -> npt.NDArray[Any]:
    """Return the sums of the two even places beside each of n odd ones; ends are mirrored."""
    after = even[1:] if len(even) > n else np.concatenate([even[1:], even[-1:]])
    return np.asarray(even[:n] + after)


def _around_even(odd: npt.NDArray[Any], n: int) -> npt.NDArray[Any]:
    before = np.concatenate([odd[:1], odd])[:n]
    after = odd if len(odd) == n else np.concatenate([odd, odd[-1:]])
    return np.asarray(before + after)
