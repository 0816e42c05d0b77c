"""FORMAT.md, "Packed tensors": from the row of a tensor to its numbers."""

import math
from copy import copy

import numpy as np

from .conventions import Cursor, need
from .payload import decode_column
from .raw_blocks import inflate_planes
from .tables import make_table

NUMBER_TYPES = ("uint8", "int16", "int32", "int64")
MOST = 2**26  # numbers of a model; this reader refuses what it has no memory for


class Tensors:
    """The tensors of a model: rows, which are unpacked one by one; those unpacked are in `done`."""

    def __init__(self, rows: dict[str, bytes]) -> None:
        self.rows, self.prefix, self.done = rows, "", dict[str, np.ndarray]()

    def under(self, prefix: str) -> "Tensors":
        """Return the tensors whose names begin so, with the rest of the names."""
        inner = copy(self)
        inner.prefix += prefix
        return inner

    def unpack(self, name: str, kind: str, *shape: int | None) -> np.ndarray:
        """Unpack a tensor, as int64; it must have this type and shape, None being any size."""
        name = self.prefix + name
        need(name in self.rows, f"{name} is missing")
        coding, number_type, got, shift, body = read_head(Cursor(self.rows.pop(name)))
        same = len(got) == len(shape) and all(map(lambda a, b: b in (None, a), got, shape))
        need(number_type == kind and same, f"{name} has another type or shape")
        n = math.prod(got)
        need(n + sum(x.size for x in self.done.values()) <= MOST, "too many numbers")
        values = read_values(coding, body, n, np.dtype(kind))
        shifted = values << values.dtype.type(shift)  # modulo 2**bits
        self.done[name] = shifted.view(kind).reshape(got)
        return self.done[name].astype(np.int64)

    def size_of(self, name: str) -> int:
        """Return the first size of a tensor that is not unpacked yet."""
        need(self.prefix + name in self.rows, f"{name} is missing")
        shape = read_head(Cursor(self.rows[self.prefix + name]))[2]
        need(shape, f"{name} has another shape")
        return shape[0]


def read_head(cursor: Cursor) -> tuple[int, str, tuple[int, ...], int, bytes]:
    """Read coding, number type, shape, shift and body of a row."""
    coding, code, n_dims = cursor.number(), cursor.number(), cursor.number()
    need(coding <= 2 and code <= 3 and n_dims <= 8, "a row of an unknown kind")
    shape, shift = tuple(cursor.varint() for _ in range(n_dims)), cursor.number()
    need(shift < 8 * np.dtype(NUMBER_TYPES[code]).itemsize, "a shift is too great")
    return coding, NUMBER_TYPES[code], shape, shift, cursor.rest()


def read_values(coding: int, body: bytes, n: int, dtype: np.dtype) -> np.ndarray:
    """Return the n values of a body, their bits as unsigned integers."""
    unsigned = np.dtype(f"u{dtype.itemsize}")
    if coding == 2:
        return read_entropy(body, n, dtype).view(unsigned)
    raw = inflate_planes(body, n * dtype.itemsize, dtype.itemsize)
    values = np.frombuffer(raw, unsigned.newbyteorder("<")).astype(unsigned)
    return np.cumsum(values, dtype=unsigned) if coding == 1 else values


def read_entropy(body: bytes, n: int, dtype: np.dtype) -> np.ndarray:
    """Decode n entropy-coded values."""
    cursor = Cursor(body)
    unit, z, count = cursor.number(), cursor.varint(), cursor.varint()
    need(unit <= 23 and 1 <= count <= 4096, "a unit or a table is too large")
    table = make_table(0, [cursor.varint() << unit for _ in range(count + 1)])
    base = -(z + 1) // 2 if z % 2 else z // 2
    values = decode_column(cursor.rest(), table, n) + base
    bounds = np.iinfo(dtype)
    need(np.all((values >= bounds.min) & (values <= bounds.max)), "a value does not fit")
    return values.astype(dtype)
