"""The range of a channel's values, set by the bulk of them, and values that stand for missing ones.

From the middle outwards, a channel ends where the next value is several times as far away as the
one before it, and few are: so a broken sample is outside, and the long tails of rain or light,
which thin out little by little, are inside.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

GAP = 4.0  # times the distance of the value before, in distances from the median
BULK = 0.95  # of the values, whose span is the least distance that counts
MAX_SHARE_BEYOND = 0.002  # of the values; more are usual
MAX_VALUES = 1 << 22  # looked at, spread over all

MIN_REPEATS, MAX_SHARE_REPEATED = 10, 0.5
TIMES_NEIGHBOURS, NEIGHBOURS = 10, 32  # values beside an end, that are repeated less often
MIN_GAP_OF_REPEATED = 0.1  # of the span

Floats = npt.NDArray[np.float64]


def sorted_sample(values: npt.NDArray[Any]) -> Floats:
    """Return some of `(n,)` finite numbers, spread over all, in rising order."""
    step = max(1, -(-len(values) // MAX_VALUES))
    return np.sort(values[::step].astype(np.float64))


def bulk_range(x: Floats) -> tuple[float, float]:
    """Return the ends of the range of sorted numbers, `(n,)`, with room beyond the bulk."""
    middle = float(x[len(x) // 2])
    low, high = np.quantile(x, [(1 - BULK) / 2, (1 + BULK) / 2], method="nearest").tolist()
    span = max(high - middle, middle - low)
    down, up = middle - x[x < middle][::-1], x[x > middle] - middle
    if not span:  # nearly all values are the same: the others are the measure
        span = float(np.median(np.concatenate([down, up]))) if len(down) + len(up) else 1.0
    most = max(1, int(MAX_SHARE_BEYOND * len(x)))
    return middle - GAP * _reach(down, span, most), middle + GAP * _reach(up, span, most)


def _reach(distances: Floats, span: float, most: int) -> float:
    """Return the last of rising distances before a gap with at most `most` behind it, or `span`."""
    beyond = distances[np.searchsorted(distances, span, side="right") :]
    before = np.append(span, beyond[:-1])
    gaps = np.flatnonzero(beyond > GAP * before)
    gaps = gaps[len(beyond) - gaps <= most]
    inside = beyond[: gaps[0]] if len(gaps) else beyond
    return float(inside[-1]) if len(inside) else span


def stand_ins(x: Floats) -> list[float]:
    """Return the lowest or highest of sorted values where it stands for missing ones.

    It lies apart from the others, is repeated many times as often as those beside it, and is not
    0: it was not measured.
    """
    return [end for end, rest in ((x[0], x), (x[-1], -x[::-1])) if end and _stands_apart(rest)]


def _stands_apart(x: Floats) -> bool:
    """Return whether the lowest of sorted values stands for missing ones."""
    n = int(np.searchsorted(x, x[0], side="right"))
    rest = x[n:]
    if not MIN_REPEATS <= n <= MAX_SHARE_REPEATED * len(x):
        return False
    beside = np.unique(rest[:NEIGHBOURS])
    repeats = np.searchsorted(rest, beside, side="right") - np.searchsorted(rest, beside)
    low, high = np.quantile(rest, [1 - BULK, BULK])
    apart = rest[0] - x[0] > MIN_GAP_OF_REPEATED * (high - low) > 0
    return bool(apart and n >= TIMES_NEIGHBOURS * repeats.max())
