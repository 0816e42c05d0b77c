"""The arrays that DATA names: that of one file, or those of the files of a folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from narrows.errors import DataError
from narrows.signals.checks import check_signals
from narrows.signals.formats.contract import Format
from narrows.signals.formats.raw import RAW, open_raw
from narrows.signals.formats.registry import (
    accepted,
    find_format,
    folder_format,
    is_companion,
)
from narrows.signals.names import check_names
from narrows.signals.reading import Reading
from narrows.signals.source import ArraySource, Attributes, StoredSource

FREE_AXES = {"time": 1, "picture": 2}
"""By what the axes are: how many may be of another length in each file."""


@dataclass(frozen=True)
class Member:
    """One array, in a file that is opened where it is needed: folders may hold many."""

    name: str
    """The name of its file; in a folder with the folders in it, and `/`."""
    format: Format
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    attributes: Attributes = field(repr=False)
    open: Callable[[], StoredSource] = field(repr=False)


def open_member(path: Path, inner: str | None, name: str, reading: Reading) -> Member:
    """Open the array of a file; DataError if there is none, or of numbers that are no signals."""
    if reading.shape is not None and reading.dtype is not None:
        bare: Callable[[], StoredSource] = partial(open_raw, path, reading.shape, reading.dtype)
        return member_of(bare(), name, RAW, bare)
    format_ = find_format(path, inner)
    opened = partial(format_.open, path, inner)
    return member_of(opened(), name, format_, opened)


def member_of(
    source: StoredSource, name: str, format_: Format, opened: Callable[[], StoredSource]
) -> Member:
    """Return a source as a member; DataError if its numbers are no signals."""
    if not source.shape:
        raise DataError(f"{name!r} holds a single number; signals are arrays of them")
    dtype = check_signals(np.empty((1, 1), source.dtype), name=repr(name)).dtype
    if isinstance(source, ArraySource) and source.axes is not None:
        format_ = replace(format_, axes=source.axes)
    if format_.written_as:
        name = os.path.splitext(name)[0] + format_.written_as
    return Member(name, format_, source.shape, dtype, source.attributes, opened)


def open_files(folder: Path, paths: Iterable[Path], reading: Reading) -> Sequence[Member]:
    """Open files in a folder.

    Raises
    ------
    DataError
        If there is no file, one cannot be read, or they do not go together.
    """
    members, skipped, paths = [], 0, list(paths)
    names = {path.relative_to(folder).as_posix() for path in paths}
    for path in paths:
        name = path.relative_to(folder).as_posix()
        try:
            member = open_member(path, None, name, reading)
            if member.name != name and member.name in names:  # a.jpg beside a.png
                member = replace(member, name=name + member.format.written_as)
            members.append(member)
        except DataError as error:
            if not reading.skip_unreadable:
                raise DataError(f"{error}; or go on without it: --skip-unreadable") from None
            reading.tell(f"skipped: {error}")
            skipped += 1
    if not members:
        others = f", only {skipped} that cannot be read" if skipped else ""
        raise DataError(
            f"{str(folder)!r} is a folder without files of signals{others}; give one that holds "
            f"{accepted('or')} files"
        )
    check_names([member.name for member in members], DataError)
    for member in members:
        if _kind(member) != _kind(members[0]):
            _refuse_mixture(folder, members[0], member)
    return members


def files_in(folder: Path) -> Iterator[Path]:
    """Yield the files in a folder and in the folders there, in the order of their names.

    Folders that are of a format count as files. Those whose names begin with a dot are passed over,
    and so are links to folders, and files that are read with another.
    """

    def fail(error: OSError) -> NoReturn:
        raise DataError(f"{error.filename!r} cannot be read: {error.strerror}")

    for place, folders, files in os.walk(folder, onerror=fail):
        paths = [Path(place, name) for name in (*folders, *files) if not name.startswith(".")]
        whole = {p.name for p in paths if p.name in folders and folder_format(p) is not None}
        folders[:] = sorted(p.name for p in paths if p.name in folders and p.name not in whole)
        found = (p for p in paths if p.name in files or p.name in whole)
        yield from sorted(path for path in found if not is_companion(path))


def _kind(member: Member) -> tuple[int, tuple[int, ...], np.dtype[Any]]:
    """Return what files of one folder have in common: axes, channels and type of numbers."""
    free = FREE_AXES.get(member.format.axes, len(member.shape))
    return len(member.shape), member.shape[free:], member.dtype


def _refuse_mixture(folder: Path, first: Member, other: Member) -> NoReturn:
    one, two = _described(first), _described(other)
    raise DataError(
        f"{str(folder)!r} holds {first.name!r} of {one} and {other.name!r} of {two}; accepted are "
        "files with the same channels and type of numbers: put each kind in a folder of its own"
    )


def _described(member: Member) -> str:
    free = FREE_AXES.get(member.format.axes)
    if free is None:
        return f"{len(member.shape)} axes of {member.dtype.name}"
    channels = member.shape[free:] or (1,)
    return f"{channels[-1]} channel{'s' * (channels[-1] > 1)} of {member.dtype.name}"
