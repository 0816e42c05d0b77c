"""format/levels.md, "Fronts": the numbers of a block, side by side and front by front."""

from collections.abc import Iterator
from itertools import product

import numpy as np

from .conventions import Shape, need
from .levels_walk import Walk, Weights


def sides(shape: Shape) -> list[list[int]]:
    """Return the own axes of each side that has a place, in order."""
    which = sorted(product((0, 1), repeat=len(shape)), key=lambda own: (sum(own), own))
    found = [[axis for axis, is_own in enumerate(own) if is_own] for own in which[1:]]
    return [axes for axes in found if all(shape[axis] > 1 for axis in axes)]


def fronts(shape: Shape, axes: list[int]) -> Iterator[list[Shape]]:
    """Return the coordinates of the places of each front of a side, along its own axes."""
    found: dict[int, list[Shape]] = {}
    for at in product(*(range(1, shape[axis]) for axis in axes)):
        found.setdefault(sum(at), []).append(at)
    return (found[front] for front in sorted(found))


def run_side(walk: Walk, axes: list[int], weights: Weights) -> None:
    """Decode the places of a side."""
    shape, step, n_frames = walk.grid.shape, walk.steps[0], walk.known.shape[1]
    steps = [each for each in product(range(3), repeat=len(axes)) if any(each)]
    steps.sort(key=lambda each: (max(each), sum(each), each))
    need(len(weights.groups) < len(steps), "more weights than neighbours")
    strides = [int(np.prod(shape[axis + 1 :])) for axis in axes]
    q = 2 ** len(axes) - 1

    def index(at: Shape, back: Shape) -> int:
        moved = (place - min(place, s) for place, s in zip(at, back, strict=True))
        return sum(place * stride for place, stride in zip(moved, strides, strict=True))

    for front in fronts(shape, axes):
        start = 0
        while start < len(front):
            n = max(1, max(2**8, min(2**15, walk.n_seen // 4)) // n_frames)
            part, start = front[start : start + n], start + n
            near = np.array([[index(at, back) for back in steps] for at in part])
            x = walk.known[near]
            apart = x - x[:, :1]
            total = np.full_like(x[:, 0], 2**11)
            for number, weight in enumerate(weights.groups, 1):
                total += weight * apart[:, number]
            hints = np.abs(apart[:, :q]).sum(axis=1), walk.missed[near[:, :q]].sum(axis=1)
            scale = sum(share * hint for share, hint in zip(weights.shares, hints, strict=True))
            expected = np.clip(x[:, 0] + (total >> 12), 0, walk.high)
            places = [index(at, (0,) * len(axes)) for at in part]
            walk.distances(places, expected, scale // (q * step), step)
            walk.n_seen += expected.size
