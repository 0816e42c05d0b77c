"""One run of training by gradients: new or resumed, watched, and kept after every epoch."""

from __future__ import annotations

import copy
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from narrows._version import __version__
from narrows.clock import Clock
from narrows.errors import SettingError
from narrows.locks import locked
from narrows.paths import output_path
from narrows.training.architectures import Autoencoder
from narrows.training.choices import CLASSIC
from narrows.training.classic.trainer import PlainTrainer
from narrows.training.loop.checkpoint import (
    Checkpoint,
    check_same_run,
    find_checkpoint,
    write_checkpoint,
)
from narrows.training.loop.pace import budgeted, pace_of
from narrows.training.loop.state import TrainingState
from narrows.training.loop.trainer import Progress, Stop, Trainer, TrainingResult
from narrows.training.plan import Plan
from narrows.training.ranks import ALONE, Ranks, joined
from narrows.training.rate_distortion.trainer import RateDistortionTrainer
from narrows.training.torch_modes import denormals_flushed, multiplies_bfloat16

LOG = logging.getLogger(__name__)
TELL_SECONDS = 0.25  # between messages on how far an epoch is


@dataclass(frozen=True)
class Supervision:
    """How a run is watched, stopped and kept; nothing of it changes the finished model."""

    progress: Progress = lambda record: None  # called after each epoch
    stop: Stop = lambda: False  # asked before each update; when it returns True, training ends
    checkpoint: Path | None = None  # where the run is kept after each epoch
    resume: bool = False  # go on from the checkpoint, if there is one
    force: bool = False  # start anew though there is one
    clock: Clock = field(default_factory=Clock)
    together: bool = False  # with the other processes of torch.distributed's group
    ranks: Ranks = ALONE  # this process among them

    @contextmanager
    def exclusive(self) -> Iterator[Supervision]:
        """Join the others, and keep further trainings away from the checkpoint meanwhile."""
        with joined(self.together) as ranks, ExitStack() as stack:
            if self.checkpoint is not None and ranks.is_first:
                stack.enter_context(locked(output_path(self.checkpoint)))
            yield replace(self, ranks=ranks)

    def find_checkpoint(self) -> Checkpoint | None:
        """Return the checkpoint to go on from; None for a run from the beginning."""
        if self.checkpoint is None:
            return None
        return find_checkpoint(self.checkpoint, resume=self.resume, force=self.force)


@dataclass(frozen=True, eq=False)
class Task:
    """What is to be trained, on the training device."""

    model: Autoencoder
    x_train: Tensor  # (n, *frame_shape) scaled frames
    x_validation: Tensor  # (m, *frame_shape)
    plan: Plan
    fingerprints: dict[str, str]  # of the signals, by what they are
    fitting_seconds: Callable[[int, int, int], float] = lambda n, k, n_qualities: 0.0
    """What a context model will take, measured."""
    is_worth_it: Callable[[Plan], bool] = lambda plan: True
    """Asked of a new run, once it is known how many updates fit."""
    missing_train: Tensor | None = None  # which elements were filled in
    missing_validation: Tensor | None = None
    ranks: Ranks = ALONE

    def trainer(self) -> Trainer:
        """Make the trainer that follows the plan."""
        missing = self.missing_train, self.missing_validation
        given = self.model, self.x_train, self.x_validation, self.plan, missing
        if self.plan.method != CLASSIC:
            return RateDistortionTrainer(*given, self.ranks)
        if self.missing_train is not None:
            LOG.info("presets learn the values that fill missing ones, too")
        return PlainTrainer(*given)

    def description(self) -> dict[str, Any]:
        """Describe what a run must have in common with this one to give the same model."""
        together: dict[str, Any] = (
            {} if self.ranks.size == 1 else {"number of processes": self.ranks.size}
        )
        if self.plan.started_from is not None:
            together["model that it goes on from"] = self.plan.started_from
        return {
            **together,
            **self.plan.settings_as_json(),
            **{name: digest[:16] for name, digest in self.fingerprints.items()},
            **_layers(self.model),
            "type of device": self.x_train.device.type,
            "number of threads": torch.get_num_threads(),
            "torch": torch.__version__,
            "narrows": __version__,
        }


@dataclass(frozen=True)
class Outcome:
    """A trained model and the plan that was followed."""

    result: TrainingResult
    plan: Plan


def run_training(task: Task, supervision: Supervision, kept: Checkpoint | None) -> Outcome | None:
    """Train, from the beginning or from a checkpoint, and keep a checkpoint after every epoch.

    None if the updates that fit are not worth it.

    Raises
    ------
    SettingError
        If the checkpoint is of another run; each difference is named.
    TrainingError
        If training diverges, or was stopped before there is a model.
    """
    path, description, clock = supervision.checkpoint, task.description(), supervision.clock
    if kept is not None:
        clock.add("before resuming", kept.seconds)
    clock.lap("preparing")

    def keep(state: TrainingState) -> None:
        if path is not None and task.ranks.is_first:
            machine = _machine(task.x_train.device)
            done = Checkpoint(description, machine, trainer.plan, clock.seconds, state)
            write_checkpoint(path, done)

    with denormals_flushed():
        if kept is None or path is None:
            plan = planned(task, clock)
            if not task.is_worth_it(plan):
                clock.lap("timing epochs")
                return None
            trainer = replace(task, plan=plan).trainer()
        else:
            check_same_run(path, kept.run, description)
            trainer = _continued(task, kept, path)
        clock.lap("timing epochs")
        for line in trainer.plan.lines():
            LOG.info("%s", line)
        LOG.debug("epoch %d of %d", len(trainer.history) + 1, trainer.plan.epochs)
        result = trainer.run(supervision.progress, _Telling(supervision.stop, trainer), keep)
        clock.lap("training")
    if result.interrupted:
        LOG.info(
            "interrupted in epoch %d: freezing the model so far (best epoch %d of %d)",
            len(result.history) + 1, result.best_epoch, trainer.plan.epochs,
        )  # fmt: skip
    return Outcome(result, trainer.plan)


def planned(task: Task, clock: Clock) -> Plan:
    """Return the task's plan, with the number of epochs that fit where minutes are given."""
    minutes = task.plan.minutes
    if minutes is None:
        return task.plan
    LOG.debug("timing an epoch")
    budget = 60.0 * minutes
    scratch = replace(task, model=copy.deepcopy(task.model)).trainer()
    plan, pace = task.plan, pace_of(scratch, budget)
    fitting = task.fitting_seconds(plan.n_train, plan.latent_size, plan.qualities)
    pace = replace(pace, freezing=pace.freezing + fitting)
    plan = budgeted(plan, pace, budget, clock.seconds)
    epochs, updates = (int(task.ranks.first(n)) for n in (plan.epochs, plan.updates_per_epoch))
    return plan.lasting(epochs, plan.why("epochs"), updates, plan.too_short)


class _Telling:
    """Ask whether to stop before an update, and say now and then how far its epoch is."""

    def __init__(self, stop: Stop, trainer: Trainer) -> None:
        self._stop, self._trainer = stop, trainer
        self._epoch, self._updates, self._told = 0, 0, time.monotonic()

    def __call__(self) -> bool:
        epoch, plan = len(self._trainer.history) + 1, self._trainer.plan
        self._updates = self._updates + 1 if epoch == self._epoch else 0
        self._epoch = epoch
        if LOG.isEnabledFor(logging.DEBUG) and time.monotonic() - self._told > TELL_SECONDS:
            self._told = time.monotonic()
            within = epoch, plan.epochs, self._updates / plan.updates_per_epoch
            LOG.debug("epoch %d of %d, %.2f of it", *within, extra={"within": within})
        return self._stop()


def _continued(task: Task, kept: Checkpoint, path: Path) -> Trainer:
    """Make a trainer in the state of a checkpoint."""
    trainer = replace(task, plan=kept.plan).trainer()
    try:
        trainer.restore(kept.state)
    except (RuntimeError, KeyError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise SettingError(f"{path} is of other networks ({reason}); give those it was") from None
    machine = _machine(task.x_train.device)
    if kept.machine != machine:
        LOG.warning(
            "%s was written on another processor (%s, here %s): going on, but the model will not "
            "be bit for bit that of an uninterrupted run", path, kept.machine, machine,
        )  # fmt: skip
    epoch, plan = len(kept.state.history), kept.plan
    LOG.info("%s: going on after epoch %d of %d", path, epoch, plan.epochs)
    return trainer


def _layers(model: Autoencoder) -> dict[str, str]:
    """Describe the innermost modules by their names."""
    leaves = ((n, m) for n, m in model.named_modules() if not list(m.children()))
    return {name: " ".join(repr(module).split()) for name, module in leaves}


def _machine(device: torch.device) -> str:
    """Name the processor: instruction sets and GPUs differ in last bits."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    instructions = [torch.backends.cpu.get_cpu_capability()]
    instructions += ["BF16"] if multiplies_bfloat16() else []
    return " ".join([device.type, *instructions])
