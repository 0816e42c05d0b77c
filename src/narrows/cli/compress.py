"""`compress`: signals to an archive."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from narrows.cli import options
from narrows.cli.bar import bar
from narrows.cli.packets import GROUP, Checksum, describe_packets, open_packets, write_packets
from narrows.cli.printing import give, say
from narrows.cli.reading import Asked, reads
from narrows.cli.streams import (
    PIPE,
    STANDARD_OUTPUT,
    chosen_output,
    is_stream,
    open_output,
    open_source,
)
from narrows.words import counted

if TYPE_CHECKING:
    from narrows.codec.archive import Header, IndexedArchive
    from narrows.codec.codec import Codec
    from narrows.codec.encoding.kept import Kept
    from narrows.codec.encoding.requests import Request
    from narrows.signals import Source

ARCHIVE = "The archive"


@reads
def compress(
    data: options.Data,
    model: options.ModelFile,
    asked: Asked,
    output: Annotated[
        str | None,
        options.output("The archive; - for a pipe. With --packets a folder, or a .jsonl file.",
                       "DATA.nrw, or DATA.packets"),
    ] = None,
    quality: options.Quality = None,
    effort: options.EffortLevel = None,
    target_bytes: options.TargetBytes = None,
    target_psnr: options.TargetPsnr = None,
    embed_model: Annotated[
        bool,
        typer.Option("--embed-model", help="Carry the decoder in the archive.",
                     rich_help_panel=ARCHIVE),
    ] = False,
    append: Annotated[
        bool,
        typer.Option("--append", help="Add to the archive, which must be of this model.",
                     rich_help_panel=ARCHIVE),
    ] = False,
    packets: Annotated[
        bool,
        typer.Option("--packets", help="Write a packet for each signal, in a file or on a line of "
                     "its own, in place of an archive.", rich_help_panel=GROUP),
    ] = False,
    checksum: Checksum = False,
    strict: Annotated[
        bool,
        typer.Option("--strict", help="Refuse signals of which something would be kept exactly: "
                     "NaN, infinities, values far outside the range that was trained on.",
                     rich_help_panel=ARCHIVE),
    ] = False,
    force: options.Force = False,
    json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:  # fmt: skip
    """Compress signals to an archive (.nrw), or to packets.

    narrows compress signals.npy -m m.narrows
    narrows compress signals.npy -m m.narrows -o small.nrw -q 2 --effort 9
    narrows compress recordings/ -m m.narrows
    narrows compress signals.npy -m m.narrows --packets -o signals.jsonl
    """
    options.check_targets(quality, target_bytes, target_psnr)
    from narrows.codec.encoding.kept import Kept
    from narrows.codec.encoding.requests import Request
    from narrows.models import load_codec

    request = Request(quality, effort, target_bytes, target_psnr, strict)
    archive, size_before, kept = None, 0, Kept()
    if packets:
        if append or embed_model:
            raise typer.BadParameter("--append and --embed-model are of archives, not of packets")
        output = PIPE if output in STANDARD_OUTPUT else output or default_output(data, ".packets")
        options.check_json(json, output)
        with bar(quiet) as shown, open_packets(output, data, model, force=force) as write:
            codec = load_codec(model)
            with open_source(data, asked.reading(codec)) as source:
                if _cut(source):
                    say("packets hold neither names nor shapes: write an archive for these", quiet)
                figures = write_packets(write, codec, source, request, checksum, shown)
        figures = {"output": output, **figures, **_request(codec, request)}
        give(figures, describe_packets(figures), json=json, quiet=quiet)
        return
    if checksum:
        raise typer.BadParameter("--checksum is of packets: archives always have one")
    output = chosen_output(output, default_output(data))
    _check_options(output, append, embed_model, json)
    with ExitStack() as opened:
        stream = opened.enter_context(open_output(output, data, model, force=force, append=append))
        shown = opened.enter_context(bar(quiet))
        codec = load_codec(model)
        source = opened.enter_context(open_source(data, asked.reading(codec)))
        _check_source(codec, source)
        metadata = _metadata(source, append)
        header = codec.encoder.header(embed_model, metadata)
        blocks = source.blocks(header.block_signals)
        shown.begin("compressing", source.shape[0], header.frame_bytes)
        if append:
            archive, size_before = _appending(codec, Path(output), stream)
            size = codec.encoder.append_to(stream, archive, blocks, request, shown.advance, kept)
        else:
            size = codec.encoder.compress_to(stream, header, blocks, request, shown.advance, kept)
        n = source.shape[0]
    figures = _figures(output, source, codec, header, size - size_before)
    figures |= _request(codec, request) | {"kept_exactly": asdict(kept) if kept else None}
    if archive is not None:
        figures |= {"archive_signals": archive.n_signals + n, "archive_bytes": size}
    give(figures, _describe(figures, codec.model.n_qualities, kept), json=json, quiet=quiet)


def default_output(data: str, suffix: str = ".nrw") -> str:
    """Name the archive of some signals; those of a pipe go on through a pipe."""
    if is_stream(data):
        return PIPE
    if not Path(data).exists():  # a part of a known set, an array in a file, or a pattern
        data = "-".join(data.rsplit(":", 1))
        data = data.replace("*", "all").replace("?", "-")
    return os.path.normpath(data) + suffix


def _check_options(output: str, append: bool, embed_model: bool, json: bool) -> None:
    """Refuse options that exclude each other, or that the output cannot serve."""
    options.check_json(json, output)
    if append and is_stream(output):
        raise typer.BadParameter("--append needs an archive in a file: give -o FILE")
    if append and embed_model:
        raise typer.BadParameter("--append keeps the archive's own header: leave --embed-model out")


def _metadata(source: Source, append: bool) -> dict[str, Any]:
    """Return what an archive keeps of what its signals were cut from."""
    from narrows.errors import DataError
    from narrows.signals import Frames

    if not isinstance(source, Frames):
        return {}
    if append:
        raise DataError(
            "--append adds signals to an archive, and this would add files, which have names and "
            "lengths; compress them to an archive of their own"
        )
    return source.metadata


def _cut(source: Source) -> dict[str, Any]:
    """Return the figures of what signals were cut from: its own bytes are the raw ones."""
    from narrows.codec.archive.metadata import pack_metadata
    from narrows.signals import Frames

    if not isinstance(source, Frames):
        return {}
    return {
        "files": len(source.members),
        "raw_bytes": source.raw_bytes,
        "metadata_bytes": len(pack_metadata(source.metadata)),
    }


def _check_source(codec: Codec, source: Source) -> None:
    """Refuse signals of another shape or dtype before anything is written."""
    from narrows.signals import ArraySource

    values = source.array if isinstance(source, ArraySource) else None  # a pipe's are to come
    codec.transform.check_kind(source.shape, source.dtype, values)


def _appending(codec: Codec, path: Path, stream: BinaryIO) -> tuple[IndexedArchive, int]:
    """Copy an archive's blocks, to go on; give it and its length in bytes.

    The old file stays whole until the new one is.
    """
    from narrows.codec.archive import IndexedArchive
    from narrows.files import open_file

    hint = "leave --append out to make a new archive"
    with open_file(path, hint) as old:
        archive = IndexedArchive(old)
        codec.decoder.check_model_of(archive.header)
        old.seek(0)
        copy_bytes(old, stream, archive.index_offset)
        return archive, old.seek(0, 2)


def _figures(
    output: str, source: Source, codec: Codec, header: Header, size: int
) -> dict[str, Any]:
    """Return the figures of signals that were compressed to `size` bytes, or added so many."""
    n, embedded, cut = source.shape[0], header.embedded_model, _cut(source)
    raw = cut.get("raw_bytes", n * header.frame_bytes)
    return {
        "output": output,
        "signals": n,
        "raw_bytes": raw,
        "compressed_bytes": size,
        "bytes_per_signal": size / max(n, 1),
        "ratio": raw / max(size, 1),
        "embedded": embedded is not None,
        "model_bytes": len(codec.model_bytes if embedded is None else embedded),
        **cut,
    }


def _request(codec: Codec, request: Request) -> dict[str, Any]:
    """Return what was asked for, as it was decided; no quality where a target chose it."""
    quality, effort = request.resolve(codec.model)
    chosen = quality if request.budget is None else None
    return {**asdict(request), "quality": chosen, "effort": effort}


def _describe(figures: dict[str, Any], n_qualities: int, kept: Kept) -> str:
    appended = "archive_signals" in figures
    files = f"{figures['files']:,} files in " if figures.get("files", 1) > 1 else ""
    n = counted(figures["signals"], "signal")
    told = (
        f"{figures['output']}: {files}{n}{' appended' * appended}, "
        f"{figures['raw_bytes']:,} -> {counted(figures['compressed_bytes'], 'byte')} "
        f"(ratio {figures['ratio']:.1f}), {figures['bytes_per_signal']:.2f} bytes per signal"
    )
    if n_qualities > 1 and figures["quality"] is not None:
        told += f"; quality {figures['quality']} of {n_qualities}"
    if "metadata_bytes" in figures:
        told += f"; {figures['metadata_bytes']:,} bytes of them for names and shapes"
    told += f"; {kept}" if kept else ""
    told += _of_the_model(figures)
    if not appended:
        return told
    whole = f"{counted(figures['archive_signals'], 'signal')} in {figures['archive_bytes']:,} bytes"
    return f"{told}; the archive now holds {whole}"


def _of_the_model(figures: dict[str, Any]) -> str:
    """Say what the model takes besides, and whether all of it is more than the signals were."""
    size, raw, embedded = figures["compressed_bytes"], figures["raw_bytes"], figures["embedded"]
    took = "of them the decoder's" if embedded else "more for its model"
    told = f"; {figures['model_bytes']:,} bytes {took}"
    if "archive_signals" in figures or size + (0 if embedded else figures["model_bytes"]) <= raw:
        return told
    if not embedded:
        return f"{told}: together no less than the signals, until there are more of them"
    advice = ": leave --embed-model out, or compress more signals at once"
    return f"{told}; the archive is larger than the signals{advice}" if size > raw else told


def copy_bytes(source: BinaryIO, target: BinaryIO, size: int) -> None:
    """Copy exactly `size` bytes."""
    while size and (part := source.read(min(size, 1 << 20))):
        target.write(part)
        size -= len(part)
