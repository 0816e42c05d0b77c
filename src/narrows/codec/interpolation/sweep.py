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
from itertools import product
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.interpolation.adaptive import Integers
from narrows.codec.interpolation.prediction import Near, Rule
from narrows.codec.interpolation.sums import as_exact, clipped, weighted
from narrows.codec.levels.passes import Indices

REACH = 2  # steps back along each axis
WEIGHT_BITS = 12
MAX_WEIGHT = 1 << 15
BACK = np.arange(REACH + 1)[:, None]
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
        self.strides = [prod(shape[axis + 1 :]) for axis in self._axes]
        sizes = [shape[axis] - 1 for axis in axes]
        at = np.indices(sizes, np.int32).reshape(len(axes), -1) + np.int32(1)
        front = at.sum(axis=0, dtype=np.uint16)
        order = np.argsort(front, kind="stable")
        self.coordinates = np.ascontiguousarray(at[:, order])
        self._places = sum(
            row * stride
            for row, stride in zip(self.coordinates.astype(np.intp), self.strides, strict=True)
        )
        self.ends: npt.NDArray[np.int64] = np.cumsum(np.bincount(front)[len(axes) :])
        self.numbers = np.array([_number_of(step) for step in _steps_back(len(axes))])
        self.n_looked_at = 2 ** len(axes) - 1
        self.n_nearer = self.n_looked_at - 1

    @property
    def n_places(self) -> int:
        """The number of places."""
        return int(self.coordinates.shape[1])

    @property
    def n_weights(self) -> int:
        """The number of weights: of all neighbours but the nearest."""
        return len(self.numbers) - 1

    def end_of(self, start: int) -> int:
        """Return where the front ends that a place is of."""
        return int(self.ends[self.ends.searchsorted(start, "right")])

    def rule(self, weights: npt.NDArray[np.int64], high: int) -> Rule:
        """Return the rule that weights of neighbours make, for numbers of a grid up to `high`."""
        row = np.zeros(len(self.numbers), np.int64)
        row[self.numbers[1 : len(weights) + 1]] = weights
        row[self.numbers[0]] = (1 << WEIGHT_BITS) - weights.sum()
        return Rule([as_exact(row, high)], [0], len(row))

    def places(self, start: int, stop: int) -> Indices:
        """Return some of the places."""
        return np.asarray(self._places[start:stop])

    def near(self, start: int, stop: int, n_own: int | None = None) -> Near:
        """Return what is known around some of the places."""
        return self._near(self._places[start:stop], self.coordinates[:, start:stop])

    def _near(self, places: Indices, at: npt.NDArray[Any]) -> Near:
        own: npt.NDArray[Any] = places
        for stride, along in zip(self.strides, at, strict=True):
            own = own[..., None, :] - stride * np.minimum(BACK, along)
        n_near = (REACH + 1) ** len(self._axes)
        return Near(places, own.reshape(n_near, len(places))[1:], [])

    def looked_at(self, own: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return what is of the neighbours that tell how far off a place is expected to be."""
        return np.asarray(own[self.numbers[: self.n_looked_at]])

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
        self._own = known.take(near.own, axis=0)  # (k, m, n)
        self.centre: Integers = self._own[of.numbers[0]]

    def differences(self, n_weights: int) -> Iterator[Integers]:
        """Yield how far neighbours lie from the nearest one, `(m, n)` each."""
        return (self._own[j] - self.centre for j in self._of.numbers[1 : n_weights + 1])

    def predicted(self, rule: Rule, high: int) -> Integers:
        """Return what is expected, `(m, n)`, from 0 to `high`."""
        total = weighted(rule.rows[0], self._own)
        total += 1 << (WEIGHT_BITS - 1)
        total >>= WEIGHT_BITS
        return clipped(total, 0, high)

    def hints(self, missed: Integers) -> list[Integers]:
        """Return what tells how far off a prediction will be, `(m, n)` each."""
        apart = self._of.looked_at(self._own)
        apart -= self.centre
        np.abs(apart, out=apart)
        near = missed.take(self._of.looked_at(self._near.own), axis=0)
        return [apart.sum(axis=0), near.sum(axis=0)]

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


def _number_of(step: tuple[int, ...]) -> int:
    """Number steps back from 0, in row-major order from the first axis on, without no step."""
    number = 0
    for back in step:
        number = number * (REACH + 1) + back
    return number - 1


def _steps_back(n_axes: int) -> list[tuple[int, ...]]:
    """Return the steps back to neighbours: those of one step first, then along few axes first."""
    steps = [each for each in product(range(REACH + 1), repeat=n_axes) if any(each)]
    return sorted(steps, key=lambda each: (max(each), sum(each), each))
