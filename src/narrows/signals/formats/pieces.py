"""Arrays to streams, a piece at a time: one that is mapped from a file takes no more memory."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

PIECE_BYTES = 1 << 24


def write_numbers(stream: BinaryIO, array: npt.NDArray[Any], dtype: np.dtype[Any]) -> None:
    """Write the numbers of an array in C order, in the byte order of `dtype`."""
    for piece in pieces(array):
        stream.write(np.ascontiguousarray(piece, dtype).data)


def pieces(array: npt.NDArray[Any]) -> Iterator[npt.NDArray[Any]]:
    """Yield the numbers of an array in C order, `(n,)` at a time; none twice."""
    flat = np.ascontiguousarray(array).reshape(-1)
    size = max(1, PIECE_BYTES // flat.itemsize)
    for start in range(0, flat.size, size):
        yield flat[start : start + size]
        _release(flat)


def _release(array: npt.NDArray[Any]) -> None:
    """Give back the pages of a mapped file that were read; they are read again where needed."""
    owner: Any = array
    while isinstance(owner, np.ndarray):
        owner = owner.base
    if isinstance(owner, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        owner.madvise(mmap.MADV_DONTNEED)
