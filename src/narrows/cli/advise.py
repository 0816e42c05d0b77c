"""`advise`: what to expect of narrows on some signals, in a few minutes."""

from __future__ import annotations

from typing import Annotated

import typer

from narrows.cli.options import AsJson, Data, Quiet, Seed
from narrows.cli.printing import print_json, print_table, say
from narrows.cli.streams import read_data


def advise(
    data: Data,
    latent_size: Annotated[
        int | None,
        typer.Option("--latent-size", help="Latents of a frame.", show_default="32"),
    ] = None,
    minutes: Annotated[float, typer.Option("--minutes", help="Of training.")] = 2.0,
    seed: Seed = 0,
    json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Tell what to expect: bytes at three qualities, training time, and what would be better."""
    from narrows.evaluation.advice import advise as measure
    from narrows.evaluation.advice import as_lines, check_minutes, verdict

    check_minutes(minutes)
    found = measure(read_data(data), latent_size, minutes, seed, lambda text: say(text, quiet))
    if json:
        print_json(found.as_json())
        return
    print_table(
        f"{data}: {found.held_out:,} signals held out, at the end of {found.signals:,} others",
        ["codec", "bytes per signal", "PSNR", "times smaller"],
        as_lines(found),
    )
    for sentence in verdict(found):
        print(sentence)
