"""numpy's `.npz`, a zip file of `.npy` arrays, read without ever unpickling."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from narrows.errors import DataError
from narrows.signals.formats.contract import Format
from narrows.signals.formats.damage import check_length, damage_named
from narrows.signals.formats.npy import read_npy_header
from narrows.signals.source import ArraySource, Attributes

ZIP_MAGIC = b"PK"


def write_npz(stream: BinaryIO, array: npt.NDArray[Any], attributes: Attributes) -> None:
    """Write an array as the only member of an uncompressed `.npz`, called `signals`."""
    np.savez(stream, signals=array)


def open_npz(path: Path, member: str | None = None) -> ArraySource:
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
        return ArraySource(flat.reshape(header.shape, order=header.order))


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


NPZ = Format(
    ".npz",
    lambda head, _: head.startswith(ZIP_MAGIC),
    open_npz,
    ".npz",
    write_npz,
    has_members=True,
)
