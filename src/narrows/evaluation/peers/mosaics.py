"""How all signals are laid out in one array, for a codec that takes them together.

    signals (n, *frame_shape) ─join─► one array
    signals                   ◄split─ one array

That is the best case of a codec made for large pictures or fields: its header is paid once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, prod, sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

Signals = npt.NDArray[Any]
Shape = tuple[int, ...]
MIN_SIDE = 4
"""Of a picture; what is narrower is a signal of several channels."""
MAX_CHANNELS = 8
"""Of a recording, which has at least four times as many samples."""


@dataclass(frozen=True)
class Layout:
    """A pair of inverse functions."""

    name: str
    join: Callable[[Signals], Signals]  # (n, *frame_shape) -> array
    split: Callable[[Signals, int], Signals]  # array, n -> (n, *frame_shape)


def layout_of(frame_shape: Shape) -> Layout:
    """Return the layout that keeps neighbouring elements together, by the shape of a frame."""
    if len(frame_shape) < 2:
        return row(frame_shape)
    return recording(frame_shape) if is_recording(frame_shape) else mosaic(frame_shape)


def is_recording(frame_shape: Shape) -> bool:
    """Return whether frames are `(samples, channels)` of a recording, or `(samples,)`."""
    if len(frame_shape) == 1:
        return True
    few = len(frame_shape) == 2 and frame_shape[1] <= MAX_CHANNELS
    return few and frame_shape[0] >= 4 * frame_shape[1]


def is_picture(frame_shape: Shape) -> bool:
    """Return whether frames are grey pictures `(h, w)` or coloured ones `(h, w, 3)`."""
    pictures = len(frame_shape) == 2 or (len(frame_shape) == 3 and frame_shape[2] == 3)
    return pictures and min(frame_shape[:2]) >= MIN_SIDE


def grid(name: str, frame_shape: Shape, counts_of: Callable[[int], Sequence[int]]) -> Layout:
    """Put frames beside each other, `counts_of(n)` along each of their axes, blank at the end."""

    def join(x: Signals) -> Signals:
        counts = counts_of(len(x))
        frames = np.zeros((prod(counts), *frame_shape), x.dtype)
        frames[: len(x)] = x
        apart = frames.reshape(*counts, *frame_shape)  # (*counts, *frame_shape)
        order = np.arange(apart.ndim).reshape(2, -1).T.ravel()  # count, side, count, side, ...
        sides = [a * b for a, b in zip(counts, frame_shape, strict=True)]
        return np.ascontiguousarray(apart.transpose(order)).reshape(sides)

    def split(array: Signals, n: int) -> Signals:
        pairs = zip(counts_of(n), frame_shape, strict=True)
        apart = array.reshape([size for pair in pairs for size in pair])
        order = np.arange(apart.ndim).reshape(-1, 2).T.ravel()  # counts, then sides
        return np.ascontiguousarray(apart.transpose(order)).reshape(-1, *frame_shape)[:n]

    return Layout(name, join, split)


def mosaic(frame_shape: Shape) -> Layout:
    """Lay frames out in a nearly square picture: along the first axes of pictures, else the last.

    Grey and coloured pictures are `(h, w)` and `(h, w, 3)`, volumes `(..., h, w)`.
    """
    axis = 0 if is_picture(frame_shape) else len(frame_shape) - 2

    def counts_of(n: int) -> list[int]:
        columns = ceil(sqrt(n))
        counts = [1] * len(frame_shape)
        counts[axis : axis + 2] = [ceil(n / columns), columns]
        return counts

    return grid("one mosaic", frame_shape, counts_of)


def field(frame_shape: Shape, blocks: Shape) -> Layout:
    """Put blocks back where they were cut; as a stack where they are not all there.

    Parameters
    ----------
    frame_shape : (z, y, x)
        Of a block.
    blocks : (z, y, x)
        How many lie along each axis of the region.
    """
    alone = [1] * (len(blocks) - 1)
    return grid("one field", frame_shape, lambda n: blocks if n == prod(blocks) else (n, *alone))


def cut(region: Signals, frame_shape: Shape) -> tuple[Signals, Shape]:
    """Cut a field into the blocks that fit into it; return them, and their number by axis."""
    blocks = tuple(size // part for size, part in zip(region.shape, frame_shape, strict=True))
    fitting = tuple(slice(n * part) for n, part in zip(blocks, frame_shape, strict=True))
    return field(frame_shape, blocks).split(region[fitting], prod(blocks)), blocks


def recording(frame_shape: Shape) -> Layout:
    """Join `(samples, channels)` windows to one long row, channel after channel."""
    rows = windows(frame_shape)
    return Layout("one recording", lambda x: rows.join(x).ravel(), rows.split)


def windows(frame_shape: Shape) -> Layout:
    """Put `(samples, channels)` windows below each other, channel after channel: a picture."""
    samples, channels = (*frame_shape, 1)[:2]

    def join(x: Signals) -> Signals:
        apart = x.reshape(-1, samples, channels).transpose(2, 0, 1)  # (channels, n, samples)
        return np.ascontiguousarray(apart).reshape(-1, samples)

    def split(rows: Signals, n: int) -> Signals:
        apart = rows.reshape(channels, n, samples).transpose(1, 2, 0)
        return np.ascontiguousarray(apart).reshape(n, *frame_shape)

    return Layout("one picture of windows", join, split)


def interleaved(frame_shape: Shape) -> Layout:
    """Put `(samples, channels)` windows one after the other, as `(all samples, channels)`."""
    return Layout(
        "one recording",
        lambda x: x.reshape(-1, *frame_shape[1:]),
        lambda y, n: y.reshape(n, *frame_shape),
    )


def row(frame_shape: Shape) -> Layout:
    """Put signals one after the other in a single row, in their own order."""
    return Layout(
        "one row",
        lambda x: np.ascontiguousarray(x).ravel(),
        lambda y, n: y.reshape(n, *frame_shape),
    )
