"""What a file format consists of, and how one is added.

1. A file here with `NAME = Format(...)`, and its place in `registry.OTHERS`; elsewhere, a package
   whose entry point in the group `narrows.formats` is a `Format`.
2. `matches(head, path)`: by the first bytes, or by the path where there is no magic. For a format
   that is a folder, `head` is empty and `path` a folder.
3. `open(path, member)` returns an `ArraySource` of what is in memory or mapped, or a `FileSource`,
   which reads rows as they are needed. Only its header is read here. Its `attributes` are JSON
   values, all that `write` needs besides the numbers (`packed_arrays` for coordinates, text, other
   columns). Raise DataError, or let the parser raise inside `damage_named`; a package that is
   missing is a MissingExtraError. Import packages inside functions.
4. `write(stream, array, attributes)`, or `save(path, array, attributes)` where a stream will not
   do (several files, a folder, a library that opens files itself), undoes `open`. `attributes`
   may come from an archive of someone else's: read them with care, with defaults.
5. `axes` says what the axes of an array are, and so how it is cut where nobody says.
6. A test with a real file: `tests/signals/formats/`, names, shapes, dtypes, attributes there and
   back; a line in the table of `docs/sources.md`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy.typing as npt

from narrows.errors import DataError
from narrows.signals.source import Attributes, Axes, StoredSource


@dataclass(frozen=True)
class Format:
    """A format of files that signals are read from and, unless both are None, written to."""

    name: str
    """What error messages call it, and archives."""

    matches: Callable[[bytes, Path], bool]
    """Return whether a file is one, by its first `HEAD_BYTES` bytes or its path."""

    open: Callable[[Path, str | None], StoredSource]
    """Open a file; the second argument names one of its arrays, for `has_members` only."""

    suffix: str = ""
    """What asks for the format where it is written, with its dot."""

    write: Callable[[BinaryIO, npt.NDArray[Any], Attributes], None] | None = None
    """Write an array from front to back, so that a pipe will do."""

    save: Callable[[Path, npt.NDArray[Any], Attributes], None] | None = None
    """Write an array to a path where nothing is yet."""

    has_members: bool = False
    """Whether a file can hold several arrays, each with a name."""

    axes: Axes = "signals"
    """What the axes of an array are."""

    written_as: str = ""
    """The suffix that names get in an archive; empty where they keep theirs."""

    companion: Callable[[Path], bool] = lambda _: False
    """Return whether a file belongs to another one of the format, and is read with that."""

    other_suffixes: tuple[str, ...] = ()
    """What else asks for the format."""

    @property
    def suffixes(self) -> tuple[str, ...]:
        """All suffixes that ask for the format."""
        return ((self.suffix,) if self.suffix else ()) + self.other_suffixes

    @property
    def can_write(self) -> bool:
        """Whether files of it can be written."""
        return not (self.write is None and self.save is None)


def chosen_member(
    path: str, name: str | None, found: Sequence[str], kind: str, besides: str = ""
) -> str:
    """Return the name of one array of a file: the one that is asked for, or the only one of all.

    Parameters
    ----------
    path : str
        What error messages call the file.
    name : str, optional
        What is asked for.
    found : sequence of str
        The arrays of numbers that there are.
    kind, besides : str
        What such a file calls its arrays, and which numbers do not count.

    Raises
    ------
    DataError
        If there is no such array, or several and none is named; those there are are listed.
    """
    there = ", ".join(found[:SHOWN_NAMES]) + (", ..." if len(found) > SHOWN_NAMES else "")
    if not found:
        raise DataError(f"{path!r} holds no {kind} of numbers{besides}")
    if name is None and len(found) > 1:
        raise DataError(f"{path!r} holds several {kind}s, {there}; give {path}:{found[0]}")
    if name is not None and name not in found:
        raise DataError(f"{path!r} has no {kind} {name!r} of numbers; it has {there}")
    return found[0] if name is None else name


HEAD_BYTES = 16
SHOWN_BYTES, SHOWN_NAMES = 6, 12  # of a head, and of arrays, in error messages
