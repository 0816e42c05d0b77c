"""Frames of what a decoder gives, and their errors, in compiled code: the output end of a network.

The same as `Normaliser.from_integers` and `narrows.codec.encoding.costs.errors`, bit by bit.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.networks.backend import Array, Shape
from narrows.codec.networks.normaliser import Normaliser
from narrows.element_types import ends_of

Floats = npt.NDArray[np.float64]

TYPES = tuple(map(np.dtype, ("uint8", "int8", "uint16", "int16", "float32")))
"""In the order of `native/program.h`; frames of others are left to numpy."""

FARTHEST = 2.0**40
"""Largest offset of integer types: compiled code rounds down exactly below 2**51 alone."""


def fits(normaliser: Normaliser) -> bool:
    """Return whether compiled code makes the frames of a normaliser."""
    is_near = np.abs(normaliser.output_offset).max() <= FARTHEST
    return normaliser.dtype in TYPES and bool(is_near or normaliser.dtype.kind == "f")


class CompiledFrames:
    """The output end of a normaliser, at one level of this processor.

    Parameters
    ----------
    normaliser : Normaliser
        That `fits` accepts.
    shape : tuple of int
        Of a frame.
    native : module
        `narrows.codec._native`.
    level : str
    """

    def __init__(self, normaliser: Normaliser, shape: Shape, native: Any, level: str) -> None:
        self._native, self._shape, self._dtype = native, shape, normaliser.dtype
        least, largest = ends_of(normaliser.dtype)
        self._ends = level, TYPES.index(normaliser.dtype), float(least), float(largest)
        self._line = (
            self._over_frame(normaliser.slope),
            self._over_frame(normaliser.output_offset),
        )

    def _over_frame(self, values: float | npt.ArrayLike) -> Floats:
        """Return one number, or those of channels, for each element of a frame."""
        spread = np.broadcast_to(np.asarray(values, np.float64), self._shape)
        return np.ascontiguousarray(spread).reshape(prod(self._shape))

    def from_integers(self, y: Array) -> npt.NDArray[Any]:
        """Convert `(n, *frame_shape)` integers, as floats, to frames."""
        out = np.empty((len(y), *self._shape), self._dtype)
        self._native.frames(*self._ends, (*self._line, _floats(y), out))
        return out

    def errors_by(self, units: float | npt.ArrayLike, limit: float) -> CompiledErrors:
        """Prepare errors in whole units, one number or one a channel, of at most `limit`."""
        return CompiledErrors(self, self._over_frame(units), limit)

    def write_errors(
        self, y: Array, x: npt.NDArray[Any], units: Floats, limit: float, e: Floats | None
    ) -> Floats:
        """Write the `(n, size)` errors of integers beside frames; return their squares' sums."""
        squares = np.empty(len(y))
        x = np.ascontiguousarray(x)
        arrays = (*self._line, _floats(y), x, units, squares, e)
        self._native.frame_errors(*self._ends, limit, arrays)
        return squares


class CompiledErrors:
    """Errors of what a decoder gives, beside the frames that it should give; see `errors_by`."""

    def __init__(self, frames: CompiledFrames, units: Floats, limit: float) -> None:
        self._frames, self._units, self._limit = frames, units, limit

    def errors(self, y: Array, x: npt.NDArray[Any]) -> tuple[Floats, Floats]:
        """Compute the `(n, size)` errors of `(n, *frame_shape)` integers, and `squares`."""
        e = np.empty((len(y), self._units.size))
        return e, self._frames.write_errors(y, x, self._units, self._limit, e)

    def squares(self, y: Array, x: npt.NDArray[Any]) -> Floats:
        """Sum the squared errors of integers beside frames `x`, `(n,)`, exactly."""
        return self._frames.write_errors(y, x, self._units, self._limit, None)


def _floats(y: Array) -> Array:
    """Return numbers that lie together, of float32 or float64."""
    y = np.ascontiguousarray(y)
    return y if y.dtype in (np.float32, np.float64) else y.astype(np.float64)
