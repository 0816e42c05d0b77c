"""`card`: what a model is for, and how it was made, for who finds it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from narrows.cli import options
from narrows.cli.printing import give
from narrows.cli.streams import PIPE

Licence = Annotated[
    str | None,
    typer.Option("--licence", "--license", metavar="NAME", show_default=False,
                 help="What others may do with it, by the Hub's name: apache-2.0, mit, cc-by-4.0, "
                 "other."),
]  # fmt: skip
About = Annotated[
    str | None,
    typer.Option("--about", metavar="TEXT", show_default=False,
                 help="What the signals are, in words; the model does not know."),
]  # fmt: skip
ModelArgument = Annotated[
    str,
    typer.Argument(metavar="MODEL", help="A .narrows file, its URL, or - for a pipe.",
                   show_default=False, callback=options.piped_model),
]  # fmt: skip


def card(
    model: ModelArgument,
    output: Annotated[
        Path | None,
        options.output("Gets README.md and its pictures.", "the text alone, on standard output",
                       metavar="FOLDER"),
    ] = None,
    licence: Licence = None,
    repository: Annotated[
        str | None,
        typer.Option("--repository", metavar="USER/NAME", show_default=False,
                     help="Where the model is to be found on the Hub."),
    ] = None,
    about: About = None,
    force: options.Force = False,
    json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:  # fmt: skip
    """Write a model card: Markdown with the header that the Hub reads.

    narrows card m.narrows
    narrows card m.narrows -o card --licence apache-2.0 --about "ECG of adults"
    """
    from narrows.evaluation.card import model_card, write_card
    from narrows.folders import writing_folder
    from narrows.models import load_codec

    if output is None:
        options.check_json(json, PIPE)
        text = model_card(load_codec(model), licence=licence, repository=repository, about=about)
        print(text, end="")
        return
    codec = load_codec(model)
    told = {"licence": licence, "repository": repository, "about": about}
    with writing_folder(output, force=force, sources=[model]) as staged:
        files = [path.name for path in write_card(codec, staged, **told)]
    figures = {"output": str(output), "model_id": codec.model_id, "files": files}
    give(figures, f"{output}: {', '.join(files)}", json=json, quiet=quiet)
