"""Signals a block at a time, so that memory does not grow with the file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from narrows.errors import DataError
from narrows.signals.checks import check_signals
from narrows.signals.formats.numpy_files import read_npy_header

Signals = npt.NDArray[Any]


@dataclass(frozen=True)
class ArraySource:
    """Blocks of an array; one that is mapped from a file is read, not mapped page by page.

    Reading keeps the process small: mapped pages would count as its memory until they are
    needed elsewhere.
    """

    array: Signals

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of all signals, (n, *frame_shape)."""
        return self.array.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the signals."""
        return self.array.dtype

    def blocks(self, size: int) -> Iterator[Signals]:
        """Give `(at most size, *frame_shape)` signals at a time."""
        x = self.array
        for start in range(0, len(x), size):
            rows = x[start : start + size]
            yield _read_rows(x, start, rows.shape) if _is_plainly_mapped(x) else rows


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


class NpyPipe:
    """Blocks of a `.npy` that comes through a pipe.

    Parameters
    ----------
    stream : binary stream
        At its start; it need not seek.

    Raises
    ------
    DataError
        If it is no `.npy` of signals, in C order.
    """

    def __init__(self, stream: BinaryIO) -> None:
        header = read_npy_header(stream, "standard input")
        if header.order != "C":
            raise DataError("standard input is .npy in Fortran order; save it in C order")
        self._stream = stream
        self._header = header
        self.shape = header.shape
        self.dtype = header.dtype.newbyteorder("=")
        sample = np.empty((min(1, *self.shape[:1]), *self.shape[1:]), self.dtype)
        check_signals(sample, name="standard input", allow_empty=True)

    def blocks(self, size: int) -> Iterator[Signals]:
        """Give `(at most size, *frame_shape)` signals at a time, once."""
        frame_bytes = prod(self.shape[1:]) * self.dtype.itemsize
        for start in range(0, self.shape[0], size):
            n = min(size, self.shape[0] - start)
            data = _read_exactly(self._stream, n * frame_bytes)
            rows = np.frombuffer(data, self._header.dtype).reshape(n, *self.shape[1:])
            yield rows.astype(self.dtype, copy=False)
        if self._stream.read(1):
            raise DataError("standard input goes on after the signals its header announces")


def _read_exactly(stream: BinaryIO, size: int) -> bytes:
    parts, missing = [], size
    while missing and (part := stream.read(missing)):
        parts.append(part)
        missing -= len(part)
    if missing:
        raise DataError(f"standard input ended {missing} bytes before the signals it announced")
    return b"".join(parts)
