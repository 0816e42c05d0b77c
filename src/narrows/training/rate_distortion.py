"""Training for rate and distortion together: the loss is `rate + lambda * distortion`."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from narrows.training.objective import FactorisedDensity, Objective, RateControl
from narrows.training.state import TrainingState
from narrows.training.trainer import Batch, Measured, Trainer

WARM_UP = 0.03  # share of the updates in which the learning rate rises
DENSITY_SPEED = 5.0  # the density has to follow the latents, so it learns faster
WEIGHT_DECAY = 0.1  # Loshchilov & Hutter 2019; on MNIST 0.15 dB better than none
FIRST_LAMBDA = 14.0  # times aimed bits over the first batch's distortion; measured on MNIST


class RateDistortionTrainer(Trainer):
    """Learns a density of the latents beside the networks (Balle, Laparra & Simoncelli 2017)."""

    needs_noise = True

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        settings = self.settings
        self.density = FactorisedDensity(settings.latent_size).to(self.device)
        self.objective = Objective(self.model, self.density, settings.loss, settings.sparse)
        self.optimiser = _adam(self.model, self.density, settings.learning_rate)
        self._rates = [group["lr"] for group in self.optimiser.param_groups]
        self._control: RateControl | None = None

    def update(self, batch: Batch) -> float:
        """Change the weights once, and give the loss in bits a signal."""
        self._set_learning_rate(batch.done)
        terms = self.objective(batch.x, batch.noise, batch.seen)
        control = self._controlled(float(terms.distortion.detach()))
        loss = terms.loss(control.lambda_)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        if self.settings.lambda_ is None:
            control.update(float(terms.rate.detach()), batch.done)
        return float(loss.detach())

    @torch.no_grad()
    def validate(self) -> Measured:
        """Give loss and rate of the rounded validation signals, and the PSNR in dB."""
        assert self._control is not None
        lambda_, loss, bits = self._control.lambda_, 0.0, 0.0
        self.model.eval()
        for x in self.validation_batches():
            terms = self.objective(x)
            share = len(x) / len(self.x_validation)
            loss += float(terms.loss(lambda_)) * share
            bits += float(terms.rate) * share
        psnr = self.mean_psnr(self.model.squared_error)
        self.model.train()
        return Measured(loss, psnr, bits, lambda_)

    def is_comparable(self, epoch: int) -> bool:
        """Lambda moves in the first half: only losses after it can be compared."""
        return epoch > self.plan.epochs // 2

    @property
    def log_lambda(self) -> float:
        """The logarithm of the present lambda."""
        return self._control.log_lambda if self._control else 0.0

    def parts(self) -> dict[str, dict[str, Tensor]]:
        """Give the density and Adam's moments."""
        moments = self.optimiser.state_dict()["state"].items()
        return {
            "density": self.density.state_dict(),
            **{f"optimiser.{number}": tensors for number, tensors in moments},
        }

    def restore_parts(self, state: TrainingState) -> None:
        """Take up density, moments and lambda."""
        self.density.load_state_dict(state.under("density."))
        moments: dict[int, dict[str, Tensor]] = {}
        for name, tensor in state.under("optimiser.").items():
            number, _, part = name.partition(".")
            moments.setdefault(int(number), {})[part] = tensor.clone()
        groups = self.optimiser.state_dict()["param_groups"]
        self.optimiser.load_state_dict({"state": moments, "param_groups": groups})
        self._control = RateControl(self.settings.aimed_bits, 1.0)
        self._control.log_lambda = state.log_lambda

    def _controlled(self, distortion: float) -> RateControl:
        """Give the control of lambda, made at the first batch from its distortion."""
        if self._control is None:
            aim = self.settings.aimed_bits
            first = FIRST_LAMBDA * aim / max(distortion, 1e-9)
            self._control = RateControl(aim, self.settings.lambda_ or min(first, 1e12))
        return self._control

    def _set_learning_rate(self, done: float) -> None:
        """Linear warm-up, then half a cosine down to a thousandth (Loshchilov & Hutter 2017)."""
        factor = min(1.0, done / WARM_UP) * 0.5 * (1.0 + math.cos(math.pi * done)) + 1e-3
        for group, rate in zip(self.optimiser.param_groups, self._rates, strict=True):
            group["lr"] = rate * factor


def _adam(model: nn.Module, density: nn.Module, rate: float) -> torch.optim.AdamW:
    groups = [
        {"params": list(model.parameters()), "lr": rate, "weight_decay": WEIGHT_DECAY},
        {"params": list(density.parameters()), "lr": rate * DENSITY_SPEED, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, betas=(0.9, 0.99), fused=True)
