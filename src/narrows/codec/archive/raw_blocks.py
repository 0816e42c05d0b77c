"""Blocks that hold signals as they are: the fallback that keeps every archive near raw at worst."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.archive import Block, Mode
from narrows.codec.archive.byte_planes import deflate_planes, inflate_planes
from narrows.element_types import elements_of
from narrows.errors import FormatError

MIN_RATIO_WITHOUT_SAMPLE = 4
"""Where coding takes a quarter of raw or less, a sample says whether deflating is tried: the whole
takes ten times as long as coding."""

MAX_DEFLATE_RATIO = 1032  # of zlib: a match of 258 bytes takes two bits
SAMPLE_BYTES, SAMPLE_LEVEL = 1 << 16, 1  # twice the window in which zlib finds what repeats
SAMPLE_MARGIN = 2  # the whole is deflated with more care than the sample

DEFLATE_LEVEL = 6


def pack_raw(x: npt.NDArray[Any], quality: int) -> Block:
    """Keep `(n, *frame_shape)` signals exactly: deflated, or stored where that is no larger."""
    payload = deflate_planes(x, DEFLATE_LEVEL)
    if len(payload) < x.nbytes:
        return Block(Mode.DEFLATED, quality, len(x), payload)
    raw = np.ascontiguousarray(x, dtype=x.dtype.newbyteorder("<"))
    return Block(Mode.STORED, quality, len(x), raw.tobytes())


def may_deflate_below(x: npt.NDArray[Any], n_bytes: int) -> bool:
    """Tell, from a sample, whether `(n, *frame_shape)` signals may deflate to less than `n_bytes`.

    What repeats costs little where zlib has seen it, so the second of two halves of the sample
    stands for what follows.
    """
    if n_bytes * MIN_RATIO_WITHOUT_SAMPLE > x.nbytes:
        return True
    if n_bytes * MAX_DEFLATE_RATIO < x.nbytes:
        return False
    while len(x) == 1 and x.ndim > 1:  # a single signal stands for those along its first axis
        x = x[0]
    half = max(1, SAMPLE_BYTES * len(x) // x.nbytes)
    if len(x) <= 2 * half:
        return len(deflate_planes(x, SAMPLE_LEVEL)) < SAMPLE_MARGIN * n_bytes
    one, two = (len(deflate_planes(x[:n], SAMPLE_LEVEL)) for n in (half, 2 * half))
    return two + (two - one) * (len(x) / half - 2) < SAMPLE_MARGIN * n_bytes


def unpack_raw(
    block: Block, dtype: np.dtype[Any], frame_shape: tuple[int, ...]
) -> npt.NDArray[Any]:
    """Undo `pack_raw`; FormatError where the payload does not hold exactly the signals."""
    n = block.n_signals * prod(frame_shape)
    if block.mode is Mode.DEFLATED:
        flat = inflate_planes(block.payload, n, dtype)
    elif len(block.payload) == n * dtype.itemsize:
        flat = elements_of(block.payload, dtype)
    else:
        raise FormatError(
            f"stored block of {len(block.payload)} bytes where {n * dtype.itemsize} are needed"
        )
    return flat.reshape(block.n_signals, *frame_shape)
