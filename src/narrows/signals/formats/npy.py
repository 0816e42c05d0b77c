"""numpy's `.npy`, read without ever unpickling."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, BinaryIO, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from narrows.errors import DataError
from narrows.signals.formats.contract import Format
from narrows.signals.formats.damage import check_length, damage_named
from narrows.signals.formats.pieces import write_numbers
from narrows.signals.source import ArraySource, Attributes

NPY_MAGIC = b"\x93NUMPY"

_HEADER_READERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


class NpyHeader(NamedTuple):
    """What a `.npy` says of its array."""

    shape: tuple[int, ...]
    order: Literal["C", "F"]
    dtype: np.dtype[Any]

    @property
    def n_bytes(self) -> int:
        """The length of the data that follows."""
        return math.prod(self.shape) * self.dtype.itemsize


def write_npy(stream: BinaryIO, array: npt.NDArray[Any], attributes: Attributes) -> None:
    """Write a C-contiguous array as `.npy`, also to a pipe, which `numpy.save` cannot."""
    array = np.asarray(array, order="C")
    fields = np.lib.format.header_data_from_array_1_0(array)
    np.lib.format.write_array_header_1_0(stream, fields)
    write_numbers(stream, array, array.dtype)


def open_npy(path: Path, member: str | None = None) -> ArraySource:
    """Map a `.npy` file into memory, read-only.

    Raises
    ------
    DataError
        If the file is damaged, or longer or shorter than its header says, or no numbers.
    """
    with damage_named(path, ".npy"):
        with path.open("rb") as stream:
            header = read_npy_header(stream, str(path))
            check_length(path.stat().st_size - stream.tell(), header.n_bytes)
        return ArraySource(np.load(path, mmap_mode="r", allow_pickle=False))


def read_npy_header(stream: Any, path: str) -> NpyHeader:
    """Read magic and header, without seeking; DataError for what can hold no plain numbers."""
    version = np.lib.format.read_magic(stream)
    if version not in _HEADER_READERS:
        raise DataError(f"{path!r} is .npy of version {version}, which is not for plain numbers")
    shape, is_fortran, dtype = _HEADER_READERS[version](stream)
    if dtype.hasobject:
        raise DataError(
            f"{path!r} holds pickled Python objects, which narrows never loads; "
            'save plain numbers instead, e.g. numpy.save(path, x.astype("float32"))'
        )
    return NpyHeader(shape, "F" if is_fortran else "C", dtype)


NPY = Format(".npy", lambda head, _: head.startswith(NPY_MAGIC), open_npy, ".npy", write_npy)
