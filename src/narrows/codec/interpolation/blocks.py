"""Blocks of levels -> signals."""

from __future__ import annotations

from contextlib import suppress
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.archive.exact_values import unpack_exact
from narrows.codec.interpolation.adaptive import Integers
from narrows.codec.interpolation.grid import Lossless
from narrows.codec.interpolation.layout import Plan, unpack_plan
from narrows.codec.interpolation.native.choice import native_levels
from narrows.codec.interpolation.native.refusal import RefusedError
from narrows.codec.interpolation.prediction import Surroundings, Weights
from narrows.codec.interpolation.streams import Streams
from narrows.codec.interpolation.sweep import Side
from narrows.codec.interpolation.symbols import StreamsReader
from narrows.codec.interpolation.walk import Walk, limited
from narrows.codec.levels.passes import Indices
from narrows.errors import FormatError


def unpack_levels(
    payload: bytes, n: int, frame_shape: tuple[int, ...], dtype: np.dtype[Any]
) -> npt.NDArray[Any]:
    """Decode n signals, `(n, *frame_shape)`; FormatError for a payload that no sender wrote.

    What compiled code refuses goes to Python, which refuses it too, and says why.
    """
    native, shape = native_levels(), (n, *frame_shape)
    if native is not None:
        with suppress(RefusedError):
            return unpacked(payload, shape, dtype, native)
    return unpacked(payload, shape, dtype)


def unpacked(
    payload: bytes, shape: tuple[int, ...], dtype: np.dtype[Any], native: Any = None
) -> npt.NDArray[Any]:
    """Decode signals `(n, *frame_shape)` by numpy, or by compiled code.

    Raises
    ------
    RefusedError
        For what compiled code leaves to numpy.
    FormatError
        As `unpack_levels` does.
    """
    plan, position = unpack_plan(payload, shape, dtype)
    exact = None
    if plan.has_exact:
        exact, end = unpack_exact(payload[position:], shape, dtype)
        position += end
    walk = Decoding(plan, shape, Streams.of(payload, position), native)
    walk.run()
    walk.check_inside()
    numbers = from_rows(walk.known, shape)
    low = _low_bits(plan, walk, shape)
    walk.check_end()
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


def _low_bits(plan: Plan, walk: Decoding, shape: tuple[int, ...]) -> Integers | None:
    """Return the bits that the numbers leave out, in the shape of the signals."""
    grid = plan.grids[0]
    if not isinstance(grid, Lossless) or not grid.low_bits or len(plan.grids) > 1:
        return None
    return walk.low(prod(shape), grid.low_bits).reshape(shape)


def to_rows(values: npt.NDArray[Any], size: int) -> npt.NDArray[Any]:
    """Lay a block out as `(size, frames)`, elements first."""
    return np.ascontiguousarray(values.reshape(-1, size).T)


def from_rows(rows: npt.NDArray[Any], shape: tuple[int, ...]) -> npt.NDArray[Any]:
    """Undo `to_rows`."""
    return np.ascontiguousarray(rows.T).reshape(shape)


class Decoding(Walk):
    """The numbers of a block, from its streams."""

    def __init__(self, plan: Plan, shape: tuple[int, ...], streams: Streams, native: Any) -> None:
        order, steps = plan.order(shape), plan.steps
        n_frames = prod(shape) // order.size
        super().__init__(
            order, n_frames, plan.high, steps, has_values=plan.has_values, is_swept=plan.is_swept,
            native=native,
        )  # fmt: skip
        self.start_class = plan.start_class
        self._rows = iter(plan.weights)
        if self._compiled is not None:
            self._compiled.read(streams)
        else:
            self._reader = StreamsReader(streams)

    def weights(self, surroundings: Surroundings | Side, step: int) -> Weights:
        """Return the weights of the next pass."""
        row = next(self._rows)
        if len(row.groups) > surroundings.n_weights:
            raise FormatError(f"block of levels with {len(row.groups)} weights in a pass")
        return row

    def first(self, places: Indices, step: int) -> Integers:
        """Take the distance of each start place from the one before it."""
        shape = (len(places), self.known.shape[1])
        classes = np.full(prod(shape), self.start_class)
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

    def low(self, n: int, width: int) -> Integers:
        """Take so many low bits of each of n values."""
        if self._compiled is None:
            return self._reader.low(np.full(n, width))
        values = np.empty(n, np.int64)
        self._compiled.low(values, width)
        return values

    def check_end(self) -> None:
        """Refuse streams that go on."""
        (self._compiled or self._reader).check_end()
