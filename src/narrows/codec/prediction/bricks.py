"""Bricks: tiles that are coded together, and the part of an array that they are of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.errors import DataError


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


def array_of(brick: Brick) -> npt.NDArray[Any]:
    """Return the part of an array that a brick is, of its shape: the inverse of cutting it."""
    axes, lengths = len(brick.shape), brick.frames.shape[1:]
    tiles = brick.frames.reshape(*brick.counts, *lengths)
    whole = tiles.transpose([each for axis in range(axes) for each in (axis, axis + axes)])
    sizes = [count * length for count, length in zip(brick.counts, lengths, strict=True)]
    return whole.reshape(sizes)[tuple(slice(0, size) for size in brick.shape)]


def cut_to_tiles(array: npt.NDArray[Any], lengths: tuple[int, ...]) -> npt.NDArray[Any]:
    """Cut an array to tiles `(n, *lengths)`; beyond its end they go on with its last elements."""
    lacks = [-size % length for size, length in zip(array.shape, lengths, strict=True)]
    return tiles_of(np.pad(array, [(0, each) for each in lacks], mode="edge"), lengths)


def tiles_of(array: npt.NDArray[Any], lengths: tuple[int, ...]) -> npt.NDArray[Any]:
    """Cut an array of whole tiles to `(n, *lengths)`, row-major."""
    axes = len(lengths)
    counts = [size // n for size, n in zip(array.shape, lengths, strict=True)]
    split = array.reshape([each for pair in zip(counts, lengths, strict=True) for each in pair])
    order = [*range(0, 2 * axes, 2), *range(1, 2 * axes, 2)]
    return np.ascontiguousarray(split.transpose(order).reshape(-1, *lengths))
