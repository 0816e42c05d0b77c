"""Inputs and outputs of commands: files, known sets of signals, or pipes."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from narrows.signals import Source

PIPE = "-"
NPY_MAGIC = b"\x93NUMPY"


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


def open_source(data: str) -> Source:
    """Open signals to be read a block at a time; a `.npy` streams through a pipe."""
    from narrows.signals import ArraySource, NpyPipe, open_signals

    if data != PIPE:
        return open_signals(data)
    head = sys.stdin.buffer.read(len(NPY_MAGIC))
    stream = cast(BinaryIO, Prefixed(head, sys.stdin.buffer))
    return NpyPipe(stream) if head == NPY_MAGIC else ArraySource(_read_spooled(stream))


def read_data(data: str) -> npt.NDArray[Any]:
    """Read signals from a path, a known name or standard input, all at once."""
    from narrows.signals import read_signals

    return _read_spooled(sys.stdin.buffer) if data == PIPE else read_signals(data)


def _read_spooled(stream: BinaryIO) -> npt.NDArray[Any]:
    """Read signals of any format from a pipe, through a temporary file."""
    import numpy as np

    from narrows.signals import read_signals

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "standard-input"
        with path.open("wb") as spool:
            shutil.copyfileobj(stream, spool)
        return np.array(read_signals(path))


@contextmanager
def open_input(name: str, hint: str = "give the path of an archive") -> Iterator[BinaryIO]:
    """Open a file, or standard input for `-`; the hint is for where there is no file."""
    if name == PIPE:
        yield sys.stdin.buffer
        return
    from narrows.files import open_file

    with open_file(name, hint) as stream:
        yield stream


def check_output(name: str, force: bool, *inputs: str | Path | None) -> None:
    """Refuse an output that exists or is an input, a missing folder, or a terminal, at once."""
    from narrows.errors import DataError
    from narrows.files import refuse_existing, refuse_input

    if name == PIPE:
        if sys.stdout.isatty():
            raise DataError("standard output is a terminal; give -o FILE or pipe it on")
        return
    path = Path(name)
    if path.is_dir():
        raise DataError(f"{path} is a folder; give a file name with -o")
    target = Path(os.path.realpath(path)) if path.is_symlink() else path
    if not target.parent.is_dir() and not path.exists():
        raise DataError(f"no folder {target.parent} to write {target.name} in; make it first")
    for given in filter(None, inputs):
        refuse_input(path, *_file_of(str(given)))
    refuse_existing(path, force)


def _file_of(name: str) -> tuple[int | str, str]:
    """Return the file that an input is read from, and its name in messages."""
    if name == PIPE:
        return 0, "on standard input"
    if not Path(name).exists() and ":" in name:
        return name.rpartition(":")[0], name
    return name, name


def keeps_no_file(name: str) -> bool:
    """Return whether an output is a pipe or a device, which cannot be read back or changed."""
    from narrows.files import is_device

    return name == PIPE or is_device(Path(name))


@contextmanager
def open_output(name: str) -> Iterator[BinaryIO]:
    """Open a file that appears whole or not at all, or standard output for `-`."""
    from narrows.files import replacing

    if name == PIPE:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    with replacing(Path(name)) as stream:
        yield stream


def write_array(name: str, array: npt.NDArray[np.generic]) -> None:
    """Write signals or latents in the format of the name's suffix; .npy for a pipe."""
    from narrows.signals import write_signals

    with open_output(name) as stream:
        write_signals(stream, array, "" if name == PIPE else Path(name).suffix)


def check_array_suffix(name: str) -> None:
    """Refuse, before any work is done, an array output of a format that cannot be written."""
    from narrows.errors import SettingError
    from narrows.signals import SUFFIXES

    suffix = Path(name).suffix.lower()
    if name != PIPE and suffix not in ("", *SUFFIXES):
        raise SettingError(f"cannot write {suffix} files; accepted are {', '.join(SUFFIXES)}")
