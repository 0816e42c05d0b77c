"""The formats of files: the content tells the one to read, the suffix the one to write."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import BinaryIO

import numpy.typing as npt

from narrows.errors import DataError, SettingError
from narrows.signals.checks import check_signals
from narrows.signals.formats.contract import HEAD_BYTES, SHOWN_BYTES, Format
from narrows.signals.formats.damage import damage_named
from narrows.signals.formats.gzipped import GZIPPED_NPY
from narrows.signals.formats.idx import GZIPPED_IDX, IDX
from narrows.signals.formats.npy import NPY
from narrows.signals.formats.npz import NPZ
from narrows.signals.formats.raw import RAW
from narrows.signals.source import StoredSource

PLAIN = (NPY, NPZ, IDX, GZIPPED_NPY, GZIPPED_IDX)
"""Those that hold an array and nothing else: its rows are signals as they are."""
OTHERS = (
    "wav:WAV", "audio:AUDIO", "audio:LOSSY_AUDIO", "pictures:PNG", "pictures:JPEG", "pictures:TIFF",
    "wfdb:WFDB", "csv_text:CSV", "tables:PARQUET", "zarr_store:NETCDF", "hdf5:HDF5",
    "zarr_store:ZARR",
)  # fmt: skip
"""File and name of each other format; it is imported when no earlier one fits."""
ENTRY_POINTS = "narrows.formats"
_WRITERS = {each.suffix: each.write for each in PLAIN if each.write and each.suffix}

SUFFIXES = tuple(_WRITERS)
"""What `write_signals` accepts; `.gz` stands for gzipped IDX."""


def accepted(link: str) -> str:
    """Return the names of all formats, the last two joined by a word."""
    names = list(dict.fromkeys(each.name for each in own_formats() if each is not RAW))
    return f"{', '.join(names[:-1])} {link} {names[-1]}"


def all_formats() -> Iterator[Format]:
    """Yield the formats of narrows, and then those of other packages: they replace none."""
    yield from own_formats()
    yield from _of_other_packages()


def own_formats() -> Iterator[Format]:
    """Yield the formats of narrows."""
    yield from PLAIN
    for place in OTHERS:
        file, name = place.split(":")
        format_: Format = getattr(import_module(f"{__package__}.{file}"), name)
        yield format_
    yield RAW


def writer_of(file_name: str, name: str) -> Format:
    """Return the format to write a file in: that of its suffix, or else the one of a name.

    Raises
    ------
    SettingError
        If there is none that can be written.
    """
    suffix = Path(file_name).suffix.lower()
    writers = [each for each in all_formats() if each.can_write]
    of_name = [each for each in writers if each.name == name]
    of_suffix = [each for each in writers if suffix and suffix in each.suffixes]
    both = [each for each in of_suffix if each.name == name]
    found = [*both, *of_suffix, *of_name]
    if not found:
        raise SettingError(
            f"{file_name!r} was of the format {name!r}, which cannot be written here; give a name "
            f"that ends in {', '.join(each.suffixes[0] for each in writers if each.suffixes)}"
        )
    return found[0]


@cache
def _of_other_packages() -> tuple[Format, ...]:
    found = []
    for entry in entry_points(group=ENTRY_POINTS):
        try:
            format_ = entry.load()
        except Exception as error:  # whatever a package of someone else's does
            raise DataError(_unusable(entry.value, f"cannot be loaded ({error})")) from error
        if not isinstance(format_, Format):
            raise DataError(_unusable(entry.value, "is no narrows.signals.formats.contract.Format"))
        found.append(format_)
    return tuple(found)


def _unusable(value: str, fault: str) -> str:
    return f"the format {value}, which another package registers, {fault}; update or remove it"


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
    writer(stream, check_signals(array, allow_empty=True), {})


def open_file(path: Path, member: str | None = None) -> StoredSource:
    """Open the numbers in a file, whether they are signals or not; see `find_format`.

    Parameters
    ----------
    path : Path
        A file of one of these formats by its content, whatever its name.
    member : str, optional
        The name of the array, for formats that can hold several.

    Raises
    ------
    DataError
        If the file is of none of these formats, or damaged, or cannot be opened.
    """
    return find_format(path, member).open(path, member)


def find_format(path: Path, member: str | None = None) -> Format:
    """Return the format of a file, or of a folder that is one; parameters as of `open_file`."""
    if not path.is_file():
        folder = folder_format(path)
        if folder is not None:
            return folder
        if path.is_symlink() and not path.exists():
            raise DataError(f"{str(path)!r} is a link to nothing; remove it, or mend it")
        kind = "a directory" if path.is_dir() else "a pipe or a device, which is read only once"
        raise DataError(f"{str(path)!r} is {kind}; accepted is one {accepted('or')} file")
    with damage_named(path, "a file"), path.open("rb") as stream:
        head = stream.read(HEAD_BYTES)
    found = _format_of(head, path)
    if member is not None and not (found and found.has_members):
        several = " or ".join(each.name for each in all_formats() if each.has_members)
        raise DataError(f"{f'{path}:{member}'!r} names an array, but the file is no {several}")
    if found is None:
        raise DataError(_unknown(str(path), head))
    return found


def is_companion(path: Path) -> bool:
    """Return whether a file in a folder belongs to another there, and is read with that."""
    return any(each.companion(path) for each in all_formats())


def folder_format(path: Path) -> Format | None:
    """Return the format of a folder that is one, such as a store of chunks."""
    if not path.is_dir():
        return None
    return next((each for each in all_formats() if each.matches(b"", path)), None)


def check_head(name: str, head: bytes) -> None:
    """Raise DataError unless something called `name`, such as a pipe, begins like signals."""
    if _format_of(head, Path()) is None:
        raise DataError(_unknown(name, head))


def _format_of(head: bytes, path: Path) -> Format | None:
    return next((each for each in all_formats() if each.matches(head, path)), None)


def _unknown(path: str, head: bytes) -> str:
    if not head:
        return f"{path!r} is empty (0 bytes); accepted is a {accepted('or')} file"
    return (
        f"{path!r} begins with {head[:SHOWN_BYTES]!r} and is neither {accepted('nor')}; "
        "give --shape and --dtype for bare numbers, or save it in Python with numpy.save"
    )
