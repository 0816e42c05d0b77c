"""What a user may call DATA: a path, a path with an array's name, or a known set."""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import Any

import numpy.typing as npt

from narrows.errors import DataError
from narrows.signals.checks import check_signals
from narrows.signals.formats.registry import open_file
from narrows.signals.known.known_files import KNOWN_NAMES
from narrows.signals.known.known_sets import Part, read_known
from narrows.signals.source import ArraySource, StoredSource


def read_signals(data: str | os.PathLike[str]) -> npt.NDArray[Any]:
    """Read signals from a file or a known set.

    Parameters
    ----------
    data : str or path
        A path to `.npy`, `.npz` or IDX (gzipped or not), told apart by content;
        `file.npz:name` for one array of several; or one of `KNOWN_NAMES`, such as `digits`
        or `mnist:train`. An existing path wins over a known name.

    Returns
    -------
    (n, *frame_shape), a type of `DTYPES`
        The signals, n at least 1, native and C-contiguous. Mapped into memory, read-only,
        where the file allows; do not write to the array.

    Raises
    ------
    DataError
        If there is nothing of that name, it is damaged, or it holds no signals.
    MissingExtraError
        If a known set needs scikit-learn or pooch, and that is not installed.

    Examples
    --------
    >>> read_signals("digits").shape
    (1797, 8, 8)
    """
    return open_signals(data).read()


def open_signals(data: str | os.PathLike[str]) -> ArraySource:
    """Open signals to be read a block at a time; parameters and errors as of `read_signals`."""
    found = find(data, "images").read()
    return ArraySource(check_signals(found, name=repr(os.fsdecode(data))))


def find(data: str | os.PathLike[str], part: Part) -> StoredSource:
    """Open what DATA names, whether it is signals or not; `part` is that of a known set."""
    text = os.fsdecode(data)
    if os.path.exists(text):
        return open_file(Path(text))
    if text in KNOWN_NAMES:
        return ArraySource(read_known(text, part))
    path, _, member = text.rpartition(":")
    if os.path.exists(path):
        return open_file(Path(path), member)
    raise DataError(_missing(text, part))


def _missing(text: str, part: Part) -> str:
    near = difflib.get_close_matches(text, [*KNOWN_NAMES, *_neighbours(text)], n=3)
    hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else ""
    lines = " (for labels also text, one a line, or file.csv:column)" if part == "labels" else ""
    return (
        f"there is no file {text!r} and no known set of that name; accepted are a path to .npy, "
        f".npz (file.npz:name for one of several arrays) or IDX{lines}, or a known set: "
        f"{', '.join(KNOWN_NAMES)}{hint}"
    )


def _neighbours(text: str) -> list[str]:
    folder = os.path.dirname(text)
    try:
        names = os.listdir(folder or ".")
    except (OSError, ValueError):
        return []
    return [os.path.join(folder, name) for name in names if not name.startswith(".")]
