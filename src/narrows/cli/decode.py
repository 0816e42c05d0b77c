"""`decode`: integer latents to signals."""

from __future__ import annotations

from typing import Annotated

import typer

from narrows.cli import options
from narrows.cli.printing import give
from narrows.cli.streams import (
    check_array_suffix,
    chosen_output,
    open_output,
    read_data,
    write_array,
)
from narrows.words import counted


def decode(
    data: Annotated[
        str, typer.Argument(metavar="LATENTS", help="From `narrows encode`.", show_default=False)
    ],
    model: options.ModelFile,
    output: Annotated[str, options.output("The signals, .npy; - for a pipe.")],
    quality: options.Quality = None,
    force: options.Force = False,
    json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Map integer latents back to signals.

    narrows decode latents.npy -m m.narrows -o signals.npy
    """
    output = chosen_output(output)
    options.check_json(json, output)
    from narrows.models import load_codec

    with open_output(output, data, model, force=force) as stream:
        check_array_suffix(output)
        x = load_codec(model).decode(read_data(data), quality)
        write_array(stream, output, x)
    figures = {"output": output, "shape": x.shape, "dtype": x.dtype.name}
    give(figures, f"{output}: {counted(len(x), 'signal')} of {x.dtype}", json=json, quiet=quiet)
