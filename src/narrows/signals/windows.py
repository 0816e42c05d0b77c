"""Arrays to frames and back: windows of a recording, tiles of a large array.

    array (s0, s1, ...) ─cut─► frames (n, *frame_shape) ─join─► array (s0, s1, ...)

Along an axis of `size`, windows of `length` begin every `hop` elements, the last one where it
reaches the end; what it has beyond the end is the last element, repeated, and is dropped again.
Where windows overlap (`hop < length`), `join` takes the mean with weights 1, 2, ..., 2, 1 of the
positions in each, times those of the other axes: in whole numbers for integers, rounded half up,
and in float64 for floats, added in the order of the frames, so that it is the same everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice, product
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.errors import DataError
from narrows.signals.bricks import number_of, place_of

Array = npt.NDArray[Any]
PART_BYTES = 1 << 25  # of an array that is put together a part at a time
Box = tuple[slice, ...]


@dataclass(frozen=True)
class Grid:
    """Where the frames of one array are.

    Attributes
    ----------
    shape : tuple of int
        Of the array.
    lengths : tuple of int
        Of a frame, along every axis of the array.
    hops : tuple of int
        From one frame to the next, along every axis: at least 1, at most the length.
    brick : tuple of int or None
        How many frames along every axis stand together, where nothing overlaps; see `bricks`.
    """

    shape: tuple[int, ...]
    lengths: tuple[int, ...]
    hops: tuple[int, ...]
    brick: tuple[int, ...] | None = None

    @cached_property
    def counts(self) -> tuple[int, ...]:
        """The number of frames along every axis."""
        return tuple(
            0 if size == 0 else 1 + max(0, -(-(size - length) // hop))
            for size, length, hop in zip(self.shape, self.lengths, self.hops, strict=True)
        )

    @property
    def n_frames(self) -> int:
        """The number of frames."""
        return prod(self.counts)

    @property
    def overlaps(self) -> bool:
        """Whether frames share elements."""
        return self.hops != self.lengths

    @property
    def are_rows(self) -> bool:
        """Whether frames are the rows of the array, a length of them after another."""
        return not self.overlaps and self.lengths[1:] == self.shape[1:]

    def corner(self, number: int) -> tuple[int, ...]:
        """Return where a frame begins; frames are in order, the last axis fastest."""
        if self.brick is None:
            places: Any = np.unravel_index(number, self.counts)
        else:
            places = place_of(number, self.counts, self.brick)
        return tuple(int(p) * hop for p, hop in zip(places, self.hops, strict=True))

    def box(self, number: int) -> Box:
        """Return the part of the array that a frame covers, without what is beyond its end."""
        return tuple(
            slice(start, min(start + length, size))
            for start, length, size in zip(
                self.corner(number), self.lengths, self.shape, strict=True
            )
        )

    def touching(self, box: Box) -> Iterator[int]:
        """Yield the numbers of the frames that hold an element of a part of the array, in order."""
        ranges = [
            range(_first(part.start, length, hop), min((part.stop - 1) // hop + 1, count))
            for part, length, hop, count in zip(
                box, self.lengths, self.hops, self.counts, strict=True
            )
        ]
        if self.brick is not None:
            each = (number_of(places, self.counts, self.brick) for places in product(*ranges))
            yield from sorted(each)
            return
        steps = [prod(self.counts[axis + 1 :]) for axis in range(len(self.counts))]
        for places in product(*ranges):
            yield sum(p * step for p, step in zip(places, steps, strict=True))


def _first(start: int, length: int, hop: int) -> int:
    """Return the first window that holds the element at `start`."""
    return max(0, -(-(start - length + 1) // hop))


def cut_frame(array: Array, grid: Grid, number: int, row_offset: int = 0) -> Array:
    """Cut one frame, of the grid's lengths; `array` begins at row `row_offset` of the whole."""
    first, *others = grid.box(number)
    part = array[(slice(first.start - row_offset, first.stop - row_offset), *others)]
    if part.shape == grid.lengths:
        return part
    beyond = [(0, length - size) for length, size in zip(grid.lengths, part.shape, strict=True)]
    return np.pad(part, beyond, mode="edge")


def cut(array: Array, grid: Grid) -> Array:
    """Cut an array of the grid's shape to `(n_frames, *lengths)` frames."""
    out = np.empty((grid.n_frames, *grid.lengths), array.dtype)
    for number in range(grid.n_frames):
        out[number] = cut_frame(array, grid, number)
    return out


class Joiner:
    """Puts frames together again: the inverse of `cut`, for a part of the array or all of it.

    Parameters
    ----------
    grid : Grid
    box : tuple of slice
        The part that is wanted, with start and stop along every axis.
    out : (stop - start, ...) array
        Where to; of the dtype of the frames.
    """

    def __init__(self, grid: Grid, box: Box, out: Array) -> None:
        self._grid, self._box, self._out = grid, box, out
        # Sums of integers of at most int32, with weights below 2**30, stay below 2**62.
        of_large = np.object_ if out.dtype.kind in "iu" else np.float64
        wide = np.int64 if np.can_cast(out.dtype, np.int32) else of_large
        self._sums: Any = np.zeros(out.shape, wide) if grid.overlaps else None
        weights = [
            _weights(length, hop) for length, hop in zip(grid.lengths, grid.hops, strict=True)
        ]
        self._weights = _outer(weights, wide)

    def add(self, number: int, frame: Array) -> None:
        """Add a frame, of the grid's lengths; those that overlap in the order of their numbers."""
        corner, covered = self._grid.corner(number), self._grid.box(number)
        common = [
            slice(max(a.start, b.start), min(a.stop, b.stop))
            for a, b in zip(covered, self._box, strict=True)
        ]
        if any(part.start >= part.stop for part in common):
            return
        there = tuple(
            slice(c.start - b.start, c.stop - b.start)
            for c, b in zip(common, self._box, strict=True)
        )
        here = tuple(slice(c.start - a, c.stop - a) for c, a in zip(common, corner, strict=True))
        if self._sums is None:
            self._out[there] = frame[here]
        else:
            self._sums[there] += frame[here] * self._weights[here]

    def finish(self) -> Array:
        """Return the part that was wanted, once all frames that touch it were added."""
        if self._sums is None:
            return self._out
        totals = self._totals()
        if self._sums.dtype != np.float64:
            self._out[...] = (2 * self._sums + totals) // (2 * totals)  # rounded half up
        else:
            self._out[...] = self._sums / totals
        return self._out

    def _totals(self) -> Array:
        """Add up the weights at every element: along one axis after the other."""
        along = []
        for axis, part in enumerate(self._box):
            length, hop = self._grid.lengths[axis], self._grid.hops[axis]
            total = np.zeros(part.stop - part.start, np.int64)
            weights = _weights(length, hop)
            for window in range(
                _first(part.start, length, hop),
                min((part.stop - 1) // hop + 1, self._grid.counts[axis]),
            ):
                begin = window * hop
                low, high = max(begin, part.start), min(begin + length, part.stop)
                total[low - part.start : high - part.start] += weights[low - begin : high - begin]
            along.append(total)
        assert self._sums is not None
        return _outer(along, self._sums.dtype.type)


def join(frames: Iterable[Array], grid: Grid, out: Array) -> Array:
    """Undo `cut`: put frames, in order, into `out`, an array of the grid's shape."""
    start = 0
    for part in joined(frames, grid, out.dtype):
        out[start : start + len(part)] = part
        start += len(part)
    return out


def joined(
    frames: Iterable[Array], grid: Grid, dtype: np.dtype[Any], part_bytes: int = PART_BYTES
) -> Iterator[Array]:
    """Yield an array in parts along its first axis, from its frames in order.

    Parts have about so many bytes, where a window's rows do not have more.

    Raises
    ------
    DataError
        If there are fewer frames, or more.
    """
    coming, number = iter(frames), 0
    n_windows, a_window = grid.counts[0], grid.n_frames // max(grid.counts[0], 1)
    row_bytes = prod(grid.shape[1:]) * dtype.itemsize
    layer = 1 if grid.brick is None else grid.brick[0]  # windows whose frames stand together
    at_once = layer * max(1, part_bytes // max(layer * grid.hops[0] * row_bytes, 1))
    held: list[tuple[int, Array]] = []  # frames that reach into the next part

    def reaches(stop: int, number: int) -> bool:
        return number // a_window * grid.hops[0] + grid.lengths[0] > stop

    for first in range(0, n_windows, at_once):
        last = min(first + at_once, n_windows)
        start = first * grid.hops[0]
        stop = grid.shape[0] if last == n_windows else last * grid.hops[0]
        if grid.are_rows:
            some = list(islice(coming, last - first))
            if len(some) < last - first:
                raise _too_few(number + len(some), grid)
            number = last
            yield np.concatenate(some)[: stop - start]
            continue
        box = (slice(start, stop), *(slice(0, size) for size in grid.shape[1:]))
        joiner = Joiner(grid, box, np.empty((stop - start, *grid.shape[1:]), dtype))
        for before in held:
            joiner.add(*before)
        held = [each for each in held if reaches(stop, each[0])]
        for frame in islice(coming, (last - first) * a_window):
            joiner.add(number, frame)
            if reaches(stop, number):
                held.append((number, frame))
            number += 1
        if number != last * a_window:
            raise _too_few(number, grid)
        yield joiner.finish()
    if next(coming, None) is not None:
        raise DataError(f"more frames than the {grid.n_frames} of an array of {grid.shape}")


def _too_few(n: int, grid: Grid) -> DataError:
    return DataError(f"{n} frames where an array of {grid.shape} has {grid.n_frames}")


def _weights(length: int, hop: int) -> npt.NDArray[np.int64]:
    """Return the weights of a window's positions: those where nothing overlaps all count one."""
    if hop == length:
        return np.ones(length, np.int64)
    rising = np.arange(1, length + 1, dtype=np.int64)
    return np.minimum(rising, rising[::-1])


def _outer(along: list[npt.NDArray[np.int64]], dtype: Any) -> Array:
    """Multiply weights along every axis to weights of all elements."""
    out: Array = np.ones((), np.int64)
    for axis in along:
        out = out[..., None] * axis
    return out.astype(dtype)
