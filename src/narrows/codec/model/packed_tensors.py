"""Integer tensors <-> few bytes: a model is paid for before it saves anything.

A packed tensor is

    u8 coding │ u8 dtype │ u8 dimensions │ varint sizes │ u8 shift │ body

and stands for `values << shift`. Of the codings, the one that takes the fewest bytes is used:

    0  planes       zlib of all first bytes, then all second bytes ...
    1  differences  the same of x[i] - x[i-1], modulo the dtype, in row-major order
    2  entropy      one frequency table and the words of the entropy coder
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.archive.byte_planes import deflate_planes, inflate_planes
from narrows.codec.entropy.ans import SymbolCoder
from narrows.codec.entropy.bits import read_varint, write_varint
from narrows.codec.entropy.tables import (
    MAX_SYMBOLS,
    PRECISION,
    FixedTables,
    FrequencyTable,
    count_table,
)
from narrows.errors import FormatError

PLANES, DIFFERENCES, ENTROPY = 0, 1, 2
DTYPES = tuple(np.dtype(name) for name in ("uint8", "int16", "int32", "int64"))
MAX_DIMENSIONS = 8
MAX_ELEMENTS = 1 << 28  # of all tensors of a model: its weights then take half a gigabyte
MAX_ENTROPY_RANGE = 3000  # a table covers a margin besides, and has at most 4096 symbols
NARROW_RANGE, NARROW_UNIT_BITS, WIDE_UNIT_BITS = 1000, 12, 6  # of the weights of the table

Tensor = npt.NDArray[Any]


def pack_tensor(tensor: Tensor) -> bytes:
    """Pack a uint8, int16, int32 or int64 tensor of any shape."""
    dtype = tensor.dtype.newbyteorder("=")
    flat = np.ascontiguousarray(tensor, dtype=dtype).reshape(-1)
    shift = _common_zeros(flat)
    values = flat >> shift
    differences = np.diff(values, prepend=np.zeros(1, dtype))
    bodies = {PLANES: deflate_planes(values, 9), DIFFERENCES: deflate_planes(differences, 9)}
    if tensor.size and _fits_a_table(values):
        bodies[ENTROPY] = _encode(values)
    coding = min(bodies, key=lambda each: len(bodies[each]))
    head = bytes([coding, DTYPES.index(dtype), tensor.ndim])
    sizes = b"".join(write_varint(size) for size in tensor.shape)
    return head + sizes + bytes([shift]) + bodies[coding]


def announced_elements(data: bytes) -> int:
    """Give the number of elements that a packed tensor announces, from its head alone."""
    return prod(_take_head(data)[2])


def unpack_tensor(data: bytes) -> Tensor:
    """Undo `pack_tensor`; FormatError for anything it did not write."""
    coding, dtype, shape, position = _take_head(data)
    n = prod(shape)
    shift, body = data[position], data[position + 1 :]
    if shift >= 8 * dtype.itemsize:
        raise FormatError(f"packed tensor of {dtype} with shift {shift}")
    if coding == ENTROPY:
        values = _decode(body, n, dtype)
    else:
        values = inflate_planes(body, n, dtype)
        if coding == DIFFERENCES:
            values = np.cumsum(values, dtype=dtype)
    return (values << shift).reshape(shape)


def _take_head(data: bytes) -> tuple[int, np.dtype[Any], list[int], int]:
    """Read coding, dtype, shape, and where the shift stands."""
    if len(data) < 4 or data[0] > ENTROPY or data[1] >= len(DTYPES) or data[2] > MAX_DIMENSIONS:
        raise FormatError(f"packed tensor that begins with {data[:3]!r}")
    position, shape = 3, []
    for _ in range(data[2]):
        size, position = read_varint(data, position)
        shape.append(size)
    if max(shape, default=0) > MAX_ELEMENTS or prod(shape) > MAX_ELEMENTS or position >= len(data):
        raise FormatError(f"packed tensor of shape {shape} in {len(data)} bytes")
    return data[0], DTYPES[data[1]], shape, position


def _common_zeros(flat: Tensor) -> int:
    """Count the low bits that are zero in every value."""
    together = int(np.bitwise_or.reduce(flat)) if flat.size else 0
    return (together & -together).bit_length() - 1 if together else 0


def _encode(values: Tensor) -> bytes:
    """Write the table (unit of the weights, low in zigzag, weights), and the coder's payload.

    Symbols are counted from the table's low, so that they fit in int32 whatever the dtype.
    """
    least = int(values.min())
    narrow = int(values.max()) - least < NARROW_RANGE
    unit_bits = NARROW_UNIT_BITS if narrow else WIDE_UNIT_BITS
    counted = count_table(values.astype(np.int64) - least, unit_bits)
    low = counted.low + least
    table = FrequencyTable(0, counted.weights)
    weights = b"".join(write_varint(int(w) >> unit_bits) for w in table.weights)
    start = bytes([unit_bits]) + write_varint(low << 1 if low >= 0 else (-low << 1) - 1)
    start += write_varint(table.escape)
    symbols = (values.astype(np.int64) - low).astype(np.int32)
    return start + weights + SymbolCoder(FixedTables([table])).encode(symbols[:, None])


def _decode(body: bytes, n: int, dtype: np.dtype[Any]) -> Tensor:
    unit_bits = body[0] if body else PRECISION
    folded, position = read_varint(body, 1)
    low = -((folded + 1) >> 1) if folded & 1 else folded >> 1
    escape, position = read_varint(body, position)
    if escape > MAX_SYMBOLS or unit_bits >= PRECISION:
        raise FormatError(f"packed tensor with a table of {escape} entries")
    weights = []
    for _ in range(escape + 1):
        weight, position = read_varint(body, position)
        weights.append(weight << unit_bits)
    table = FrequencyTable(0, np.array(weights, dtype=np.int64))
    symbols = SymbolCoder(FixedTables([table])).decode(body[position:], n)[:, 0]
    values = symbols.astype(np.int64) + low
    bounds = np.iinfo(dtype)
    if n and not bounds.min <= int(values.min()) <= int(values.max()) <= bounds.max:
        raise FormatError(f"packed tensor with values outside {dtype}")
    return values.astype(dtype)


def _fits_a_table(values: Tensor) -> bool:
    low, high = int(values.min()), int(values.max())
    return high - low < MAX_ENTROPY_RANGE and low >= -(2**31) and high < 2**31
