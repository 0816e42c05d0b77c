"""Bricks: tiles of an array that stand near each other in an archive, as they do in the array.

    array ─► bricks, row-major ─► tiles of each, row-major

A block of an archive then holds a part of the array that is about as long along every axis.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from math import floor, pow, prod
from operator import mul
from typing import Any

import numpy as np
import numpy.typing as npt

Counts = tuple[int, ...]
Shape = tuple[int, ...]


def brick_for(counts: Counts, axes: int, most: int) -> Counts:
    """Choose how many tiles a brick has along each axis: about as many along all of them.

    Parameters
    ----------
    counts : tuple of int
        Tiles of the array.
    axes : int
        Of a frame: the array's last ones. Along those before, a brick has one tile.
    most : int
        Tiles of a brick.
    """
    free = range(len(counts) - axes, len(counts))
    brick = [1] * len(counts)
    left, room = sorted(free, key=lambda axis: counts[axis]), most
    while left:  # short axes first: what they do not use is left to the others
        along = max(1, _root(room, len(left)))
        axis = left.pop(0)
        bricks = -(-max(counts[axis], 1) // along)
        brick[axis] = -(-max(counts[axis], 1) // bricks)
        room //= brick[axis]
    return tuple(brick)


def _root(value: int, n: int) -> int:
    """Return the greatest whole number whose n-th power is at most `value`."""
    root = floor(pow(float(value), 1.0 / n) + 0.5)
    return root - 1 if prod([root] * n) > value else root


def parts_of(shape: Shape, lengths: tuple[int, ...], brick: Counts) -> Iterator[tuple[int, ...]]:
    """Yield the shapes of the parts of an array that bricks of tiles cover, in order."""
    along = [
        [min(step, size - start) for start in range(0, size, step)]
        for size, step in zip(shape, map(mul, lengths, brick), strict=True)
    ]
    yield from product(*along)


def place_of(number: int, counts: Counts, brick: Counts) -> Counts:
    """Return where a tile is, from its number in the order of bricks."""
    starts, sizes = [], list(counts)
    for axis, (count, length) in enumerate(zip(counts, brick, strict=True)):
        rest = prod(sizes) // count  # tiles of a layer of this axis
        first = number // (length * rest) * length
        number -= first * rest
        sizes[axis] = min(length, count - first)
        starts.append(first)
    within = []
    for axis in reversed(range(len(sizes))):
        number, place = divmod(number, sizes[axis])
        within.append(place)
    return tuple(a + b for a, b in zip(starts, reversed(within), strict=True))


def number_of(place: Counts, counts: Counts, brick: Counts) -> int:
    """Undo `place_of`."""
    number, sizes = 0, list(counts)
    for axis, (at, count, length) in enumerate(zip(place, counts, brick, strict=True)):
        first = at // length * length
        number += first * (prod(sizes) // count)
        sizes[axis] = min(length, count - first)
    within = 0
    for at, length, size in zip(place, brick, sizes, strict=True):
        within = within * size + at % length
    return number + within


def is_row_major(counts: Counts, brick: Counts) -> bool:
    """Return whether tiles are in the order that they have without bricks."""
    long = [axis for axis, count in enumerate(counts) if count > 1]
    return all(brick[axis] >= counts[axis] for axis in long[1:])


def n_tiles(shape: Shape, lengths: tuple[int, ...]) -> tuple[int, ...]:
    """Return how many tiles an array is cut to along each axis."""
    return tuple(-(-size // length) for size, length in zip(shape, lengths, strict=True))


def arrays_of(frames: npt.NDArray[Any], shapes: Sequence[Shape]) -> list[npt.NDArray[Any]]:
    """Put the tiles `(n, *frame_shape)` of arrays of some shapes together."""
    lengths, arrays, start = frames.shape[1:], [], 0
    axes = len(lengths)
    for shape in shapes:
        counts = n_tiles(shape, lengths)
        tiles = frames[start : start + prod(counts)].reshape(*counts, *lengths)
        whole = tiles.transpose([each for axis in range(axes) for each in (axis, axis + axes)])
        sizes = [count * length for count, length in zip(counts, lengths, strict=True)]
        arrays.append(whole.reshape(sizes)[tuple(slice(0, size) for size in shape)])
        start += prod(counts)
    return arrays


def some_arrays(
    frames: npt.NDArray[Any], shapes: Sequence[Shape], most: int
) -> tuple[npt.NDArray[Any], Sequence[Shape], npt.NDArray[np.bool_]]:
    """Return the tiles of the first arrays, of at most so many elements if there are several.

    Returns
    -------
    frames : (m, *frame_shape)
    shapes : sequence of tuple
        Of these arrays.
    inside : (m, *frame_shape) bool
        Which elements are in an array, and not beyond its end.
    """
    lengths = frames.shape[1:]
    counts = np.cumsum([prod(n_tiles(shape, lengths)) for shape in shapes])
    n = max(1, int(np.searchsorted(counts, most // prod(lengths), side="right")))
    few = frames[: counts[n - 1]]
    inside = np.zeros(few.shape, dtype=bool)
    places = np.indices(lengths)
    start = 0
    for shape in shapes[:n]:
        for number, place in enumerate(np.ndindex(*n_tiles(shape, lengths))):
            ends = np.array(shape) - np.array(place) * np.array(lengths)
            ends = ends.reshape(-1, *[1] * len(lengths))
            inside[start + number] = (places < ends).all(axis=0)
        start += prod(n_tiles(shape, lengths))
    return few, shapes[:n], inside
