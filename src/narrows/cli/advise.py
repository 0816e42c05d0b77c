"""`advise`: what to expect of narrows on some signals, in a few minutes."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from narrows.cli import options
from narrows.cli.printing import give, print_table, say
from narrows.cli.reading import Asked, reads
from narrows.cli.streams import read_data
from narrows.cli.training_options import trains


@reads
@trains(only=("latent_size", "seed"))
def advise(
    data: options.Data,
    *,
    asked: Asked,
    minutes: Annotated[float, typer.Option("--minutes", metavar="X", help="Of training.")] = 2.0,
    json: options.AsJson = False,
    quiet: options.Quiet = False,
    **settings: Any,
) -> None:
    """Measure what to expect: bytes at three qualities, training time, and better codecs.

    narrows advise signals.npy --minutes 5
    """
    from narrows.evaluation.advice import advise as measure
    from narrows.evaluation.advice import as_lines, check_minutes, verdict

    check_minutes(minutes)
    latent_size, seed = settings["latent_size"], settings["seed"]
    x = read_data(data, asked.reading())
    found = measure(x, latent_size, minutes, seed, lambda text: say(text, quiet))

    def show() -> None:
        print_table(
            f"{data}: {found.held_out:,} signals held out, at the end of {found.signals:,} others; "
            f"{found.quality_in_words}",
            ["codec", "bytes per signal", found.middle.narrows.quality, "times smaller"],
            as_lines(found),
        )
        for sentence in verdict(found):
            print(sentence)

    give(found.as_json(), show, json=json, quiet=quiet)
