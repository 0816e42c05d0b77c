"""Output files that appear whole or not at all."""

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
"""Errors that are of the output when they come while it is written."""


def open_file(path: str | Path) -> BinaryIO:
    """Open a file to read; DataError where there is none."""
    try:
        return open(path, "rb")
    except FileNotFoundError:
        raise DataError(f"no file {path}; give the path of an archive or a model") from None
    except IsADirectoryError:
        raise DataError(f"{path} is a folder; give the file in it") from None


def refuse_existing(path: Path, force: bool = False) -> None:
    """Raise OutputExistsError if `path` exists and overwriting was not asked for."""
    if path.exists() and not force:
        raise OutputExistsError(f"{path} exists already; give -f to overwrite it")


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a temporary file beside `path` that takes its name when the block ends well.

    After an error the temporary file is gone and `path` is as it was.
    """
    with _naming(path):
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    temporary = Path(name)
    try:
        with _naming(path), os.fdopen(handle, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        temporary.chmod(_usual_mode())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Let an error of the operating system name the output, not a temporary file or nothing."""
    try:
        yield
    except OSError as error:
        if error.errno in WRITING_FAILED:
            error.filename = str(path)
        raise


def _usual_mode() -> int:
    """Give the permissions an ordinary new file would have; mkstemp makes private ones."""
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
