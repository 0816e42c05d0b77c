"""`encode`: signals to integer latents."""

from __future__ import annotations

from typing import Annotated

from narrows.cli import options
from narrows.cli.bar import bar
from narrows.cli.printing import give
from narrows.cli.reading import Asked, reads
from narrows.cli.streams import (
    check_array_suffix,
    chosen_output,
    open_output,
    read_data,
    write_array,
)
from narrows.words import counted


@reads
def encode(
    data: options.Data,
    model: options.ModelFile,
    asked: Asked,
    output: Annotated[str, options.output("The latents, .npy; - for a pipe.")],
    quality: options.Quality = None,
    effort: options.EffortLevel = None,
    force: options.Force = False,
    json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Map signals to their integer latents, (n, latent_size) int32.

    narrows encode signals.npy -m m.narrows -o latents.npy
    """
    output = chosen_output(output)
    options.check_json(json, output)
    from narrows.codec.encoding.requests import Request
    from narrows.models import load_codec

    with open_output(output, data, model, force=force) as stream, bar(quiet) as shown:
        check_array_suffix(output)
        codec = load_codec(model)
        x = read_data(data, asked.reading(codec))
        shown.begin("encoding", len(x), x[:1].nbytes)
        y = codec.encoder.encode(x, Request(quality, effort), shown.advance)
        write_array(stream, output, y)
    figures = {"output": output, "signals": len(y), "latent_size": y.shape[1]}
    told = f"{output}: {counted(len(y), 'signal')}, {counted(y.shape[1], 'latent')} each"
    give(figures, told, json=json, quiet=quiet)
