"""Budgets: so many bytes at most, or such a PSNR at least, of every single signal.

Qualities, and between two of them the weight that a search gives to errors, make a ladder: from
rung to rung a signal takes more bytes, most of the time, and is nearer to its original. What is
looked for is the highest rung that its bytes allow, or the lowest that is good enough; what a
signal gets is the best of all that was tried. Everything that is compared is exact, so the same is
found on every machine.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Symbols = npt.NDArray[np.int32]
Qualities = npt.NDArray[np.intp]
Flags = npt.NDArray[np.bool_]

FINENESS = 8  # rungs to a factor of two of the weight
BELOW, ABOVE = 8, 6  # octaves of the weight under the lowest quality, and over the highest


@dataclass(frozen=True, eq=False)
class Ladder:
    """The quality and the weight of each rung, `(n_rungs,)`; qualities count from 1."""

    quality: Qualities
    weight: npt.NDArray[np.float64]

    @classmethod
    def of(cls, n_qualities: int, *, searches: bool) -> Ladder:
        """Make the ladder of a model; without a search its qualities are all there is."""
        if not searches:
            return cls(np.arange(1, n_qualities + 1), np.ones(n_qualities))
        half, quality, weight = FINENESS // 2, [], []
        for q in range(1, n_qualities + 1):
            below = BELOW * FINENESS if q == 1 else half
            above = ABOVE * FINENESS if q == n_qualities else half
            quality += [q] * (below + above)
            weight += [_power_of_two(eighths) for eighths in range(-below, above)]
        return cls(np.array(quality), np.array(weight))

    def plain_rungs(self) -> npt.NDArray[np.intp]:
        """Give the rung of each quality where the weight is 1."""
        return np.flatnonzero(self.weight == 1.0)


def _power_of_two(eighths: int) -> float:
    """Give 2**(eighths / 8) by roots and products, which are rounded alike everywhere."""
    root, octave, rest = 2.0, *divmod(eighths, FINENESS)
    for _ in range(FINENESS.bit_length() - 1):
        root = math.sqrt(root)
    return math.ldexp(math.prod([root] * rest), octave)


def climb(
    start: npt.NDArray[np.intp],
    n_rungs: int,
    keeps: Callable[[npt.NDArray[np.intp], npt.NDArray[np.intp]], Flags],
) -> npt.NDArray[np.intp]:
    """Find the highest rung on which each signal keeps to its budget; -1 where there is none.

    Parameters
    ----------
    start : (n,)
        Where to begin; the nearer it is, the fewer rungs are tried.
    n_rungs : int
    keeps : callable
        Given the numbers of some signals and a rung for each, tells which keep to the budget.

    Notes
    -----
    Steps double until a rung is found on either side, then the distance is halved: what is found
    was tried, and the rung above it as well, whether or not the budget is kept on all below.
    """
    low, high = np.full(len(start), -1), np.full(len(start), n_rungs)
    probe, stride = start.copy(), np.ones(len(start), dtype=np.intp)
    active = np.arange(len(start))
    while len(active):
        kept = keeps(active, probe[active])
        low[active[kept]] = probe[active[kept]]
        high[active[~kept]] = probe[active[~kept]]
        between = (low + high) // 2
        up, down = np.minimum(low + stride, n_rungs - 1), np.maximum(high - stride, 0)
        probe = np.where(high == n_rungs, up, np.where(low < 0, down, between))
        stride *= 2
        active = np.flatnonzero(high - low > 1)
    return low
