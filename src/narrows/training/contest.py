"""Architecture auto: networks, PCA and prediction side by side, and the one of fewest bytes kept.

windows in order ─predictive─► codec ─┐
signals ─linear─► estimate, or codec ─┼─► bytes of held-out signals at one SNR ─► the fewest
signals ─networks─► codec ────────────┘
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from narrows.clock import Clock
from narrows.errors import SettingError
from narrows.signals.inputs import TrainingSamples
from narrows.training.choices import GIVEN, PREDICTIVE, RATE_DISTORTION
from narrows.training.closed_form.pca import MAX_EXACT_SIZE
from narrows.training.context_size import may_pay
from narrows.training.freeze import fitting_seconds
from narrows.training.plan import Plan
from narrows.training.preparing import Prepared, prepare
from narrows.training.reached import Reached
from narrows.training.settings import TrainingSettings
from narrows.training.solved import Solver

if TYPE_CHECKING:
    from narrows.codec.codec import Codec

    Trained = tuple[Plan, Codec, Reached]

LOG = logging.getLogger(__name__)
LINEAR = "linear"
ENOUGH_SHARE, ENOUGH_OF_ARRAYS = 0.5, 0.75
"""Of linear's bytes. Networks took more of them on all signals that were tried, and on tiles of
arrays as many as linear or more (docs/experiments.md): what takes fewer is ahead of networks, which
are then not trained."""
MIN_UPDATES = 90
"""Of networks, where a budget is far too short: after fewer they took 8 to 83 % more than linear
(docs/experiments.md)."""
HOPELESS_SHARE = 0.75
"""Of linear's estimate: context models and search take off less than the rest."""
HELD_OUT_BRICKS = 0.95
"""What tiles that are predicted count: those held out are few, and many of them lie at a border. A
field that took 1 % more than linear there took 30 % less elsewhere (docs/experiments.md)."""
FIRST_TRIES = {LINEAR: 1, PREDICTIVE: 2}
"""To be compared; the one that is kept is solved until it meets the aim."""
SOLVED_AFTER = 2
"""Times that linear is solved after networks, as a rule; with an aim of quality, its context model
is fitted to the last alone."""


def is_open(settings: TrainingSettings, plan: Plan, size: int) -> bool:
    """Return whether auto decides by measuring: where an aim alone was asked for.

    Frames of more than `MAX_EXACT_SIZE` elements are left to networks: PCA of them is no smaller.
    """
    return (
        size <= MAX_EXACT_SIZE
        and settings.get("architecture") in (None, "auto")
        and plan.method == RATE_DISTORTION
        and plan.settings["aim"] is not None
        and GIVEN not in (plan.why("latent_size"), plan.why("decoder"))
        and (plan.loss, plan.corrupt, plan.sparse) == ("mse", None, 0.0)
    )


class Contest:
    """The candidates beside networks, measured on the same held-out signals.

    Parameters
    ----------
    prepared : Prepared
        For the networks.
    settings : TrainingSettings
    in_order : callable or None
        Reads windows in their order, where there are such.
    clock : Clock

    Attributes
    ----------
    figures : dict of str to float
        The bytes a signal that each takes at the SNR aimed at.
    """

    def __init__(
        self,
        prepared: Prepared,
        settings: TrainingSettings,
        in_order: Callable[[], TrainingSamples] | None,
        clock: Clock,
    ) -> None:
        self.figures: dict[str, float] = {}
        self._spectrum, self._snr = prepared.spectrum, prepared.plan.aimed_snr
        self._judges, self._in_order = prepared.signals, False
        self._scale, self._learnt = prepared.scaling.scale, prepared.signals
        self._estimated: float | None = None
        self._has_networks, self._too_short = False, ""
        self._seconds_of_prediction = 0.0  # of one more try
        self._epochs_asked = prepared.plan.why("epochs") == GIVEN
        self._solvers = {LINEAR: Solver(prepared, prepared.plan_for(LINEAR), clock)}
        if in_order is not None:
            self._measure_predictive(settings, in_order, clock)

    def _measure_predictive(
        self, settings: TrainingSettings, in_order: Callable[[], TrainingSamples], clock: Clock
    ) -> None:
        try:
            prepared = prepare(in_order(), {**settings, "architecture": PREDICTIVE})
            clock.lap("preparing")
            solver, began = Solver(prepared, prepared.plan, clock), time.perf_counter()
            codec, _ = solver.solve(FIRST_TRIES[PREDICTIVE])
        except SettingError as error:  # too few windows, too long ones, too fine integers
            LOG.debug("not %s: %s", PREDICTIVE, error)
            return
        self._judges, self._in_order = prepared.signals, True
        self._solvers[PREDICTIVE] = solver
        self._seconds_of_prediction = (time.perf_counter() - began) / len(solver.found)
        self.figures[PREDICTIVE] = self.measured(codec)
        self._estimate()

    def is_settled(self) -> bool:
        """Return whether networks have no chance."""
        found, linear = self.figures.get(PREDICTIVE), self._estimated
        return found is not None and linear is not None and found <= self._enough * linear

    def is_worth_it(self, plan: Plan) -> bool:
        """Return whether networks of a plan get enough updates to have a chance."""
        if not plan.too_short or plan.epochs * plan.updates_per_epoch >= MIN_UPDATES:
            return True
        self._too_short = plan.too_short
        return False

    @property
    def _enough(self) -> float:
        return ENOUGH_OF_ARRAYS if self._judges.validation_bricks else ENOUGH_SHARE

    def winner(self, name: str = "", networks: Trained | None = None) -> Trained:
        """Return the codec of fewest bytes, of these and of trained networks; and say so."""
        if networks is not None:
            self.figures[name], self._has_networks = self.measured(networks[1]), True
        least = min(self.figures.values(), default=math.inf)
        if not self.is_settled() and HOPELESS_SHARE * self._estimate() < least:
            codec, _ = self._solvers[LINEAR].solve(FIRST_TRIES[LINEAR])
            self.figures[LINEAR] = self.measured(codec)
        worth = {PREDICTIVE: HELD_OUT_BRICKS} if self._judges.validation_bricks else {}
        best = min(
            self.figures, key=lambda each: (worth.get(each, 1.0) * self.figures[each], each != name)
        )
        LOG.info("architecture: %s, %s", best, self.reason)
        if best != name and self._epochs_asked:
            LOG.info("epochs are of networks alone: %s is solved", best)
        if networks is not None and best == name:
            return networks
        return self._solvers[best].plan, *self._solvers[best].solve()

    def seconds_to_come(self) -> float:
        """Return about how long this takes after the networks, which a budget has room for."""
        plan, times = self._solvers[LINEAR].plan, SOLVED_AFTER
        if plan.aimed_snr is not None:
            times = 1
        if not may_pay(plan.n_train, plan.latent_size, plan.aimed_bits):
            return self._seconds_of_prediction
        each = fitting_seconds(plan.n_train, plan.latent_size, plan.qualities)
        return times * each + self._seconds_of_prediction

    @property
    def candidates(self) -> dict[str, float]:
        """The finite figures: what is no better than the mean has none."""
        return {name: size for name, size in self.figures.items() if math.isfinite(size)}

    @property
    def reason(self) -> str:
        """Why the winner was kept, with the figures of all."""
        told = [f"{name} {size:.2f}" for name, size in self.candidates.items()]
        if self._estimated is not None and LINEAR not in self.figures:
            told.append(f"{LINEAR} about {self._estimated:.2g}")
        of_fewest = f"of fewest bytes at {self._snr or 0.0:.1f} dB of SNR: {', '.join(told)}"
        if self._has_networks:
            return of_fewest
        if self._too_short:
            return f"{of_fewest}; networks were not trained, as the time is {self._too_short}"
        return (
            f"{of_fewest}; networks, which took more than {self._enough} of linear wherever they "
            "were tried, were not trained"
        )

    def _estimate(self) -> float:
        """Return about the bytes that linear takes at the aim, before its context model."""
        if self._estimated is None:
            self._estimated = self._at_aim(*self._solvers[LINEAR].estimate())
        return self._estimated

    def measured(self, codec: Codec) -> float:
        """Return the bytes a signal that a codec takes at the SNR aimed at."""
        reached = Reached.by(
            codec, self._judges, self._learnt, self._scale, in_order=self._in_order
        )
        return self._at_aim(reached.bytes_per_signal, reached.snr)

    def _at_aim(self, size: float, snr: float | None) -> float:
        """Return the bytes at the SNR aimed at of what takes `size` bytes at another.

        Along the curve of Gaussian signals of the same variances; with an aim of rate, at the SNR
        of what was measured first. Infinite where that is no better than the mean.
        """
        if snr is None:
            return size
        self._snr = snr if self._snr is None else self._snr
        aimed, had = (self._spectrum().at_snr(each).bits for each in (self._snr, snr))
        return size if aimed == had else size * aimed / had if had > 0 else math.inf
