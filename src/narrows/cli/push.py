"""`push`: a model and its card to the Hub of Hugging Face."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from narrows.cli import options
from narrows.cli.card import About, Licence, ModelArgument
from narrows.cli.printing import give, say


def push(
    model: ModelArgument,
    repository: Annotated[
        str,
        typer.Argument(metavar="USER/NAME", help="Where to; it is made where it is not there.",
                       show_default=False),
    ],
    licence: Licence = None,
    about: About = None,
    card: Annotated[
        Path | None,
        typer.Option("--card", metavar="FOLDER", help="A card of your own: README.md, and what "
                     "goes with it.", show_default="as narrows card writes it"),
    ] = None,
    private: Annotated[
        bool, typer.Option("--private", help="A new repository can be seen by its owner alone.")
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Write the card, check everything here, and upload "
                     "nothing."),
    ] = False,
    force: options.Force = False,
    json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:  # fmt: skip
    """Upload a model and its card to the Hub of Hugging Face.

    narrows push m.narrows user/ecg --licence apache-2.0 --about "ECG of adults"
    narrows push m.narrows user/ecg --card card

    Then hf://user/ecg is its URL. The token is that of HF_TOKEN, or of hf auth login.
    """
    import tempfile

    from narrows.evaluation.card import write_card
    from narrows.integrations.hub import check_licence, check_repository
    from narrows.integrations.hub import push as upload
    from narrows.models import load_codec
    from narrows.urls import HUB_MODEL

    if card is not None and (licence is not None or about is not None):
        raise typer.BadParameter("--card says it all: leave --licence and --about out")
    check_repository(repository)
    codec = load_codec(model)
    with tempfile.TemporaryDirectory(prefix="narrows-") as folder:
        if card is None:
            card = Path(folder)
            write_card(codec, card, licence=licence, repository=repository, about=about)
        check_licence(card)
        found = sorted(str(path.relative_to(card)) for path in card.rglob("*") if path.is_file())
        if not dry_run:
            say(f"pushing {len(codec.model_bytes):,} bytes to {repository}", quiet or json)
            upload(codec, repository, card, private=private, force=force)
    files = [HUB_MODEL, *found]
    figures = {
        "url": f"hf://{repository}",
        "model_id": codec.model_id,
        "model_bytes": len(codec.model_bytes),
        "files": files,
        "pushed": not dry_run,
    }
    told = f"{figures['url']}: {', '.join(files)}"
    give(figures, f"{told}; nothing was pushed" if dry_run else told, json=json, quiet=quiet)
