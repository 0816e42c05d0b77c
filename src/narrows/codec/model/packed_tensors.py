"""Integer tensors <-> few bytes: a model is paid for before it saves anything.

A packed tensor is

    u8 type │ u8 dimensions │ varint sizes │ u8 shift │ u8 coding │ u8 raw bits │ u8 planes │ body

and stands for `values << shift`; the coding says whether the body holds the values or their
differences. Weights look like noise in their low bits, which no coding makes smaller, and like a
bell curve above: the body holds the raw low bits as bit planes, then the rest as byte planes in
zlib. With Huffman codes alone, these take less than 1 % more than their entropy.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from math import prod
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from narrows.codec.archive.byte_planes import from_planes, inflate, to_planes
from narrows.codec.checks import MAX_DIMENSIONS, MAX_ELEMENTS
from narrows.codec.entropy.bits import read_varint, write_varint
from narrows.errors import FormatError

VALUES, DIFFERENCES = 0, 1
LEVEL = 6  # of deflating: 9 takes twenty times longer and gains nothing
DTYPES = tuple(np.dtype(name) for name in ("uint8", "int16", "int32", "int64"))
MAX_RAW_BITS = 8  # worth trying: the bits above then tell a bell curve's values apart

Tensor = npt.NDArray[Any]


class Head(NamedTuple):
    """What a packed tensor says of itself, and where its body begins."""

    dtype: np.dtype[Any]
    shape: list[int]
    shift: int
    coding: int
    n_raw: int
    n_planes: int
    body: int


def pack_tensor(tensor: Tensor) -> bytes:
    """Pack a uint8, int16, int32 or int64 tensor of any shape."""
    dtype = tensor.dtype.newbyteorder("=")
    flat = np.ascontiguousarray(tensor, dtype=dtype).reshape(-1)
    shift = _common_zeros(flat)
    head = bytes([DTYPES.index(dtype), tensor.ndim])
    head += b"".join(write_varint(size) for size in tensor.shape) + bytes([shift])
    return head + min(_codings(flat >> shift), key=len)


def _codings(values: Tensor) -> Iterator[bytes]:
    """Code `(n,)` values in the ways that may take the fewest bytes."""
    first = np.zeros(1, values.dtype)
    yield _split(values, VALUES, 0, zlib.Z_DEFAULT_STRATEGY)
    yield _split(np.diff(values, prepend=first), DIFFERENCES, 0, zlib.Z_DEFAULT_STRATEGY)
    for n_raw in range(MAX_RAW_BITS + 1):
        yield _split(values, VALUES, n_raw, zlib.Z_HUFFMAN_ONLY)


def _split(values: Tensor, coding: int, n_raw: int, strategy: int) -> bytes:
    """Write the lowest `n_raw` bits of `(n,)` values as they are, and deflate what is above."""
    bits = b"".join(np.packbits((values >> bit & 1).astype(bool)).tobytes() for bit in range(n_raw))
    above = values >> n_raw
    n_planes = next(n for n in range(1, 9) if _has_planes(above, n))
    deflater = zlib.compressobj(LEVEL, strategy=strategy)
    deflated = deflater.compress(to_planes(above, n_planes)) + deflater.flush()
    return bytes([coding, n_raw, n_planes]) + bits + deflated


def unpack_tensor(data: bytes) -> Tensor:
    """Undo `pack_tensor`; FormatError for anything it did not write."""
    head = _take_head(data)
    n, dtype = prod(head.shape), head.dtype
    above = head.body + head.n_raw * -(-n // 8)
    if above > len(data):
        raise FormatError(f"packed tensor of shape {head.shape} in {len(data)} bytes")
    values = from_planes(inflate(data[above:], head.n_planes * n), head.n_planes, n, dtype)
    values = values << head.n_raw
    packed = np.frombuffer(data, np.uint8, above - head.body, head.body)
    for bit, plane in enumerate(packed.reshape(head.n_raw, -(-n // 8))):
        values |= np.unpackbits(plane, count=n).astype(dtype) << bit
    if head.coding == DIFFERENCES:
        values = np.cumsum(values, dtype=dtype)
    return (values << head.shift).reshape(head.shape)


def announced_elements(data: bytes) -> int:
    """Return the number of elements that a packed tensor announces, from its head alone."""
    return prod(_take_head(data).shape)


def _take_head(data: bytes) -> Head:
    if len(data) < 2 or data[0] >= len(DTYPES) or data[1] > MAX_DIMENSIONS:
        raise FormatError(f"packed tensor that begins with {data[:2]!r}")
    dtype, shape, position = DTYPES[data[0]], [], 2
    for _ in range(data[1]):
        size, position = read_varint(data, position)
        shape.append(size)
    if max(shape, default=0) > MAX_ELEMENTS or prod(shape) > MAX_ELEMENTS:
        raise FormatError(f"packed tensor of shape {shape}; the limit is {MAX_ELEMENTS} numbers")
    body = position + 4
    if body > len(data):
        raise FormatError(f"packed tensor that ends in its head: {len(data)} bytes")
    shift, coding, n_raw, n_planes = data[position:body]
    n_bits = 8 * dtype.itemsize
    known = shift < n_bits and coding <= DIFFERENCES and n_raw < n_bits
    if not known or not 1 <= n_planes <= dtype.itemsize:
        raise FormatError(
            f"packed tensor of {dtype} with shift {shift}, coding {coding}, "
            f"{n_raw} raw bits and {n_planes} planes"
        )
    return Head(dtype, shape, shift, coding, n_raw, n_planes, body)


def _common_zeros(flat: Tensor) -> int:
    """Count the low bits that are zero in every value."""
    together = int(np.bitwise_or.reduce(flat)) if flat.size else 0
    return (together & -together).bit_length() - 1 if together else 0


def _has_planes(values: Tensor, n_planes: int) -> bool:
    """Tell whether `n_planes` bytes and the sign of the last make every value."""
    missing = 8 * (values.itemsize - n_planes)
    return missing <= 0 or bool(((values << missing) >> missing == values).all())
