"""Several inputs, each to an output of its own: what fails is named, and the others are done."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from narrows.cli.ending import Ended, ending_in_order
from narrows.cli.printing import give, in_one_line, say
from narrows.cli.streams import is_stream
from narrows.words import counted

if TYPE_CHECKING:
    from narrows.processes import Workers

FILES_A_PROCESS = 2  # at least; fewer share the blocks of each
GROUP = "Several inputs"
Run = Callable[[str, str | None], tuple[dict[str, Any], str]]
"""Does what is to be done with an input, beside it or in a folder; returns figures, and a line."""
OutputDir = Annotated[
    str | None,
    typer.Option("--output-dir", metavar="FOLDER", help="Write into this folder, which is made "
                 "where it is not there.", show_default="beside each input", rich_help_panel=GROUP),
]  # fmt: skip
Recursive = Annotated[
    bool,
    typer.Option("--recursive", "-r", help="Each file of folders on its own, as a tree of the same "
                 "names, not a folder as one.", rich_help_panel=GROUP),
]  # fmt: skip


@dataclass(frozen=True)
class Input:
    """An input, and the folder to write into; None: beside it."""

    data: str
    folder: str | None


def inputs_of(
    data: Sequence[str],
    output: str | None,
    output_dir: str | None,
    files_in: Callable[[Path], Iterable[Path]] | None,
    name_of: Callable[[str], str],
) -> list[Input] | None:
    """Return the inputs, each of which is written on its own; None where it is one, and all of it.

    Parameters
    ----------
    data : sequence of str
        As given.
    output, output_dir : str or None
        What `-o` and `--output-dir` say.
    files_in : callable, optional
        With `-r`: yields the files of a folder.
    name_of : callable
        Returns what an input is written to, by default.
    """
    if len(data) == 1 and output_dir is None and files_in is None:
        return None
    if output is not None:
        raise typer.BadParameter("-o is of one input; several, and -r, take --output-dir FOLDER")
    if any(map(is_stream, data)):
        raise typer.BadParameter("a pipe or a device is an input alone, without --output-dir")
    found = list(_found(data, output_dir, files_in))
    _refuse_clashes(found, name_of)
    return found


def _found(
    data: Sequence[str],
    output_dir: str | None,
    files_in: Callable[[Path], Iterable[Path]] | None,
) -> Iterator[Input]:
    from narrows.errors import DataError

    for each in data:
        root = Path(each)
        if files_in is None or not root.is_dir():
            yield Input(each, output_dir)
            continue
        n = 0
        for n, path in enumerate(files_in(root), 1):  # noqa: B007  it counts
            below = path.relative_to(root).parent
            folder = None if output_dir is None else str(Path(output_dir, below))
            yield Input(str(path), folder)
        if not n:
            raise DataError(f"no file in {each} is of use here; give another folder")


def _refuse_clashes(inputs: Sequence[Input], name_of: Callable[[str], str]) -> None:
    """Raise DataError where two inputs would be written to one file."""
    from narrows.errors import DataError

    seen: dict[str, str] = {}
    for each in inputs:
        name = placed(name_of(each.data), each.folder)
        other = seen.setdefault(os.path.realpath(name).casefold(), each.data)
        if other is not each.data:
            raise DataError(
                f"{other} and {each.data} would both be written to {name}; do them one by one, or "
                "with -r on a folder that holds both"
            )


def placed(name: str, folder: str | None) -> str:
    """Return the path of an output in a folder; as it is where there is none."""
    return name if folder is None else os.path.join(folder, os.path.basename(name))


@dataclass(frozen=True)
class Outcome:
    """What became of an input: figures and a line, or the line of an error."""

    figures: dict[str, Any] | None
    told: str


def run_all(
    inputs: Sequence[Input],
    run: Run,
    *,
    json: bool,
    quiet: bool,
    elsewhere: tuple[Workers, Run] | None = None,
) -> None:
    """Do all inputs; exit code 1 where one fails.

    Where there are many, processes share them file by file, by what can be pickled of `elsewhere`.
    Fewer are done one after another, and processes may share the blocks of each.
    """
    done: list[dict[str, Any]] = []
    failed: list[dict[str, str]] = []

    def left() -> str:
        return f"{len(done)} of {counted(len(inputs), 'input')} are done"

    try:
        outcomes: Iterable[Outcome] = map(partial(_attempt, run), inputs)
        if elsewhere is not None and len(inputs) >= FILES_A_PROCESS * elsewhere[0].jobs:
            workers, alone = elsewhere
            outcomes = workers.in_order(partial(_attempt_elsewhere, alone), inputs)
        for each, outcome in zip(inputs, outcomes, strict=True):
            line = outcome.told
            if outcome.figures is not None:
                done.append(outcome.figures)
                say(line, quiet or json)
                continue
            say(f"narrows: {'' if each.data in line else f'{each.data}: '}{line}", False)
            failed.append({"input": each.data, "error": line})
    except KeyboardInterrupt:
        raise KeyboardInterrupt(left()) from None
    except Ended as error:
        raise Ended(error.number, left()) from None
    if failed or json:
        give({"done": done, "failed": failed}, left(), json=json, quiet=quiet)
    if failed or any(map(is_incomplete, done)):
        raise typer.Exit(1)


def _attempt(run: Run, each: Input) -> Outcome:
    """Do an input, and return what became of it."""
    from narrows.errors import NarrowsError

    try:
        if each.folder is not None:
            _make(Path(each.folder))
        return Outcome(*run(each.data, each.folder))
    except (NarrowsError, OSError, MemoryError) as error:
        return Outcome(None, in_one_line(error))


def _attempt_elsewhere(run: Run, each: Input) -> Outcome:
    """Do an input in another process; where that is ended, what it was writing is removed."""
    try:
        with ending_in_order():
            return _attempt(run, each)
    except Ended as error:
        os._exit(error.code)


def _make(folder: Path) -> None:
    """Make a folder and those it is in; DataError where a file is in the way."""
    from narrows.errors import DataError
    from narrows.paths import refuse_url

    refuse_url(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise DataError(f"{folder} is, or is in, a file; give --output-dir a folder") from None


def is_incomplete(figures: dict[str, Any]) -> bool:
    """Return whether signals of a damaged input were lost."""
    return any(loss["n_signals"] != 0 for loss in figures.get("losses", ()))
