"""The options that several commands take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

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
ModelFile = Annotated[
    Path, typer.Option("--model", "-m", help="The .narrows file.", show_default=False)
]
OptionalModelFile = Annotated[
    Path | None,
    typer.Option("--model", "-m", show_default="embedded, or found in NARROWS_MODELS",
                 help="The .narrows file."),
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

Preset = Annotated[
    str | None,
    typer.Option("--preset", metavar="NAME", show_default="none",
                 help="A classic autoencoder: dense-32, dense-25 or dense-25-best."),
]  # fmt: skip
Architecture = Annotated[
    str, typer.Option("--architecture", help="auto, linear (PCA), dense or conv.")
]
Loss = Annotated[
    str | None,
    typer.Option("--loss", help="mse, bce or l1.", show_default="mse, or the preset's"),
]
LearningRate = Annotated[
    float | None, typer.Option("--learning-rate", help="At its highest.",
                               show_default="0.004, conv 0.006, with mixtures 0.001, "
                                            "or the preset's")
]  # fmt: skip
Corrupt = Annotated[
    str | None,
    typer.Option("--corrupt", metavar="noise:A|mask:S", show_default="nothing",
                 help="Train to undo noise of deviation A, or a missing share S."),
]  # fmt: skip
Sparse = Annotated[
    float, typer.Option("--sparse", help="Weight of the latents' absolute sum in the loss.")
]
Augment = Annotated[
    bool, typer.Option("--augment/--no-augment",
                       help="Learn from more than the signals: conv networks from pictures shifted "
                            "by a pixel, in 20 epochs or more; dense ones, where there are few "
                            "signals, from mixtures.")
]  # fmt: skip
Seed = Annotated[int, typer.Option("--seed", help="Everything random derives from it.")]


def check_point(quality: int | None, target_bytes: float | None, target_psnr: float | None) -> None:
    """Refuse options that exclude each other."""
    if target_bytes is not None and target_psnr is not None:
        raise usage_error("--target-bytes and --target-psnr exclude each other: give one")
    if quality is not None and (target_bytes, target_psnr) != (None, None):
        name = "--target-psnr" if target_bytes is None else "--target-bytes"
        raise usage_error(f"{name} chooses the quality of each signal: leave -q out")


def usage_error(message: str) -> typer.BadParameter:
    """Make the exception for wrong usage: exit code 2."""
    return typer.BadParameter(message)
