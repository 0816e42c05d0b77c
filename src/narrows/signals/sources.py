"""What a user may call DATA: a file, an array's name in it, a folder, or a known set."""

from __future__ import annotations

import difflib
import glob
import os
from collections.abc import Sequence
from itertools import takewhile
from math import prod
from pathlib import Path
from typing import Any

import numpy.typing as npt

from narrows.errors import DataError
from narrows.paths import as_name
from narrows.signals.checks import check_signals
from narrows.signals.cutting import MAX_WHOLE, choose_cut, rows_of, tile_of
from narrows.signals.formats.npy import NPY
from narrows.signals.formats.registry import PLAIN, accepted, folder_format, open_file
from narrows.signals.frames import Frames
from narrows.signals.known.fetch import KNOWN_NAMES
from narrows.signals.known.known_sets import Part, read_known
from narrows.signals.members import Member, files_in, member_of, open_files, open_member
from narrows.signals.reading import Reading
from narrows.signals.remote import copy_of
from narrows.signals.source import ArraySource, FileSource, StoredSource
from narrows.urls import is_url

AS_IT_IS = Reading()
TOLD_PADDING, TOLD_OVERLAP = 0.1, 1.5
FEW_ROWS = 500
OTHERWISE = "use the array as it is"


def read_signals(data: str | os.PathLike[str], reading: Reading = AS_IT_IS) -> npt.NDArray[Any]:
    """Read signals from a file, a folder or a known set.

    Parameters
    ----------
    data : str or path
        A path to a file of a format that is known, told apart by content; `file.npz:name` for one
        array of several; a folder of such files, or a pattern such as `folder/*.wav`; or one of
        `KNOWN_NAMES`, such as `digits` or `mnist:train`. An existing path wins over a known name.
        Or a URL of one of these, such as `https://...` or `s3://...`, read by fsspec.
    reading : Reading
        How recordings and large arrays are cut to frames.

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
        If what reads it is not installed.

    Examples
    --------
    >>> read_signals("digits").shape
    (1797, 8, 8)
    """
    return open_signals(data, reading).read()


def open_signals(data: str | os.PathLike[str], reading: Reading = AS_IT_IS) -> ArraySource | Frames:
    """Open signals to be read a block at a time; parameters and errors as of `read_signals`.

    Signals of `.npy`, `.npz`, IDX and known sets that need no cutting are an `ArraySource`.
    Everything else is `Frames`, whose metadata put together again what they were cut from.
    """
    text = as_name(data, "signals", OTHERWISE)
    path, inner = _place_of(text)
    if path is None and (found := _matching(text)):
        parent = Path(*takewhile(lambda part: not glob.has_magic(part), Path(text).parts))
        return _of_folder(open_files(parent, found, reading), reading)
    if path is None:
        known = find(data, "images")
        member = member_of(known, f"{text.replace(':', '-')}.npy", NPY, lambda: known)
        return _of_file(member, reading, repr(text))
    if path.is_dir() and folder_format(path) is None:
        return _of_folder(open_files(path, files_in(path), reading), reading)
    return _of_file(open_member(path, inner, path.name, reading), reading, repr(text))


def open_array(array: npt.NDArray[Any], reading: Reading, name: str) -> ArraySource | Frames:
    """Return an array as signals, cut to frames where that is asked for."""
    source = ArraySource(array)
    return _of_file(member_of(source, "signals.npy", NPY, lambda: source), reading, name)


def open_lazy(source: FileSource, reading: Reading) -> Frames:
    """Return an array that is not in memory as frames, which are read where they are needed."""
    member = member_of(source, "signals.npy", NPY, lambda: source)
    is_cut = reading.hops_of_model is not None and reading.frame_shape != source.shape[1:]
    are_rows = len(source.shape) > 1 and not reading.cuts and not is_cut
    cut = rows_of(member) if are_rows else choose_cut([member], reading)
    return _told(Frames([member], cut, is_folder=False), reading)


def _matching(text: str) -> list[Path]:
    """Return the files that a pattern stands for."""
    found = map(Path, glob.glob(text)) if glob.has_magic(text) and "\0" not in text else ()
    return sorted(path for path in found if path.is_file())


def _of_folder(members: Sequence[Member], reading: Reading) -> Frames:
    return _told(Frames(members, choose_cut(members, reading), is_folder=True), reading)


def _of_file(member: Member, reading: Reading, name: str) -> ArraySource | Frames:
    """Return the array of a file as it is, where its rows are signals, or its frames."""
    fits = reading.hops_of_model is None or reading.frame_shape == member.shape[1:]
    has_rows = len(member.shape) > 1 or not reading.proposes
    has_signals = member.format in PLAIN and fits and has_rows and not reading.cuts
    if has_signals and reading.proposes and reading.learns and reading.frame_shape is None:
        _tell_few(member, reading)
    if has_signals:
        return ArraySource(check_signals(member.open().read(), name=name))
    is_of_model = reading.frame_shape == member.shape[1:] and not reading.cuts
    cut = rows_of(member) if is_of_model else choose_cut([member], reading)
    return _told(Frames([member], cut, is_folder=False), reading)


def _tell_few(member: Member, reading: Reading) -> None:
    """Say that rows are few and large, where tiles of them would be many."""
    n, *frame_shape = member.shape
    if n < FEW_ROWS and prod(frame_shape) > MAX_WHOLE:
        shape = " x ".join(map(str, frame_shape))
        tile = ",".join(map(str, tile_of(member.shape)))
        reading.tell(f"{n} signals of {shape}: few to learn from; --tile {tile} cuts them in more")


def _told(frames: Frames, reading: Reading) -> Frames:
    """Refuse what has no frames; say so where much of the frames is beyond the ends."""
    if not frames.shape[0]:
        raise DataError(f"{frames.members[0].name!r} and all others are empty: nothing to cut")
    if reading.frame_shape is not None:
        return frames  # there is nothing left to decide
    times = frames.numbers_per_number
    if times > TOLD_OVERLAP:
        reading.tell(f"frames overlap: they hold {times:.1f} times the numbers of the data")
    share = frames.padded_share
    if share > TOLD_PADDING:
        reading.tell(
            f"{100 * share:.0f} % of the frames is beyond the ends of what is cut, and filled "
            "with the last values: shorter frames take fewer"
        )
    return frames


def find(data: str | os.PathLike[str], part: Part) -> StoredSource:
    """Open what DATA names, whether it is signals or not; `part` is that of a known set."""
    text = as_name(data, part, OTHERWISE)
    path, inner = _place_of(text)
    if path is not None:
        return open_file(path, inner)
    if text in KNOWN_NAMES:
        return ArraySource(read_known(text, part))
    raise DataError(_missing(text, part))


def _place_of(text: str) -> tuple[Path | None, str | None]:
    """Return the path in DATA, if there is one, and the name of an array in it."""
    if os.path.exists(text):
        return Path(text), None
    if is_url(text):
        return copy_of(text)
    path, _, inner = text.rpartition(":")
    if text not in KNOWN_NAMES and os.path.exists(path):
        return Path(path), inner
    return None, None


def _missing(text: str, part: Part) -> str:
    near = difflib.get_close_matches(text, [*KNOWN_NAMES, *_neighbours(text)], n=3)
    hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else ""
    lines = " (for labels also text, one a line, or file.csv:column)" if part == "labels" else ""
    return (
        f"there is no file {text!r} and no known set of that name; accepted are a path to a "
        f"{accepted('or')} file (file.npz:name for one of several arrays) or a folder of "
        f"such{lines}, or a known set: {', '.join(KNOWN_NAMES)}{hint}"
    )


def _neighbours(text: str) -> list[str]:
    folder = os.path.dirname(text)
    try:
        names = os.listdir(folder or ".")
    except (OSError, ValueError):
        return []
    return [os.path.join(folder, name) for name in names if not name.startswith(".")]
