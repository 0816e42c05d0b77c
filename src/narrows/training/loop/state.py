"""The state of a training run after an epoch: its history, and all that it needs to go on."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from torch import Tensor


@dataclass(frozen=True)
class EpochRecord:
    """What is known after an epoch.

    Attributes
    ----------
    epoch, epochs : int
        Counted from 1, and how many are planned.
    loss, val_loss : float
        `rate + lambda * distortion` in bits a signal; training with noise, validation rounded.
        Of a plain autoencoder: the mean over the elements, whose range is 1; nothing is rounded.
    bytes_per_signal : float or None
        Estimated from the density on the validation signals; None where there is no rate term.
    psnr : float
        Of the validation signals, in dB.
    lambda_ : float or None
    seconds, seconds_left : float
        Of training, added up over the parts of a resumed run.
    """

    epoch: int
    epochs: int
    loss: float
    val_loss: float
    bytes_per_signal: float | None
    psnr: float
    lambda_: float | None
    seconds: float
    seconds_left: float

    def as_json(self) -> dict[str, Any]:
        """Return the fields; an infinite PSNR, of exact reconstructions, becomes None."""
        return {**asdict(self), "psnr": self.psnr if math.isfinite(self.psnr) else None}


@dataclass(frozen=True, eq=False)
class TrainingState:
    """All that a run needs to go on after an epoch, for what is random derives from (seed, epoch).

    Attributes
    ----------
    history : list of EpochRecord
    best_epoch : int
    log_lambdas : list of float
        Of the RateControl of each quality.
    tensors : dict of Tensor
        `model.*`, `density.*`, moments and steps of the optimisers, `adam.NUMBER.*` and
        `muon.NUMBER.*`, and, unless the last epoch is the best one, the best weights, `best.*`.
    """

    history: list[EpochRecord]
    best_epoch: int
    log_lambdas: list[float]
    tensors: dict[str, Tensor]

    def under(self, prefix: str) -> dict[str, Tensor]:
        """Return the tensors of one part, by their names in it."""
        named = self.tensors.items()
        return {n.removeprefix(prefix): t for n, t in named if n.startswith(prefix)}
