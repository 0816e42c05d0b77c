"""Run every command with each standard stream closed, full, or a broken pipe, and print a table.

`python -m scripts.standard_streams [COMMAND ...]`: by default all of `COMMANDS`, in some minutes. A
row says how the command ended, what came on standard output, what became of its file, and the last
line on standard error. The exit code is 1 if a row is not as it should be:

- what is read or written ends the command with exit code 1, one line, and no file;
- standard error, and a stream that the command does not use, changes nothing.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import narrows
from narrows.signals import read_signals

STDIN, STDOUT, STDERR = range(3)
STATES = ("closed", "full", "broken")  # to read, /dev/full is zeros, and a broken pipe is empty
TINY = ("--latent-size", "2", "--epochs", "2")
MODEL = ("-m", "m.narrows")


@dataclass(frozen=True)
class Command:
    """A command as it is run, and what it needs standard streams for."""

    arguments: tuple[str, ...]
    file: str = ""  # what it writes, in a folder that has m.narrows, x.npy, x.nrw, y.npy, z.npy
    reads: str = ""  # what comes on standard input
    prints: bool = False  # on standard output
    varies: bool = False  # its output holds seconds


COMMANDS = {
    "--version": Command(("--version",), prints=True),
    "--help": Command(("--help",), prints=True),
    "info": Command(("info", "x.nrw"), prints=True),
    "info -": Command(("info", "-"), reads="x.nrw", prints=True),
    "info --json": Command(("info", "m.narrows", "--json"), prints=True),
    "verify": Command(("verify", "x.nrw", *MODEL), prints=True),
    "verify -": Command(("verify", "-", *MODEL), reads="x.nrw", prints=True),
    "compress": Command(("compress", "x.npy", *MODEL, "-o", "out"), "out"),
    "compress --json": Command(
        ("compress", "x.npy", *MODEL, "-o", "out", "--json"), "out", prints=True
    ),
    "compress --append": Command(
        ("compress", "x.npy", *MODEL, "-o", "x.nrw", "--append"), "x.nrw"
    ),
    "compress -": Command(("compress", "-", *MODEL), reads="x.npy", prints=True),
    "decompress": Command(("decompress", "x.nrw", *MODEL, "-o", "out"), "out"),
    "decompress -": Command(("decompress", "-", *MODEL), reads="x.nrw", prints=True),
    "encode": Command(("encode", "x.npy", *MODEL, "-o", "out"), "out"),
    "encode -": Command(("encode", "-", *MODEL, "-o", "-"), reads="x.npy", prints=True),
    "decode": Command(("decode", "z.npy", *MODEL, "-o", "out"), "out"),
    "decode -": Command(("decode", "-", *MODEL, "-o", "-"), reads="z.npy", prints=True),
    "export-decoder": Command(("export-decoder", "m.narrows", "-o", "out"), "out"),
    "export-decoder -": Command(
        ("export-decoder", "-", "-o", "-"), reads="m.narrows", prints=True
    ),
    "export-onnx": Command(("export-onnx", "m.narrows", "-o", "out"), "out/decoder.onnx"),
    "card": Command(("card", "m.narrows"), prints=True),
    "card -": Command(("card", "-"), reads="m.narrows", prints=True),
    "card -o": Command(("card", "m.narrows", "-o", "out"), "out/README.md"),
    "push": Command(("push", "m.narrows", "user/m", "--licence", "mit", "--dry-run")),
    "evaluate": Command(("evaluate", "x.npy", *MODEL), prints=True),
    "evaluate -": Command(("evaluate", "-", *MODEL, "--json"), reads="x.npy", prints=True),
    "train": Command(("train", "x.npy", *TINY, "-o", "out"), "out", varies=True),
    "train - -o -": Command(
        ("train", "-", *TINY, "-o", "-"), reads="x.npy", prints=True, varies=True
    ),
    "probe": Command(("probe", "x.npy", *MODEL, "--labels", "y.npy"), prints=True),
    "engines": Command(("engines",), prints=True),
    "report": Command(("report", "x.npy", *MODEL, "-o", "out"), "out", varies=True),
    "report -": Command(
        ("report", "-", *MODEL, "-o", "-"), reads="x.npy", prints=True, varies=True
    ),
    "sweep": Command(
        ("sweep", "x.npy", "--latent-size", "2,3", "--epochs", "2", "-o", "out", "--jobs", "2"),
        "out/sweep.json", prints=True, varies=True,
    ),
    "advise": Command(
        ("advise", "x.npy", "--minutes", "0.02", "--latent-size", "2"), prints=True, varies=True
    ),
    "demo": Command(("demo", "--latent-size", "2", "-o", "out"), "out", prints=True, varies=True),
}  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """How a command ended, and what it left."""

    code: int
    output: bytes
    messages: str
    file: bytes | None
    others: frozenset[str]  # the names of all other files


def prepare(folder: Path) -> None:
    """Write what the commands read."""
    x = read_signals("digits")
    codec = narrows.train(x, latent_size=4, architecture="linear")
    codec.save(folder / "m.narrows")
    np.save(folder / "x.npy", x[:200])
    np.save(folder / "y.npy", read_signals("digits")[:200, 0, 2] > 4)
    np.save(folder / "z.npy", codec.encode(x[:200]))
    (folder / "x.nrw").write_bytes(codec.compress(x[:200]))


def run(command: Command, inputs: Path, number: int | None = None, state: str = "") -> Outcome:
    """Run a command in a folder of its own, one of its streams in a state."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path in inputs.iterdir():
            (folder / path.name).write_bytes(path.read_bytes())
        given = os.open(folder / command.reads, os.O_RDONLY) if command.reads else None
        streams = [subprocess.DEVNULL if given is None else given, subprocess.PIPE, subprocess.PIPE]
        opened = [] if given is None else [given]
        if state == "full" and number is not None:
            opened.append(os.open("/dev/full", os.O_RDWR))
            streams[number] = opened[-1]
        elif state == "broken" and number is not None:
            ends = os.pipe()  # for reading and for writing
            os.close(ends[number == STDIN])
            opened.append(ends[number != STDIN])
            streams[number] = opened[-1]
        done = subprocess.run(
            [sys.executable, "-m", "narrows", *command.arguments], cwd=folder, check=False,
            stdin=streams[0], stdout=streams[1], stderr=streams[2],
            preexec_fn=(lambda: os.close(number or 0)) if state == "closed" else None,
        )  # fmt: skip
        for handle in opened:
            os.close(handle)
        file = folder / command.file
        content = file.read_bytes() if command.file and file.is_file() else None
        others = frozenset(path.name for path in folder.iterdir()) - {command.file.split("/")[0]}
        return Outcome(
            done.returncode, done.stdout or b"", (done.stderr or b"").decode(), content, others
        )


def fault(command: Command, good: Outcome, number: int, found: Outcome) -> str:
    """Return what is wrong with an outcome, beside that with good streams; nothing, usually."""
    fails = (bool(command.reads), command.prints, False)[number]
    told, had_nothing = found.messages, fails and number == STDIN
    output_is = found.output == (b"" if had_nothing else good.output)
    file_is = found.file == (None if had_nothing else good.file)
    if command.varies and not had_nothing:
        output_is = bool(found.output) == bool(good.output)
        file_is = bool(found.file) == bool(good.file)
    faults = {
        "a traceback": "Traceback" in told or "Exception ignored" in told,
        f"exit code {found.code}": found.code != int(fails),
        "no line": fails and not (told or "\n").splitlines()[-1].startswith("narrows: "),
        "standard output": number != STDOUT and not output_is,
        "the file": not file_is,
        f"other files {sorted(found.others)}": found.others != good.others,
    }
    return ", ".join(name for name, is_there in faults.items() if is_there)


def rows(names: list[str], inputs: Path) -> Iterator[tuple[str, ...]]:
    """Yield a row of the table for each command, stream and state; the last cell is the fault."""
    for name in names:
        command = COMMANDS[name]
        good = run(command, inputs)
        assert good.code == 0, good.messages
        for number, stream in enumerate(("stdin", "stdout", "stderr")):
            for state in STATES:
                found = run(command, inputs, number, state)
                file = "-" if not command.file else "none" if found.file is None else "whole"
                lines = found.messages.splitlines()
                yield (
                    name, stream, state, str(found.code), f"{len(found.output)} bytes", file,
                    (lines or [""])[-1] if found.code else "", fault(command, good, number, found),
                )  # fmt: skip


def main() -> None:
    """Print the table."""
    wrong = 0
    with tempfile.TemporaryDirectory() as inputs:
        prepare(Path(inputs))
        for row in rows(sys.argv[1:] or list(COMMANDS), Path(inputs)):
            print(" | ".join(row), flush=True)
            wrong += bool(row[-1])
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
