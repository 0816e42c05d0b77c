"""Labels: the class of each signal, from an array, a known set, or text."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.arrays import as_array
from narrows.errors import DataError
from narrows.paths import as_name
from narrows.signals.formats.csv_text import begins_like_text
from narrows.signals.formats.damage import damage_named
from narrows.signals.sources import find

HEAD_BYTES = 4096
SEVERAL_SHOWN = 8


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
    labels = _read_labels(data)
    return as_labels(labels, repr(os.fsdecode(data)))


def as_labels(labels: npt.ArrayLike, name: str = "labels") -> npt.NDArray[np.int64]:
    """Return the class of every signal as `(n,)` int64; see `read_labels`.

    Raises
    ------
    DataError
        If they are no list of classes.
    """
    labels = _without_objects(as_array(labels, name, objects=True))
    is_integer = labels.dtype.kind in "biu" and np.can_cast(labels.dtype, np.int64)
    if labels.ndim != 1 or not (is_integer or labels.dtype.kind in "US"):
        _refuse_fractions(labels, name)
        raise DataError(
            f"{name} holds {labels.dtype.name} of shape {labels.shape}, but labels "
            f"are one integer per signal, or one word; {_way_to_labels(labels)}"
        )
    if not is_integer:
        labels = np.unique(labels, return_inverse=True)[1]
    return labels.astype(np.int64)


def _without_objects(labels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return labels in Python objects, such as a table's words, as numpy's words or integers."""
    if labels.dtype.kind == "O" and labels.size:
        for kind, dtype in ((str, np.str_), (int, np.int64)):
            if all(isinstance(each, kind) for each in labels.flat):
                return labels.astype(dtype)
    return labels


def _way_to_labels(labels: npt.NDArray[Any]) -> str:
    if labels.ndim == 2 and labels.shape[1] > 1:
        return "of one column a class, y.argmax(axis=1) is the class"
    if labels.dtype.kind in "OMmVc":
        return "give the name of each signal's class, such as [str(each) for each in y]"
    return 'convert them, e.g. y.ravel().astype("int64")'


def _read_labels(data: str | os.PathLike[str]) -> npt.NDArray[Any]:
    text = as_name(data, "labels", "use narrows.signals.as_labels for an array")
    path, _, column = text.rpartition(":")
    for name, heading in ((text, ""), (path, column)):
        if os.path.exists(name):
            if is_text(Path(name)):
                return read_text_labels(Path(name), heading)
            break
    return find(data, "labels").read()


def _refuse_fractions(labels: npt.NDArray[Any], name: str) -> None:
    """Raise DataError for labels with fractions: targets of a regression, not classes."""
    if labels.dtype.kind != "f" or not (labels != np.floor(labels)).any():
        return
    fraction = labels.flat[int(np.flatnonzero(labels != np.floor(labels))[0])]
    raise DataError(
        f"{name} holds numbers with fractions, such as {fraction:g}: targets of a regression, but "
        "labels are one integer per signal, or one word: its class"
    )


def is_text(path: Path) -> bool:
    """Return whether a file begins like UTF-8 text: no control characters but white space."""
    if not path.is_file():
        return False
    with damage_named(path, "a file"), path.open("rb") as stream:
        head = stream.read(HEAD_BYTES)
    return begins_like_text(head, HEAD_BYTES)


def read_text_labels(path: Path, column: str = "") -> npt.NDArray[Any]:
    """Read one label a line, or those under a heading.

    Parameters
    ----------
    path : Path
        Text in UTF-8. Empty lines are skipped, and so is the first where it alone is no number.
    column : str
        Its heading in the first line; empty for a file of one column.

    Returns
    -------
    (n,) int64, float64 or str
        The first of the three that all labels are.

    Raises
    ------
    DataError
        If there is no such column, or the file cannot be read as text.
    """
    with damage_named(path, "text"), path.open(encoding="utf-8-sig", newline="") as stream:
        rows = [[cell.strip() for cell in row] for row in csv.reader(stream)]
    rows = [row for row in rows if any(row)]
    if not rows:
        raise DataError(f"{str(path)!r} is text of empty lines: no labels; write one a line")
    words = _column(rows, column, path) if column else _only_column(rows, path)
    return _numbers_if_all_are(words)


def _column(rows: list[list[str]], name: str, path: Path) -> list[str]:
    if name not in rows[0]:
        raise DataError(f"{str(path)!r} has no column {name!r}; it has: {_listed(rows[0])}")
    index = rows[0].index(name)
    short = next((i for i, row in enumerate(rows) if len(row) <= index), None)
    if short is not None:
        raise DataError(f"{str(path)!r} has no value of {name!r} in row {short + 1}; fill it in")
    return [row[index] for row in rows[1:]]


def _only_column(rows: list[list[str]], path: Path) -> list[str]:
    widest = max(len(row) for row in rows)
    if widest > 1:
        raise DataError(
            f"{str(path)!r} has {widest} columns; name the one of the labels by its heading, as in "
            f"{f'{path}:{rows[0][0]}'!r}; the first line holds: {_listed(rows[0])}"
        )
    words = [row[0] for row in rows]
    has_heading = len(words) > 1 and _as_floats(words[:1]) is None and _as_floats(words[1:])
    return words[1:] if has_heading else words


def _listed(names: list[str]) -> str:
    more = ", ..." if len(names) > SEVERAL_SHOWN else ""
    return ", ".join(names[:SEVERAL_SHOWN]) + more


def _numbers_if_all_are(words: list[str]) -> npt.NDArray[Any]:
    try:
        return np.array([int(word) for word in words], dtype=np.int64)
    except (ValueError, OverflowError):
        floats = _as_floats(words)
        return np.array(words) if floats is None else np.array(floats)


def _as_floats(words: list[str]) -> list[float] | None:
    try:
        return [float(word) for word in words]
    except ValueError:
        return None
