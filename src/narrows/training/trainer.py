"""The training loop: seeded, with held-out validation, early stopping and progress records."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from narrows.errors import TrainingError
from narrows.training.architectures import Autoencoder
from narrows.training.objective import FactorisedDensity, Objective, RateControl
from narrows.training.settings import Plan, TrainingSettings

WARM_UP = 0.03  # share of the updates in which the learning rate rises
DENSITY_SPEED = 5.0  # the density has to follow the latents, so it learns faster
WEIGHT_DECAY = 0.1  # Loshchilov & Hutter 2019; on MNIST 0.15 dB better than none
FIRST_LAMBDA = 14.0  # times aimed bits over the first batch's distortion; measured on MNIST
VALIDATION_BATCH = 2048


@dataclass(frozen=True)
class EpochRecord:
    """What is known after an epoch.

    Attributes
    ----------
    epoch, epochs : int
        Counted from 1, and how many are planned.
    loss, val_loss : float
        `rate + lambda * distortion` in bits a signal; training with noise, validation rounded.
    bytes_per_signal : float
        Estimated from the density on the validation signals.
    psnr : float
        Of the validation signals, in dB.
    lambda_ : float
    seconds, seconds_left : float
    """

    epoch: int
    epochs: int
    loss: float
    val_loss: float
    bytes_per_signal: float
    psnr: float
    lambda_: float
    seconds: float
    seconds_left: float


Progress = Callable[[EpochRecord], None]


@dataclass
class TrainingResult:
    """A trained float model and its history."""

    model: Autoencoder
    history: list[EpochRecord]
    best_epoch: int


class Trainer:
    """One training run of an autoencoder.

    Parameters
    ----------
    model : Autoencoder
    x_train, x_validation : (n, *frame_shape) tensors
        Scaled frames, on the training device.
    settings : TrainingSettings
    plan : Plan
    progress : callable, optional
        Called with an EpochRecord after each epoch.
    """

    def __init__(
        self,
        model: Autoencoder,
        x_train: Tensor,
        x_validation: Tensor,
        settings: TrainingSettings,
        plan: Plan,
        progress: Progress | None = None,
    ) -> None:
        self.model = model
        self.x_train = x_train
        self.x_validation = x_validation
        self.settings = settings
        self.plan = plan
        self.progress = progress or (lambda record: None)
        self.device = x_train.device
        density = FactorisedDensity(settings.latent_size).to(self.device)
        self.objective = Objective(model, density, settings.loss)
        rate = settings.learning_rate
        self.optimiser = torch.optim.AdamW(
            [
                {"params": list(model.parameters()), "lr": rate, "weight_decay": WEIGHT_DECAY},
                {
                    "params": list(density.parameters()),
                    "lr": rate * DENSITY_SPEED,
                    "weight_decay": 0.0,
                },
            ],
            betas=(0.9, 0.99),
            fused=True,
        )
        self._rates = [group["lr"] for group in self.optimiser.param_groups]
        self._control: RateControl | None = None

    def run(self) -> TrainingResult:
        """Train; the weights of the epoch with the best validation loss are kept.

        Raises
        ------
        TrainingError
            If the loss stops being a finite number.
        """
        plan = self.plan
        history: list[EpochRecord] = []
        best, best_epoch, best_state = math.inf, 0, copy.deepcopy(self.model.state_dict())
        began = time.perf_counter()
        with _denormals_flushed():
            for epoch in range(1, plan.epochs + 1):
                loss = self._train_epoch(epoch)
                record = self._record(epoch, loss, began)
                history.append(record)
                self.progress(record)
                # Lambda moves in the first half: only losses after it can be compared.
                if record.val_loss <= best or epoch <= plan.epochs // 2:
                    best, best_epoch = record.val_loss, epoch
                    best_state = copy.deepcopy(self.model.state_dict())
                elif epoch - best_epoch >= plan.patience:
                    break
        self.model.load_state_dict(best_state)
        return TrainingResult(self.model, history, best_epoch)

    def _train_epoch(self, epoch: int) -> float:
        settings, plan = self.settings, self.plan
        generator = torch.Generator().manual_seed(settings.seed * 1_000_003 + epoch)
        order = torch.randperm(len(self.x_train), generator=generator).to(self.device)
        total = 0.0
        for update in range(plan.updates_per_epoch):
            done = (epoch - 1 + update / plan.updates_per_epoch) / plan.epochs
            self._set_learning_rate(done)
            rows = order[update * plan.batch_size : (update + 1) * plan.batch_size]
            noise = torch.rand((len(rows), settings.latent_size), generator=generator) - 0.5
            total += self._update(self.x_train[rows], noise.to(self.device), done)
        loss = total / plan.updates_per_epoch
        if not math.isfinite(loss):
            raise TrainingError(
                f"training diverged in epoch {epoch}: the loss is {loss}; lower the learning rate "
                f"(it was {settings.learning_rate:g}) or give a smaller lambda"
            )
        return loss

    def _update(self, x: Tensor, noise: Tensor, done: float) -> float:
        rate, distortion = self.objective(x, noise)
        control = self._controlled(float(distortion.detach()))
        loss = rate + control.lambda_ * distortion
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        if self.settings.lambda_ is None:
            control.update(float(rate.detach()), done)
        return float(loss.detach())

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

    @torch.no_grad()
    def _record(self, epoch: int, loss: float, began: float) -> EpochRecord:
        self.model.eval()
        rates, distortions, squares = [], [], []
        for x in torch.split(self.x_validation, VALIDATION_BATCH):
            rate, distortion = self.objective(x)
            rates.append(float(rate) * len(x))
            distortions.append(float(distortion) * len(x))
            squares.append(self.model.squared_error(x))
        self.model.train()
        n = len(self.x_validation)
        assert self._control is not None
        lambda_ = self._control.lambda_
        seconds = time.perf_counter() - began
        return EpochRecord(
            epoch=epoch,
            epochs=self.plan.epochs,
            loss=loss,
            val_loss=(sum(rates) + lambda_ * sum(distortions)) / n,
            bytes_per_signal=sum(rates) / n / 8,
            psnr=psnr_of(sum(squares) / self.x_validation.numel(), self.model.scaling.peak),
            lambda_=lambda_,
            seconds=seconds,
            seconds_left=seconds / epoch * (self.plan.epochs - epoch),
        )


def psnr_of(mse: float, peak: float) -> float:
    """Peak signal-to-noise ratio in dB."""
    return 10.0 * math.log10(peak**2 / mse) if mse > 0 else math.inf


@contextmanager
def _denormals_flushed() -> Iterator[None]:
    """Flush denormals while training: in Adam's moments they slow late epochs down severalfold."""
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)
