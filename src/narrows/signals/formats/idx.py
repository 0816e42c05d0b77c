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
from narrows.signals.formats.contract import Format
from narrows.signals.formats.damage import check_length, damage_named
from narrows.signals.formats.pieces import write_numbers
from narrows.signals.source import ArraySource, Attributes

GZIP_MAGIC = b"\x1f\x8b"
_DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_CODES = {np.dtype(big).newbyteorder("="): code for code, big in _DTYPES.items()}
_LONGEST_AXIS = 2**32 - 1
_LARGEST_GZIP_RATIO = 1032  # deflate: at most 258 bytes from two bits


def is_idx(head: bytes) -> bool:
    """Return whether the first four bytes of a file are those of IDX."""
    return len(head) >= 4 and head[:2] == b"\0\0" and head[2] in _DTYPES


def write_idx(stream: BinaryIO, array: npt.NDArray[Any], attributes: Attributes) -> None:
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
    write_numbers(stream, array, array.dtype.newbyteorder(">"))


def write_gzipped_idx(stream: BinaryIO, array: npt.NDArray[Any], attributes: Attributes) -> None:
    """Write an array as gzipped IDX, without a time stamp: equal arrays give equal bytes."""
    with gzip.GzipFile("", "wb", compresslevel=6, fileobj=stream, mtime=0) as packed:
        write_idx(packed, array, attributes)  # type: ignore[arg-type]


def open_idx(path: Path, member: str | None = None) -> ArraySource:
    """Open an IDX file, mapped into memory where its numbers are bytes.

    Raises
    ------
    DataError
        If the file is damaged, or longer or shorter than its header says.
    """
    with damage_named(path, "IDX"):
        with path.open("rb") as stream:
            dtype, shape = _read_header(stream)
            offset = stream.tell()
        n_bytes = math.prod(shape) * dtype.itemsize
        check_length(path.stat().st_size - offset, n_bytes)
        if n_bytes == 0:
            return _as_source(np.empty(shape, dtype))
        return _as_source(np.memmap(path, dtype, mode="r", offset=offset, shape=shape))


def open_gzipped_idx(path: Path, member: str | None = None) -> ArraySource:
    """Read a gzipped IDX file into memory.

    Raises
    ------
    DataError
        If the file is damaged, or its content is not IDX.
    """
    with damage_named(path, "IDX"), gzip.open(path, "rb") as stream:
        _refuse_other_content(stream, path)
        dtype, shape = _read_header(stream)
        n_bytes = math.prod(shape) * dtype.itemsize
        check_gzip_size(path, n_bytes)
        content = stream.read(n_bytes + 1)  # the one more byte makes gzip compare its CRC
        check_length(len(content), n_bytes)
        return _as_source(np.frombuffer(content, dtype).reshape(shape))


def check_gzip_size(path: Path, n_bytes: int) -> None:
    """Refuse a header, before memory is taken, that promises more than gzip can hold in a file."""
    if n_bytes > _LARGEST_GZIP_RATIO * path.stat().st_size:
        raise ValueError(f"its header promises {n_bytes} bytes, more than gzip can hold there")


def _refuse_other_content(stream: gzip.GzipFile, path: Path) -> None:
    head = stream.peek(4)[:4]
    if not is_idx(head):
        raise DataError(
            f"{str(path)!r} is gzip but neither gzipped IDX nor gzipped .npy: its content begins "
            f"with {head!r}; unpack it first: gunzip FILE"
        )


def _read_header(stream: Any) -> tuple[np.dtype[Any], tuple[int, ...]]:
    """Read the big-endian type of the elements and the shape."""
    _, code, n_axes = struct.unpack(">HBB", stream.read(4))
    return np.dtype(_DTYPES[code]), struct.unpack(f">{n_axes}I", stream.read(4 * n_axes))


def _as_source(elements: npt.NDArray[Any]) -> ArraySource:
    """Return big-endian elements in native byte order; bytes are not copied."""
    return ArraySource(elements.astype(elements.dtype.newbyteorder("="), copy=False))


IDX = Format("IDX", lambda head, _: is_idx(head), open_idx, ".idx", write_idx)
GZIPPED_IDX = Format(
    "IDX", lambda head, _: head.startswith(GZIP_MAGIC), open_gzipped_idx, ".gz", write_gzipped_idx
)
