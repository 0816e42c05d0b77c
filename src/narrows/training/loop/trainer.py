"""The loop that all training by gradients has: epochs, validation, the best weights, records."""

from __future__ import annotations

import copy
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from narrows.errors import TrainingError
from narrows.training.architectures import Autoencoder
from narrows.training.data.augmentation import augmentation_for, corrupted, with_missing
from narrows.training.data.frames import spread_over
from narrows.training.loop.batch import Batch
from narrows.training.loop.state import EpochRecord, TrainingState
from narrows.training.loop.workers import Workers
from narrows.training.plan import Plan
from narrows.training.ranks import ALONE, Ranks
from narrows.training.torch_modes import dropout_drawn_from

VALIDATION_BATCH = 512  # of more, memory comes from the system anew for each

Missing = tuple[Tensor | None, Tensor | None]
Progress = Callable[[EpochRecord], None]
Stop = Callable[[], bool]
Keep = Callable[[TrainingState], None]


@dataclass
class TrainingResult:
    """A trained float model and its history."""

    model: Autoencoder
    history: list[EpochRecord]
    best_epoch: int
    interrupted: bool  # if epochs were left to do
    log_lambdas: list[float]  # each quality's last one, where there is one


class Measured(NamedTuple):
    """A validation: the loss, the PSNR in dB, and where there is a rate term, bits and lambda."""

    loss: float
    psnr: float
    bits: float | None = None
    lambda_: float | None = None


class Trainer(ABC):
    """One training run of an autoencoder; a subclass says what an update minimises.

    Parameters
    ----------
    model : Autoencoder
    x_train, x_validation : (n, *frame_shape) tensors
        Scaled frames, on the training device.
    plan : Plan
    missing : pair of (n, *frame_shape) bool tensors, optional
        Of the same frames: which elements were filled in and do not count.
    ranks : Ranks, optional
        The processes that share each batch.
    """

    needs_noise = False

    def __init__(
        self,
        model: Autoencoder,
        x_train: Tensor,
        x_validation: Tensor,
        plan: Plan,
        missing: Missing = (None, None),
        ranks: Ranks = ALONE,
    ) -> None:
        self.model, self.ranks = model, ranks
        self.x_train = x_train
        self.missing, gone = (None if m is None else m.to(x_train.device) for m in missing)
        self.missing_validation = None if gone is None else spread_over(gone, plan.max_validated)
        self.x_validation = spread_over(x_validation, plan.max_validated)
        self.plan = plan
        self.device = x_train.device
        self.workers = Workers()
        self._of_dropout = torch.Generator(self.device)
        self.history: list[EpochRecord] = []
        self.best_epoch = 0
        self._best_weights: dict[str, Tensor] = {}
        self._began = 0.0

    @abstractmethod
    def update(self, batch: Batch) -> float:
        """Change the weights once, and return this process's share of the loss."""

    @abstractmethod
    def validate(self) -> Measured:
        """Measure the model on the validation frames."""

    @abstractmethod
    def parts(self) -> dict[str, dict[str, Tensor]]:
        """Return the tensors that an update changes besides the model, by part and name."""

    @abstractmethod
    def restore_parts(self, state: TrainingState) -> None:
        """Restore what `parts` returned."""

    @property
    def log_lambdas(self) -> list[float]:
        """The logarithm of each quality's present lambda, if there is one."""
        return []

    @property
    def copies(self) -> int:
        """How often each signal of a batch is decoded, from latents and noise of its own."""
        return 1

    def threads(self) -> AbstractContextManager[object]:
        """Limit the threads, where more make updates slower."""
        return nullcontext()

    @contextmanager
    def updating(self) -> Iterator[None]:
        """Prepare threads and dropout for updates, which belong inside."""
        with self.threads(), dropout_drawn_from(self._of_dropout, self.model):
            yield

    def is_comparable(self, epoch: int) -> bool:
        """Return whether the loss of an epoch can be compared with earlier ones."""
        return True

    def best_loss(self) -> float:
        """Return the validation loss of the best epoch, as it would be measured now."""
        return self.history[self.best_epoch - 1].val_loss if self.history else math.inf

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
            Asked before each update; when it returns True, training ends there.
        keep : callable
            Called with the TrainingState after each epoch, before `progress`.

        Raises
        ------
        TrainingError
            If the loss stops being a finite number, or before the first epoch is complete.
        """
        self._began = time.perf_counter() - (self.history[-1].seconds if self.history else 0.0)
        with self.updating():
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
        interrupted, lambdas = not self.finished, self.log_lambdas
        return TrainingResult(self.model, self.history, self.best_epoch, interrupted, lambdas)

    @property
    def finished(self) -> bool:
        """Whether all epochs are done, or patience is at its end."""
        epoch = len(self.history)
        return epoch >= self.plan.epochs or epoch - self.best_epoch >= self.plan.patience

    def state(self) -> TrainingState:
        """Return the state after the last epoch; its tensors change with the next update."""
        parts: dict[str, dict[str, Tensor]] = {
            "model": self.model.state_dict(),
            "best": self._best_weights if self.best_epoch < len(self.history) else {},
            **self.parts(),
        }
        tensors = {f"{part}.{n}": t for part, named in parts.items() for n, t in named.items()}
        return TrainingState(list(self.history), self.best_epoch, self.log_lambdas, tensors)

    def restore(self, state: TrainingState) -> None:
        """Restore a state: training goes on as if it had not been interrupted."""
        self.history, self.best_epoch = list(state.history), state.best_epoch
        self.model.load_state_dict(state.under("model."))
        self.restore_parts(state)
        self._best_weights = copy.deepcopy(self.model.state_dict())
        for name, tensor in state.under("best.").items():
            self._best_weights[name].copy_(tensor)

    def batches(self, epoch: int) -> Iterator[Batch]:
        """Return the batches of an epoch; what is random in them derives from (seed, epoch)."""
        plan, extent = self.plan, self.model.scaling.extent
        augmented = augmentation_for(plan, self.x_train)
        seed = (plan.seed * 1_000_003 + epoch) % 2**64  # as far as generators count
        self._of_dropout.manual_seed(seed)
        generator = torch.Generator().manual_seed(seed)
        order = torch.randperm(len(self.x_train), generator=generator).to(self.device)
        order = order[: plan.updates_per_epoch * plan.batch_size]
        frames, rows = self.frames(order), torch.split(order, plan.batch_size)
        usual = None if self.missing is None else self.missing.float().mean(0) > 0.5
        for update, whole in enumerate(frames):
            done = (epoch - 1 + update / plan.updates_per_epoch) / plan.epochs
            noise = None
            if self.needs_noise:
                shape = (self.copies * len(whole), plan.latent_size)
                noise = torch.rand(shape, generator=generator) - 0.5
                noise = noise.to(self.device)
            own = None if self.missing is None else self.missing[rows[update]]
            x, missing = with_missing(augmented, whole, own, usual, generator)
            corrupt = plan.corrupt
            seen = x if corrupt is None else corrupted(x, corrupt, extent, generator)
            yield Batch(x, seen, noise, update, done, missing)

    def frames(self, order: Tensor) -> Iterator[Tensor]:
        """Return the training frames of each batch, in an order; each is valid until the next."""
        for rows in torch.split(order, self.plan.batch_size):
            yield self.x_train[rows]

    def mean_psnr(self, squared_error: Callable[[Tensor, Tensor | None], float]) -> float:
        """Return the PSNR of the validation frames, but for what is missing in them, in dB."""
        parts = self.validation_parts()
        squares = sum(self.workers.map(lambda part: squared_error(*part), parts))
        n_elements = self.x_validation.numel()
        if self.missing_validation is not None:
            n_elements -= int(self.missing_validation.sum())
        return psnr_of(squares / max(n_elements, 1), 1.0)

    @property
    def n_validated(self) -> int:
        """The number of validation frames."""
        return len(self.x_validation)

    def validation_parts(self) -> Iterator[tuple[Tensor, Tensor | None]]:
        """Return those validation frames in parts that fit in memory, and what is missing."""
        for start in range(0, self.n_validated, VALIDATION_BATCH):
            part, gone = slice(start, start + VALIDATION_BATCH), self.missing_validation
            yield self.x_validation[part], None if gone is None else gone[part]

    def _train_epoch(self, stop: Stop) -> float | None:
        """Do the next epoch's updates and return its mean loss, or None where `stop` ended it."""
        epoch, total = len(self.history) + 1, 0.0
        self.model.train()
        self.ranks.make_alike(self.state().tensors.values())  # processors round differently
        for batch in self.batches(epoch):
            if self.ranks.total(stop()):
                return None
            total += self.update(batch)
        loss = self.ranks.total(total) / self.plan.updates_per_epoch
        if not math.isfinite(loss):
            raise TrainingError(
                f"training diverged in epoch {epoch}: the loss is {loss}; lower the learning rate "
                f"(it was {self.plan.learning_rate:g}) or give a smaller lambda"
            )
        return loss

    def _close_epoch(self, loss: float) -> None:
        """Validate, add to the history, and keep the weights if they are the best."""
        record = self._record(loss)
        best = self.best_loss()
        self.history.append(record)
        is_best = record.val_loss <= best or not self.is_comparable(record.epoch)
        if self.ranks.first(is_best):
            self.best_epoch = record.epoch
            self._best_weights = copy.deepcopy(self.model.state_dict())

    def _record(self, loss: float) -> EpochRecord:
        measured = self.validate()
        epoch, epochs = len(self.history) + 1, self.plan.epochs
        seconds = time.perf_counter() - self._began
        return EpochRecord(
            epoch=epoch,
            epochs=epochs,
            loss=loss,
            val_loss=measured.loss,
            bytes_per_signal=None if measured.bits is None else measured.bits / 8,
            psnr=measured.psnr,
            lambda_=measured.lambda_,
            seconds=seconds,
            seconds_left=seconds / epoch * (epochs - epoch),
        )


def psnr_of(mse: float, peak: float) -> float:
    """Peak signal-to-noise ratio in dB."""
    return 10.0 * math.log10(peak**2 / mse) if mse > 0 else math.inf
