"""How long updates take here, measured, so that a time budget becomes epochs and updates."""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import chain, count

from narrows.training.choices import MIN_TRAINED_SHARE, enough_minutes
from narrows.training.counts import MAX_COUNTED
from narrows.training.loop.trainer import Trainer
from narrows.training.plan import Plan
from narrows.words import counted, percent, quantity

WARM_UP_UPDATES = 5  # the first ones allocate, and start threads
MIN_UPDATES = 15
MEASURING_SHARE, MAX_MEASURING_SECONDS = 0.03, 5.0  # of the budget
MAX_MEASURING_SHARE = 0.1  # of the budget, where MIN_UPDATES take longer
FREEZING_SHARE = 0.1  # of the budget at least, for freezing, checkpoints and a slower minute
MIN_SHARE = 0.25  # of the budget is spent on updates even where freezing exceeds it
MAX_EPOCHS = 10_000  # each is a line of the history that the model keeps
MIN_EPOCHS = 3  # of all signals: where fewer fit, epochs are shortened
SHORT_EPOCHS = 4
VALIDATION_SHARE = 0.3  # of the time of short epochs, at most
CALIBRATIONS, CALIBRATED = 64, 2048
"""Passes of float networks, over so many signals, that freezing takes as long as; on MNIST."""
CODING = 2.0  # passes that coding a signal with integer networks takes as long as


@dataclass(frozen=True)
class Pace:
    """What a run takes here, in seconds."""

    update: float
    validation: float
    freezing: float = 0.0

    def epoch(self, plan: Plan) -> float:
        """The time of an epoch of a plan."""
        return plan.updates_per_epoch * self.update + self.validation

    def length(self, plan: Plan, seconds: float) -> tuple[int, int]:
        """Return the epochs that fit in so many seconds, freezing included, and their updates.

        Where fewer than three fit, epochs of fewer updates: each sees a part of the signals.
        """
        left = seconds - max(self.freezing, FREEZING_SHARE * seconds)
        seconds = max(left, MIN_SHARE * seconds)
        fitting = seconds / self.epoch(plan)
        if fitting >= MIN_EPOCHS:
            return int(min(fitting, MAX_EPOCHS)), plan.updates_per_epoch
        epochs = int(min(SHORT_EPOCHS, VALIDATION_SHARE * seconds / max(self.validation, 1e-9)))
        epochs = max(1, epochs)
        updates = int((seconds / epochs - self.validation) / self.update)
        return epochs, max(1, min(updates, plan.updates_per_epoch))


def pace_of(trainer: Trainer, budget: float) -> Pace:
    """Measure some updates and a validation; the trainer is of no use after it.

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
    plan = trainer.plan
    # A validation decodes at each quality, and at the middle one again.
    of_a_signal = validation / max(1, trainer.n_validated * (plan.qualities + 1))
    coded = CODING * plan.qualities * (min(plan.n_train, MAX_COUNTED) + plan.n_held_out)
    passes = coded + CALIBRATIONS * min(CALIBRATED, plan.n_train)
    return Pace(sum(settled) / len(settled), validation, of_a_signal * passes)


def update_times(trainer: Trainer, budget: float) -> list[float]:
    """Do updates for some seconds, and return how long each took, its batch included."""
    batches = chain.from_iterable(trainer.batches(epoch) for epoch in count(1))
    enough = min(MAX_MEASURING_SECONDS, MEASURING_SHARE * budget)
    times: list[float] = []

    def goes_on() -> bool:
        is_long = len(times) > 1 and sum(times) > MAX_MEASURING_SHARE * budget
        return not is_long and (len(times) < MIN_UPDATES or sum(times) < enough)

    while trainer.ranks.first(goes_on()):
        began = time.perf_counter()
        trainer.update(next(batches))
        times.append(time.perf_counter() - began)
    return times


def budgeted(plan: Plan, pace: Pace, budget: float, spent: float) -> Plan:
    """Return a plan that keeps a budget, and says what would be enough where it is far too short.

    Parameters
    ----------
    plan : Plan
        As long as without a budget.
    pace : Pace
    budget, spent : float
        Seconds of the whole run, and of them those that have passed.
    """
    usual, epoch = plan.epochs * plan.updates_per_epoch, pace.epoch(plan)
    epochs, updates = pace.length(plan, budget - spent)
    minutes = "1 minute" if budget == 60.0 else f"{budget / 60:g} minutes"
    why = f"as many as fit in {minutes}, at {quantity(epoch, 3)} s an epoch"
    if updates < plan.updates_per_epoch:
        why += f" of all signals: each sees {percent(updates / plan.updates_per_epoch)} of them"
    share = epochs * updates / usual
    if share >= MIN_TRAINED_SHARE:
        return plan.lasting(epochs, why, updates)
    full = spent + plan.epochs * epoch + pace.freezing
    done, enough = counted(epochs * updates, "update"), enough_minutes(full)
    too_short = (
        f"far too short: {done} where a full training has {usual:,}; "
        f"--minutes {enough} would be enough to judge by, {max(enough, round(full / 60)):,} for all"
    )
    if pace.freezing > (1.0 - MIN_SHARE) * (budget - spent):
        too_short += f"; freezing alone takes about {pace.freezing:.0f} s, more than there is"
    return plan.lasting(epochs, why, updates, too_short)
