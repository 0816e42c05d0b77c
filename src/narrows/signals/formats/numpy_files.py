"""numpy's own files, `.npy` and `.npz`, read without ever unpickling."""

from __future__ import annotations

import math
import zipfile
from pathlib import Path
from typing import Any, BinaryIO, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from narrows.errors import DataError
from narrows.signals.damage import check_length, damage_named

NPY_MAGIC = b"\x93NUMPY"
ZIP_MAGIC = b"PK"

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


def write_npy(stream: BinaryIO, array: npt.NDArray[Any]) -> None:
    """Write a C-contiguous array as `.npy`, also to a pipe, which `numpy.save` cannot."""
    fields = np.lib.format.header_data_from_array_1_0(array)
    np.lib.format.write_array_header_1_0(stream, fields)
    stream.write(array.data)


class NpyWriter:
    """Writes a `.npy` a block at a time; the number of signals is filled in at the end.

    Parameters
    ----------
    stream : binary file
        It must seek, unless `n_signals` is right.
    frame_shape : tuple of int
    dtype : numpy dtype
    n_signals : int, default 0
        What the header says until `close`.
    """

    def __init__(
        self,
        stream: BinaryIO,
        frame_shape: tuple[int, ...],
        dtype: np.dtype[Any],
        n_signals: int = 0,
    ) -> None:
        self._stream = stream
        self._frame_shape = frame_shape
        self._dtype = dtype
        self._announced = n_signals
        self.n_signals = 0
        self._write_header(n_signals)

    def write(self, signals: npt.NDArray[Any]) -> None:
        """Append `(n, *frame_shape)` signals."""
        self._stream.write(np.ascontiguousarray(signals, dtype=self._dtype).data)
        self.n_signals += len(signals)

    def close(self) -> None:
        """Set the number of signals right; the stream stays open."""
        if self.n_signals != self._announced:
            self._stream.seek(0)
            self._write_header(self.n_signals)  # numpy pads it, so that any number fits
            self._stream.seek(0, 2)

    def _write_header(self, n_signals: int) -> None:
        fields = {
            "descr": np.lib.format.dtype_to_descr(self._dtype),
            "fortran_order": False,
            "shape": (n_signals, *self._frame_shape),
        }
        np.lib.format.write_array_header_1_0(self._stream, fields)


def read_npy(path: Path) -> npt.NDArray[Any]:
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
        mapped: npt.NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
        return mapped


def write_npz(stream: BinaryIO, array: npt.NDArray[Any]) -> None:
    """Write an array as the only member of an uncompressed `.npz`, called `signals`."""
    np.savez(stream, signals=array)


def read_npz(path: Path, member: str | None = None) -> npt.NDArray[Any]:
    """Read one array of a `.npz` file into memory.

    Parameters
    ----------
    path : Path
        The file.
    member : str, optional
        The name of the array; not needed where there is only one.

    Raises
    ------
    DataError
        If the file is damaged, the array is not there, or there are several to choose from.
    """
    with damage_named(path, ".npz"), zipfile.ZipFile(path) as archive:
        info = _choose_member(archive, member, str(path))
        with archive.open(info) as stream:
            header = read_npy_header(stream, f"{path}:{info.filename}")
            check_length(info.file_size - stream.tell(), header.n_bytes)
            content = stream.read()  # to the end, where zipfile compares the CRC
        flat = np.frombuffer(content, header.dtype)
        return flat.reshape(header.shape, order=header.order)


def _choose_member(archive: zipfile.ZipFile, member: str | None, path: str) -> zipfile.ZipInfo:
    arrays = {
        info.filename.removesuffix(".npy"): info
        for info in archive.infolist()
        if info.filename.endswith(".npy")
    }
    listed = ", ".join(arrays)
    if not arrays:
        raise DataError(f"{path!r} is a zip file without .npy arrays in it, and so no .npz")
    if member is not None and member.removesuffix(".npy") not in arrays:
        raise DataError(f"{path!r} holds no array named {member!r}; it holds: {listed}")
    if member is None and len(arrays) > 1:
        raise DataError(
            f"{path!r} holds several arrays: {listed}; save one alone, or name it as in "
            f"{f'{path}:{next(iter(arrays))}'!r}"
        )
    return next(iter(arrays.values())) if member is None else arrays[member.removesuffix(".npy")]


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
