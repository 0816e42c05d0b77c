"""Numbers <-> byte planes in zlib: bytes that change slowly stand together.

The planes of an array are the first bytes of all its elements, little-endian, then all second
bytes, and so on: the "shuffle" of HDF5 and Blosc.
"""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.element_types import elements_of
from narrows.errors import FormatError

BARE = -zlib.MAX_WBITS


def to_planes(values: npt.NDArray[Any], n_planes: int) -> bytes:
    """Return the lowest `n_planes` byte planes of an array, taken in row-major order."""
    little = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<")).reshape(-1)
    planes = little.view(np.uint8).reshape(-1, little.itemsize).T  # (itemsize, n)
    return planes[:n_planes].tobytes()


def from_planes(data: bytes, n_planes: int, n: int, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """Undo `to_planes`: return `(n,)` elements; planes left out repeat the sign of the last."""
    whole = np.zeros((n, dtype.itemsize), np.uint8)
    whole[:, dtype.itemsize - n_planes :] = np.frombuffer(data, np.uint8).reshape(n_planes, n).T
    values = elements_of(whole.reshape(-1), dtype)
    missing = 8 * (dtype.itemsize - n_planes)
    return values >> missing if missing else values


def deflate_planes(values: npt.NDArray[Any], level: int) -> bytes:
    """Compress all byte planes of an array."""
    return zlib.compress(to_planes(values, values.itemsize), level)


def inflate_planes(data: bytes, n: int, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """Undo `deflate_planes`: return `(n,)` elements; FormatError as `inflate` raises it."""
    return from_planes(inflate(data, n * dtype.itemsize), dtype.itemsize, n, dtype)


def inflate(data: bytes, size: int, window_bits: int = zlib.MAX_WBITS) -> bytes:
    """Decompress a zlib stream to `size` bytes, in no more memory than they take.

    With `BARE` window bits it has neither zlib's first two bytes nor its last four.

    Raises
    ------
    FormatError
        If the stream does not hold exactly so many, or does not end with the data.
    """
    stream = zlib.decompressobj(window_bits)
    try:
        raw = stream.decompress(data, size + 1)
    except zlib.error as error:
        raise FormatError(f"deflated bytes that do not inflate: {error}") from None
    if len(raw) != size or not stream.eof or stream.unused_data:
        raise FormatError(f"deflated bytes that do not inflate to {size} bytes")
    return raw
