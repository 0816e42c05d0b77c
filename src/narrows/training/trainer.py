"""The training loop: seeded, with held-out validation, early stopping and progress records."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from narrows.errors import TrainingError
from narrows.training.architectures import Autoencoder
from narrows.training.objective import FactorisedDensity, Objective, RateControl
from narrows.training.settings import Plan, TrainingSettings
from narrows.training.state import EpochRecord, TrainingState

WARM_UP = 0.03  # share of the updates in which the learning rate rises
DENSITY_SPEED = 5.0  # the density has to follow the latents, so it learns faster
WEIGHT_DECAY = 0.1  # Loshchilov & Hutter 2019; on MNIST 0.15 dB better than none
FIRST_LAMBDA = 14.0  # times aimed bits over the first batch's distortion; measured on MNIST
VALIDATION_BATCH = 2048


class Batch(NamedTuple):
    """The frames of one update, `(n, *frame_shape)`, their noise `(n, k)`, and the share done."""

    x: Tensor
    noise: Tensor
    done: float


Progress = Callable[[EpochRecord], None]
Stop = Callable[[], bool]
Keep = Callable[[TrainingState], None]


@dataclass
class TrainingResult:
    """A trained float model and its history; interrupted, if epochs were left to do."""

    model: Autoencoder
    history: list[EpochRecord]
    best_epoch: int
    interrupted: bool


class Trainer:
    """One training run of an autoencoder.

    Parameters
    ----------
    model : Autoencoder
    x_train, x_validation : (n, *frame_shape) tensors
        Scaled frames, on the training device.
    settings : TrainingSettings
    plan : Plan
    """

    def __init__(
        self,
        model: Autoencoder,
        x_train: Tensor,
        x_validation: Tensor,
        settings: TrainingSettings,
        plan: Plan,
    ) -> None:
        self.model = model
        self.x_train = x_train
        self.x_validation = x_validation
        self.settings = settings
        self.plan = plan
        self.device = x_train.device
        self.history: list[EpochRecord] = []
        self.best_epoch = 0
        self._best_weights: dict[str, Tensor] = {}
        self.density = FactorisedDensity(settings.latent_size).to(self.device)
        self.objective = Objective(model, self.density, settings.loss)
        self.optimiser = _adam(model, self.density, settings.learning_rate)
        self._rates = [group["lr"] for group in self.optimiser.param_groups]
        self._control: RateControl | None = None
        self._began = 0.0

    def run(
        self,
        progress: Progress = lambda record: None,
        stop: Stop = lambda: False,
        keep: Keep = lambda state: None,
    ) -> TrainingResult:
        """Train to the plan's end; the weights of the epoch with the best validation loss stay.

        Parameters
        ----------
        progress : callable
            Called with an EpochRecord after each epoch.
        stop : callable
            Asked before each update; when it gives True, training ends there.
        keep : callable
            Called with the TrainingState after each epoch, before `progress`.

        Raises
        ------
        TrainingError
            If the loss stops being a finite number, or before the first epoch is complete.
        """
        self._began = time.perf_counter() - (self.history[-1].seconds if self.history else 0.0)
        while not self.finished:
            loss = self._train_epoch(stop)
            if loss is None:
                break
            self._close_epoch(loss)
            keep(self.state())
            progress(self.history[-1])
        if not self.history:
            raise TrainingError("stopped before the first epoch was complete: there is no model")
        self.model.load_state_dict(self._best_weights)
        return TrainingResult(self.model, self.history, self.best_epoch, not self.finished)

    @property
    def finished(self) -> bool:
        """Whether all epochs are done, or patience is at its end."""
        epoch = len(self.history)
        return epoch >= self.plan.epochs or epoch - self.best_epoch >= self.plan.patience

    def state(self) -> TrainingState:
        """Give the state after the last epoch; its tensors are the live ones."""
        parts: dict[str, dict[str, Tensor]] = {
            "model": self.model.state_dict(),
            "density": self.density.state_dict(),
            "best": self._best_weights if self.best_epoch < len(self.history) else {},
        }
        for number, moments in self.optimiser.state_dict()["state"].items():
            parts[f"optimiser.{number}"] = moments
        tensors = {f"{part}.{n}": t for part, named in parts.items() for n, t in named.items()}
        log_lambda = self._control.log_lambda if self._control else 0.0
        return TrainingState(list(self.history), self.best_epoch, log_lambda, tensors)

    def restore(self, state: TrainingState) -> None:
        """Take up a state that `state` gave: training goes on as if it had not been interrupted."""
        self.history, self.best_epoch = list(state.history), state.best_epoch
        self.model.load_state_dict(state.under("model."))
        self.density.load_state_dict(state.under("density."))
        self._restore_optimiser(state.under("optimiser."))
        self._best_weights = copy.deepcopy(self.model.state_dict())
        for name, tensor in state.under("best.").items():
            self._best_weights[name].copy_(tensor)
        self._control = RateControl(self.settings.aimed_bits, 1.0)
        self._control.log_lambda = state.log_lambda

    def _restore_optimiser(self, tensors: dict[str, Tensor]) -> None:
        moments: dict[int, dict[str, Tensor]] = {}
        for name, tensor in tensors.items():
            number, _, part = name.partition(".")
            moments.setdefault(int(number), {})[part] = tensor.clone()
        groups = self.optimiser.state_dict()["param_groups"]
        self.optimiser.load_state_dict({"state": moments, "param_groups": groups})

    def batches(self, epoch: int) -> Iterator[Batch]:
        """Give the batches of an epoch, whose order and noise derive from (seed, epoch)."""
        settings, plan = self.settings, self.plan
        seed = settings.seed * 1_000_003 + epoch
        torch.manual_seed(seed)  # for dropout in networks of one's own
        generator = torch.Generator().manual_seed(seed)
        order = torch.randperm(len(self.x_train), generator=generator).to(self.device)
        for update in range(plan.updates_per_epoch):
            done = (epoch - 1 + update / plan.updates_per_epoch) / plan.epochs
            rows = order[update * plan.batch_size : (update + 1) * plan.batch_size]
            noise = torch.rand((len(rows), settings.latent_size), generator=generator) - 0.5
            yield Batch(self.x_train[rows], noise.to(self.device), done)

    def update(self, batch: Batch) -> float:
        """Change the weights once, and give the loss in bits a signal."""
        self._set_learning_rate(batch.done)
        rate, distortion = self.objective(batch.x, batch.noise)
        control = self._controlled(float(distortion.detach()))
        loss = rate + control.lambda_ * distortion
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        if self.settings.lambda_ is None:
            control.update(float(rate.detach()), batch.done)
        return float(loss.detach())

    @torch.no_grad()
    def validate(self) -> tuple[float, float, float]:
        """Give the mean rate in bits and distortion of a validation signal, and the PSNR in dB."""
        self.model.eval()
        rates, distortions, squares = [], [], []
        for x in torch.split(self.x_validation, VALIDATION_BATCH):
            rate, distortion = self.objective(x)
            rates.append(float(rate) * len(x))
            distortions.append(float(distortion) * len(x))
            squares.append(self.model.squared_error(x))
        self.model.train()
        n = len(self.x_validation)
        psnr = psnr_of(sum(squares) / self.x_validation.numel(), self.model.scaling.peak)
        return sum(rates) / n, sum(distortions) / n, psnr

    def _train_epoch(self, stop: Stop) -> float | None:
        """Do the next epoch's updates and give its mean loss; None where `stop` ended it."""
        epoch, total = len(self.history) + 1, 0.0
        self.model.train()
        for batch in self.batches(epoch):
            if stop():
                return None
            total += self.update(batch)
        loss = total / self.plan.updates_per_epoch
        if not math.isfinite(loss):
            raise TrainingError(
                f"training diverged in epoch {epoch}: the loss is {loss}; lower the learning rate "
                f"(it was {self.settings.learning_rate:g}) or give a smaller lambda"
            )
        return loss

    def _close_epoch(self, loss: float) -> None:
        """Validate, add to the history, and keep the weights if they are the best."""
        record = self._record(loss)
        best = self.history[self.best_epoch - 1].val_loss if self.history else math.inf
        self.history.append(record)
        # Lambda moves in the first half: only losses after it can be compared.
        if record.val_loss <= best or record.epoch <= self.plan.epochs // 2:
            self.best_epoch = record.epoch
            self._best_weights = copy.deepcopy(self.model.state_dict())

    def _record(self, loss: float) -> EpochRecord:
        rate, distortion, psnr = self.validate()
        assert self._control is not None
        epoch, epochs, lambda_ = len(self.history) + 1, self.plan.epochs, self._control.lambda_
        seconds = time.perf_counter() - self._began
        return EpochRecord(
            epoch=epoch,
            epochs=epochs,
            loss=loss,
            val_loss=rate + lambda_ * distortion,
            bytes_per_signal=rate / 8,
            psnr=psnr,
            lambda_=lambda_,
            seconds=seconds,
            seconds_left=seconds / epoch * (epochs - epoch),
        )

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


def psnr_of(mse: float, peak: float) -> float:
    """Peak signal-to-noise ratio in dB."""
    return 10.0 * math.log10(peak**2 / mse) if mse > 0 else math.inf
