"""`.npy` a block at a time: read from a pipe, written where the number of signals is not known."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from narrows.errors import DataError
from narrows.signals.checks import check_dtype, check_shape
from narrows.signals.formats.npy import read_npy_header
from narrows.signals.source import Signals


class NpyPipe:
    """Blocks of a `.npy` that comes through a pipe.

    Parameters
    ----------
    stream : binary stream
        At its start; it need not seek.
    name : str
        What error messages call it.

    Raises
    ------
    DataError
        If it is no `.npy` of signals, in C order.
    """

    def __init__(self, stream: BinaryIO, name: str) -> None:
        header = read_npy_header(stream, name)
        if header.order != "C":
            raise DataError(f"{name} is .npy in Fortran order; save it in C order")
        self._stream, self._name = stream, name
        self._header = header
        self.shape = header.shape
        self.dtype = header.dtype.newbyteorder("=")
        check_dtype(self.dtype, name)
        check_shape(self.shape, name, allow_empty=True)

    def blocks(self, size: int) -> Iterator[Signals]:
        """Yield `(at most size, *frame_shape)` signals at a time, once."""
        frame_bytes = prod(self.shape[1:]) * self.dtype.itemsize
        for start in range(0, self.shape[0], size):
            n = min(size, self.shape[0] - start)
            data = _read_exactly(self._stream, n * frame_bytes, self._name)
            rows = np.frombuffer(data, self._header.dtype).reshape(n, *self.shape[1:])
            yield rows.astype(self.dtype, copy=False)
        if self._stream.read(1):
            raise DataError(f"{self._name} goes on after the signals its header announces")


def _read_exactly(stream: BinaryIO, size: int, name: str) -> bytes:
    parts, missing = [], size
    while missing and (part := stream.read(missing)):
        parts.append(part)
        missing -= len(part)
    if missing:
        raise DataError(f"{name} ended {missing} bytes before the signals it announced")
    return b"".join(parts)


class NpyWriter:
    """Writes a `.npy` a block at a time; the number of signals is filled in at the end.

    Parameters
    ----------
    stream : binary file
        It must seek, unless `n_signals` is right.
    frame_shape : tuple of int
    dtype : numpy dtype
    n_signals : int, default 0
        What the header says until `close`.
    """

    def __init__(
        self,
        stream: BinaryIO,
        frame_shape: tuple[int, ...],
        dtype: np.dtype[Any],
        n_signals: int = 0,
    ) -> None:
        self._stream = stream
        self._frame_shape = frame_shape
        self._dtype = dtype
        self._announced = n_signals
        self.n_signals = 0
        self._write_header(n_signals)

    def write(self, signals: npt.NDArray[Any]) -> None:
        """Append `(n, *frame_shape)` signals."""
        self._stream.write(np.ascontiguousarray(signals, dtype=self._dtype).data)
        self.n_signals += len(signals)

    def close(self) -> None:
        """Set the number of signals right; the stream stays open."""
        if self.n_signals != self._announced:
            self._stream.seek(0)
            self._write_header(self.n_signals)  # numpy pads it, so that any number fits
            self._stream.seek(0, 2)

    def _write_header(self, n_signals: int) -> None:
        fields = {
            "descr": np.lib.format.dtype_to_descr(self._dtype),
            "fortran_order": False,
            "shape": (n_signals, *self._frame_shape),
        }
        np.lib.format.write_array_header_1_0(self._stream, fields)
