"""`probe`: how well classes are found from latents, beside PCA and the raw signal."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from narrows.cli import options
from narrows.cli.bar import bar
from narrows.cli.printing import give, print_table, say
from narrows.cli.reading import Asked, reads
from narrows.cli.streams import read_classes, read_data
from narrows.words import counted

if TYPE_CHECKING:
    from narrows.evaluation.probe.probe import Probe


@reads
def probe(
    data: options.Data,
    model: options.ModelFile,
    asked: Asked,
    labels: Annotated[
        str,
        typer.Option(
            "--labels",
            metavar="FILE",
            help="The class of each signal: .npy, .npz, IDX, text with one a line, "
            "file.csv:column, or a known set.",
            show_default=False,
        ),
    ],
    supervised: Annotated[
        bool,
        typer.Option("--supervised", help="Beside an encoder trained for the classes."),
    ] = False,
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", min=0, help="Draws the signals and splits them.")
    ] = 0,
    json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Measure how much of the signals' class is left in their latents.

    narrows probe mnist:test -m mnist.narrows --labels mnist:test
    narrows probe signals.npy -m m.narrows --labels classes.csv:kind
    """
    from narrows.evaluation.probe.probe import probe as measure
    from narrows.models import load_codec

    with bar(quiet) as shown:
        codec, classes = load_codec(model), read_classes(labels)
        x = read_data(data, asked.reading(codec))
        if supervised:
            told = "an encoder is trained for the classes, too, which may take some minutes"
            say(f"probing {counted(len(x), 'signal')}; {told}", quiet or json)
        found = measure(codec, x, classes, seed, supervised=supervised, progress=shown.begin_step)
    give(found.as_json(), partial(_print, found), json=json, quiet=quiet)


def _print(found: Probe) -> None:
    print(
        f"accuracy on {counted(found.test_signals, 'signal')} of {found.classes} classes, "
        f"learnt from {counted(found.train_signals, 'other')}"
    )
    print_table(
        "",
        ["features", "numbers", "linear", "5 neighbours"],
        [
            [row.name, f"{row.numbers:,}", _percent(row.linear_accuracy),
             _percent(row.neighbour_accuracy)]
            for row in found.features
        ],
    )  # fmt: skip
    print(f"  the most frequent class alone: {_percent(found.most_frequent)}")


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
