"""`export-decoder`: the part of a model that a receiver needs."""

from __future__ import annotations

from typing import Annotated

import typer

from narrows.cli import options
from narrows.cli.printing import give
from narrows.cli.streams import chosen_output, open_output


def export_decoder(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL", help="A .narrows file, its URL, or - for a pipe.", show_default=False,
            callback=options.piped_model,
        ),
    ],
    output: Annotated[
        str, options.output("The smaller model; - for a pipe.")
    ],
    force: options.Force = False,
    json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:  # fmt: skip
    """Write the model that only decompresses: half to two thirds of the size, the same id.

    narrows export-decoder m.narrows -o decoder.narrows
    """
    output = chosen_output(output)
    options.check_json(json, output)
    from narrows.models import load_codec

    with open_output(output, model, force=force) as stream:
        codec = load_codec(model)
        decoder = codec.without_encoder()
        stream.write(decoder.model_bytes)
    before, after = len(codec.model_bytes), len(decoder.model_bytes)
    figures = {
        "output": output,
        "model_id": codec.model_id,
        "model_bytes": before,
        "decoder_bytes": after,
    }
    give(figures, f"{output}: {before:,} -> {after:,} bytes", json=json, quiet=quiet)
