"""How all signals are laid out in one array for a codec that takes them together.

    signals (n, *frame_shape) ─join─► one array
    signals                   ◄split─ one array

That is the fairest case of a codec made for large pictures or fields: its header is paid once.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, sqrt

import numpy as np


@dataclass(frozen=True)
class Layout:
    """A pair of inverse functions, and what a table calls them.

    Attributes
    ----------
    name : str
    join : callable
        (n, *frame_shape) -> array
    split : callable
        array, n -> (n, *frame_shape)
    """

    name: str
    join: Callable
    split: Callable


def mosaic(frame_shape):
    """Lay 2-D frames out in one nearly square picture, blank where signals are missing."""
    height, width = frame_shape

    def join(x):
        columns = ceil(sqrt(len(x)))
        rows = ceil(len(x) / columns)
        tiles = np.zeros((rows * columns, height, width), x.dtype)
        tiles[: len(x)] = x
        tiles = tiles.reshape(rows, columns, height, width).swapaxes(1, 2)
        return np.ascontiguousarray(tiles).reshape(rows * height, columns * width)

    def split(picture, n):
        rows, columns = picture.shape[0] // height, picture.shape[1] // width
        tiles = picture.reshape(rows, height, columns, width).swapaxes(1, 2)
        return np.ascontiguousarray(tiles).reshape(-1, height, width)[:n]

    return Layout("one mosaic", join, split)


def leads(frame_shape):
    """Join `(samples, leads)` windows to one long row, lead after lead."""
    samples, n_leads = frame_shape

    def join(x):
        return np.ascontiguousarray(x.transpose(2, 0, 1)).ravel()

    def split(row, n):
        return np.ascontiguousarray(row.reshape(n_leads, n, samples).transpose(1, 2, 0))

    return Layout("one recording", join, split)


def field(frame_shape, blocks):
    """Put blocks back where they were cut; as a stack where they are not all there.

    Parameters
    ----------
    frame_shape : (z, y, x)
        Of a block.
    blocks : (z, y, x)
        How many lie along each axis of the region.
    """

    def join(x):
        grid = blocks if len(x) == np.prod(blocks) else (len(x), 1, 1)
        parts = x.reshape(*grid, *frame_shape).transpose(0, 3, 1, 4, 2, 5)
        sizes = [a * b for a, b in zip(grid, frame_shape, strict=True)]
        return np.ascontiguousarray(parts).reshape(sizes)

    def split(region, n):
        grid = blocks if n == np.prod(blocks) else (n, 1, 1)
        pairs = [size for pair in zip(grid, frame_shape, strict=True) for size in pair]
        parts = region.reshape(pairs).transpose(0, 2, 4, 1, 3, 5)
        return np.ascontiguousarray(parts).reshape(n, *frame_shape)

    return Layout("one field", join, split)


def row(frame_shape):
    """Put signals one after the other in a single row, in their own order."""
    return Layout(
        "one row",
        lambda x: np.ascontiguousarray(x).ravel(),
        lambda y, n: y.reshape(n, *frame_shape),
    )


def cut(region, frame_shape):
    """Cut a field into the blocks that fit into it; give them, and how many lie along each axis."""
    blocks = tuple(size // part for size, part in zip(region.shape, frame_shape, strict=True))
    fitting = tuple(slice(n * part) for n, part in zip(blocks, frame_shape, strict=True))
    layout = field(frame_shape, blocks)
    return layout.split(np.ascontiguousarray(region[fitting]), int(np.prod(blocks))), blocks
