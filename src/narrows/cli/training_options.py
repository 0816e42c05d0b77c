"""The options of commands that train: the settings of a training, from their one list."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Annotated, Any, TypeVar

import typer

from narrows.cli.help import OPTIONS
from narrows.training.settings import SETTINGS, public_name
from narrows.training.signatures import takes_settings

Command = TypeVar("Command", bound=Callable[..., None])
NETWORKS, TRAINING = "The networks", "Their training"
GROUPS = {
    "latent_size": OPTIONS, "qualities": OPTIONS, "minutes": OPTIONS, "preset": OPTIONS,
    "seed": OPTIONS, "aim": OPTIONS,
    "bits_per_latent": NETWORKS, "architecture": NETWORKS, "decoder": NETWORKS,
    "loss": NETWORKS, "lambda_": NETWORKS,
}  # fmt: skip
"""In the help, of the settings of a training; the others stand under TRAINING."""
VALUES = {int: "N", float: "X"}
"""What the help calls a value of a type."""


def _option(name: str) -> Any:
    """Return the option of a training's setting, as a command's annotation."""
    setting = SETTINGS[name]
    option = f"--{public_name(name).replace('_', '-')}"
    return Annotated[
        setting.annotation,
        typer.Option(
            f"{option}/--no-{option[2:]}" if setting.kind is bool else option,
            help=setting.help,
            metavar=setting.form or "|".join(setting.choices) or VALUES.get(setting.kind),
            show_default=setting.unset or True,
            rich_help_panel=GROUPS.get(name, TRAINING),
            autocompletion=lambda: setting.choices,
        ),
    ]


def trains(
    only: Collection[str] = SETTINGS, without: Collection[str] = ()
) -> Callable[[Command], Command]:
    """Make the `**settings` of a command its options, after those that are given by place."""
    names = [n for n in only if SETTINGS[n].in_commands and n not in without]
    return takes_settings(names, _option)
