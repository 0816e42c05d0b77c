"""Elements that a block keeps exactly beside its symbols <-> bytes: a mask, and the values.

u8                     mode of what is coded
varint                 number of runs of such elements
varint length, stream  lengths of the gaps before the runs, then of the runs, u32 in byte planes
varint length, stream  the elements, in byte planes
bytes                  the payload of a block of that mode

Runs are of the elements of all signals, one behind the other. A coast that is the same in all
signals costs next to nothing so, a single element 30 bytes, and whole signals 2 or 3 each.
"""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from narrows.codec.archive import Block, Header
from narrows.codec.archive.byte_planes import deflate_planes, inflate_planes
from narrows.codec.archive.modes import PATCHABLE, Mode
from narrows.codec.archive.raw_blocks import DEFLATE_LEVEL
from narrows.codec.entropy.bits import read_varint, write_varint
from narrows.errors import FormatError

Mask = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.intp]


class ExactValues(NamedTuple):
    """Elements of n signals that are kept exactly.

    Attributes
    ----------
    mask : (n, *frame_shape) bool
    values : (mask.sum(),) of the signals' dtype
        In row-major order.
    """

    mask: Mask
    values: npt.NDArray[Any]

    @property
    def whole(self) -> Mask:
        """Which signals are kept exactly from the first element to the last, `(n,)`."""
        return np.asarray(self.mask.reshape(len(self.mask), -1).all(axis=1))

    def of_rows(self, rows: Rows) -> ExactValues:
        """Return those of some of the signals."""
        ends = np.cumsum(self.mask.reshape(len(self.mask), -1).sum(axis=1))
        starts = np.append(0, ends[:-1])
        chosen = [self.values[starts[row] : ends[row]] for row in rows.tolist()]
        return ExactValues(self.mask[rows], np.concatenate([self.values[:0], *chosen]))

    def put_into(self, frames: npt.NDArray[Any]) -> None:
        """Set the elements in `(n, *frame_shape)` signals."""
        frames[self.mask] = self.values


def patched(block: Block, exact: ExactValues) -> Block:
    """Return a block with some elements beside it that are kept exactly.

    A PREDICTED block is of all signals, others of those that are not whole in what is kept.
    """
    payload = bytes([block.mode]) + pack_exact(exact) + block.payload
    return replace(block, mode=Mode.PATCHED, n_signals=len(exact.mask), payload=payload)


def unpack_patched(
    block: Block, frame_shape: tuple[int, ...], dtype: np.dtype[Any]
) -> tuple[Block, ExactValues]:
    """Undo `patched`: return the block of what is coded, and the elements beside it.

    Raises
    ------
    FormatError
        For what `patched` never wrote.
    """
    mode, packed = PATCHABLE.get(block.payload[:1]), block.payload[1:]
    if mode is None:
        raise FormatError("block of exact values, and of nothing that may stand behind them")
    exact, end = unpack_exact(packed, (block.n_signals, *frame_shape), dtype)
    n_coded = int((~exact.whole).sum())
    if not n_coded:
        raise FormatError("block that holds nothing but exact values, and is not raw")
    n = block.n_signals if mode is Mode.PREDICTED else n_coded
    return replace(block, mode=mode, n_signals=n, payload=packed[end:]), exact


def pack_exact(exact: ExactValues) -> bytes:
    """Lay out at least one element."""
    edges = np.diff(exact.mask.reshape(-1).view(np.int8), prepend=0, append=0).nonzero()[0]
    gaps = edges[0::2] - np.append(0, edges[1:-1:2])
    lengths = edges[1::2] - edges[0::2]
    runs = np.concatenate([gaps, lengths]).astype(np.uint32)
    out = write_varint(len(lengths))
    for part in (runs, exact.values):
        stream = deflate_planes(part, DEFLATE_LEVEL)
        out += write_varint(len(stream)) + stream
    return out


def unpack_exact(
    payload: bytes, shape: tuple[int, ...], dtype: np.dtype[Any]
) -> tuple[ExactValues, int]:
    """Undo `pack_exact` for signals `(n, *frame_shape)`; return also where it ends.

    Raises
    ------
    FormatError
        For what `pack_exact` never wrote; before more memory is taken than for the signals.
    """
    size = prod(shape)
    n_runs, position = read_varint(payload, 0)
    if not 0 < n_runs <= (size + 1) // 2:
        raise FormatError(f"block with {n_runs} runs of exact values among {size} elements")
    stream, position = _take(payload, position)
    gaps, lengths = inflate_planes(stream, 2 * n_runs, np.dtype("uint32")).reshape(2, n_runs)
    # Each is below 2**32 and there are at most 2**28, so that the sum is below 2**61.
    total = int(gaps.sum(dtype=np.uint64)) + int(lengths.sum(dtype=np.uint64))
    if not lengths.all() or not gaps[1:].all() or total > size:
        raise FormatError(f"block with runs of exact values that do not fit in {size} elements")
    ends = np.stack([gaps, lengths], axis=1).reshape(-1)
    flat = np.zeros(size, dtype=bool)
    flat[:total] = np.repeat(np.arange(len(ends)) % 2 == 1, ends)
    stream, position = _take(payload, position)
    values = inflate_planes(stream, int(lengths.sum(dtype=np.uint64)), dtype)
    return ExactValues(flat.reshape(shape), values), position


def count_exact(block: Block, header: Header) -> tuple[int, int]:
    """Count the signals that a block keeps exactly from end to end, and the elements of others."""
    if block.mode is not Mode.PATCHED:
        return block.n_signals if block.mode.is_raw else 0, 0
    _, exact = unpack_patched(block, header.frame_shape, header.dtype)
    whole = int(exact.whole.sum())
    return whole, len(exact.values) - whole * prod(header.frame_shape)


def _take(payload: bytes, position: int) -> tuple[bytes, int]:
    size, start = read_varint(payload, position)
    if start + size > len(payload):
        raise FormatError(f"block whose exact values go on after its {len(payload)} bytes")
    return payload[start : start + size], start + size
