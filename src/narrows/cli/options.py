"""The options that several commands take."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from narrows.training.settings import SETTINGS, public_name
from narrows.training.signatures import takes_settings

Command = TypeVar("Command", bound=Callable[..., None])

Data = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        help="Signals: a .npy, .npz or IDX file, - for a pipe, or a known set: digits, "
        "mnist:train, mnist:test, fashion-mnist:train, fashion-mnist:test.",
        show_default=False,
    ),
]
TrainData = Annotated[
    str | None,
    typer.Option(
        "--train",
        metavar="DATA",
        help="Signals that PCA, beside the model, learns from: best those of the model.",
        show_default="every second one of DATA",
    ),
]


def piped_model(model: Path | None) -> Path | None:
    """Return the file that `-` stands for: a model is always read whole."""
    return Path("/dev/stdin") if model == Path("-") else model


ModelFile = Annotated[
    Path,
    typer.Option("--model", "-m", help="The .narrows file.", show_default=False,
                 callback=piped_model),
]  # fmt: skip
OptionalModelFile = Annotated[
    Path | None,
    typer.Option("--model", "-m", show_default="embedded, or found in NARROWS_MODELS",
                 help="The .narrows file.", callback=piped_model),
]  # fmt: skip
Force = Annotated[bool, typer.Option("--force", "-f", help="Overwrite the output.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print nothing but errors.")]
Quality = Annotated[
    int | None,
    typer.Option("--quality", "-q", help="1 to the model's number of qualities.",
                 show_default="the middle one, of 8 the 4th"),
]  # fmt: skip
EffortLevel = Annotated[
    int | None,
    typer.Option("--effort", help="0 (the fastest) to 9 (the best): how long better symbols "
                 "are searched for.", show_default="2"),
]  # fmt: skip
TargetBytes = Annotated[
    float | None,
    typer.Option("--target-bytes", help="In place of a quality: the most that the coded form of "
                 "any signal may take.", show_default="(none)"),
]  # fmt: skip
TargetPsnr = Annotated[
    float | None,
    typer.Option("--target-psnr", help="In place of a quality: the least PSNR of any signal, dB.",
                 show_default="(none)"),
]  # fmt: skip


def _option(name: str) -> Any:
    """Return the option of a training's setting, as a command's annotation."""
    setting = SETTINGS[name]
    option = f"--{public_name(name).replace('_', '-')}"
    return Annotated[
        setting.annotation,
        typer.Option(
            f"{option}/--no-{option[2:]}" if setting.kind is bool else option,
            help=setting.help,
            metavar=setting.form or "|".join(setting.choices) or None,
            show_default=setting.unset or True,
        ),
    ]


def trains(
    only: Collection[str] = SETTINGS, without: Collection[str] = ()
) -> Callable[[Command], Command]:
    """Make the `**settings` of a command its options, after those that are given by place."""
    names = [n for n in only if SETTINGS[n].in_commands and n not in without]
    return takes_settings(names, _option)


def check_targets(
    quality: int | None, target_bytes: float | None, target_psnr: float | None
) -> None:
    """Refuse options that exclude each other."""
    if target_bytes is not None and target_psnr is not None:
        raise typer.BadParameter("--target-bytes and --target-psnr exclude each other: give one")
    if quality is not None and (target_bytes, target_psnr) != (None, None):
        name = "--target-psnr" if target_bytes is None else "--target-bytes"
        raise typer.BadParameter(f"{name} chooses the quality of each signal: leave -q out")
