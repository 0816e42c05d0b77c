"""What signals are read from: a source, a block at a time, so that memory does not grow with it.

A `Source` has a shape and a dtype and is read once from front to back, such as a pipe (`NpyPipe`
in `formats.npy_streams`). A `StoredSource` can be read again, any rows of it: a file, a known set
or an array (`ArraySource`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from narrows.errors import DataError

Signals = npt.NDArray[Any]


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

    def rows(self, indices: npt.NDArray[np.intp]) -> Signals:
        """Return `(len(indices), *frame_shape)` signals, as a batch of a training needs them."""

    def read(self) -> Signals:
        """Return all signals at once; do not write to them."""


@dataclass(frozen=True)
class ArraySource:
    """The signals of an array; blocks of one that is mapped from a file are read, not mapped.

    Reading keeps the process small: mapped pages would count as its memory until they are
    needed elsewhere.
    """

    array: Signals

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
        x = self.array
        for start in range(0, len(x), size):
            rows = x[start : start + size]
            yield _read_rows(x, start, rows.shape) if _is_plainly_mapped(x) else rows

    def rows(self, indices: npt.NDArray[np.intp]) -> Signals:
        """Return a copy of some rows of the array."""
        return np.array(self.array[indices])

    def read(self) -> Signals:
        """Return the array itself."""
        return self.array


def _is_plainly_mapped(x: Signals) -> bool:
    whole = isinstance(x, np.memmap) and x.filename is not None
    return whole and x.flags.c_contiguous and not isinstance(x.base, np.memmap)


def _read_rows(x: Signals, start: int, shape: tuple[int, ...]) -> Signals:
    assert isinstance(x, np.memmap)
    assert x.filename is not None
    offset = x.offset + start * prod(shape[1:]) * x.itemsize
    rows = np.fromfile(x.filename, x.dtype, prod(shape), offset=offset)
    if rows.size < prod(shape):
        raise DataError(f"{x.filename} became shorter while it was being read")
    return rows.reshape(shape)
