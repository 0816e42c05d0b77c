"""`decompress`: an archive to signals."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, cast

import typer

from narrows.cli import options
from narrows.cli.bar import bar
from narrows.cli.printing import give, say
from narrows.cli.restoring import Asked, described_members, restore
from narrows.cli.streams import (
    PIPE,
    check_array_suffix,
    chosen_output,
    is_stream,
    number_of_signals,
    open_input,
    open_output,
    whole_archive,
    write_array,
)
from narrows.words import counted

if TYPE_CHECKING:
    from narrows.codec.archive.salvage import LostRange
    from narrows.codec.model.model import Model
    from narrows.signals.geometry import Geometry


def decompress(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="An archive, or - for a pipe.", show_default=False)
    ],
    model: options.OptionalModelFile = None,
    output: Annotated[
        str | None,
        options.output("The signals: .npy, .npz or .idx; - for a pipe (.npy). Or the file or "
                       "folder that was cut to signals.", "FILE without .nrw"),
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
        typer.Option("--skip-bad-blocks", help="Save what a damaged archive still holds; the exit "
                     "code is 1 where signals are lost."),
    ] = False,
    force: options.Force = False,
    json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:  # fmt: skip
    """Decompress an archive to signals, bit for bit the same on every machine.

    narrows decompress signals.npy.nrw -m m.narrows -o back.npy
    narrows decompress recordings.nrw -m m.narrows --member a.wav
    """
    with whole_archive(file) as path:
        if list_:
            _list(path, file, json, quiet)
        elif not skip_bad_blocks and (geometry := _geometry_of(path)) is not None:
            restore(geometry, path, Asked(file, model, output, member, force), json, quiet)
        elif member is not None:
            raise typer.BadParameter(f"--member {member}: {file} holds signals without names")
        else:
            _decompress(path, Asked(file, model, output, None, force), skip_bad_blocks, json, quiet)


def _decompress(path: str, asked: Asked, skip_bad_blocks: bool, json: bool, quiet: bool) -> None:
    """Decompress signals that were not cut from anything."""
    file, model = asked.file, asked.model
    output = chosen_output(asked.output, default_output(file))
    options.check_json(json, output)
    from narrows.codec.archive import ArchiveReader
    from narrows.models import decoder_for

    losses: list[LostRange] = []
    with ExitStack() as opened:
        stream = opened.enter_context(open_output(output, file, model, force=asked.force))
        check_array_suffix(output)
        shown = opened.enter_context(bar(quiet))
        if skip_bad_blocks:
            from narrows.codec.archive.salvage import whole_blocks

            archive = opened.enter_context(open_input(path))
            total = number_of_signals(archive)
            header, blocks = whole_blocks(archive, lambda loss: _tell(loss, losses))
            decoder = decoder_for(header, model)
            signals: Iterator[Any] = map(decoder.blocks.decode, blocks)
        else:
            archive = opened.enter_context(open_input(path))
            total = number_of_signals(archive)
            reader = ArchiveReader(archive)
            header = reader.header
            decoder = decoder_for(header, model)
            signals = decoder.decompress_from(reader)
        shown.begin("decompressing", total, header.frame_bytes)
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
    told = f"{output}: {counted(n, 'signal')}, ({shape}) of {decoder.model.dtype}"
    give(figures, told, json=json, quiet=quiet)
    if any(loss.n_signals != 0 for loss in losses):
        raise typer.Exit(1)


def _geometry_of(path: str) -> Geometry | None:
    """Return what an archive's signals were cut from; its index is read only where there is."""
    from narrows.codec.archive import ArchiveReader, IndexedArchive
    from narrows.signals.geometry import unpack_geometry

    with open_input(path) as stream:
        if "geometry" not in ArchiveReader(stream).header.metadata:
            return None
        archive = IndexedArchive(stream)
        return unpack_geometry(archive.header, archive.n_signals)


def _list(path: str, file: str, json: bool, quiet: bool) -> None:
    """Print the members of an archive."""
    from narrows.errors import DataError

    geometry = _geometry_of(path)
    if geometry is None:
        raise DataError(f"{file} holds signals without names; narrows info says what they are")
    members = described_members(geometry)

    def show() -> None:
        for each in members:
            print(f"{each['name']}  {' x '.join(map(str, each['shape']))}")

    give({"folder": geometry.is_folder, "members": members}, show, json=json, quiet=quiet)


def _tell(loss: LostRange, losses: list[LostRange]) -> None:
    """Say what is lost, even with --quiet: it is an error, though not a final one; and note it."""
    say(f"narrows: {loss}", False)
    losses.append(loss)


def write_signals_as_they_come(
    stream: BinaryIO, output: str, model: Model, signals: Iterator[Any]
) -> int:
    """Write blocks of signals in the format of the output's suffix; give their number."""
    import tempfile

    import numpy as np

    from narrows.signals import NpyWriter

    frame_shape, dtype = model.frame_shape, model.dtype
    if output != PIPE and Path(output).suffix.lower() not in ("", ".npy"):
        x = np.concatenate([np.empty((0, *frame_shape), dtype), *signals])
        write_array(stream, output, x)
        return len(x)
    piped = is_stream(output)
    with tempfile.TemporaryFile() as spool:
        # A pipe cannot go back to say how many signals there were: they wait in a file.
        target = cast(BinaryIO, spool) if piped else stream
        writer = NpyWriter(target, frame_shape, dtype)
        for block in signals:
            writer.write(block)
        writer.close()
        if piped:
            spool.seek(0)
            shutil.copyfileobj(spool, stream, 1 << 20)
    return writer.n_signals


def default_output(archive: str) -> str:
    """Name the signals of an archive; those of a pipe go on through a pipe."""
    if is_stream(archive):
        return PIPE
    name = archive.removesuffix(".nrw")
    return name if name.endswith((".npy", ".npz")) and name != archive else name + ".npy"
