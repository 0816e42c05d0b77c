"""`compress`, `decompress`, `encode`, `decode`: signals to bytes or latents, and back."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from narrows.cli.output import (
    PIPE,
    AsJson,
    Data,
    EffortLevel,
    Force,
    ModelFile,
    OptionalModelFile,
    Quality,
    Quiet,
    TargetBytes,
    TargetPsnr,
    check_array_suffix,
    check_output,
    check_point,
    keeps_no_file,
    open_input,
    open_output,
    open_source,
    print_json,
    read_data,
    say,
    usage_error,
    write_array,
)

if TYPE_CHECKING:
    from narrows.codec.archive import IndexedArchive
    from narrows.codec.archive.salvage import Loss
    from narrows.codec.codec import Codec
    from narrows.signals import ArraySource, NpyPipe

ArchiveName = Annotated[
    str, typer.Argument(metavar="FILE", help="An archive, or - for a pipe.", show_default=False)
]


def compress(
    data: Data,
    model: ModelFile,
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", help="The archive; - for a pipe.", show_default="DATA.nrw"),
    ] = None,
    quality: Quality = None,
    effort: EffortLevel = None,
    target_bytes: TargetBytes = None,
    target_psnr: TargetPsnr = None,
    embed_model: Annotated[
        bool, typer.Option("--embed-model", help="Carry the model in the archive.")
    ] = False,
    append: Annotated[
        bool, typer.Option("--append", help="Add to the archive, which must be of this model.")
    ] = False,
    force: Force = False,
    json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Compress signals to an archive (.nrw)."""
    if output is None:
        output = PIPE if data == PIPE else data.replace(":", "-") + ".nrw"
    _check_options(output, append, embed_model, json)
    check_point(quality, target_bytes, target_psnr)
    check_output(output, force or append, data, model)
    from narrows.models import load_codec

    codec = load_codec(model)
    source = open_source(data)
    _check_source(codec, source)
    point: dict[str, Any] = {"quality": quality, "effort": effort}
    point |= {"target_bytes": target_bytes, "target_psnr": target_psnr}
    archive, size_before = None, 0
    with open_output(output) as stream:
        blocks = source.blocks(codec.block_signals)
        if append:
            archive, size_before = _appending(codec, Path(output), stream)
            size = codec.append_to(stream, archive, blocks, **point)
        else:
            size = codec.compress_to(stream, blocks, **point, embed_model=embed_model)
    n = source.shape[0]
    figures = _figures(output, n, codec, size - size_before) | _point(codec, point)
    if archive is not None:
        figures |= {"archive_signals": archive.n_signals + n, "archive_bytes": size}
    if json:
        print_json(figures)
    else:
        say(_describe(figures, codec.model.n_qualities), quiet)


def _check_options(output: str, append: bool, embed_model: bool, json: bool) -> None:
    """Refuse options that exclude each other, or that the output cannot serve."""
    if (json and output == PIPE) or (append and keeps_no_file(output)):
        raise usage_error("--json and --append need an output file: give -o FILE")
    if append and embed_model:
        raise usage_error("--append keeps the archive's own header: leave --embed-model out")


def _check_source(codec: Codec, source: ArraySource | NpyPipe) -> None:
    """Refuse signals of another shape or dtype before anything is written."""
    import numpy as np

    codec.check_frames(np.broadcast_to(np.zeros((), source.dtype), source.shape))


def _appending(codec: Codec, path: Path, stream: BinaryIO) -> tuple[IndexedArchive, int]:
    """Copy an archive's blocks, to go on; give it and its length in bytes.

    The old file stays whole until the new one is.
    """
    from narrows.codec.archive import IndexedArchive
    from narrows.files import open_file

    hint = "leave --append out to make a new archive"
    with open_file(path, hint) as old:
        archive = IndexedArchive(old)
        codec.check_model_of(archive.header)
        old.seek(0)
        copy_bytes(old, stream, archive.index_offset)
        return archive, old.seek(0, 2)


def _figures(output: str, n: int, codec: Codec, size: int) -> dict[str, Any]:
    """Give the figures of `n` signals that were compressed to `size` bytes, or added so many."""
    raw = n * codec.header().frame_bytes
    return {
        "output": output,
        "signals": n,
        "raw_bytes": raw,
        "compressed_bytes": size,
        "bytes_per_signal": size / max(n, 1),
        "ratio": raw / max(size, 1),
    }


def _point(codec: Codec, point: dict[str, Any]) -> dict[str, Any]:
    """Give quality and effort as they were decided; no quality where a target chose it."""
    request = codec.request(**point)
    quality = request.quality if request.budget is None else None
    return {**point, "quality": quality, "effort": request.effort}


def _describe(figures: dict[str, Any], n_qualities: int) -> str:
    appended = "archive_signals" in figures
    told = (
        f"{figures['output']}: {figures['signals']} signals{' appended' if appended else ''}, "
        f"{figures['raw_bytes']} -> {figures['compressed_bytes']} bytes "
        f"(ratio {figures['ratio']:.1f}), {figures['bytes_per_signal']:.2f} bytes per signal"
    )
    if n_qualities > 1 and figures["quality"] is not None:
        told += f"; quality {figures['quality']} of {n_qualities}"
    if not appended:
        return told
    whole = f"{figures['archive_signals']} signals in {figures['archive_bytes']} bytes"
    return f"{told}; the archive now holds {whole}"


def copy_bytes(source: BinaryIO, target: BinaryIO, size: int) -> None:
    """Copy exactly `size` bytes."""
    while size and (part := source.read(min(size, 1 << 20))):
        target.write(part)
        size -= len(part)


def decompress(
    file: ArchiveName,
    model: OptionalModelFile = None,
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", show_default="FILE without .nrw, as .npy",
                     help="The signals: .npy, .npz or .idx; - for a pipe (.npy)."),
    ] = None,
    skip_bad_blocks: Annotated[
        bool,
        typer.Option("--skip-bad-blocks", help="Save what a damaged archive still holds; the exit "
                     "code is 1 where signals are lost."),
    ] = False,
    force: Force = False,
    quiet: Quiet = False,
) -> None:  # fmt: skip
    """Decompress an archive to signals, bit for bit the same on every machine."""
    if output is None:
        output = PIPE if file == PIPE else default_output(file)
    if skip_bad_blocks and file == PIPE:
        raise usage_error("--skip-bad-blocks must seek in the archive: give a file, not a pipe")
    check_output(output, force, file, model)
    check_array_suffix(output)
    from narrows.codec.archive import ArchiveReader
    from narrows.models import codec_for

    losses: list[Loss] = []
    with open_input(file) as stream:
        if skip_bad_blocks:
            from narrows.codec.archive.salvage import whole_blocks

            header, blocks = whole_blocks(stream, lambda loss: _tell(loss, losses))
            codec = codec_for(header, model)
            signals: Iterator[Any] = map(codec.blocks.decode, blocks)
        else:
            reader = ArchiveReader(stream)
            codec = codec_for(reader.header, model)
            signals = codec.decompress_from(reader)
        n = write_signals_as_they_come(output, codec, signals)
    shape = ", ".join(map(str, (n, *codec.model.frame_shape)))
    say(f"{output}: {n} signals, ({shape}) of {codec.model.dtype}", quiet)
    if any(loss.n_signals != 0 for loss in losses):
        raise typer.Exit(1)


def _tell(loss: Loss, losses: list[Loss]) -> None:
    """Say what is lost, even with --quiet: it is an error, though not a final one; and note it."""
    say(f"narrows: {loss}", False)
    losses.append(loss)


def write_signals_as_they_come(output: str, codec: Codec, signals: Iterator[Any]) -> int:
    """Write blocks of signals in the format of the output's suffix; give their number."""
    import tempfile

    import numpy as np

    from narrows.signals import NpyWriter

    frame_shape, dtype = codec.model.frame_shape, codec.model.dtype
    if output != PIPE and Path(output).suffix.lower() not in ("", ".npy"):
        x = np.concatenate([np.empty((0, *frame_shape), dtype), *signals])
        write_array(output, x)
        return len(x)
    piped = keeps_no_file(output)
    with tempfile.TemporaryFile() as spool, open_output(output) as stream:
        # A pipe cannot go back to say how many signals there were: they wait in a file.
        target = spool if piped else stream
        writer = NpyWriter(target, frame_shape, dtype)
        for block in signals:
            writer.write(block)
        writer.close()
        if piped:
            spool.seek(0)
            shutil.copyfileobj(spool, stream, 1 << 20)
    return writer.n_signals


def encode(
    data: Data,
    model: ModelFile,
    output: Annotated[str, typer.Option("--output", "-o", help="The latents, .npy; - for a pipe.")],
    quality: Quality = None,
    effort: EffortLevel = None,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Map signals to their integer latents, (n, latent_size) int32."""
    check_output(output, force, data, model)
    check_array_suffix(output)
    from narrows.models import load_codec

    codec = load_codec(model)
    y = codec.encode(read_data(data), quality, effort)
    write_array(output, y)
    say(f"{output}: {len(y)} signals, {y.shape[1]} latents each", quiet)


def decode(
    data: Annotated[
        str, typer.Argument(metavar="LATENTS", help="From `narrows encode`.", show_default=False)
    ],
    model: ModelFile,
    output: Annotated[str, typer.Option("--output", "-o", help="The signals, .npy; - for a pipe.")],
    quality: Quality = None,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Map integer latents back to signals."""
    check_output(output, force, data, model)
    check_array_suffix(output)
    from narrows.models import load_codec

    codec = load_codec(model)
    x = codec.decode(read_data(data), quality)
    write_array(output, x)
    say(f"{output}: {len(x)} signals of {x.dtype}", quiet)


def default_output(archive: str) -> str:
    """Name the output of decompressing an archive: without .nrw, with .npy."""
    name = archive.removesuffix(".nrw")
    return name if name.endswith((".npy", ".npz")) and name != archive else name + ".npy"
