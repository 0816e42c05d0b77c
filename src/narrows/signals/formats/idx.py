"""IDX files, plain or gzipped: the format of MNIST (LeCun, Cortes, Burges 1998).

Two zero bytes, a type byte, the number of axes in a byte, the length of each axis in four bytes,
then the elements, last axis fastest. All numbers are big-endian.
"""

from __future__ import annotations

import gzip
import math
import struct
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from narrows.errors import DataError
from narrows.signals.damage import check_length, damage_named

GZIP_MAGIC = b"\x1f\x8b"
_DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_CODES = {np.dtype(big).newbyteorder("="): code for code, big in _DTYPES.items()}
_LONGEST_AXIS = 2**32 - 1
_LARGEST_GZIP_RATIO = 1032  # deflate: at most 258 bytes from two bits


def is_idx(head: bytes) -> bool:
    """Tell whether the first four bytes of a file are those of IDX."""
    return len(head) >= 4 and head[:2] == b"\0\0" and head[2] in _DTYPES


def write_idx(stream: BinaryIO, array: npt.NDArray[Any]) -> None:
    """Write an array as plain IDX.

    Raises
    ------
    DataError
        If IDX has no such type of numbers (uint16), or an axis is 2**32 or longer.
    """
    if array.dtype not in _CODES:
        known = ", ".join(dtype.name for dtype in _CODES)
        raise DataError(f"IDX cannot hold {array.dtype.name}, only {known}; write .npy instead")
    if max(array.shape) > _LONGEST_AXIS:
        raise DataError(f"IDX cannot hold shape {array.shape}: an axis ends below 2**32")
    stream.write(struct.pack(">HBB", 0, _CODES[array.dtype], array.ndim))
    stream.write(struct.pack(f">{array.ndim}I", *array.shape))
    stream.write(np.ascontiguousarray(array, array.dtype.newbyteorder(">")).data)


def write_gzipped_idx(stream: BinaryIO, array: npt.NDArray[Any]) -> None:
    """Write an array as gzipped IDX, without a time stamp: equal arrays give equal bytes."""
    with gzip.GzipFile("", "wb", compresslevel=6, fileobj=stream, mtime=0) as packed:
        write_idx(packed, array)  # type: ignore[arg-type]


def read_idx(path: Path) -> npt.NDArray[Any]:
    """Read an IDX file, mapped into memory where it is neither gzipped nor swapped.

    Parameters
    ----------
    path : Path
        The file, plain or gzipped.

    Returns
    -------
    (*shape), one of IDX's six types in native byte order
        Read-only, or a copy.

    Raises
    ------
    DataError
        If the file is damaged, or longer or shorter than its header says.
    """
    with damage_named(path, "IDX"):
        is_gzipped = _begins_gzipped(path)
        elements = _unpack(path) if is_gzipped else _map(path)
        return elements.astype(elements.dtype.newbyteorder("="), copy=False)


def _begins_gzipped(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(2) == GZIP_MAGIC


def _read_header(stream: Any, path: Path) -> tuple[np.dtype[Any], tuple[int, ...]]:
    head = stream.read(4)
    if not is_idx(head):
        raise DataError(
            f"{str(path)!r} is gzip but not gzipped IDX: its content begins with {head!r}; "
            "if that is .npy or .npz, unpack it first: gunzip FILE"
        )
    n_axes = head[3]
    return np.dtype(_DTYPES[head[2]]), struct.unpack(f">{n_axes}I", stream.read(4 * n_axes))


def _map(path: Path) -> npt.NDArray[Any]:
    with path.open("rb") as stream:
        dtype, shape = _read_header(stream, path)
        offset = stream.tell()
    n_bytes = math.prod(shape) * dtype.itemsize
    check_length(path.stat().st_size - offset, n_bytes)
    if n_bytes == 0:
        return np.empty(shape, dtype)
    return np.memmap(path, dtype, mode="r", offset=offset, shape=shape)


def _unpack(path: Path) -> npt.NDArray[Any]:
    with gzip.open(path, "rb") as stream:
        dtype, shape = _read_header(stream, path)
        n_bytes = math.prod(shape) * dtype.itemsize
        # Before memory is taken for them: a damaged header may ask for exabytes.
        if n_bytes > _LARGEST_GZIP_RATIO * path.stat().st_size:
            raise ValueError(f"its header promises {n_bytes} bytes, more than gzip can hold there")
        content = stream.read(n_bytes + 1)  # the one more byte makes gzip compare its CRC
    check_length(len(content), n_bytes)
    return np.frombuffer(content, dtype).reshape(shape)
