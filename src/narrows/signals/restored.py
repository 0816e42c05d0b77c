"""What an archive's frames were cut from: arrays that slice like numpy's, decoded where needed.

archive[2:5, :, 7]            the array of one file, along its own axes
archive["a.wav"][8000:16000]  one of a folder's
"""

from __future__ import annotations

import operator
from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from narrows.codec.archive import Metadata
from narrows.codec.sequence import Archive
from narrows.errors import DataError
from narrows.signals.geometry import Geometry
from narrows.signals.source import Attributes
from narrows.signals.windows import Box, Joiner

Array = npt.NDArray[Any]


class _OfArchive:
    """What arrays and folders of an archive have in common."""

    def __init__(self, archive: Archive, geometry: Geometry) -> None:
        self.frames = archive
        """The frames, in order: an `Archive`."""
        self._geometry = geometry

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the numbers."""
        return self.frames.dtype

    @property
    def model_id(self) -> str:
        """The identity of the model that wrote the archive, 32 hexadecimal digits."""
        return self.frames.model_id

    @property
    def metadata(self) -> Metadata:
        """What was stored beside the frames: JSON values under names."""
        return self.frames.metadata

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self.frames.close()


class RestoredArray(_OfArchive):
    """An array that was cut to frames, along its own axes.

    Parameters
    ----------
    archive : Archive
        Of the frames.
    geometry : Geometry
    number : int
        Of the member.

    Attributes
    ----------
    name : str
        Of its file.
    attributes : mapping
        What its file said of it, such as a sample rate.
    """

    def __init__(self, archive: Archive, geometry: Geometry, number: int = 0) -> None:
        super().__init__(archive, geometry)
        self.name = geometry.names[number]
        self.attributes: Attributes = geometry.attributes[number]
        self._grid, self._first = geometry.grid(number), geometry.starts[number]

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the array."""
        return self._grid.shape

    @property
    def ndim(self) -> int:
        """The number of its axes."""
        return len(self.shape)

    def __repr__(self) -> str:
        """Return what tells it from others."""
        return f"<RestoredArray {self.name!r}: {self.shape} {self.dtype}, of {self.frames!r}>"

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> Array:
        """Return a part, as of a numpy array; accepted are whole numbers, slices and `...`."""
        box, steps = _parsed(key, self.shape)
        part: Array = self._decode(box)[steps]
        return part

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        """Return all of it, always as a new array."""
        if copy is False:
            raise ValueError("signals of an archive are decoded: np.asarray makes their array")
        whole: Array = self[...].astype(dtype or self.dtype, copy=False)
        return whole

    def _decode(self, box: Box) -> Array:
        """Decode the frames that touch a part, those that follow each other together."""
        out = np.empty([part.stop - part.start for part in box], self.dtype)
        joiner = Joiner(self._grid, box, out)
        touching = self._grid.touching(box) if out.size else iter(())
        for _, run in groupby(enumerate(touching), lambda pair: pair[1] - pair[0]):
            numbers = [number for _, number in run]
            for start in range(0, len(numbers), FRAMES_AT_ONCE):
                part = numbers[start : start + FRAMES_AT_ONCE]
                first = self._first + part[0]
                frames = self.frames[first : first + len(part)]
                for number, frame in zip(part, frames, strict=True):
                    joiner.add(number, frame.reshape(self._grid.lengths))
        return joiner.finish()


FRAMES_AT_ONCE = 1024


class RestoredFolder(_OfArchive, Mapping[str, RestoredArray]):
    """The arrays of the files of a folder, by their names."""

    def __getitem__(self, name: str) -> RestoredArray:
        """Return the array of a file; KeyError if there is none of that name."""
        return RestoredArray(self.frames, self._geometry, self._geometry.find(name))

    def __iter__(self) -> Iterator[str]:
        return iter(self._geometry.names)

    def __len__(self) -> int:
        return len(self._geometry.names)

    def __repr__(self) -> str:
        """Return what tells it from others."""
        return f"<RestoredFolder of {len(self)} files, of {self.frames!r}>"


def restored(archive: Archive, geometry: Geometry) -> RestoredArray | RestoredFolder:
    """Return an archive of frames as what they were cut from."""
    return (RestoredFolder if geometry.is_folder else RestoredArray)(archive, geometry)


def _parsed(key: Any, shape: tuple[int, ...]) -> tuple[Box, tuple[Any, ...]]:
    """Return the part that a key needs, and the key within that part."""
    keys = list(key) if isinstance(key, tuple) else [key]
    n_dots = sum(each is Ellipsis for each in keys)
    missing = len(shape) - len(keys) + n_dots
    if n_dots > 1 or missing < 0:
        raise IndexError(f"{key!r} of an array of shape {shape}")
    place = next((i for i, each in enumerate(keys) if each is Ellipsis), len(keys))
    keys[place : place + n_dots] = [slice(None)] * missing
    parts = [_along(each, size) for each, size in zip(keys, shape, strict=True)]
    return tuple(box for box, _ in parts), tuple(step for _, step in parts)


def _along(key: Any, size: int) -> tuple[slice, Any]:
    """Return what a key along one axis needs, and the key within that."""
    if isinstance(key, slice):
        wanted = range(*key.indices(size))
        if not wanted:
            return slice(0, 0), slice(None)
        low, high = min(wanted[0], wanted[-1]), max(wanted[0], wanted[-1])
        return slice(low, high + 1), slice(None, None, wanted.step)
    try:
        number = range(size)[operator.index(key)]
    except TypeError:
        raise DataError(
            f"index {key!r}; accepted are whole numbers, slices and ...: take the array first, "
            "with np.asarray(archive)"
        ) from None
    return slice(number, number + 1), 0
