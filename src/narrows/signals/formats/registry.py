"""One file <-> one array: the content tells the format to read, the suffix the one to write."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy.typing as npt

from narrows.errors import DataError, SettingError
from narrows.signals.checks import check_signals
from narrows.signals.damage import damage_named
from narrows.signals.formats.idx import GZIP_MAGIC, is_idx, read_idx, write_gzipped_idx, write_idx
from narrows.signals.formats.numpy_files import (
    NPY_MAGIC,
    ZIP_MAGIC,
    read_npy,
    read_npz,
    write_npy,
    write_npz,
)

_WRITERS: dict[str, Callable[[BinaryIO, npt.NDArray[Any]], None]] = {
    ".npy": write_npy,
    ".npz": write_npz,
    ".idx": write_idx,
    ".gz": write_gzipped_idx,
}

SUFFIXES = tuple(_WRITERS)
"""What `write_signals` accepts; `.gz` stands for gzipped IDX."""


def write_signals(stream: BinaryIO, array: npt.ArrayLike, suffix: str = ".npy") -> None:
    """Write signals in the format that a file name's suffix asks for.

    Parameters
    ----------
    stream : binary file
        Where to; written from front to back, so a pipe will do.
    array : (n, *frame_shape), a type of `DTYPES`
        The signals; n may be 0.
    suffix : str
        One of `SUFFIXES`, in either case; an empty one means `.npy`.

    Raises
    ------
    SettingError
        If the suffix is another.
    DataError
        If these are no signals, or the format cannot hold them.
    """
    writer = _WRITERS.get(suffix.lower() or ".npy")
    if writer is None:
        raise SettingError(f"cannot write {suffix!r} files; accepted are {', '.join(SUFFIXES)}")
    writer(stream, check_signals(array, allow_empty=True))


def read_file(path: Path, member: str | None = None) -> npt.NDArray[Any]:
    """Read the array in a file.

    Parameters
    ----------
    path : Path
        A `.npy`, `.npz` or IDX file by its content, whatever its name.
    member : str, optional
        The name of the array, for `.npz` only.

    Raises
    ------
    DataError
        If the file is none of these, or damaged, or cannot be opened.
    """
    if not path.is_file():
        kind = "a directory" if path.is_dir() else "no regular file"
        raise DataError(f"{str(path)!r} is {kind}; accepted is one .npy, .npz or IDX file")
    with damage_named(path, "a file"), path.open("rb") as stream:
        head = stream.read(len(NPY_MAGIC))
    if head.startswith(ZIP_MAGIC):
        return read_npz(path, member)
    if member is not None:
        raise DataError(f"{f'{path}:{member}'!r} names an array, but the file is no .npz")
    if head == NPY_MAGIC:
        return read_npy(path)
    if is_idx(head) or head.startswith(GZIP_MAGIC):
        return read_idx(path)
    raise DataError(_unknown(str(path), head))


def _unknown(path: str, head: bytes) -> str:
    if not head:
        return f"{path!r} is empty (0 bytes); accepted is a .npy, .npz or IDX file"
    return (
        f"{path!r} begins with {head!r} and is neither .npy, .npz nor IDX; "
        "load it in Python and save it with numpy.save"
    )
