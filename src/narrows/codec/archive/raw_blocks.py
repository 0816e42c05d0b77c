"""Blocks that hold signals as they are: the fallback that keeps every archive near raw at worst."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.archive import Block, Mode
from narrows.codec.archive.byte_planes import deflate_planes, inflate_planes
from narrows.errors import FormatError

MIN_RATIO_WITHOUT_DEFLATE = 4
"""Where coding takes a quarter of raw or less, deflating is not tried: it is ten times slower."""

DEFLATE_LEVEL = 6


def pack_raw(x: npt.NDArray[Any], quality: int) -> Block:
    """Keep `(n, *frame_shape)` signals exactly: deflated, or stored where that is no larger."""
    payload = deflate_planes(x, DEFLATE_LEVEL)
    if len(payload) < x.nbytes:
        return Block(Mode.DEFLATED, quality, len(x), payload)
    raw = np.ascontiguousarray(x, dtype=x.dtype.newbyteorder("<"))
    return Block(Mode.STORED, quality, len(x), raw.tobytes())


def unpack_raw(
    block: Block, dtype: np.dtype[Any], frame_shape: tuple[int, ...]
) -> npt.NDArray[Any]:
    """Undo `pack_raw`; FormatError where the payload does not hold exactly the signals."""
    n = block.n_signals * prod(frame_shape)
    if block.mode is Mode.DEFLATED:
        flat = inflate_planes(block.payload, n, dtype)
    elif len(block.payload) == n * dtype.itemsize:
        flat = np.frombuffer(block.payload, dtype.newbyteorder("<")).astype(dtype)
    else:
        raise FormatError(
            f"stored block of {len(block.payload)} bytes where {n * dtype.itemsize} are needed"
        )
    return flat.reshape(block.n_signals, *frame_shape)
