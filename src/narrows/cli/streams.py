"""Inputs and outputs of commands by their names: files, known sets of signals, or pipes."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from narrows.cli.printing import say

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from narrows.signals import ArraySource, Frames, Reading, Source

PIPE = "-"
STANDARD_INPUT = (PIPE, "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0")
STANDARD_OUTPUT = (PIPE, "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1")
NPY_MAGIC = b"\x93NUMPY"
HEAD_BYTES = 16  # tell the formats of signals, archives and models apart


class Prefixed:
    """A stream with the bytes that were already read from it in front again."""

    def __init__(self, head: bytes, stream: BinaryIO) -> None:
        self._head, self._stream = head, stream

    def read(self, size: int = -1) -> bytes:
        """Read at most `size` bytes, or all."""
        if size < 0:
            size = len(self._head)
            return self.read(size) + self._stream.read()
        head, self._head = self._head[:size], self._head[size:]
        return head or self._stream.read(size)


# ---------------------------------------------------------------------- inputs


def is_stream(name: str) -> bool:
    """Return whether a name is that of a pipe or a device: it holds nothing and goes one way."""
    from narrows.paths import is_device

    return name == PIPE or is_device(Path(name))


@contextmanager
def open_input(name: str, hint: str = "give the path of an archive") -> Iterator[BinaryIO]:
    """Open a file, or standard input for `-`; the hint is for where there is no file."""
    from narrows.errors import DataError
    from narrows.paths import open_file

    if name in STANDARD_INPUT:
        if sys.stdin.isatty():
            raise DataError("standard input is a terminal; give a file, or pipe one in")
        yield sys.stdin.buffer
        return

    with open_file(name, hint) as stream:
        yield stream


@contextmanager
def open_source(data: str, reading: Reading) -> Iterator[Source]:
    """Open signals to be read a block at a time; a `.npy` streams through a pipe."""
    from narrows.signals import NpyPipe, check_head, open_signals

    if not is_stream(data):
        yield open_signals(data, reading)
        return
    with open_input(data) as stream:
        head = stream.read(HEAD_BYTES)
        whole = cast(BinaryIO, Prefixed(head, stream))
        if head[: len(NPY_MAGIC)] == NPY_MAGIC and not reading.cuts:
            yield NpyPipe(whole, shown(data))
            return
        if reading.shape is None:
            check_head(shown(data), head)
        with _copied(data, whole) as path:
            yield open_signals(path, reading)


@contextmanager
def open_stored(data: str, reading: Reading) -> Iterator[ArraySource | Frames]:
    """Open signals to be read in any order; what comes through a pipe is copied first."""
    from narrows.signals import check_head, open_signals

    is_bare = reading.shape is not None
    with whole_file(data, (lambda name, head: None) if is_bare else check_head) as path:
        yield open_signals(path, reading)


def read_data(data: str, reading: Reading | None = None) -> npt.NDArray[Any]:
    """Read signals from a path, a known name or a pipe, all at once."""
    from narrows.signals import Reading

    with open_stored(data, reading or Reading()) as source:
        return read_all(data, source)


def read_all(data: str, source: ArraySource | Frames) -> npt.NDArray[Any]:
    """Read all that was opened; what came through a pipe is copied, as its file ends."""
    import numpy as np

    signals = source.read()
    return np.array(signals) if is_stream(data) else signals


def read_classes(labels: str) -> npt.NDArray[np.int64]:
    """Read labels from a path, a known name or a pipe."""
    from narrows.signals import read_labels

    with whole_file(labels) as path:
        return read_labels(path)


@contextmanager
def whole_file(
    name: str, check: Callable[[str, bytes], None] = lambda name, head: None
) -> Iterator[str]:
    """Yield the path of a file that can be read at any place: a pipe's content is copied.

    Before that, `check` can refuse its first bytes: a device may have no end.
    """
    if not is_stream(name):
        yield name
        return
    with open_input(name) as stream:
        head = stream.read(HEAD_BYTES)
        check(shown(name), head)
        with _copied(name, cast(BinaryIO, Prefixed(head, stream))) as path:
            yield path


def whole_archive(
    name: str, or_model: bool = False, or_packets: bool = False
) -> AbstractContextManager[str]:
    """Return `whole_file` of an archive, a model, or packets as JSON lines."""
    from narrows.codec.archive import MAGIC
    from narrows.codec.model.model_file import MAGIC as MODEL_MAGIC
    from narrows.errors import FormatError

    def check(name: str, head: bytes) -> None:
        known = (MAGIC, *([MODEL_MAGIC] if or_model else []), *([b"{"] if or_packets else []))
        if not head.startswith(known):
            raise FormatError(
                f"{name} begins with {head[:6]!r}; accepted is an archive (.nrw), which begins "
                f"with {MAGIC!r}"
                f"{f', or a model (.narrows), with {MODEL_MAGIC!r}' if or_model else ''}"
            )

    return whole_file(name, check)


def number_of_signals(archive: BinaryIO) -> int | None:
    """Return how many signals the index of an archive in a file names; None if it is damaged."""
    from narrows.codec.archive import IndexedArchive
    from narrows.errors import FormatError

    try:
        return IndexedArchive(archive).n_signals
    except FormatError:
        return None
    finally:
        archive.seek(0)


@contextmanager
def _copied(name: str, stream: BinaryIO) -> Iterator[str]:
    """Copy a stream to a temporary file; errors call it by the name of the stream."""
    from narrows.errors import NarrowsError
    from narrows.files import temporary_file

    with temporary_file() as copy:
        shutil.copyfileobj(stream, copy)
        copy.flush()
        try:
            yield copy.name
        except NarrowsError as error:
            error.args = (str(error).replace(copy.name, shown(name)),)
            raise


def shown(name: str) -> str:
    """Return what error messages call an input."""
    return "standard input" if name in STANDARD_INPUT else name


# ---------------------------------------------------------------------- outputs


def chosen_output(given: str | None, default: str = PIPE) -> str:
    """Return where to write: to `given`, or, if that is a folder, under the default name in it."""
    if given is None:
        return default
    if os.path.isdir(given) and default != PIPE:
        return os.path.join(given, os.path.basename(default))
    return PIPE if given in STANDARD_OUTPUT else given


@contextmanager
def open_output(
    name: str, *inputs: str | Path | None, force: bool = False, append: bool = False
) -> Iterator[BinaryIO]:
    """Open a file that appears whole or not at all, or standard output for `-`.

    What cannot be written, or is one of the inputs, is refused at once. While the block runs, no
    other process writes the file; to append, wait for the one that does.

    Parameters
    ----------
    name : str
        As `chosen_output` gives it.
    inputs : str, path or None
        What the command reads: a new file is as private as they are.
    force, append : bool
        Whether a file of that name is replaced, or replaced by what begins like it.
    """
    from narrows.errors import DataError
    from narrows.files import writing
    from narrows.paths import refuse_input

    if name == PIPE:
        if sys.stdout.isatty():
            raise DataError("standard output is a terminal; give -o FILE or pipe it on")
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    files = [file_of(str(given)) for given in inputs if given]
    for file, shown in files:
        refuse_input(Path(name), file, shown)

    def tell() -> None:
        say(f"{name}: waiting for another process that writes it", False)

    with writing(
        name,
        "extend" if append else "replace" if force else "refuse",
        sources=[file for file, _ in files],
        on_wait=tell if append else None,
    ) as stream:
        yield stream


def file_of(name: str) -> tuple[int | str, str]:
    """Return the file that an input is read from, and its name in messages."""
    if name == PIPE:
        return 0, "on standard input"
    if not Path(name).exists() and ":" in name:
        return name.rpartition(":")[0], name
    return name, name


def write_array(stream: BinaryIO, name: str, array: npt.NDArray[np.generic]) -> None:
    """Write signals or latents in the format of an output's suffix; .npy for a pipe."""
    from narrows.signals import write_signals

    write_signals(stream, array, "" if name == PIPE else Path(name).suffix)


def check_array_suffix(name: str) -> None:
    """Refuse, before any work is done, an array output of a format that cannot be written."""
    from narrows.errors import SettingError
    from narrows.signals import SUFFIXES

    suffix = Path(name).suffix.lower()
    if name.lower().endswith((".npy.gz", ".npz.gz")):  # .gz alone stands for gzipped IDX
        suffix = name[-len(".npy.gz") :]
    if name != PIPE and suffix not in ("", *SUFFIXES):
        raise SettingError(f"cannot write {suffix} files; accepted are {', '.join(SUFFIXES)}")
