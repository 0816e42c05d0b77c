"""Blocks of levels -> signals."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.archive.exact_values import unpack_exact
from narrows.codec.interpolation.adaptive import Integers
from narrows.codec.interpolation.grid import Lossless
from narrows.codec.interpolation.layout import Plan, unpack_plan
from narrows.codec.interpolation.prediction import Surroundings, Weights
from narrows.codec.interpolation.sweep import Side
from narrows.codec.interpolation.symbols import StreamsReader
from narrows.codec.interpolation.walk import Walk, limited
from narrows.codec.levels.passes import Indices
from narrows.errors import FormatError


def unpack_levels(
    payload: bytes, n: int, frame_shape: tuple[int, ...], dtype: np.dtype[Any]
) -> npt.NDArray[Any]:
    """Decode n signals, `(n, *frame_shape)`; FormatError for a payload that no sender wrote."""
    shape = (n, *frame_shape)
    plan, position = unpack_plan(payload, shape, dtype)
    exact = None
    if plan.has_exact:
        exact, end = unpack_exact(payload[position:], shape, dtype)
        position += end
    reader = StreamsReader(payload, position)
    walk = Decoding(plan, shape, reader)
    walk.run()
    walk.check_inside()
    numbers = from_rows(walk.known, shape)
    low = _low_bits(plan, reader, shape)
    reader.check_end()
    signals = values_of(plan, numbers, low, dtype)
    if exact is not None:
        exact.put_into(signals)
    return signals


def values_of(
    plan: Plan, numbers: Integers, low: Integers | None, dtype: np.dtype[Any]
) -> npt.NDArray[Any]:
    """Return the signals that numbers of a plan's grids are, in their shape."""
    if len(plan.grids) == 1:
        return _of_grid(plan.grids[0], numbers, low, dtype)
    channels = (
        _of_grid(grid, numbers[..., channel], None, dtype)
        for channel, grid in enumerate(plan.grids)
    )
    return np.stack(list(channels), axis=-1)


def _of_grid(
    grid: Any, numbers: Integers, low: Integers | None, dtype: np.dtype[Any]
) -> npt.NDArray[Any]:
    if isinstance(grid, Lossless):
        zeros = np.zeros_like(numbers) if low is None else low
        return grid.values(numbers, zeros, dtype)
    values: npt.NDArray[Any] = grid.values(numbers, dtype)
    return values


def _low_bits(plan: Plan, reader: StreamsReader, shape: tuple[int, ...]) -> Integers | None:
    """Return the bits that the numbers leave out, in the shape of the signals."""
    grid = plan.grids[0]
    if not isinstance(grid, Lossless) or not grid.low_bits or len(plan.grids) > 1:
        return None
    return reader.low(np.full(prod(shape), grid.low_bits)).reshape(shape)


def to_rows(values: npt.NDArray[Any], size: int) -> npt.NDArray[Any]:
    """Lay a block out as `(size, frames)`, elements first."""
    return np.ascontiguousarray(values.reshape(-1, size).T)


def from_rows(rows: npt.NDArray[Any], shape: tuple[int, ...]) -> npt.NDArray[Any]:
    """Undo `to_rows`."""
    return np.ascontiguousarray(rows.T).reshape(shape)


class Decoding(Walk):
    """The numbers of a block, from its streams."""

    def __init__(self, plan: Plan, shape: tuple[int, ...], reader: StreamsReader) -> None:
        order, steps = plan.order(shape), plan.steps
        n_frames = prod(shape) // order.size
        super().__init__(
            order, n_frames, plan.high, steps, has_values=plan.has_values, is_swept=plan.is_swept
        )
        self._reader, self._plan = reader, plan
        self._rows = iter(plan.weights)

    def weights(self, surroundings: Surroundings | Side, step: int) -> Weights:
        """Return the weights of the next pass."""
        row = next(self._rows)
        if len(row.groups) > surroundings.n_weights:
            raise FormatError(f"block of levels with {len(row.groups)} weights in a pass")
        return row

    def first(self, places: Indices, step: int) -> Integers:
        """Take the distance of each start place from the one before it."""
        shape = (len(places), self.known.shape[1])
        classes = np.full(prod(shape), self._plan.start_class)
        distances = self._reader.residuals(classes, self._residuals)
        return limited(np.cumsum(distances) * step).reshape(shape)

    def residual(
        self, places: Indices, expected: Integers, classes: Integers, step: int
    ) -> Integers:
        """Take the steps between numbers and what is expected."""
        steps = self._reader.residuals(classes.reshape(-1), self._residuals)
        return steps.reshape(expected.shape)

    def value(self, places: Indices, contexts: Integers) -> Integers:
        """Take the numbers themselves."""
        values = self._reader.entries(contexts.reshape(-1), self._values)
        return values.reshape(contexts.shape)
