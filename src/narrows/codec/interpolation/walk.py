"""One pass after another over all frames of a block: what sender and receiver do alike."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np

from narrows.codec.interpolation.adaptive import (
    Integers,
    classes_of,
    residual_tables,
    value_tables,
)
from narrows.codec.interpolation.grid import LARGEST
from narrows.codec.interpolation.native.walk import CompiledWalk
from narrows.codec.interpolation.prediction import (
    N_CONTEXTS,
    Rule,
    Surroundings,
    Weights,
    surroundings_of,
)
from narrows.codec.interpolation.sums import clipped
from narrows.codec.interpolation.sweep import Side, sides_of
from narrows.codec.levels.passes import Indices, PassOrder
from narrows.codec.memory import keep_freed_memory
from narrows.errors import FormatError

LEAST_AT_ONCE, MOST_AT_ONCE = 1 << 8, 1 << 15
"""So many elements are coded with the same tables at least and at most, and a quarter of those
before them in between: tables are learnt quickly, and large parts are quick."""

IN_CACHE = 1 << 17  # numbers
MOST = 2 * LARGEST


class Walk(ABC):
    """The numbers of n frames, coded or decoded in the order of the passes.

    Parameters
    ----------
    order : PassOrder
    n_frames : int
    high : int
        The greatest number; the least is 0.
    steps : (n_channels,) or (1,) int
        The distance between the numbers that a place may have.
    has_values : bool
        Whether numbers are coded as they are, 0 to `high`, each in the context of its neighbours,
        and not as distances from what is predicted.
    is_swept : bool, default False
        Whether places come in the order of fronts, not of levels.
    native : module, optional
        `narrows.codec._native`, which then codes the passes.

    Attributes
    ----------
    known : (size, n) int64
        The numbers, as a receiver has them.
    """

    start_class: int  # of the distances between start places

    def __init__(
        self,
        order: PassOrder,
        n_frames: int,
        high: int,
        steps: tuple[int, ...],
        *,
        has_values: bool,
        is_swept: bool = False,
        native: Any = None,
    ) -> None:
        keep_freed_memory()
        self.order, self.high, self.has_values = order, high, has_values
        self.is_swept = is_swept
        self._steps = steps if len(steps) > 1 else steps * order.n_channels
        self.known = np.zeros((order.size, n_frames), np.int64)
        self._missed = np.zeros((order.size, n_frames), np.int64)
        self._residuals = residual_tables()
        n_values = (high + steps[0] // 2) // steps[0] + 1 if has_values else 0
        self._values = value_tables(N_CONTEXTS + 1, n_values)
        self._n_seen = 0
        self._compiled: CompiledWalk | None = None
        if native is not None:
            self._compiled = CompiledWalk(native, self.known, self._missed, high, n_values)

    def run(self) -> None:
        """Go through all passes."""
        if self.is_swept:
            self._start(np.zeros(1, np.intp), 0)
            for side in sides_of(self.order.shape):
                self._pass(side, 0)
            return
        for channel, places in enumerate(starts_of(self.order)):
            self._start(places, channel)
        for surroundings in surroundings_along(self.order):
            self._pass(surroundings, surroundings.of.channel)

    def check_inside(self) -> None:
        """Raise FormatError where a number lies further outside the grid than a step may take."""
        beyond = np.array(self._steps, np.int64) // 2
        numbers = self.known.reshape(-1, self.order.n_channels, self.known.shape[1])
        least, most = numbers.min(axis=(0, 2)), numbers.max(axis=(0, 2))
        if (least < -beyond).any() or (most > self.high + beyond).any():
            raise FormatError("block of levels with a number that lies outside its grid")

    def _start(self, places: Indices, channel: int) -> None:
        """Code the start places: values, or each as its distance from the one before."""
        if self._compiled is not None:
            self._compiled.start(int(places[0]), self._steps[channel], self.start_class)
            return
        shape = (len(places), self.known.shape[1])
        if self.has_values:
            contexts = np.full(shape, N_CONTEXTS, np.int64)
            values = self.value(places, contexts).reshape(shape)
            self.known[places] = values * self._steps[0]
        else:
            self.known[places] = self.first(places, self._steps[channel])
        self._n_seen += self.known[places].size

    def _pass(self, surroundings: Surroundings | Side, channel: int) -> None:
        step, start = self._steps[channel], 0
        weights = None if self.has_values else self.weights(surroundings, step)
        if self._compiled is not None:
            self._compiled.code(surroundings, weights, step)
            return
        rule, shares = None, tuple[int, ...]()
        if weights is not None:
            rule, shares = surroundings.rule(weights.groups, self.high), weights.shares
        while start < surroundings.n_places:
            stop = self._end_of_part(surroundings, start)
            places = surroundings.places(start, stop)
            if rule is None:
                assert isinstance(surroundings, Surroundings)  # no values are swept
                contexts = self._contexts(surroundings, start, stop)
                self.known[places] = self.value(places, contexts) * step
            else:
                expected, scales = self._told(surroundings, start, stop, rule, shares, step)
                self._coded(places, expected, classes_of(scales), step)
            start = stop
            self._n_seen += len(places) * self.known.shape[1]

    def _end_of_part(self, surroundings: Surroundings | Side, start: int) -> int:
        """Return where a part ends: the places that are coded with the same tables."""
        at_once = min(max(self._n_seen // 4, LEAST_AT_ONCE), MOST_AT_ONCE)
        places = max(1, at_once // self.known.shape[1])
        return min(start + places, surroundings.end_of(start))

    def _cut(self, start: int, stop: int, n_own: int) -> Iterator[tuple[int, int]]:
        """Cut places into pieces of which all that is looked at around fits a cache."""
        at_once = max(1, IN_CACHE // (n_own * self.known.shape[1]))
        for first in range(start, stop, at_once):
            yield first, min(first + at_once, stop)

    def _contexts(self, surroundings: Surroundings, start: int, stop: int) -> Integers:
        """Return the contexts of values, `(m, n)`."""
        found, n_own = [], surroundings.n_looked_at
        for piece in self._cut(start, stop, n_own):
            near = surroundings.near(*piece, n_own=n_own)
            found.append(surroundings.around(near, self.known).contexts(self.high + 1))
        return _together(found)

    def _told(
        self,
        surroundings: Surroundings | Side,
        start: int,
        stop: int,
        rule: Rule,
        shares: tuple[int, ...],
        step: int,
    ) -> tuple[Integers, Integers]:
        """Return what is expected at places, and how far off in 64ths of a step, `(m, n)`."""
        expected, scales = [], []
        for piece in self._cut(start, stop, rule.n_own):
            near = surroundings.near(*piece, n_own=rule.n_own)
            around = surroundings.around(near, self.known)
            expected.append(around.predicted(rule, self.high))
            scales.append(around.scales(self._missed, shares, step))
        return _together(expected), _together(scales)

    def _coded(self, places: Indices, expected: Integers, classes: Integers, step: int) -> None:
        missed = self.residual(places, expected, classes, step)
        missed *= step
        limited(missed)
        expected += missed
        self.known[places] = limited(expected)
        self._missed[places] = np.abs(missed, out=missed)

    @abstractmethod
    def weights(self, surroundings: Surroundings | Side, step: int) -> Weights:
        """Return the weights of a pass."""

    @abstractmethod
    def first(self, places: Indices, step: int) -> Integers:
        """Code the numbers of start places, `(m, n)`."""

    @abstractmethod
    def residual(
        self, places: Indices, expected: Integers, classes: Integers, step: int
    ) -> Integers:
        """Code how many steps the numbers of places, `(m, n)`, lie from what is expected."""

    @abstractmethod
    def value(self, places: Indices, contexts: Integers) -> Integers:
        """Code the numbers of places, `(m, n)`, each in its context."""


@lru_cache(maxsize=64)
def starts_of(order: PassOrder) -> list[Indices]:
    """Return the start places, `(m,)` flat indices, of each channel."""
    return [order.places(each) for each in order.passes if each.is_start]


@lru_cache(maxsize=16)
def surroundings_along(order: PassOrder) -> list[Surroundings]:
    """Return the surroundings of all passes behind the start."""
    return [surroundings_of(order, each) for each in order.passes if not each.is_start]


def limited(numbers: Integers) -> Integers:
    """Move numbers no further from 0 than sums of many can be of, in place."""
    return clipped(numbers, -MOST, MOST)


def _together(pieces: list[Integers]) -> Integers:
    return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)
