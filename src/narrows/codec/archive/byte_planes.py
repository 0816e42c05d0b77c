"""Numbers <-> zlib over their byte planes: what changes slowly stands together."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.errors import FormatError


def deflate_planes(values: npt.NDArray[Any], level: int) -> bytes:
    """Compress all first bytes of the elements, little-endian, then all second bytes ..."""
    little = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<")).reshape(-1)
    return zlib.compress(little.view(np.uint8).reshape(-1, little.itemsize).T.tobytes(), level)


def inflate_planes(data: bytes, n: int, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """Undo `deflate_planes`: give `(n,)` elements, with no more memory than they take.

    Raises
    ------
    FormatError
        If the data does not hold exactly so many.
    """
    size = n * dtype.itemsize
    stream = zlib.decompressobj()
    try:
        raw = stream.decompress(data, size + 1)
    except zlib.error as error:
        raise FormatError(f"deflated bytes that do not inflate: {error}") from None
    if len(raw) != size or not stream.eof or stream.unused_data:
        raise FormatError(f"deflated bytes that do not inflate to {size} bytes")
    planes = np.frombuffer(raw, np.uint8).reshape(dtype.itemsize, n)
    return np.ascontiguousarray(planes.T).view(dtype.newbyteorder("<")).reshape(n).astype(dtype)
