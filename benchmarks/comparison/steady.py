"""Budgets that a busy machine does not shorten: minutes of the processor, and paces timed once."""

import time
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from unittest.mock import patch

from narrows.training import contest, run, train
from narrows.training.loop import pace


class TimedError(Exception):
    """A pace was timed that was not known: the training is to begin again."""


class Steady:
    """Trainings whose minutes are counted by the processor, at the same pace each time.

    `narrows.train(minutes=)` counts seconds of the wall, and times some updates to know how many
    fit. Beside other work both vary by half, which is more than what is to be compared.

    Parameters
    ----------
    paces : dict
        Of earlier runs, by what was trained; what is timed anew is added.
    """

    def __init__(self, paces):
        self.paces = paces
        self._of = ""

    def train(self, of, make):
        """Call `make`, which trains on the set `of`; return what it returns, and its seconds."""
        self._of = of
        with self._counted():
            while True:
                began = time.perf_counter()
                try:
                    made = make()
                except TimedError:
                    continue
                return made, time.perf_counter() - began

    @contextmanager
    def _counted(self):
        with ExitStack() as stack:
            stack.enter_context(patch.object(time, "perf_counter", time.process_time))
            stack.enter_context(patch.object(run, "pace_of", self._pace_of))
            for module in (train, contest):
                fitting = self._fitting_of(module.fitting_seconds)
                stack.enter_context(patch.object(module, "fitting_seconds", fitting))
            yield

    def _pace_of(self, trainer, budget):
        plan = trainer.plan
        key = f"{self._of}, {plan.architecture}, {plan.latent_size} latents, {plan.n_train} signals"
        if key not in self.paces:
            self.paces[key] = asdict(pace.pace_of(trainer, budget))
            raise TimedError
        return pace.Pace(**self.paces[key])

    def _fitting_of(self, fitting_seconds):
        def fitting(*sizes):
            key = "context model, " + ", ".join(map(str, sizes))
            if key not in self.paces:
                self.paces[key] = fitting_seconds(*sizes)
            return self.paces[key]

        return fitting
