"""Errors of parsers, turned into one line that names the file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from narrows.errors import DataError, MissingExtraError


@contextmanager
def damage_named(path: str | os.PathLike[str], kind: str) -> Iterator[None]:
    """Turn whatever fails inside into a `DataError` that names the file.

    Parameters
    ----------
    path : path
        The file that is being read.
    kind : str
        What it is read as, e.g. ".npy".

    Raises
    ------
    DataError
        With the first line of what the parser said.
    """
    try:
        yield
    except (DataError, MissingExtraError):
        raise
    # numpy, zipfile, gzip and zlib raise a dozen types on damaged bytes, and document few.
    except Exception as error:
        raise DataError(_one_line(os.fspath(path), kind, error)) from error


def check_length(n_bytes: int, expected: int) -> None:
    """Refuse a file that goes on for longer or shorter than its header says.

    Raises
    ------
    ValueError
        Which `damage_named` turns into a `DataError`.
    """
    if n_bytes != expected:
        found = f"only {n_bytes}" if n_bytes < expected else "more"
        raise ValueError(f"{expected} bytes expected after its header, {found} found")


def _one_line(path: str, kind: str, error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{path!r} cannot be read: {error.strerror}"
    reason = next(iter(str(error).splitlines()), type(error).__name__)
    return (
        f"{path!r} is damaged or incomplete: it begins like {kind} but cannot be read as that "
        f"({reason}); copy or write it again"
    )
