"""`export-onnx`: the networks of a model for other languages and runtimes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from narrows.cli import options
from narrows.cli.printing import give

if TYPE_CHECKING:
    from narrows.codec.model.model import Model


def export_onnx(
    model: Annotated[
        str,
        typer.Argument(metavar="MODEL", help="A .narrows file, or its URL.", show_default=False)
    ],
    output: Annotated[
        Path, options.output("Where encoder.onnx and decoder.onnx are put.", metavar="FOLDER")
    ],
    quality: Annotated[
        int | None, typer.Option(help="Whose steps the graphs have.", show_default="the model's")
    ] = None,
    force: options.Force = False,
    json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:  # fmt: skip
    """Write encoder and decoder as ONNX graphs that compute the same bits.

    narrows export-onnx m.narrows -o onnx
    """
    from narrows.folders import writing_folder
    from narrows.integrations.onnx import export_onnx as write
    from narrows.models import load_codec

    codec = load_codec(model)
    with writing_folder(output, force=force, sources=[model]) as staged:
        sizes = {path.name: path.stat().st_size for path in write(codec, staged, quality)}
    own = codec.model.quality(quality).number
    figures = {"output": str(output), "model_id": codec.model_id, "quality": own, "bytes": sizes}
    told = ", ".join(f"{name} of {size:,} bytes" for name, size in sizes.items())
    give(figures, f"{output}: {told}{_searched(codec.model)}", json=json, quiet=quiet)


def _searched(model: Model) -> str:
    """Return what to know of an encoder's graph where symbols are always searched."""
    if not model.trellis:
        return ""
    return (
        "\nthe model has a trellis, in which symbols are searched: those of encoder.onnx, which "
        "rounds them, take two to three times as many bytes; to encode by it, train with "
        "--no-trellis; decoder.onnx decodes all"
    )
