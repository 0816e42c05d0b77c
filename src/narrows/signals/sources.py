"""What a user may call DATA: a path, a path with an array's name, or a known set."""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.errors import DataError
from narrows.signals.checks import check_signals
from narrows.signals.formats.registry import read_file
from narrows.signals.known.known_files import KNOWN_NAMES
from narrows.signals.known.known_sets import Part, read_known
from narrows.signals.labels import is_text, read_text_labels


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
    return check_signals(_read(data, "images"), name=repr(os.fsdecode(data)))


def read_labels(data: str | os.PathLike[str]) -> npt.NDArray[np.int64]:
    """Read the class of every signal.

    Parameters
    ----------
    data : str or path
        As for `read_signals`; a known set's name stands for its labels. Or a text file with one
        label a line; `file.csv:name` for the column under that heading.

    Returns
    -------
    (n,) int64
        Whole numbers as they are; words by their place in alphabetical order, counted from 0.

    Raises
    ------
    DataError
        If there is nothing of that name, it is damaged, or it holds no list of classes.
    MissingExtraError
        As for `read_signals`.
    """
    name, labels = repr(os.fsdecode(data)), _read_labels(data)
    is_integer = labels.dtype.kind in "biu" and np.can_cast(labels.dtype, np.int64)
    if labels.ndim != 1 or not (is_integer or labels.dtype.kind in "US"):
        _refuse_fractions(labels, name)
        raise DataError(
            f"{name} holds {labels.dtype.name} of shape {labels.shape}, but labels "
            "are one integer per signal, or one word; convert them, e.g. "
            'y.ravel().astype("int64")'
        )
    if not is_integer:
        labels = np.unique(labels, return_inverse=True)[1]
    return labels.astype(np.int64)


def _read_labels(data: str | os.PathLike[str]) -> npt.NDArray[Any]:
    text = os.fsdecode(data)
    path, _, column = text.rpartition(":")
    for name, heading in ((text, ""), (path, column)):
        if os.path.exists(name):
            if is_text(Path(name)):
                return read_text_labels(Path(name), heading)
            break
    return _read(data, "labels")


def _refuse_fractions(labels: npt.NDArray[Any], name: str) -> None:
    """Say so where labels are no classes, but numbers that a regression would predict."""
    if labels.dtype.kind != "f" or not (labels != np.floor(labels)).any():
        return
    fraction = labels.flat[int(np.flatnonzero(labels != np.floor(labels))[0])]
    raise DataError(
        f"{name} holds numbers with fractions, such as {fraction:g}: targets of a regression, but "
        "labels are one integer per signal, or one word: its class"
    )


def _read(data: str | os.PathLike[str], part: Part) -> npt.NDArray[Any]:
    text = os.fsdecode(data)
    if os.path.exists(text):
        return read_file(Path(text))
    if text in KNOWN_NAMES:
        return read_known(text, part)
    path, _, member = text.rpartition(":")
    if os.path.exists(path):
        return read_file(Path(path), member)
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
