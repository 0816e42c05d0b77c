"""What signals are read from: a source, a block at a time, so that memory does not grow with it.

A `Source` has a shape and a dtype and is read once from front to back, such as a pipe (`NpyPipe`
in `formats.npy_streams`). A `StoredSource` can be read again, any rows of it: an array
(`ArraySource`), a file whose parts are read as they are needed (`FileSource`), or the frames of
recordings and large arrays (`frames.Frames`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from narrows.errors import DataError

Signals = npt.NDArray[Any]
Axes = Literal["signals", "rows", "time", "picture", "field"]
"""(n, *frame_shape), or (length, few channels) | (n, *frame_shape) | (length, ...) |
(height, width[, channels]) | (any axes)"""
Attributes = Mapping[str, Any]
"""What a file says of its numbers, as JSON values by name: a sample rate, names of columns."""


class Source(Protocol):
    """Signals that can be read once, in order."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of all signals, (n, *frame_shape)."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the signals, in native byte order."""

    def blocks(self, size: int) -> Iterator[Signals]:
        """Yield `(at most size, *frame_shape)` signals at a time."""


class StoredSource(Source, Protocol):
    """Signals that can be read again, in any order."""

    @property
    def attributes(self) -> Attributes:
        """What comes with the numbers, kept in the archive and written back."""

    def part(self, start: int, stop: int) -> Signals:
        """Return rows `start` to `stop`; do not write to them."""

    def rows(self, indices: npt.NDArray[np.intp]) -> Signals:
        """Return a copy of `(len(indices), *frame_shape)` signals, as a batch needs them."""

    def read(self) -> Signals:
        """Return all signals at once; do not write to them."""


@dataclass(frozen=True)
class ArraySource:
    """The signals of an array; blocks of one that is mapped from a file are read, not mapped.

    Reading keeps the process small: mapped pages would count as its memory until they are
    needed elsewhere.
    """

    array: Signals
    attributes: Attributes = field(default_factory=dict)
    axes: Axes | None = None
    """What the axes are, where it is not what the format says."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the array."""
        return self.array.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the array."""
        return self.array.dtype

    def blocks(self, size: int) -> Iterator[Signals]:
        """Yield `(at most size, *frame_shape)` signals at a time."""
        for start in range(0, len(self.array), size):
            yield self.part(start, start + size)

    def part(self, start: int, stop: int) -> Signals:
        """Return some rows of the array."""
        x = self.array
        rows = x[start:stop]
        return _read_rows(x, start, rows.shape) if _is_plainly_mapped(x) else rows

    def rows(self, indices: npt.NDArray[np.intp]) -> Signals:
        """Return a copy of some rows of the array."""
        x = self.array
        return _read_each(x, indices) if _is_plainly_mapped(x) else np.array(x[indices])

    def read(self) -> Signals:
        """Return the array itself."""
        return self.array


@dataclass(frozen=True)
class FileSource:
    """The numbers of a file, read where they are needed: all that a format has to give."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    read_part: Callable[[int, int], Signals]
    """Read rows `start` to `stop`, both within the shape, in the dtype and C order."""
    attributes: Attributes = field(default_factory=dict)

    def blocks(self, size: int) -> Iterator[Signals]:
        """Yield `(at most size, ...)` rows at a time."""
        for start in range(0, self.shape[0], size):
            yield self.part(start, start + size)

    def part(self, start: int, stop: int) -> Signals:
        """Read rows `start` to `stop`."""
        stop = min(stop, self.shape[0])
        return self.read_part(min(start, stop), stop)

    def rows(self, indices: npt.NDArray[np.intp]) -> Signals:
        """Read rows one by one."""
        out = np.empty((len(indices), *self.shape[1:]), self.dtype)
        for row, index in zip(out, indices.tolist(), strict=True):
            row[...] = self.part(index, index + 1)[0]
        return out

    def read(self) -> Signals:
        """Read all."""
        return self.part(0, self.shape[0])


def drawn(n: int, most: int, seed: int) -> npt.NDArray[np.intp]:
    """Draw numbers below `n`, rising, spread over all: one of each of `most` equal parts."""
    most = min(n, most)
    ends = np.arange(most + 1) * n // max(most, 1)
    return np.random.default_rng([seed, n, most]).integers(ends[:-1], ends[1:])


def _is_plainly_mapped(x: Signals) -> bool:
    whole = isinstance(x, np.memmap) and x.filename is not None
    return whole and x.flags.c_contiguous and not isinstance(x.base, np.memmap)


def _read_rows(x: Signals, start: int, shape: tuple[int, ...]) -> Signals:
    assert isinstance(x, np.memmap)
    assert x.filename is not None
    offset = x.offset + start * prod(shape[1:]) * x.itemsize
    rows = np.fromfile(x.filename, x.dtype, prod(shape), offset=offset)
    if rows.size < prod(shape):
        raise _shorter(x)
    return rows.reshape(shape)


def _read_each(x: Signals, indices: npt.NDArray[np.intp]) -> Signals:
    """Read single rows of a mapped array from its file."""
    assert isinstance(x, np.memmap)
    assert x.filename is not None
    out = np.empty((len(indices), *x.shape[1:]), x.dtype)
    flat = out.reshape(len(indices), -1).view(np.uint8)
    with open(x.filename, "rb") as stream:
        for row, index in zip(flat, indices.tolist(), strict=True):
            stream.seek(x.offset + range(len(x))[index] * len(row))
            if stream.readinto(row.data) < len(row):
                raise _shorter(x)
    return out


def _shorter(x: np.memmap[Any, Any]) -> DataError:
    return DataError(f"{x.filename} became shorter while it was being read")
