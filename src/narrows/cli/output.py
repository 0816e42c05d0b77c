"""What commands share: inputs and outputs that may be pipes, JSON, tables, sizes in words."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

PIPE = "-"

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
Force = Annotated[bool, typer.Option("--force", "-f", help="Overwrite the output.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print nothing but errors.")]
Quality = Annotated[
    int | None,
    typer.Option("--quality", "-q", help="1 to the model's number of qualities.",
                 show_default="the middle one"),
]  # fmt: skip


def usage_error(message: str) -> typer.BadParameter:
    """Make the exception for wrong usage: exit code 2."""
    return typer.BadParameter(message)


def read_data(data: str) -> npt.NDArray[Any]:
    """Read signals from a path, a known name or standard input."""
    from narrows.signals import read_signals

    if data != PIPE:
        return read_signals(data)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "standard-input"
        with path.open("wb") as stream:
            shutil.copyfileobj(sys.stdin.buffer, stream)
        import numpy as np

        return np.array(read_signals(path))


@contextmanager
def open_input(name: str) -> Iterator[BinaryIO]:
    """Open a file, or standard input for `-`."""
    if name == PIPE:
        yield sys.stdin.buffer
        return
    from narrows.errors import DataError

    try:
        stream = open(name, "rb")  # noqa: SIM115 - closed below; only opening may fail here
    except FileNotFoundError:
        raise DataError(f"no file {name}; give the path of an archive, or - for a pipe") from None
    except IsADirectoryError:
        raise DataError(f"{name} is a folder; give the file in it") from None
    with stream:
        yield stream


def check_output(name: str, force: bool) -> None:
    """Refuse an output that exists, a missing folder, or a terminal, before any work is done."""
    from narrows.errors import DataError
    from narrows.files import refuse_existing

    if name == PIPE:
        if sys.stdout.isatty():
            raise DataError("standard output is a terminal; give -o FILE or pipe it on")
        return
    path = Path(name)
    if path.is_dir():
        raise DataError(f"{path} is a folder; give a file name with -o")
    if not path.parent.is_dir():
        raise DataError(f"no folder {path.parent} to write {path.name} in; make it first")
    refuse_existing(path, force)


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
    console = Console()
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
