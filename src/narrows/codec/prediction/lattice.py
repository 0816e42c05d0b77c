"""Where the tiles of a brick are, and which of them can be decoded together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.prediction.tile_prediction import TilePrediction, rim_of
from narrows.errors import DataError

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Brick:
    """Tiles that are coded together: all that an array, or a part of one, is cut to.

    Attributes
    ----------
    frames : (n, *frame_shape)
        Row-major.
    shape : tuple of int
        Elements of the array along the axes of a tile; the last tiles may go beyond them.
    """

    frames: npt.NDArray[Any]
    shape: tuple[int, ...]

    @property
    def counts(self) -> tuple[int, ...]:
        """The number of tiles along each axis."""
        lengths = self.frames.shape[1:]
        return tuple(-(-size // n) for size, n in zip(self.shape, lengths, strict=True))

    def __post_init__(self) -> None:
        lengths = self.frames.shape[1:]
        if len(lengths) != len(self.shape) or prod(self.counts) != len(self.frames):
            raise DataError(f"{len(self.frames)} tiles of {lengths} for a part of {self.shape}")

    def __len__(self) -> int:
        return len(self.frames)

    @cached_property
    def known(self) -> npt.NDArray[np.bool_]:
        """Which elements of the frames are within the array, `(n, *frame_shape)`."""
        lengths = self.frames.shape[1:]
        inside = np.zeros([c * n for c, n in zip(self.counts, lengths, strict=True)], dtype=bool)
        inside[tuple(slice(0, size) for size in self.shape)] = True
        return tiles_of(inside, lengths)

    @cached_property
    def nearest(self) -> npt.NDArray[np.intp]:
        """Of each element of a tile the nearest one within the array, `(n, size)`: its number."""
        shape = self.frames.shape[1:]
        lengths = np.array(shape)
        corners = np.indices(self.counts).reshape(len(lengths), -1).T * lengths  # (n, axes)
        ends = np.minimum(lengths, np.array(self.shape) - corners) - 1
        places = np.indices(shape).reshape(len(lengths), -1).T  # (size, axes)
        inside = np.minimum(places, ends[:, None])  # (n, size, axes)
        return np.asarray(np.ravel_multi_index(tuple(np.moveaxis(inside, -1, 0)), shape))


def bricks_of(frames: npt.NDArray[Any], shapes: Sequence[tuple[int, ...]]) -> list[Brick]:
    """Split the tiles `(n, *frame_shape)` of arrays of some shapes; DataError for others."""
    lengths, bricks, start = frames.shape[1:], [], 0
    for shape in shapes:
        n = prod(-(-size // length) for size, length in zip(shape, lengths, strict=True))
        bricks.append(Brick(frames[start : start + n], shape))
        start += n
    if start != len(frames):
        raise DataError(f"{len(frames)} tiles for arrays that are cut to {start}")
    return bricks


class Lattice:
    """The tiles of a brick in the order of decoding.

    Parameters
    ----------
    own : TilePrediction
    counts : tuple of int
        Tiles along each axis.
    """

    def __init__(self, own: TilePrediction, counts: tuple[int, ...]) -> None:
        self.own, self.counts = own, counts
        self.n = prod(counts)
        places = np.indices(counts).reshape(len(counts), -1)  # (axes, n)
        self._diagonal = places.sum(axis=0)
        has_before = places > 0
        self.patterns = (has_before << np.arange(len(counts))[:, None]).sum(axis=0)
        """Of each tile the axes along which it has neighbours, `(n,)`: the first counts 1."""
        steps = [prod(counts[axis + 1 :]) for axis in range(len(counts))]
        before = np.arange(self.n) - np.array(steps)[:, None]
        self.before = np.where(has_before, before, -1)
        """The tile before each one along each axis, `(axes, n)`; -1 where there is none."""

    def diagonals(self) -> Iterator[npt.NDArray[np.intp]]:
        """Yield the tiles of one sum of places, row-major: none needs another one of them."""
        order = np.argsort(self._diagonal, kind="stable")
        yield from np.split(order, np.flatnonzero(np.diff(self._diagonal[order])) + 1)


class Canvas:
    """The values of a brick that are decoded so far; around them, before the first, are zeros.

    Parameters
    ----------
    lattice : Lattice
    """

    def __init__(self, lattice: Lattice) -> None:
        own = lattice.own
        self._lengths, self._rim, self._limit = own.frame_shape, own.rim, own.limit
        sizes = [c * n + own.rim for c, n in zip(lattice.counts, own.frame_shape, strict=True)]
        self._values = np.zeros(sizes, dtype=np.int64)
        steps = np.array([prod(sizes[axis + 1 :]) for axis in range(len(sizes))])
        places = np.indices(lattice.counts).reshape(len(sizes), -1).T  # (n, axes)
        self._starts = (places * np.array(self._lengths) + own.rim) @ steps
        patterns = range(1 << len(sizes))
        self._rims = [rim_of(self._lengths, own.rim, each) @ steps for each in patterns]
        self._lattice = lattice
        inside = np.indices(self._lengths).reshape(len(sizes), -1).T
        self._inside = inside @ steps

    def said(self, tiles: npt.NDArray[np.intp]) -> Integers:
        """Return what the rims of tiles say of them, `(m, elements of a tile)`."""
        out = np.zeros((len(tiles), self._inside.size), dtype=np.int64)
        patterns = self._lattice.patterns[tiles]
        for pattern in np.unique(patterns[patterns > 0]).tolist():
            rows = np.flatnonzero(patterns == pattern)
            places = self._starts[tiles[rows], None] + self._rims[pattern]
            out[rows] = self._lattice.own.said(pattern, self._values.reshape(-1)[places])
        return out

    def put(self, tiles: npt.NDArray[np.intp], values: Integers) -> Integers:
        """Set tiles `(m, elements of a tile)`; return them within the limit."""
        values = np.clip(values, -self._limit, self._limit)
        self._values.reshape(-1)[self._starts[tiles, None] + self._inside] = values
        return values

    def tiles(self) -> Integers:
        """Return all tiles, `(n, *frame_shape)`."""
        whole = self._values[(slice(self._rim, None),) * self._values.ndim]
        return tiles_of(whole, self._lengths)


def tiles_of(array: npt.NDArray[Any], lengths: tuple[int, ...]) -> npt.NDArray[Any]:
    """Cut an array of whole tiles to `(n, *lengths)`, row-major."""
    axes = len(lengths)
    counts = [size // n for size, n in zip(array.shape, lengths, strict=True)]
    split = array.reshape([each for pair in zip(counts, lengths, strict=True) for each in pair])
    order = [*range(0, 2 * axes, 2), *range(1, 2 * axes, 2)]
    return np.ascontiguousarray(split.transpose(order).reshape(-1, *lengths))
