"""Arrays whose tiles signals are, put together again.

tiles (n, *frame_shape) ─join─► array, or a brick of a larger one
tiles                   ◄split─ array

Other codecs take them whole, and pictures show them so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from narrows.codec.prediction.bricks import Brick, array_of, bricks_of, cut_to_tiles
from narrows.evaluation.peers.mosaics import Layout, Shape
from narrows.signals import Frames
from narrows.signals.geometry import Geometry

Signals = npt.NDArray[Any]
Order = npt.NDArray[np.intp]


class Part(NamedTuple):
    """Some tiles in a row, and the array that they are."""

    n_tiles: int
    layout: Layout
    name: str


@dataclass(frozen=True, eq=False)
class WholeArrays:
    """What the tiles at hand were cut from.

    Attributes
    ----------
    geometry : Geometry
        Of all tiles, in the order of bricks.
    bricks : sequence of tuple of int
        The shapes of the bricks at hand: the first ones.
    frame_shape : tuple of int
    """

    geometry: Geometry
    bricks: Sequence[Shape]
    frame_shape: Shape

    @classmethod
    def of(cls, laid: Frames, x: Signals, bricks: Sequence[Shape]) -> Self:
        """Return what `some_bricks` found: frames, tiles of them, and the bricks' shapes."""
        return cls(laid.geometry, bricks, x.shape[1:])

    @cached_property
    def tiles_of_bricks(self) -> list[int]:
        """How many tiles each brick has."""
        return [
            int(np.prod([-(-size // n) for size, n in zip(shape, self.frame_shape, strict=True)]))
            for shape in self.bricks
        ]

    def first(self, most: int) -> Self:
        """Return the first bricks, of at most so many tiles if there are several."""
        ends = np.cumsum(self.tiles_of_bricks)
        n = max(1, int(np.searchsorted(ends, most, side="right")))
        return type(self)(self.geometry, self.bricks[:n], self.frame_shape)

    @cached_property
    def n_tiles(self) -> int:
        """The number of tiles at hand."""
        return sum(self.tiles_of_bricks)

    def inside(self, x: Signals) -> npt.NDArray[np.bool_]:
        """Return which elements of `(n_tiles, *frame_shape)` tiles are within their array."""
        return np.concatenate([brick.known for brick in bricks_of(x, self.bricks)])

    @cached_property
    def parts(self) -> list[Part]:
        """The arrays, as far as all their tiles are at hand; of another one its first bricks."""
        found, starts = [], self.geometry.starts
        whole = sum(end <= self.n_tiles for end in starts[1:])
        for number in range(whole):
            n = starts[number + 1] - starts[number]
            found.append(Part(n, self._of_member(number), self.geometry.names[number]))
        done = starts[whole]
        ends = np.cumsum(self.tiles_of_bricks)
        for end, n, shape in zip(ends.tolist(), self.tiles_of_bricks, self.bricks, strict=True):
            if end > done:
                name = f"a part of {self.geometry.names[whole]}"
                found.append(Part(n, self._of_brick(shape), name))
        return [part for part in found if part.n_tiles]

    def arrays(self, x: Signals) -> list[Signals]:
        """Put `(n_tiles, *frame_shape)` tiles together: the array of each part."""
        ends = np.cumsum([part.n_tiles for part in self.parts])
        return [
            part.layout.join(x[end - part.n_tiles : end])
            for part, end in zip(self.parts, ends.tolist(), strict=True)
        ]

    def _of_member(self, number: int) -> Layout:
        """Return the layout of a whole array, whose tiles are in the order of its bricks."""
        grid, lengths = self.geometry.grid(number), self.geometry.lengths
        places = [
            [start // n for start, n in zip(grid.corner(i), lengths, strict=True)]
            for i in range(grid.n_frames)
        ]
        rows = np.ravel_multi_index(np.array(places, dtype=np.intp).T, grid.counts)
        return self._layout(self.geometry.shapes[number], lengths, np.asarray(rows))

    def _of_brick(self, shape: Shape) -> Layout:
        counts = [-(-size // n) for size, n in zip(shape, self.frame_shape, strict=True)]
        return self._layout(shape, self.frame_shape, np.arange(np.prod(counts)))

    def _layout(self, shape: Shape, lengths: Shape, rows: Order) -> Layout:
        join = partial(_join, shape=shape, lengths=lengths, order=np.argsort(rows))
        split = partial(_split, lengths=lengths, frame_shape=self.frame_shape, rows=rows)
        return Layout("one array", join, split)


def _join(x: Signals, shape: Shape, lengths: Shape, order: Order) -> Signals:
    """Put all tiles of an array together; `order` makes them row-major."""
    return np.ascontiguousarray(array_of(Brick(x.reshape(-1, *lengths)[order], shape)))


def _split(array: Signals, n: int, lengths: Shape, frame_shape: Shape, rows: Order) -> Signals:
    """Undo `_join`: cut the array to its `n` tiles."""
    return cut_to_tiles(array, lengths)[rows].reshape(n, *frame_shape)
