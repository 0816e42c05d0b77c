"""format/geometry.md, "Frames": from frames to an array."""

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np

from .conventions import Shape


def count_along(size: int, length: int, hop: int) -> int:
    """Count the frames along an axis."""
    return 0 if size == 0 else 1 + max(0, -(-(size - length) // hop))


def in_bricks(counts: list[int], brick: Shape) -> Iterator[tuple[int, ...]]:
    """Return the places of frames, brick by brick."""
    for first in product(*map(range, [0] * len(counts), counts, brick)):
        ends = (min(a + b, c) for a, b, c in zip(first, brick, counts, strict=True))
        yield from product(*map(range, first, ends))


def join(
    frames: np.ndarray, shape: Shape, lengths: Shape, hops: Shape, brick: Shape | None = None
) -> np.ndarray:
    """Put the frames of a member together."""
    is_whole = frames.dtype.kind != "f"
    wide = np.dtype(object if is_whole else np.float64)  # whole numbers of any size
    sums: Any = np.zeros(shape, wide)
    totals = np.zeros(shape, np.int64)
    weights = np.ones((), np.int64)
    for length, hop in zip(lengths, hops, strict=True):
        rising = np.arange(1, length + 1)
        along = np.minimum(rising, rising[::-1]) if hop < length else np.ones(length, np.int64)
        weights = weights[..., None] * along
    counts = list(map(count_along, shape, lengths, hops))
    order = in_bricks(counts, brick or tuple(max(1, count) for count in counts))
    for frame, places in zip(frames, order, strict=True):
        corner = [place * hop for place, hop in zip(places, hops, strict=True)]
        inside = [min(s, size - at) for s, size, at in zip(lengths, shape, corner, strict=True)]
        there = tuple(slice(at, at + n) for at, n in zip(corner, inside, strict=True))
        here = tuple(slice(0, n) for n in inside)
        sums[there] += frame[here].astype(wide) * weights[here].astype(wide)
        totals[there] += weights[here]
    if hops == lengths:
        return sums.astype(frames.dtype)
    if is_whole:
        return ((2 * sums + totals) // (2 * totals)).astype(frames.dtype)
    return (sums / totals).astype(frames.dtype)
