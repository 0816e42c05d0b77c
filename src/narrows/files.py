"""Output files that appear whole or not at all; devices and FIFOs are written directly."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from narrows.errors import DataError, OutputExistsError

WRITING_FAILED = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES)
"""Errors that concern the output where they occur while it is written."""


def open_file(path: str | Path, hint: str = "give the path of an archive") -> BinaryIO:
    """Open a file to read; where there is none, raise a DataError that says what to do."""
    try:
        return open(path, "rb")
    except FileNotFoundError:
        raise DataError(f"no file {path}; {hint}") from None
    except IsADirectoryError:
        raise DataError(f"{path} is a folder; give the file in it") from None


def refuse_existing(path: Path, force: bool = False) -> None:
    """Raise OutputExistsError if `path` is a file and overwriting was not asked for."""
    if path.exists() and not is_device(path) and not force:
        raise OutputExistsError(f"{path} exists already; give -f to overwrite it")


def refuse_input(path: Path, source: int | str | Path, name: str) -> None:
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
    """Return whether `path` exists but keeps nothing: a device, a FIFO or a socket."""
    return path.exists() and not (path.is_file() or path.is_dir())


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a temporary file beside `path` that takes its name when the block ends well.

    After an error the temporary file is gone and `path` is as it was. A symbolic link stays: the
    file that it points to is replaced. A device or FIFO cannot be replaced and is written directly.
    """
    if is_device(path):
        with _naming(path), path.open("wb") as stream:
            yield stream
        return
    target = Path(os.path.realpath(path))
    with _naming(path):
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent)
    temporary = Path(name)
    try:
        with _naming(path), os.fdopen(handle, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        temporary.chmod(_usual_mode())
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Make an error of the operating system name the output, not the temporary file."""
    try:
        yield
    except OSError as error:
        if error.errno in WRITING_FAILED:
            error.filename = str(path)
        raise


def _usual_mode() -> int:
    """Return the permissions of an ordinary new file; mkstemp makes private ones."""
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
