"""Labels in a text file: one a line, or a named column of comma-separated values."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.errors import DataError
from narrows.signals.damage import damage_named

HEAD_BYTES = 4096
SEVERAL_SHOWN = 8


def is_text(path: Path) -> bool:
    """Tell whether a file begins like text in UTF-8: no control characters but white space."""
    if not path.is_file():
        return False
    with damage_named(path, "a file"), path.open("rb") as stream:
        head = stream.read(HEAD_BYTES)
    # The head may end within a character, which takes four bytes at most.
    text = head.decode("utf-8", errors="replace")[: -1 if len(head) == HEAD_BYTES else None]
    return bool(text) and "\ufffd" not in text and all(c >= " " or c in "\t\r\n" for c in text)


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
