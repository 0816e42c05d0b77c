"""format/levels.md, "Fields of a block" and "From numbers to elements"."""

import math
import struct
from typing import Any, NamedTuple

import numpy as np

from .conventions import Cursor, Shape, need
from .exact_values import read_exact
from .levels_fronts import run_side, sides
from .levels_order import Grid
from .levels_streams import Streams
from .levels_walk import Walk, Weights


class Scale(NamedTuple):
    """What numbers stand for: the kind of grid, its fields, and the step."""

    kind: int
    first: Any
    other: Any
    step: int


def read_levels(payload: bytes, shape: Shape, dtype: np.dtype) -> np.ndarray:
    """Decode a block of signals of this shape, (n, *frame_shape)."""
    cursor = Cursor(payload)
    kind, flags = cursor.number(), cursor.number()
    need(kind in (0, 2), "an unknown kind of levels")
    need(not (kind == 2 and flags & 44), "fronts of channels or values")
    has_channels, has_values, axes = bool(flags & 4), bool(flags & 8), flags & 3
    end = len(shape) - has_channels
    need(1 <= axes <= end, "a grid of other axes than the block has")
    channels = shape[-1] if has_channels else 1
    need(has_channels or not flags & 32, "grids by channel of no channels")
    scales = [read_scale(cursor, flags >> 6, dtype) for _ in range(channels if flags & 32 else 1)]
    grid = Grid(shape[end - axes : end], channels)
    size = math.prod(grid.shape) * channels
    need(size <= 2**24, "a grid of too many elements")
    high, start_class = read_number(cursor), cursor.number()
    need(high <= 2**38 + 1 and start_class <= 180, "numbers that are too large")
    need(
        not has_values or (scales[0].kind != 2 and len(scales) == 1 and high < 256),
        "too many values",
    )
    passes = list(grid.passes())
    if kind == 2:
        need(sum(grid.shape) - axes + 1 <= 2**14, "too many fronts")
        swept = [(side, read_weights(cursor, 0, 2**16)) for side in sides(grid.shape)]
    else:
        weights = [None if has_values else read_weights(cursor, each.channel) for each in passes]
    rest, exact = cursor.rest(), None
    if flags & 16:
        *exact, rest = read_exact(rest, shape, dtype)
    streams = Streams(rest)
    steps = [scale.step for scale in scales] * (channels // len(scales))
    walk = Walk(grid, math.prod(shape) // size, high, steps, streams)
    walk.start(start_class, has_values)
    if kind == 2:
        for side, given in swept:
            run_side(walk, side, given)
    else:
        for each, own in zip(passes, weights, strict=True):
            walk.run(each, own)
    numbers = walk.known.T.reshape(-1, channels)
    half = np.array(steps) // 2
    need((numbers >= -half).all() and (numbers <= high + half).all(), "a number outside its grid")
    n_low = scales[0].other if scales[0].kind == 0 else 0
    low = np.array(streams.low_bits([n_low] * numbers.size if n_low else []), np.uint64)
    streams.check_end()
    columns = [
        elements(numbers[:, c], low.reshape(-1, channels)[:, c] if n_low else None, scale, dtype)
        for c, scale in enumerate(scales * (channels // len(scales)))
    ]
    signals = np.stack(columns, axis=-1).reshape(shape)
    if exact is not None:
        signals[exact[0]] = exact[1]
    return signals


def read_number(cursor: Cursor) -> int:
    """Read a number with its size before it."""
    size = cursor.number()
    need(size <= 8, "a number of more than 8 bytes")
    data = cursor.take(size)
    need(not size or data[-1], "a number is longer than it must be")
    return int.from_bytes(data, "little")


def read_scale(cursor: Cursor, kind: int, dtype: np.dtype) -> Scale:
    """Read the fields of a grid."""
    need(dtype.kind in ("biuf", "iu", "f", "f")[kind], "a grid that the element type has not")
    if kind == 2:
        first, unit = struct.unpack("<dd", cursor.take(16))
        need(math.isfinite(first) and math.isfinite(unit) and unit > 0, "a unit that is none")
        return Scale(kind, first, unit, 16)
    first = read_number(cursor)
    if kind == 3:
        divisor = read_number(cursor)
        need(first <= 2**54 and 1 <= divisor <= 2**20, "decimals that are none")
        return Scale(kind, first - 2**53, divisor, 1)
    need(first < 2 ** (8 * dtype.itemsize), "a grid that begins outside the element type")
    if kind == 0:
        low = cursor.number()
        need(low <= 63 and (not low or dtype.itemsize == 8), "too many low bits")
        return Scale(kind, first, low, 1)
    bound = read_number(cursor)
    need(1 <= bound <= 2**20, "a bound that is none")
    return Scale(kind, first, bound, 2 * bound + 1)


def read_weights(cursor: Cursor, channel: int, most: int = 2**12) -> Weights:
    """Read the weights of a pass."""
    n = 3 if channel else 2
    shares = [cursor.number()]
    if not shares[0]:
        return Weights([32, 32, 0][:n], [])
    shares += [cursor.number() for _ in range(n - 1)]
    folded = [cursor.varint() for _ in range(cursor.varint())]
    need(all(v <= most for v in folded), "a weight above 8")
    return Weights(shares, [-((v + 1) // 2) if v % 2 else v // 2 for v in folded])


def elements(
    numbers: np.ndarray, low: np.ndarray | None, scale: Scale, dtype: np.dtype
) -> np.ndarray:
    """Return the elements that numbers of a grid stand for."""
    if scale.kind == 2:
        with np.errstate(over="ignore"):
            return (numbers.astype(np.float64) * scale.other + scale.first).astype(dtype)
    if scale.kind == 3:
        with np.errstate(over="ignore"):
            return ((numbers + scale.first).astype(np.float64) / scale.other).astype(dtype)
    bits = 8 * dtype.itemsize
    orders = [scale.first + number for number in numbers.tolist()]
    if scale.kind == 0 and low is not None:
        each = zip(numbers.tolist(), low.tolist(), strict=True)
        orders = [scale.first + (number << scale.other) + own for number, own in each]
    if scale.kind == 1:
        orders = [max(0, min(2**bits - 1, order)) for order in orders]
    top = 2 ** (bits - 1)
    if dtype.kind == "b":
        return np.array([order % 2 == 1 for order in orders])
    orders = [order % 2**bits for order in orders]
    if dtype.kind == "i":
        orders = [order ^ top for order in orders]
    if dtype.kind == "f":
        orders = [order ^ top if order & top else order ^ (2**bits - 1) for order in orders]
    return np.array(orders, f"<u{dtype.itemsize}").view(dtype.newbyteorder("<")).astype(dtype)
