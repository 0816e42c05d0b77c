"""`compress`, `decompress`, `encode`, `decode`: signals to bytes or latents, and back."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Annotated

import typer

from narrows.cli.output import (
    PIPE,
    AsJson,
    Data,
    Force,
    ModelFile,
    Quality,
    Quiet,
    check_array_suffix,
    check_output,
    open_input,
    open_output,
    print_json,
    read_data,
    say,
    usage_error,
    write_array,
)

ArchiveName = Annotated[
    str, typer.Argument(metavar="FILE", help="An archive, or - for a pipe.", show_default=False)
]
OptionalModelFile = Annotated[
    Path | None,
    typer.Option("--model", "-m", show_default="embedded, or found in NARROWS_MODELS",
                 help="The .narrows file."),
]  # fmt: skip


def compress(
    data: Data,
    model: ModelFile,
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", help="The archive; - for a pipe.", show_default="DATA.nrw"),
    ] = None,
    quality: Quality = None,
    embed_model: Annotated[
        bool, typer.Option("--embed-model", help="Carry the model in the archive.")
    ] = False,
    force: Force = False,
    json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Compress signals to an archive (.nrw)."""
    if output is None:
        output = PIPE if data == PIPE else data.replace(":", "-") + ".nrw"
    if output == PIPE and json:
        raise usage_error("--json and the archive cannot both go to standard output")
    check_output(output, force)
    from narrows.models import load_codec

    codec = load_codec(model)
    x = read_data(data)
    buffer = io.BytesIO()
    codec.compress_to(buffer, x, quality, embed_model=embed_model)
    with open_output(output) as stream:
        stream.write(buffer.getbuffer())
    size = buffer.tell()
    per_signal = size / max(len(x), 1)
    if json:
        print_json(
            {
                "signals": len(x),
                "raw_bytes": x.nbytes,
                "compressed_bytes": size,
                "bytes_per_signal": per_signal,
                "ratio": x.nbytes / size,
                "output": output,
            }
        )
        return
    say(
        f"{output}: {len(x)} signals, {x.nbytes} -> {size} bytes (ratio {x.nbytes / size:.1f}), "
        f"{per_signal:.2f} bytes per signal",
        quiet,
    )


def decompress(
    file: ArchiveName,
    model: OptionalModelFile = None,
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", show_default="FILE without .nrw, as .npy",
                     help="The signals: .npy, .npz or .idx; - for a pipe (.npy)."),
    ] = None,
    force: Force = False,
    quiet: Quiet = False,
) -> None:  # fmt: skip
    """Decompress an archive to signals, bit for bit the same on every machine."""
    if output is None:
        output = PIPE if file == PIPE else default_output(file)
    check_output(output, force)
    check_array_suffix(output)
    import numpy as np

    from narrows.codec.archive import ArchiveReader
    from narrows.models import codec_for

    with open_input(file) as stream:
        reader = ArchiveReader(stream)
        codec = codec_for(reader.header, model)
        empty = np.empty((0, *codec.model.frame_shape), codec.model.dtype)
        x = np.concatenate([empty, *codec.decompress_from(reader)])
    write_array(output, x)
    shape = ", ".join(map(str, x.shape))
    say(f"{output}: {len(x)} signals, ({shape}) of {x.dtype}", quiet)


def encode(
    data: Data,
    model: ModelFile,
    output: Annotated[str, typer.Option("--output", "-o", help="The latents, .npy; - for a pipe.")],
    quality: Quality = None,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Map signals to their integer latents, (n, latent_size) int32."""
    check_output(output, force)
    check_array_suffix(output)
    from narrows.models import load_codec

    codec = load_codec(model)
    y = codec.encode(read_data(data), quality)
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
    check_output(output, force)
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
