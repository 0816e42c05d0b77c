"""FORMAT.md, "Packed tensors": from the bytes of a tensor to its numbers."""

import math
from copy import copy
from typing import NamedTuple

import numpy as np

from .conventions import Cursor, need
from .raw_blocks import inflate

NUMBER_TYPES = ("uint8", "int16", "int32", "int64")
MOST = 2**26  # numbers of a model; this reader refuses what it has no memory for


class Tensors:
    """The packed tensors of a model, which are unpacked one by one; `done` has the unpacked."""

    def __init__(self, packed: dict[str, bytes]) -> None:
        self.packed, self.prefix, self.done = packed, "", dict[str, np.ndarray]()

    def under(self, prefix: str) -> "Tensors":
        """Return the tensors whose names begin so, with the rest of the names."""
        inner = copy(self)
        inner.prefix += prefix
        return inner

    def unpack(self, name: str, kind: str, *shape: int | None) -> np.ndarray:
        """Unpack a tensor, as int64; it must have this type and shape, None being any size."""
        name = self.prefix + name
        need(name in self.packed, f"{name} is missing")
        cursor = Cursor(self.packed.pop(name))
        head = read_head(cursor)
        same = len(head.shape) == len(shape)
        same = same and all(map(lambda a, b: b in (None, a), head.shape, shape))
        need(head.dtype.name == kind and same, f"{name} has another type or shape")
        n = math.prod(head.shape)
        need(n + sum(x.size for x in self.done.values()) <= MOST, "too many numbers")
        self.done[name] = read_values(head, cursor, n).reshape(head.shape)
        return self.done[name].astype(np.int64)


class Head(NamedTuple):
    """What a packed tensor says of itself."""

    dtype: np.dtype
    shape: tuple[int, ...]
    shift: int
    coding: int
    n_raw: int
    n_planes: int


def read_head(cursor: Cursor) -> Head:
    """Read the head of a packed tensor."""
    code, n_dims = cursor.number(), cursor.number()
    need(code <= 3 and n_dims <= 8, "a packed tensor of an unknown kind")
    dtype, shape = np.dtype(NUMBER_TYPES[code]), tuple(cursor.varint() for _ in range(n_dims))
    head = Head(dtype, shape, *(cursor.number() for _ in range(4)))
    bits = 8 * dtype.itemsize
    need(head.shift < bits and head.n_raw < bits, "a shift or raw bits are too many")
    need(head.coding <= 1, "a packed tensor of an unknown coding")
    need(1 <= head.n_planes <= dtype.itemsize, "a packed tensor of no planes, or too many")
    return head


def read_values(head: Head, cursor: Cursor, n: int) -> np.ndarray:
    """Return the n numbers of a body."""
    size, unsigned = head.dtype.itemsize, np.dtype(f"u{head.dtype.itemsize}")
    low = np.zeros(n, unsigned)
    for bit in range(head.n_raw):
        plane = np.frombuffer(cursor.take(-(-n // 8)), np.uint8)
        low |= np.unpackbits(plane, count=n).astype(unsigned) << unsigned.type(bit)
    # The planes there are take the highest bytes; a shift of signed numbers brings them down.
    planes = np.frombuffer(inflate(cursor.rest(), n * head.n_planes), np.uint8)
    high_bytes = np.zeros((n, size), np.uint8)
    high_bytes[:, size - head.n_planes :] = planes.reshape(head.n_planes, n).T
    high = high_bytes.reshape(-1).view(head.dtype.newbyteorder("<")) >> 8 * (size - head.n_planes)
    values = (high.astype(head.dtype).view(unsigned) << unsigned.type(head.n_raw)) + low
    if head.coding == 1:
        values = np.cumsum(values, dtype=unsigned)
    return (values << unsigned.type(head.shift)).view(head.dtype)
