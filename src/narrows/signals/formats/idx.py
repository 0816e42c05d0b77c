"""IDX files: the format of MNIST (LeCun, Cortes, Burges 1998).

Two zero bytes, a type byte, the number of axes in a byte, the length of each axis in four bytes,
then the elements, last axis fastest. All numbers are big-endian.
"""

from __future__ import annotations

import math
import struct
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from narrows.errors import DataError
from narrows.signals.formats.contract import Format
from narrows.signals.formats.damage import check_length, damage_named
from narrows.signals.source import ArraySource

_DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_CODES = {np.dtype(big).newbyteorder("="): code for code, big in _DTYPES.items()}
_LONGEST_AXIS = 2**32 - 1


def is_idx(head: bytes) -> bool:
    """Return whether the first four bytes of a file are those of IDX."""
    return len(head) >= 4 and head[:2] == b"\0\0" and head[2] in _DTYPES


def write_idx(stream: BinaryIO, array: npt.NDArray[Any]) -> None:
    """Write an array as IDX.

    Raises
    ------
    DataError
        If IDX has no such type of numbers (uint16), or an axis is 2**32 or longer.
    """
    if array.dtype not in _CODES:
        known = ", ".join(dtype.name for dtype in _CODES)
        raise DataError(f"IDX cannot hold {array.dtype.name}, only {known}; write .npy instead")
    if max(array.shape) > _LONGEST_AXIS:
        raise DataError(
            f"IDX cannot hold shape {array.shape}: every axis must be shorter than 2**32"
        )
    stream.write(struct.pack(">HBB", 0, _CODES[array.dtype], array.ndim))
    stream.write(struct.pack(f">{array.ndim}I", *array.shape))
    stream.write(np.ascontiguousarray(array, array.dtype.newbyteorder(">")).data)


def open_idx(path: Path, member: str | None = None) -> ArraySource:
    """Open an IDX file, mapped into memory where its numbers are bytes.

    Raises
    ------
    DataError
        If the file is damaged, or longer or shorter than its header says.
    """
    with damage_named(path, "IDX"):
        with path.open("rb") as stream:
            dtype, shape = read_idx_header(stream)
            offset = stream.tell()
        n_bytes = math.prod(shape) * dtype.itemsize
        check_length(path.stat().st_size - offset, n_bytes)
        if n_bytes == 0:
            return as_source(np.empty(shape, dtype))
        return as_source(np.memmap(path, dtype, mode="r", offset=offset, shape=shape))


def read_idx_header(stream: Any) -> tuple[np.dtype[Any], tuple[int, ...]]:
    """Read the big-endian type of the elements and the shape."""
    _, code, n_axes = struct.unpack(">HBB", stream.read(4))
    return np.dtype(_DTYPES[code]), struct.unpack(f">{n_axes}I", stream.read(4 * n_axes))


def as_source(elements: npt.NDArray[Any]) -> ArraySource:
    """Return big-endian elements in native byte order; bytes are not copied."""
    return ArraySource(elements.astype(elements.dtype.newbyteorder("="), copy=False))


IDX = Format("IDX", lambda head, path: is_idx(head), open_idx, ".idx", write_idx)
