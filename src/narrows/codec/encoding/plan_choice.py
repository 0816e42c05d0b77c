"""Which order, axes and symbols suit the numbers of a block: tried on boxes of it.

Two boxes of some 32,000 elements stand for a block, each with all of its shortest axes: pieces that
are cut along these, or many small ones, tell levels and fronts, and 2 and 3 axes, apart less well.
"""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from narrows.codec.encoding.interpolation import Packed, pack_levels
from narrows.codec.interpolation.grid import Decimals, Lossless, Whole
from narrows.codec.interpolation.layout import MAX_ELEMENTS, MAX_VALUES, Grid, Plan, pack_plan
from narrows.codec.interpolation.sweep import MAX_FRONTS, n_fronts
from narrows.codec.levels.passes import MAX_AXES

MAX_CHANNELS = 4  # of a last axis that nobody has said to be one of channels
BOX = 1 << 15  # elements
PLACES = ((0.25, 0.75, 0.25), (0.75, 0.25, 0.75))
"""Where each box lies along the last axes, from 0 to 1."""
CLOSE = 1.02  # between estimates so near, all of a block decides,
NOISE = 0.5  # but not of what takes more of its bytes than this: noise takes as much in any way
SLOW = 1.2  # times the least bytes: a sample says so much too many of values
LEAST_FRONT = 64  # elements on average: smaller ones take long

Signals = npt.NDArray[Any]
Mask = npt.NDArray[np.bool_]


class Numbers(NamedTuple):
    """A block on grids: where its elements lie, and which come back anyway."""

    grids: tuple[Grid, ...]
    wanted: npt.NDArray[Any]
    high: int
    exact: Mask | None

    def of_boxes(self, boxes: list[tuple[slice, ...]]) -> Numbers:
        """Return what is of some boxes of one size, which then lie along a new first axis."""
        exact = None if self.exact is None else _stacked(self.exact, boxes)
        return Numbers(self.grids, _stacked(self.wanted, boxes), self.high, exact)


def smallest(x: Signals, numbers: Numbers) -> Packed:
    """Code a block by the axes, the order and the symbols that take the fewest bytes of a sample.

    Levels are tried along the axes that there are, then fronts along the best of these.
    """
    ways, laid = _ways(numbers), layouts(x.shape, len(numbers.grids))
    is_only = len(ways) * len(laid) == 1 and laid[0][0] == 1  # along one axis there are no fronts
    boxes = [] if is_only else boxes_of(x.shape, has_channels=laid[0][1])
    choice = _Choice(x, numbers, boxes)
    for axes, has_channels in laid:
        for has_values in ways:
            choice.offer(Plan(axes, has_channels, numbers.grids, numbers.high, has_values))
        ways = (choice.best.has_values,)
    swept = replace(choice.best, has_values=False, is_swept=True)
    if _may_be_swept(swept, x.shape):
        choice.offer(swept)
    return choice.packed()


class _Choice:
    """The best of the plans that were offered.

    Parameters
    ----------
    x : (n, *frame_shape)
    numbers : Numbers
    boxes : list of tuple of slice
        The sample; none for all of the block.
    """

    def __init__(self, x: Signals, numbers: Numbers, boxes: list[tuple[slice, ...]]) -> None:
        self._x, self._numbers, self._boxes = x, numbers, boxes
        self._sizes: dict[Plan, float] = {}
        self._packed: dict[Plan, Packed] = {}

    @property
    def best(self) -> Plan:
        """The plan that takes the fewest bytes."""
        return min(self._sizes, key=self._sizes.__getitem__)

    def offer(self, plan: Plan) -> None:
        """Estimate the bytes that the block takes with a plan."""
        if self._boxes:
            self._sizes[plan] = self._estimated(plan)
        else:
            self._code(plan)

    def packed(self) -> Packed:
        """Code the block with the best plan, and the next where a sample hardly tells them apart.

        Tables of values are slow to learn: of a long block these take up to a sixth less than a
        sample says, so where they may be the best all of the block is coded by them.
        """
        sizes = self._sizes
        values = min(filter(_has_values, sizes), default=None, key=sizes.__getitem__)
        if values is not None and sizes[values] < SLOW * sizes[self.best]:
            self._code(values)
        ranked = sorted(sizes, key=sizes.__getitem__)[:2]
        is_close = sizes[ranked[-1]] < CLOSE * sizes[ranked[0]] < CLOSE * NOISE * self._x.nbytes
        for plan in ranked if is_close else ranked[:1]:
            self._code(plan)
        return self._packed[min(self._packed, key=sizes.__getitem__)]

    def _code(self, plan: Plan) -> None:
        if plan not in self._packed:
            self._packed[plan] = self._coded(plan, [])
            self._sizes[plan] = len(self._packed[plan].payload(None))

    def _estimated(self, plan: Plan) -> float:
        """Estimate bytes by those of the sample, which the block is so many times as long as."""
        packed = self._coded(plan, self._boxes)
        times = self._x.size / packed.signals.size
        return len(pack_plan(packed.plan)) + len(packed.streams) * times

    def _coded(self, plan: Plan, boxes: list[tuple[slice, ...]]) -> Packed:
        """Code boxes of the block, or without any all of it."""
        x, numbers = self._x, self._numbers
        if boxes:
            x, numbers = _stacked(x, boxes), numbers.of_boxes(boxes)
        return pack_levels(x, plan, numbers.wanted, numbers.exact)


def _has_values(plan: Plan) -> bool:
    return plan.has_values


def boxes_of(shape: tuple[int, ...], has_channels: bool) -> list[tuple[slice, ...]]:
    """Return boxes that stand for a block `(n, *frame_shape)`; none where they were most of it."""
    sides = _sides(shape, has_channels)
    if len(PLACES) * prod(sides) >= prod(shape):
        return []
    end = len(shape) - has_channels
    boxes = []
    for places in PLACES:
        starts = [
            round(places[(axis - end) % MAX_AXES] * (size - side)) if axis < end else 0
            for axis, (size, side) in enumerate(zip(shape, sides, strict=True))
        ]
        boxes.append(tuple(slice(at, at + side) for at, side in zip(starts, sides, strict=True)))
    return boxes


def _sides(shape: tuple[int, ...], has_channels: bool) -> list[int]:
    """Return the sides of a box: alike along the last axes, but shorter ones whole."""
    end = len(shape) - has_channels
    left, sides = float(BOX), [1] * end + list(shape[end:])
    left /= prod(sides)
    last = sorted(range(max(0, end - MAX_AXES), end), key=lambda axis: shape[axis])
    for number, axis in enumerate(last):
        alike = max(1, round(left ** (1 / (len(last) - number))))
        is_whole = number < len(last) - 1 and shape[axis] <= 2 * alike
        sides[axis] = shape[axis] if is_whole else min(shape[axis], alike)
        left = max(1.0, left / sides[axis])
    for axis in reversed(range(max(0, end - MAX_AXES))):
        sides[axis] = min(shape[axis], int(left))
        left = max(1.0, left / sides[axis])
    return sides


def _stacked(x: npt.NDArray[Any], boxes: list[tuple[slice, ...]]) -> npt.NDArray[Any]:
    return np.stack([x[box] for box in boxes])


def _may_be_swept(plan: Plan, shape: tuple[int, ...]) -> bool:
    """Tell whether an array is coded in the order of fronts in a time like that of levels."""
    if plan.has_channels or len(plan.grids) > 1:
        return False
    grid = replace(plan, is_swept=False).order(shape).shape  # of a plan that may be refused
    few = n_fronts(grid)
    return len(grid) > 1 and few <= MAX_FRONTS and prod(shape) >= LEAST_FRONT * few


def _ways(numbers: Numbers) -> tuple[bool, ...]:
    """Return whether values may be coded as they are, beside distances."""
    grid = numbers.grids[0]
    is_exact = isinstance(grid, Decimals | Whole) or (
        isinstance(grid, Lossless) and not grid.low_bits
    )
    is_small = len(numbers.grids) == 1 and is_exact and numbers.high < MAX_VALUES
    return (False, True) if is_small else (False,)


def layouts(shape: tuple[int, ...], n_channels: int) -> list[tuple[int, bool]]:
    """Return the ways to lay a block `(n, *frame_shape)` out: axes of the grid, and channels.

    The axis of the signals may be one of the grid's: the windows of a recording, planes of a field.
    """
    is_short = len(shape) > 1 and shape[-1] <= MAX_CHANNELS
    has_channels = n_channels > 1 or (is_short and prod(shape[:-1]) > 2 * shape[-1])
    rest = len(shape) - has_channels
    apart = min(MAX_AXES, rest - 1)
    ways = [(apart, has_channels)] if apart else []
    if rest <= MAX_AXES and (shape[0] > 1 or not apart) and prod(shape) <= MAX_ELEMENTS:
        ways.append((rest, has_channels))
    return ways
