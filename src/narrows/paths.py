"""What a path means: what a caller gave as one, whether it can be read, and whether written."""

from __future__ import annotations

import errno
import os
import re
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from narrows.errors import DataError
from narrows.urls import is_url, open_url

OPEN_FILES = ("/dev/fd/", "/dev/std", "/proc/self/fd/")
"""How names begin that stand for files which the process has open already."""

Source = int | str | Path
"""A path or a file descriptor."""

MAX_NAME_BYTES = 255  # of most file systems, where one does not say
URL = re.compile(r"[a-z][a-z0-9+.-]+:/")
"""How a path begins that was made of a URL; of drives, `c:/`, it does not."""
NO_FILE = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG)
"""Errors of opening what cannot be there."""


def as_path(given: object, name: str, otherwise: str) -> Path:
    """Return what a caller gave as a path; see `as_name`."""
    return Path(as_file(given, name, otherwise))


def as_file(given: object, name: str, otherwise: str) -> str:
    """Return what a caller gave as the path or the URL of a file; see `as_name`."""
    path = as_name(given, name, otherwise)
    if "\0" in path:
        raise DataError(f"{name} {path[:40]!r} holds a zero byte, which no path does")
    return path


def as_name(given: object, name: str, otherwise: str) -> str:
    """Return what a caller gave as a name; DataError for what is none, such as a file's content.

    Parameters
    ----------
    given : object
        A str or a path.
    name : str
        What the error calls it.
    otherwise : str
        What to do with the content itself.
    """
    if isinstance(given, str | os.PathLike):
        return os.fsdecode(given)
    kind = type(given).__name__
    size = f" ({len(given):,} bytes)" if isinstance(given, bytes | bytearray | memoryview) else ""
    raise DataError(f"{name} of type {kind}{size}; give its path as a str, or {otherwise}")


def open_file(
    path: str | Path, hint: str = "give the path of an archive", kind: str = "file"
) -> BinaryIO:
    """Open a file, or what is at a URL, to read; DataError with the hint where there is none."""
    if isinstance(path, str) and is_url(path) and not os.path.exists(path):
        return open_url(path)
    try:
        return open(path, "rb")
    except IsADirectoryError:
        raise DataError(f"{path} is a folder; give the {kind} in it") from None
    except OSError as error:
        if error.errno not in NO_FILE:
            raise
        raise DataError(f"no {kind} {path}; {hint}") from None


def output_path(name: str | Path) -> Path:
    """Return the path of a file to write; DataError if it can only be that of a folder."""
    path = as_path(name, "the output", "write codec.model_bytes to what is open")
    refuse_url(path)
    _check_length(path)
    try:
        path.absolute()
    except FileNotFoundError:
        raise DataError(
            f"{path} cannot be written: the folder that this runs in was removed; change to another"
        ) from None
    if path.is_dir():
        raise DataError(f"{path} is a folder; give the name of a file in it")
    if os.path.basename(name) in ("", os.curdir, os.pardir):
        raise DataError(f"there is no folder {name}; make it first, or give the name of a file")
    output_folder(Path(os.path.realpath(path)) if path.is_symlink() else path)
    return path


def refuse_url(path: Path) -> None:
    """Raise DataError for an output that was given as a URL: what is written is a file here."""
    if URL.match(str(path)) and not path.parent.is_dir():
        raise DataError(
            f"the output {str(path).replace(':/', '://', 1)} is a URL, from which files are only "
            "read; write it to a file here, and copy that there"
        )


def output_folder(path: Path) -> None:
    """Raise DataError if `path` cannot be written: its folder is not there, or it is too long."""
    _check_length(path)
    if not path.parent.is_dir():
        raise DataError(f"no folder {path.parent} to write {path.name} in; make it first")


def _check_length(path: Path) -> None:
    """Raise DataError for a name that is longer than its file system takes."""
    n_bytes, most = len(os.fsencode(path.name)), MAX_NAME_BYTES
    with suppress(OSError, ValueError, AttributeError):  # no such folder, or not POSIX
        most = os.pathconf(path.parent, "PC_NAME_MAX")
    if n_bytes > most:
        raise DataError(
            f"the output {path.name[:32]}... would have a name of {n_bytes} bytes, and its file "
            f"system takes {most}; give a shorter one with -o, for this input alone"
        )


def refuse_input(path: Path, source: Source, name: str) -> None:
    """Raise DataError if writing the file `path` would destroy `source`, called `name`.

    Parameters
    ----------
    path : Path
        The output.
    source : path or file descriptor
        The input; it need not exist.
    name : str
        What the user calls the input.
    """
    try:
        same = path.is_file() and os.path.samefile(source, path)
    except (OSError, ValueError):
        return
    if same:
        raise DataError(f"the output {path} is the same file as the input {name}; give another -o")


def is_device(path: Path) -> bool:
    """Return whether `path` exists but cannot be replaced: a device, FIFO, socket or open file."""
    is_replaceable = os.path.isfile(path) or os.path.isdir(path)
    return os.path.exists(path) and (not is_replaceable or str(path).startswith(OPEN_FILES))
