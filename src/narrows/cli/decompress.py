"""`decompress`: an archive to signals."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, nullcontext
from dataclasses import asdict
from functools import partial
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from narrows.cli import options
from narrows.cli.bar import bar
from narrows.cli.many import OutputDir, Recursive, inputs_of, is_incomplete, run_all
from narrows.cli.packets import Checksum, Lose, Opened, open_packets_of, packets_in
from narrows.cli.printing import give, say
from narrows.cli.restoring import Asked, described_members, restore
from narrows.cli.streams import (
    PIPE,
    check_array_suffix,
    is_stream,
    number_of_signals,
    open_input,
    open_output,
    whole_archive,
    write_array,
)
from narrows.urls import local_name
from narrows.words import counted

if TYPE_CHECKING:
    from narrows.codec.archive.streams import LostRange
    from narrows.codec.networks.backend import Backend
    from narrows.codec.receiver import Kind
    from narrows.processes import Workers
    from narrows.signals.geometry import Geometry

Opening = Callable[[ExitStack], Opened]


def decompress(
    files: Annotated[
        list[str],
        typer.Argument(metavar="FILE...", help="An archive, a folder of packets or a .jsonl of "
                       "them; - for a pipe.", show_default=False),
    ],
    model: options.OptionalModelFile = None,
    output: Annotated[
        str | None,
        options.output("The signals: .npy, .npz or .idx; - for a pipe (.npy). Or the file or "
                       "folder that was cut to signals.", "FILE without its suffix"),
    ] = None,
    member: Annotated[
        str | None,
        typer.Option("--member", metavar="NAME", show_default=False,
                     help="Of a folder, restore this file alone."),
    ] = None,
    list_: Annotated[
        bool, typer.Option("--list", help="List the files that it holds, and write nothing.")
    ] = False,
    skip_bad_blocks: Annotated[
        bool,
        typer.Option("--skip-bad-blocks", help="Save what a damaged archive, or a part of the "
                     "packets, still holds; the exit code is 1 where signals are lost."),
    ] = False,
    checksum: Checksum = False,
    output_dir: OutputDir = None,
    recursive: Recursive = False,
    device: options.Device = None,
    jobs: options.Jobs = 1,
    force: options.Force = False,
    json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:  # fmt: skip
    """Decompress an archive, or packets, to signals, bit for bit the same on every machine.

    narrows decompress signals.npy.nrw -m m.narrows -o back.npy
    narrows decompress a.nrw b.nrw -m m.narrows --output-dir back
    narrows decompress recordings.nrw -m m.narrows --member a.wav
    narrows decompress signals.npy.packets -m m.narrows -o back.npy
    """
    walk = archives_in if recursive else None
    inputs = inputs_of(files, output, output_dir, walk, default_output)
    if inputs is not None and (member is not None or list_):
        raise typer.BadParameter("--member and --list are of one FILE")
    if list_ and (output is not None or member is not None):
        raise typer.BadParameter("--list writes nothing: leave -o and --member out")
    from narrows.processes import Workers

    backend = options.backend_of(device)
    with Workers(jobs) as workers:
        if list_:
            with whole_archive(files[0], or_packets=True) as path:
                packets = packets_in(path, files[0])
                _list(None if packets is not None else _geometry_of(path), files[0], json, quiet)
            return
        written: set[str] = set()

        def run(file: str, folder: str | None) -> tuple[dict[str, Any], str]:
            asked = Asked(file, model, backend, output, folder, member, force, workers, written)
            return _restored(asked, skip_bad_blocks, checksum, json, quiet)

        if inputs is not None:
            alone = partial(_restored_alone, model, backend, skip_bad_blocks, checksum, json)
            # With force, one could replace what another wrote.
            elsewhere = None if force or jobs == 1 else (workers, alone)
            run_all(inputs, run, json=json, quiet=quiet, elsewhere=elsewhere)
            return
        figures, told = run(files[0], None)
    give(figures, told, json=json, quiet=quiet)
    if is_incomplete(figures):
        raise typer.Exit(1)


def _restored_alone(
    model: str | None, backend: Backend | None, skip_bad_blocks: bool, checksum: bool, json: bool,
    file: str, folder: str | None,
) -> tuple[dict[str, Any], str]:  # fmt: skip
    """Restore an archive in this process alone."""
    from narrows.processes import ALONE

    asked = Asked(file, model, backend, None, folder, None, False, ALONE, set())
    return _restored(asked, skip_bad_blocks, checksum, json, True)


def _restored(
    asked: Asked, skip_bad_blocks: bool, checksum: bool, json: bool, quiet: bool
) -> tuple[dict[str, Any], str]:
    """Write what an archive or packets hold; return the figures, and a line that tells them."""
    file, model, backend = asked.file, asked.model, asked.backend
    with whole_archive(file, or_packets=True) as path:
        packets = packets_in(path, file)
        if checksum and packets is None:
            raise typer.BadParameter("--checksum is of packets: archives always have one")
        geometry = None if packets is not None or skip_bad_blocks else _geometry_of(path)
        if geometry is not None:
            return restore(geometry, path, asked, json, quiet)
        if asked.member is not None:
            raise typer.BadParameter(f"--member {asked.member}: {file} holds signals without names")
        losses: list[LostRange] = []
        lose = partial(_tell, losses) if skip_bad_blocks else None
        if packets is None:
            opening: Opening = partial(_archive, path, model, backend, lose, asked.workers)
        else:
            opening = partial(open_packets_of, packets, file, model, backend, checksum, lose)
        return _decompress(opening, asked, losses, json, quiet)


def _decompress(
    opening: Opening, asked: Asked, losses: list[LostRange], json: bool, quiet: bool
) -> tuple[dict[str, Any], str]:
    """Decompress signals that were not cut from anything."""
    file, model = asked.file, asked.model
    output = asked.place(default_output(file))
    options.check_json(json, output)
    with ExitStack() as opened:
        stream = opened.enter_context(open_output(output, file, model, force=asked.force))
        check_array_suffix(output)
        shown = opened.enter_context(bar(quiet))
        decoder, total, signals = opening(opened)
        signal_bytes = prod(decoder.model.frame_shape) * decoder.model.dtype.itemsize
        shown.begin("decompressing", total, signal_bytes)
        n = write_signals_as_they_come(stream, output, decoder.model, shown.count(signals))
    shape = ", ".join(map(str, (n, *decoder.model.frame_shape)))
    figures = {
        "output": output,
        "signals": n,
        "dtype": decoder.model.dtype.name,
        "frame_shape": decoder.model.frame_shape,
        "model_id": decoder.model_id,
        "losses": [asdict(loss) for loss in losses],
    }
    return figures, f"{output}: {counted(n, 'signal')}, ({shape}) of {decoder.model.dtype}"


def archives_in(folder: Path) -> Iterator[Path]:
    """Yield the archives in a folder and in the folders there, in the order of their names."""
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(place, name) for name in sorted(names) if name.endswith(".nrw"))


def _archive(
    path: str,
    model: str | None,
    backend: Backend | None,
    lose: Lose | None,
    workers: Workers,
    opened: ExitStack,
) -> Opened:
    """Open an archive in a file."""
    from narrows.codec.archive import ArchiveReader
    from narrows.codec.archive.streams import whole_blocks
    from narrows.models import decoder_for

    archive = opened.enter_context(open_input(path))
    total = number_of_signals(archive)
    if lose is not None:
        header, blocks = whole_blocks(archive, lambda loss: lose(str(loss), [loss]))
        if "geometry" in header.metadata:
            say("saved as frames: to put files together, every block is needed", False)
        decoder = decoder_for(header, model, backend)
        return decoder, total, decoder.frames_of(blocks, workers)
    reader = ArchiveReader(archive)
    decoder = decoder_for(reader.header, model, backend)
    return decoder, total, decoder.decompress_from(reader, workers)


def _geometry_of(path: str) -> Geometry | None:
    """Return what an archive's signals were cut from; its index is read only where there is."""
    from narrows.codec.archive import ArchiveReader, IndexedArchive
    from narrows.signals.geometry import unpack_geometry

    with open_input(path) as stream:
        if "geometry" not in ArchiveReader(stream).header.metadata:
            return None
        archive = IndexedArchive(stream)
        return unpack_geometry(archive.header, archive.n_signals)


def _list(geometry: Geometry | None, file: str, json: bool, quiet: bool) -> None:
    """Print the members of an archive."""
    from narrows.errors import DataError

    if geometry is None:
        raise DataError(f"{file} holds signals without names; narrows info says what they are")
    members = described_members(geometry)

    def show() -> None:
        for each in members:
            print(f"{each['name']}  {' x '.join(map(str, each['shape']))}")

    give({"folder": geometry.is_folder, "members": members}, show, json=json, quiet=quiet)


def _tell(losses: list[LostRange], line: str, lost: list[LostRange]) -> None:
    """Say what is lost, even with --quiet: it is an error, though not a final one; and note it."""
    say(f"narrows: {line}", False)
    losses += lost


def write_signals_as_they_come(
    stream: BinaryIO, output: str, model: Kind, signals: Iterator[Any]
) -> int:
    """Write blocks of signals in the format of the output's suffix; give their number."""
    import numpy as np

    from narrows.files import temporary_file
    from narrows.signals import NpyWriter

    frame_shape, dtype = model.frame_shape, model.dtype
    if output != PIPE and Path(output).suffix.lower() not in ("", ".npy"):
        x = np.concatenate([np.empty((0, *frame_shape), dtype), *signals])
        write_array(stream, output, x)
        return len(x)
    piped = is_stream(output)
    # A pipe cannot go back to say how many signals there were: they wait in a file.
    with temporary_file() if piped else nullcontext(stream) as target:
        writer = NpyWriter(target, frame_shape, dtype)
        for block in signals:
            writer.write(block)
        writer.close()
        if piped:
            target.seek(0)
            shutil.copyfileobj(target, stream, 1 << 20)
    return writer.n_signals


def default_output(file: str) -> str:
    """Name the signals of an archive or of packets; those of a pipe go on through a pipe."""
    if is_stream(file):
        return PIPE
    name = os.path.normpath(local_name(file))
    for suffix in (".nrw", ".packets", ".jsonl"):
        if name.endswith(suffix):
            name = name.removesuffix(suffix)
            return name if name.endswith((".npy", ".npz")) else name + ".npy"
    return name + ".npy"
