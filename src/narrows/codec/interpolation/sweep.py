"""The other order of a block: place by place from one corner, all of a front together.

A *front* has the places whose coordinates have one sum; each is predicted from those of up to two
steps back along each axis, which lie on earlier fronts, by weights that are fitted. Where signals
are smooth down to the step, that is nearer than what lies around on a coarser grid (Lorenzo
prediction: Ibarra et al. 2003; of the second order: Zhao et al., "Significantly Improving Lossy
Compression for HPC Datasets with Second-Order Prediction", HPDC 2020).

Places at an edge have other neighbours: a *side* of the grid has those places whose coordinates
are 0 along certain axes, and are coded before sides that have fewer such axes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice, product
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.interpolation.adaptive import Integers
from narrows.codec.interpolation.prediction import Near
from narrows.codec.levels.passes import Indices

REACH = 2  # steps back along each axis
WEIGHT_BITS = 12
MAX_WEIGHT = 1 << 15
MAX_FRONTS = 1 << 14  # each takes about a millisecond

Shape = tuple[int, ...]


class Side:
    """The places of a side, in the order of their fronts, and what is known around them.

    Parameters
    ----------
    shape : (1 to 3,) int
    axes : sequence of int
        Along which the places have coordinates above 0; at least one.
    """

    fine_bits = 0
    weight_bits = WEIGHT_BITS
    is_beside = False

    def __init__(self, shape: Shape, axes: Sequence[int]) -> None:
        self._shape, self._axes = shape, tuple(axes)
        self._strides = [prod(shape[axis + 1 :]) for axis in self._axes]
        at = np.indices([shape[axis] - 1 for axis in axes]).reshape(len(axes), -1) + 1
        order = np.argsort(at.sum(axis=0), kind="stable")
        self._at = at[:, order].astype(np.int32)
        self._places = sum(
            row * stride
            for row, stride in zip(self._at.astype(np.intp), self._strides, strict=True)
        )
        self._ends = np.flatnonzero(np.diff(self._at.sum(axis=0), append=-1)) + 1
        self._offsets = _steps_back(len(axes))
        self.n_looked_at = 2 ** len(axes) - 1
        self.n_nearer = self.n_looked_at - 1

    @property
    def n_places(self) -> int:
        """The number of places."""
        return int(self._at.shape[1])

    @property
    def n_weights(self) -> int:
        """The number of weights: of all neighbours but the nearest."""
        return len(self._offsets) - 1

    def end_of(self, start: int) -> int:
        """Return where the front ends that a place is of."""
        return int(self._ends[np.searchsorted(self._ends, start, side="right")])

    def near(self, start: int, stop: int) -> Near:
        """Return what is known around some of the places."""
        return self._near(self._places[start:stop], self._at[:, start:stop])

    def _near(self, places: Indices, at: npt.NDArray[Any]) -> Near:
        own = np.repeat(places[None], len(self._offsets), axis=0)
        for row, offset in zip(own, self._offsets, strict=True):
            for back, stride, along in zip(offset, self._strides, at, strict=True):
                if back:
                    np.subtract(row, stride * np.minimum(back, along), out=row)
        return Near(places, own, [])

    def near_of(self, places: Indices) -> Near:
        """Return what is known around those of some places that are of the side."""
        at = np.array(np.unravel_index(places, self._shape))
        inside = [axis in self._axes for axis in range(len(self._shape))]
        here = ((at > 0) == np.array(inside)[:, None]).all(axis=0)
        return self._near(places[here], at[list(self._axes)][:, here])

    def around(self, near: Near, known: Integers) -> SweptAround:
        """Return what is known around some places: numbers of n frames, `(size, n)`."""
        return SweptAround(self, near, known)


class SweptAround:
    """What is known around some places of a side; see `prediction.Around`.

    Parameters
    ----------
    of : Side
    near : Near
        The places.
    known : (size, n) int64
        The numbers of the grid, of which those near are known.
    """

    def __init__(self, of: Side, near: Near, known: Integers) -> None:
        self._of, self._near = of, near
        self._own = known[near.own]  # (k, m, n)
        self.centre: Integers = self._own[0]

    def differences(self, n_weights: int) -> Iterator[Integers]:
        """Yield how far neighbours lie from the nearest one, `(m, n)` each."""
        return islice((each - self.centre for each in self._own[1:]), n_weights)

    def predicted(self, weights: npt.NDArray[np.int64], high: int) -> Integers:
        """Return what is expected, `(m, n)`, from 0 to `high`."""
        total = np.full_like(self.centre, 1 << (WEIGHT_BITS - 1))
        for weight, apart in zip(weights.tolist(), self.differences(len(weights)), strict=True):
            total += weight * apart
        return np.asarray(np.clip(self.centre + (total >> WEIGHT_BITS), 0, high))

    def hints(self, missed: Integers) -> list[Integers]:
        """Return what tells how far off a prediction will be, `(m, n)` each."""
        n = self._of.n_looked_at
        return [np.abs(self._own[:n] - self.centre).sum(axis=0),
                missed[self._near.own[:n]].sum(axis=0)]  # fmt: skip

    def scales(self, missed: Integers, shares: Sequence[int], step: int) -> Integers:
        """Return how many steps from what is expected a place may lie, `(m, n)`, in 64ths."""
        hints = zip(self.hints(missed), shares, strict=True)
        total = sum((share * hint for hint, share in hints), np.zeros_like(self.centre))
        return np.asarray(total // (self._of.n_looked_at * step))


@lru_cache(maxsize=2)  # of one million places, each takes 60 MB
def sides_of(shape: Shape) -> tuple[Side, ...]:
    """Return the sides of a grid that have places, in coding order; without the corner itself."""
    which = [axes for axes in product((False, True), repeat=len(shape)) if any(axes)]
    which.sort(key=lambda axes: (sum(axes), axes))
    chosen = [[axis for axis, is_in in enumerate(axes) if is_in] for axes in which]
    return tuple(Side(shape, axes) for axes in chosen if all(shape[axis] > 1 for axis in axes))


def n_fronts(shape: Shape) -> int:
    """Return how many fronts a grid has, without those of its edges."""
    return sum(shape) - len(shape) + 1


def _steps_back(n_axes: int) -> list[tuple[int, ...]]:
    """Return the steps back to neighbours: those of one step first, then along few axes first."""
    steps = [each for each in product(range(REACH + 1), repeat=n_axes) if any(each)]
    return sorted(steps, key=lambda each: (max(each), sum(each), each))
