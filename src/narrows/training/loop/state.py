"""The state of a training run after an epoch: its history, and all that it needs to go on."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from torch import Tensor

from narrows.training.settings import public_name


@dataclass(frozen=True)
class EpochRecord:
    """What is known after an epoch.

    Losses are `rate + lambda * distortion` in bits a signal, with noise in training and rounded in
    validation; of a plain autoencoder the mean over the elements, whose range is 1, unrounded.
    """

    epoch: int  # counted from 1
    epochs: int  # planned
    loss: float
    val_loss: float
    bytes_per_signal: float | None  # estimated on validation signals; None without a rate term
    psnr: float  # of the validation signals, in dB
    lambda_: float | None
    seconds: float  # of training, added up over the parts of a resumed run
    seconds_left: float

    def as_json(self) -> dict[str, Any]:
        """Return the fields by the names of the options: `lambda`, not its keyword's spelling.

        An infinite PSNR, of exact reconstructions, becomes None.
        """
        fields = asdict(self) | {"psnr": self.psnr if math.isfinite(self.psnr) else None}
        return {public_name(name): value for name, value in fields.items()}


@dataclass(frozen=True, eq=False)
class TrainingState:
    """All that a run needs to go on: what is random derives from (seed, epoch)."""

    history: list[EpochRecord]
    best_epoch: int
    log_lambdas: list[float]  # each
    tensors: dict[str, Tensor]
    """`model.*`, `density.*`, moments and steps of the optimisers, `adam.NUMBER.*` and
    `muon.NUMBER.*`, and, unless the last epoch is the best one, the best weights, `best.*`."""

    def under(self, prefix: str) -> dict[str, Tensor]:
        """Return the tensors of one part, by their names in it."""
        named = self.tensors.items()
        return {n.removeprefix(prefix): t for n, t in named if n.startswith(prefix)}
