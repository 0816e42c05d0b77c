"""The settings of a training that several commands take."""

from __future__ import annotations

from typing import Annotated

import typer

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
