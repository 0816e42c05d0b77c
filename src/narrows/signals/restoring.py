"""Frames of an archive to the files that they were cut from, one after the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.errors import FormatError
from narrows.files import temporary_file
from narrows.signals.formats.contract import Format
from narrows.signals.formats.registry import writer_of
from narrows.signals.geometry import Geometry
from narrows.signals.source import Attributes
from narrows.signals.windows import join, joined

Array = npt.NDArray[Any]
MAX_HELD_BYTES = 1 << 28  # of an array in memory; a larger one is put together in a file


def restored_arrays(
    blocks: Iterable[Array], geometry: Geometry, dtype: np.dtype[Any], members: Iterable[int]
) -> Iterator[tuple[int, Array]]:
    """Put the arrays of members together.

    Parameters
    ----------
    blocks : iterable of (n, *frame_shape)
        The frames of these members, in order.
    geometry : Geometry
        Of as many frames as the archive has: memory is taken for what it says.
    dtype : numpy dtype
    members : iterable of int
        Their numbers, in order.

    Yields
    ------
    number, array
        Of each member; the array is to be used before the next, and may be read-only.

    Raises
    ------
    FormatError
        If there are fewer frames, or more.
    """
    frames = (frame for block in blocks for frame in block)
    for number in members:
        grid = geometry.grid(number)
        own = _first(frames, grid.n_frames, grid.lengths)
        if prod(grid.shape) * dtype.itemsize <= MAX_HELD_BYTES:
            yield number, join(own, grid, np.empty(grid.shape, dtype))
            continue
        with temporary_file() as spool:
            for part in joined(own, grid, dtype):
                spool.write(part.data)
            spool.flush()
            yield number, np.memmap(spool, dtype, "r", shape=grid.shape)
    if next(frames, None) is not None:
        raise FormatError("archive with more frames than its geometry needs")


def _first(frames: Iterator[Array], n: int, lengths: tuple[int, ...]) -> Iterator[Array]:
    for _ in range(n):
        frame = next(frames, None)
        if frame is None:
            raise FormatError("archive with fewer frames than its geometry needs")
        yield frame.reshape(lengths)


def save_array(path: Path, format_: Format, array: Array, attributes: Attributes) -> None:
    """Write an array to a file, or to what its format has of files."""
    if format_.save is not None:
        format_.save(path, array, attributes)
    elif format_.write is not None:
        with path.open("xb") as stream:
            format_.write(stream, array, attributes)


def save_members(
    folder: Path, blocks: Iterable[Array], geometry: Geometry, dtype: np.dtype[Any]
) -> None:
    """Write all members to a folder, by their names; parameters as of `restored_arrays`.

    Raises
    ------
    SettingError
        If a member's format cannot be written here.
    """
    writers = [writer_of(*each) for each in zip(geometry.names, geometry.formats, strict=True)]
    members = range(len(geometry.names))
    for number, array in restored_arrays(blocks, geometry, dtype, members):
        path = folder / geometry.names[number]
        path.parent.mkdir(parents=True, exist_ok=True)
        save_array(path, writers[number], array, geometry.attributes[number])
