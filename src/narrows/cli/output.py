"""What commands share: inputs and outputs that may be pipes, JSON, tables, sizes in words."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, cast

import typer

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from narrows.signals import ArraySource, NpyPipe

PIPE = "-"
NPY_MAGIC = b"\x93NUMPY"

Data = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        help="Signals: a .npy, .npz or IDX file, - for a pipe, or a known set: digits, "
        "mnist:train, mnist:test, fashion-mnist:train, fashion-mnist:test.",
        show_default=False,
    ),
]
ModelFile = Annotated[
    Path, typer.Option("--model", "-m", help="The .narrows file.", show_default=False)
]
OptionalModelFile = Annotated[
    Path | None,
    typer.Option("--model", "-m", show_default="embedded, or found in NARROWS_MODELS",
                 help="The .narrows file."),
]  # fmt: skip
Force = Annotated[bool, typer.Option("--force", "-f", help="Overwrite the output.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print nothing but errors.")]
Quality = Annotated[
    int | None,
    typer.Option("--quality", "-q", help="1 to the model's number of qualities.",
                 show_default="the middle one, of 8 the 4th"),
]  # fmt: skip
EffortLevel = Annotated[
    int | None,
    typer.Option("--effort", help="0 (the fastest) to 9 (the best): how long better symbols "
                 "are searched for.", show_default="2"),
]  # fmt: skip
TargetBytes = Annotated[
    float | None,
    typer.Option("--target-bytes", help="In place of a quality: the most that the coded form of "
                 "any signal may take.", show_default="(none)"),
]  # fmt: skip
TargetPsnr = Annotated[
    float | None,
    typer.Option("--target-psnr", help="In place of a quality: the least PSNR of any signal, dB.",
                 show_default="(none)"),
]  # fmt: skip


def check_point(quality: int | None, target_bytes: float | None, target_psnr: float | None) -> None:
    """Refuse options that exclude each other."""
    if target_bytes is not None and target_psnr is not None:
        raise usage_error("--target-bytes and --target-psnr exclude each other: give one")
    if quality is not None and (target_bytes, target_psnr) != (None, None):
        name = "--target-psnr" if target_bytes is None else "--target-bytes"
        raise usage_error(f"{name} chooses the quality of each signal: leave -q out")


def usage_error(message: str) -> typer.BadParameter:
    """Make the exception for wrong usage: exit code 2."""
    return typer.BadParameter(message)


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


def open_source(data: str) -> ArraySource | NpyPipe:
    """Open signals to be read a block at a time; a `.npy` streams through a pipe."""
    from narrows.signals import ArraySource, NpyPipe, read_signals

    if data != PIPE:
        return ArraySource(read_signals(data))
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
    """Give the file that an input is read from, and what to call it."""
    if name == PIPE:
        return 0, "on standard input"
    if not Path(name).exists() and ":" in name:
        return name.rpartition(":")[0], name
    return name, name


def keeps_no_file(name: str) -> bool:
    """Tell whether an output is a pipe or a device: nothing of it can be read or set right."""
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


def say(message: str, quiet: bool) -> None:
    """Tell a person on stderr, so that pipes stay clean."""
    if not quiet:
        print(message, file=sys.stderr)


def print_json(value: dict[str, Any]) -> None:
    """Print one JSON object on stdout."""
    print(json.dumps(value, indent=2, allow_nan=False))


def print_table(title: str, columns: list[str], rows: list[list[str]], *, left: int = 1) -> None:
    """Print a table on stdout; the first `left` columns hold words, the others numbers."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number < left else "right", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    console = Console(markup=False, emoji=False)  # "mnist:train:" is no tram
    if not console.is_terminal:
        console.width = 120
    console.print(table)


def print_pairs(title: str, pairs: list[tuple[str, str]]) -> None:
    """Print names and values in two columns on stdout."""
    width = max(len(name) for name, _ in pairs)
    print(title)
    for name, value in pairs:
        print(f"  {name:<{width}}  {value}")


def decibels(value: float | None) -> str:
    """Write a PSNR; None or infinity is an exact reconstruction."""
    return "exact" if value is None or value == float("inf") else f"{value:.2f} dB"
