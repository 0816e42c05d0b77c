"""The operating points of a model, from the fewest bytes to the least error, and a search in them.

An operating point is a quality, and the weight that a search gives to errors: from one point to the
next a signal takes more bytes, most of the time, and is nearer to its original.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from narrows.codec.block_coder import Qualities

Flags = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.intp]

POINTS_PER_OCTAVE = 8  # of the weight
OCTAVES_BELOW, OCTAVES_ABOVE = 8, 6  # of the weight, at the lowest and at the highest quality


@dataclass(frozen=True, eq=False)
class OperatingPoints:
    """The quality and the weight of each operating point, `(n_points,)`."""

    quality: Qualities
    weight: npt.NDArray[np.float64]

    @classmethod
    def of(cls, n_qualities: int, *, searches: bool) -> OperatingPoints:
        """Return the points of a model; without a search they are its qualities."""
        if not searches:
            return cls(np.arange(1, n_qualities + 1), np.ones(n_qualities))
        half, quality, weight = POINTS_PER_OCTAVE // 2, [], []
        for q in range(1, n_qualities + 1):
            below = OCTAVES_BELOW * POINTS_PER_OCTAVE if q == 1 else half
            above = OCTAVES_ABOVE * POINTS_PER_OCTAVE if q == n_qualities else half
            quality += [q] * (below + above)
            weight += [power_of_two(eighths) for eighths in range(-below, above)]
        return cls(np.array(quality), np.array(weight))

    def of_weight_1(self) -> Numbers:
        """Return the number of each quality's point of weight 1, `(n_qualities,)`."""
        return np.flatnonzero(self.weight == 1.0)


def power_of_two(eighths: int) -> float:
    """Compute 2**(eighths / 8) by roots and products, which are rounded alike everywhere."""
    root, octave, rest = 2.0, *divmod(eighths, POINTS_PER_OCTAVE)
    for _ in range(POINTS_PER_OCTAVE.bit_length() - 1):
        root = math.sqrt(root)
    return math.ldexp(math.prod([root] * rest), octave)


def last_kept(start: Numbers, n_points: int, keeps: Callable[[Numbers, Numbers], Flags]) -> Numbers:
    """Find the last point at which each signal keeps to its budget; -1 where there is none.

    A bracketing search: steps double until a point is found on either side, then the interval is
    halved. The point that is found was tried, and the one above it too, whether or not the budget
    is kept at all points below.

    Parameters
    ----------
    start : (n,)
        Where to begin; the nearer it is, the fewer points are tried.
    n_points : int
    keeps : callable
        Given the numbers of some signals and a point for each, returns which keep to the budget.
    """
    low, high = np.full(len(start), -1), np.full(len(start), n_points)
    probe, stride = start.copy(), np.ones(len(start), dtype=np.intp)
    active = np.arange(len(start))
    while len(active):
        kept = keeps(active, probe[active])
        low[active[kept]] = probe[active[kept]]
        high[active[~kept]] = probe[active[~kept]]
        between = (low + high) // 2
        up, down = np.minimum(low + stride, n_points - 1), np.maximum(high - stride, 0)
        probe = np.where(high == n_points, up, np.where(low < 0, down, between))
        stride *= 2
        active = np.flatnonzero(high - low > 1)
    return low
