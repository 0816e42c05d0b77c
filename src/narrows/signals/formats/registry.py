"""The formats of files: the content tells the one to read, the suffix the one to write."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import numpy.typing as npt

from narrows.errors import DataError, SettingError
from narrows.signals.checks import check_signals
from narrows.signals.formats.contract import HEAD_BYTES, Format
from narrows.signals.formats.damage import damage_named
from narrows.signals.formats.idx import GZIPPED_IDX, IDX
from narrows.signals.formats.npy import NPY
from narrows.signals.formats.npz import NPZ
from narrows.signals.source import StoredSource

FORMATS = (NPY, NPZ, IDX, GZIPPED_IDX)
_WRITERS = {each.suffix: each.write for each in FORMATS if each.write}
_NAMES = tuple(dict.fromkeys(each.name for each in FORMATS))

SUFFIXES = tuple(_WRITERS)
"""What `write_signals` accepts; `.gz` stands for gzipped IDX."""


def accepted(link: str) -> str:
    """Return the names of all formats, the last two joined by a word."""
    return f"{', '.join(_NAMES[:-1])} {link} {_NAMES[-1]}"


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


def open_file(path: Path, member: str | None = None) -> StoredSource:
    """Open the numbers in a file, whether they are signals or not.

    Parameters
    ----------
    path : Path
        A file of one of `FORMATS` by its content, whatever its name.
    member : str, optional
        The name of the array, for formats that can hold several.

    Raises
    ------
    DataError
        If the file is of none of these formats, or damaged, or cannot be opened.
    """
    if not path.is_file():
        kind = "a directory" if path.is_dir() else "a pipe or a device, which is read only once"
        raise DataError(f"{str(path)!r} is {kind}; accepted is one {accepted('or')} file")
    with damage_named(path, "a file"), path.open("rb") as stream:
        head = stream.read(HEAD_BYTES)
    found = _format_of(head, path)
    if member is not None and not (found and found.has_members):
        several = " or ".join(each.name for each in FORMATS if each.has_members)
        raise DataError(f"{f'{path}:{member}'!r} names an array, but the file is no {several}")
    if found is None:
        raise DataError(_unknown(str(path), head))
    return found.open(path, member)


def check_head(name: str, head: bytes) -> None:
    """Raise DataError unless something called `name`, such as a pipe, begins like signals."""
    if _format_of(head, Path()) is None:
        raise DataError(_unknown(name, head))


def _format_of(head: bytes, path: Path) -> Format | None:
    return next((each for each in FORMATS if each.matches(head, path)), None)


def _unknown(path: str, head: bytes) -> str:
    if not head:
        return f"{path!r} is empty (0 bytes); accepted is a {accepted('or')} file"
    return (
        f"{path!r} begins with {head!r} and is neither {accepted('nor')}; "
        "load it in Python and save it with numpy.save"
    )
