"""What a block of levels says before its streams <-> bytes."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np

from narrows.codec.entropy.bits import read_varint, write_varint
from narrows.codec.interpolation.grid import (
    FIRST_BIAS,
    LARGEST,
    MAX_BOUND,
    MAX_DIVISOR,
    Decimals,
    Lossless,
    Scaled,
    Whole,
)
from narrows.codec.interpolation.prediction import MAX_WEIGHT, Weights, usual
from narrows.codec.interpolation.sweep import MAX_FRONTS, n_fronts, sides_of
from narrows.codec.interpolation.sweep import MAX_WEIGHT as SWEPT_MAX_WEIGHT
from narrows.codec.levels.passes import MAX_AXES, PassOrder, stride_over
from narrows.errors import FormatError

Grid = Lossless | Whole | Scaled | Decimals
KINDS: tuple[type[Grid], ...] = (Lossless, Whole, Scaled, Decimals)
INTERPOLATED, SWEPT = 0, 2  # the first byte of the payload; networks have another one
CHANNELS, VALUES, EXACT, BY_CHANNEL = 0x04, 0x08, 0x10, 0x20
KIND_SHIFT = 6
MAX_ELEMENTS = 1 << 24
"""Of a frame: prediction takes 50 times their bytes."""
MAX_VALUES = 256  # that are coded as they are
MAX_START_CLASS = 180


@dataclass(frozen=True)
class Plan:
    """How a block is coded.

    Attributes
    ----------
    axes : int
        How many axes of the block, `(n, *frame_shape)`, are those of the grid: the last ones, or
        those before the channels. All before them are independent of each other.
    has_channels : bool
        Whether the last axis of the block is one of channels.
    grids : one Grid, or one a channel
    high : int
        The greatest number of the grid.
    has_values : bool
        Whether numbers are coded as they are.
    start_class : int
        The class of distances between start places.
    weights : (passes but the start,) of Weights
        Empty where values are coded.
    has_exact : bool
        Whether some elements are kept exactly beside the grid.
    is_swept : bool
        Whether places come in the order of fronts, from one corner on: no channels and no values.
    """

    axes: int
    has_channels: bool
    grids: tuple[Grid, ...]
    high: int
    has_values: bool = False
    start_class: int = 0
    weights: tuple[Weights, ...] = ()
    has_exact: bool = False
    is_swept: bool = False

    @property
    def steps(self) -> tuple[int, ...]:
        """The step of each grid."""
        return tuple(grid.step for grid in self.grids)

    def order(self, shape: tuple[int, ...]) -> PassOrder:
        """Return the order of the elements of a block `(n, *frame_shape)`."""
        end = len(shape) - self.has_channels
        if not 1 <= self.axes <= min(MAX_AXES, end):
            raise FormatError(f"block of levels along {self.axes} axes of {len(shape)}")
        grid = shape[end - self.axes : end]
        channels = shape[-1] if self.has_channels else 1
        if prod(grid) * channels > MAX_ELEMENTS:
            raise FormatError(f"block of levels over {prod(grid) * channels} elements")
        if len(self.grids) not in (1, channels):
            raise FormatError(f"block of {len(self.grids)} grids for {channels} channels")
        if self.is_swept and n_fronts(grid) > MAX_FRONTS:
            raise FormatError(f"block of levels in {n_fronts(grid)} fronts")
        return order_of(grid, channels)


@lru_cache(maxsize=64)
def order_of(grid: tuple[int, ...], channels: int) -> PassOrder:
    """Return the order of the elements of a grid; blocks of one shape share it."""
    return PassOrder(grid, channels, stride_over(grid))


def pack_plan(plan: Plan) -> bytes:
    """Lay a plan out."""
    kind = KINDS.index(type(plan.grids[0]))
    flags = plan.axes | CHANNELS * plan.has_channels | VALUES * plan.has_values
    flags |= EXACT * plan.has_exact | BY_CHANNEL * (len(plan.grids) > 1) | kind << KIND_SHIFT
    out = [bytes([SWEPT if plan.is_swept else INTERPOLATED, flags]), *map(_pack_grid, plan.grids)]
    out += [_pack_number(plan.high), bytes([plan.start_class])]
    for each in plan.weights:
        groups = each.groups.tolist()
        if each.is_usual:
            out += [bytes(1)]
            continue
        out += [bytes(each.shares), write_varint(len(groups))]
        out += [write_varint(2 * abs(w) - (w < 0)) for w in groups]
    return b"".join(out)


def unpack_plan(payload: bytes, shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[Plan, int]:
    """Undo `pack_plan` for a block `(n, *frame_shape)`; return also where it ends.

    Raises
    ------
    FormatError
        For what `pack_plan` never wrote.
    """
    kind, flags = _take(payload, 0, 2)
    is_swept = kind == SWEPT
    if kind not in (INTERPOLATED, SWEPT) or (is_swept and flags & (CHANNELS | VALUES | BY_CHANNEL)):
        raise FormatError(f"block of levels of kind {kind} with flags {flags:#04x}")
    has_channels, position = bool(flags & CHANNELS), 2
    n_grids = shape[-1] if flags & BY_CHANNEL and has_channels else 1
    grids: list[Grid] = []
    for _ in range(n_grids):
        grid, position = _unpack_grid(KINDS[flags >> KIND_SHIFT], payload, position)
        _check_grid(grid, dtype)
        grids.append(grid)
    high, position = _unpack_number(payload, position)
    start_class = _take(payload, position, 1)[0]
    has_values = bool(flags & VALUES)
    are_few = n_grids == 1 and not isinstance(grids[0], Scaled) and high < MAX_VALUES
    if high > LARGEST + 1 or (has_values and not are_few):
        raise FormatError(f"block of levels with numbers up to {high}")
    if start_class > MAX_START_CLASS:
        raise FormatError(f"block of levels with start places of class {start_class}")
    made = Plan(flags & 3, has_channels, tuple(grids), high, has_values, start_class,
                has_exact=bool(flags & EXACT), is_swept=is_swept)  # fmt: skip
    order, weights, position = made.order(shape), [], position + 1
    most = SWEPT_MAX_WEIGHT if is_swept else MAX_WEIGHT
    for n_hints in _hints(order, made):
        row, position = _unpack_weights(payload, position, n_hints, most)
        weights.append(row)
    return replace(made, weights=tuple(weights)), position


def _hints(order: PassOrder, plan: Plan) -> list[int]:
    """Return how many hints of scales each pass has that has weights."""
    if plan.is_swept:
        return [2] * len(sides_of(order.shape))
    passes = () if plan.has_values else order.passes
    return [3 if each.channel else 2 for each in passes if not each.is_start]


def _unpack_weights(payload: bytes, position: int, n_hints: int, most: int) -> tuple[Weights, int]:
    if not _take(payload, position, 1)[0]:
        return usual(n_hints), position + 1
    shares = tuple(_take(payload, position, n_hints))
    count, position = read_varint(payload, position + n_hints)
    if count > len(payload):
        raise FormatError(f"block of levels with {count} weights in a pass")
    row = []
    for _ in range(count):
        folded, position = read_varint(payload, position)
        row.append(-((folded + 1) // 2) if folded % 2 else folded // 2)
    if any(abs(weight) > most for weight in row):
        raise FormatError("block of levels with a weight above 8")
    return Weights(np.array(row, np.int64), shares), position


def _pack_grid(grid: Grid) -> bytes:
    if isinstance(grid, Lossless):
        return _pack_number(grid.first) + bytes([grid.low_bits])
    if isinstance(grid, Whole):
        return _pack_number(grid.first) + _pack_number(grid.bound)
    if isinstance(grid, Decimals):
        return _pack_number(grid.first + FIRST_BIAS) + _pack_number(grid.divisor)
    return struct.pack("<dd", grid.first, grid.unit)


def _unpack_grid(kind: type[Grid], payload: bytes, position: int) -> tuple[Grid, int]:
    if kind is Scaled:
        first, unit = struct.unpack("<dd", _take(payload, position, 16))
        if not (np.isfinite(first) and np.isfinite(unit) and unit > 0):
            raise FormatError(f"block of levels in units of {unit} from {first}")
        return Scaled(first, unit), position + 16
    first, position = _unpack_number(payload, position)
    if kind is Lossless:
        low_bits = _take(payload, position, 1)[0]
        if low_bits > 63:
            raise FormatError(f"block of levels that leaves {low_bits} bits of numbers out")
        return Lossless(first, low_bits), position + 1
    if kind is Decimals:
        divisor, position = _unpack_number(payload, position)
        if not 1 <= divisor <= MAX_DIVISOR or first > 2 * FIRST_BIAS:
            raise FormatError(f"block of levels of whole numbers divided by {divisor}")
        return Decimals(first - FIRST_BIAS, divisor), position
    bound, position = _unpack_number(payload, position)
    if not 1 <= bound <= MAX_BOUND:
        raise FormatError(f"block of levels within {bound} of whole numbers")
    return Whole(first, bound), position


def _check_grid(grid: Grid, dtype: np.dtype[Any]) -> None:
    """Refuse a grid that signals of this type have not."""
    kinds = {Lossless: "biuf", Whole: "iu", Scaled: "f", Decimals: "f"}[type(grid)]
    if dtype.kind not in kinds:
        raise FormatError(f"block of levels of {type(grid).__name__} numbers, of {dtype}")
    if isinstance(grid, Lossless) and grid.low_bits and dtype.itemsize < 8:
        raise FormatError(f"block of levels that leaves bits of {dtype} out")
    if isinstance(grid, Lossless | Whole) and grid.first >= 1 << (8 * dtype.itemsize):
        raise FormatError(f"block of levels from {grid.first} on, of {dtype}")


def _pack_number(value: int) -> bytes:
    """Write a number below 2**64: how many bytes it takes, and these, lowest first."""
    size = (value.bit_length() + 7) // 8
    return bytes([size]) + value.to_bytes(size, "little")


def _unpack_number(payload: bytes, position: int) -> tuple[int, int]:
    size = _take(payload, position, 1)[0]
    data = _take(payload, position + 1, size)
    if size > 8 or (size and not data[-1]):
        raise FormatError("block of levels with a number that is not in its shortest form")
    return int.from_bytes(data, "little"), position + 1 + size


def _take(payload: bytes, position: int, size: int) -> bytes:
    data = payload[position : position + size]
    if len(data) < size:
        raise FormatError(f"block of levels that ends after {len(payload)} bytes")
    return data
