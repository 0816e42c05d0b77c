"""Blocks that hold signals as they are: the fallback that keeps every archive near raw at worst."""

from __future__ import annotations

import zlib
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.archive import Block, Mode
from narrows.errors import FormatError

DEFLATE_WORTH_TRYING = 4
"""Deflating is tried where coding takes more than a quarter of raw: it is ten times slower."""

DEFLATE_LEVEL = 6


def pack_raw(x: npt.NDArray[Any], quality: int) -> Block:
    """Hold `(n, *frame_shape)` signals exactly: deflated, or stored where that is no larger."""
    raw = np.ascontiguousarray(x, dtype=x.dtype.newbyteorder("<"))
    payload = zlib.compress(_to_planes(raw), DEFLATE_LEVEL)
    if len(payload) < raw.nbytes:
        return Block(Mode.DEFLATED, quality, len(x), payload)
    return Block(Mode.STORED, quality, len(x), raw.tobytes())


def unpack_raw(
    block: Block, dtype: np.dtype[Any], frame_shape: tuple[int, ...]
) -> npt.NDArray[Any]:
    """Undo `pack_raw`; FormatError where the payload does not hold exactly the signals."""
    little = dtype.newbyteorder("<")
    size = block.n_signals * prod(frame_shape) * dtype.itemsize
    data = block.payload
    if block.mode is Mode.DEFLATED:
        data = _from_planes(_inflate(data, size), dtype.itemsize)
    if len(data) != size:
        raise FormatError(f"stored block of {len(data)} bytes where {size} are needed")
    return np.frombuffer(data, little).reshape(block.n_signals, *frame_shape).astype(dtype)


def _inflate(data: bytes, size: int) -> bytes:
    """Decompress exactly `size` bytes: never more memory than that, whatever the data says."""
    stream = zlib.decompressobj()
    try:
        out = stream.decompress(data, size + 1)
    except zlib.error as error:
        raise FormatError(f"deflated block that does not inflate: {error}") from None
    if len(out) != size or not stream.eof or stream.unused_data:
        raise FormatError(f"deflated block that does not inflate to {size} bytes")
    return out


def _to_planes(x: npt.NDArray[Any]) -> bytes:
    """All first bytes, then all second bytes ...: what changes slowly stands together."""
    return x.reshape(-1).view(np.uint8).reshape(-1, x.itemsize).T.tobytes()


def _from_planes(data: bytes, itemsize: int) -> bytes:
    return np.frombuffer(data, np.uint8).reshape(itemsize, -1).T.tobytes()
