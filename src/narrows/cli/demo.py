"""`demo`: the whole job on a known set."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

import typer

from narrows.cli import options
from narrows.cli.printing import decibels, give, print_comparison
from narrows.cli.streams import PIPE, chosen_output, open_output
from narrows.cli.training_options import trains
from narrows.words import counted


@trains(only=("seed",))
def demo(
    data: Annotated[
        str, typer.Option("--data", metavar="NAME", help="digits, mnist or fashion-mnist.")
    ] = "digits",
    latent_size: Annotated[
        int, typer.Option("--latent-size", metavar="N", help="Latents of a frame.")
    ] = 8,
    output: Annotated[str, options.output("The picture of ten signals.")] = "demo.png",
    *,
    json: options.AsJson = False,
    quiet: options.Quiet = False,
    **settings: Any,
) -> None:
    """Train on a known set, compress what was held out, decompress, compare, draw.

    narrows demo --data mnist -o digits.png
    """
    output = chosen_output(output, "demo.png")
    if output == PIPE:
        raise typer.BadParameter("the figures go to standard output: give -o FILE")
    from narrows.cli.progress import training_progress
    from narrows.evaluation.demo import run_demo
    from narrows.evaluation.plots import gallery, prepare_drawing, write_png

    prepare_drawing()  # a missing matplotlib is told before training, not after
    with open_output(output, force=True) as stream:
        watched = partial(training_progress, quiet)
        made = run_demo(data, latent_size, settings["seed"], watched)
        measured = made.measured
        title = (
            f"{data}: {measured.raw_bytes // measured.signals:,} bytes in, "
            f"{measured.bytes_per_signal:.2f} bytes on disk, {decibels(measured.psnr)} PSNR"
        )
        write_png(gallery(made.original, made.decoded, made.codec.model.peak, title), stream)

    def show() -> None:
        held_out = f"{counted(measured.signals, 'signal')} held out from training"
        peak = f"PSNR for a peak of {measured.reference.peak_in_words}"
        print_comparison(made.rows, f"{data}: {held_out}; {peak}")
        print(f"{output}: original, reconstruction and error of ten of them")

    figures = {**measured.as_json(), "rows": [row.as_json() for row in made.rows]}
    give(figures, show, json=json, quiet=quiet)
