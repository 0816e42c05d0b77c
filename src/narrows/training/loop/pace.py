"""How long an epoch takes here, measured, so that a time budget becomes a number of epochs."""

from __future__ import annotations

import time
from itertools import chain, count

from narrows.training.loop.trainer import Trainer

WARM_UP_UPDATES = 5  # the first ones allocate, and start threads
MIN_UPDATES = 15
MEASURING_SHARE, MAX_MEASURING_SECONDS = 0.03, 5.0  # of the budget
MAX_MEASURING_SHARE = 0.1  # of the budget, where MIN_UPDATES take longer
FREEZING_SHARE = 0.1  # of the budget, for freezing, checkpoints and a slower minute
MAX_EPOCHS = 10_000  # each is a line of the history that the model keeps


def epochs_that_fit(epoch_seconds: float, seconds: float) -> int:
    """Count the epochs for which `seconds` are enough, freezing included; at least one."""
    return max(1, min(MAX_EPOCHS, int(seconds * (1.0 - FREEZING_SHARE) / epoch_seconds)))


def seconds_per_epoch(trainer: Trainer, budget: float) -> float:
    """Measure some updates of an epoch, and a validation; the trainer is of no use after it.

    Parameters
    ----------
    trainer : Trainer
        Made for this, on a copy of the model.
    budget : float
        Seconds of the whole run.
    """
    with trainer.updating():
        times = update_times(trainer, budget)
        settled = times[min(WARM_UP_UPDATES, len(times) // 2) :]
        began = time.perf_counter()
        trainer.validate()
        validation = time.perf_counter() - began
    return trainer.plan.updates_per_epoch * sum(settled) / len(settled) + validation


def update_times(trainer: Trainer, budget: float) -> list[float]:
    """Do updates for some seconds, and return how long each took, its batch included."""
    batches = chain.from_iterable(trainer.batches(epoch) for epoch in count(1))
    enough = min(MAX_MEASURING_SECONDS, MEASURING_SHARE * budget)
    times: list[float] = []
    while len(times) < MIN_UPDATES or sum(times) < enough:
        if len(times) > 1 and sum(times) > MAX_MEASURING_SHARE * budget:
            break
        began = time.perf_counter()
        trainer.update(next(batches))
        times.append(time.perf_counter() - began)
    return times
