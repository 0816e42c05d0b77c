"""From trained networks to a finished codec: the last fits in floats, and freezing."""

from __future__ import annotations

import logging
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from narrows.clock import Clock
from narrows.training.architectures import Autoencoder, Scaling, like
from narrows.training.choices import CLASSIC, CLOSED_FORM, RATE_DISTORTION
from narrows.training.classic.latent_steps import choose_latent_steps
from narrows.training.closed_form.refit import refit_last_layer
from narrows.training.data.frames import mean_of_scaled, spread_over
from narrows.training.freeze import TrainingSignals, freeze
from narrows.training.freeze.rounding import Rounding
from narrows.training.plan import RATE_RATIO, Plan
from narrows.training.preparing import Prepared
from narrows.training.run import Outcome
from narrows.training.summary import summary_of

if TYPE_CHECKING:
    from narrows.codec.codec import Codec

LOG = logging.getLogger(__name__)
STEP_SAMPLE = 4096  # training signals on which the steps of a plain autoencoder are chosen


def finished(
    outcome: Outcome, prepared: Prepared, name: str, clock: Clock, *, in_contexts: bool = True
) -> Codec:
    """Make the codec of an outcome, with context models or not; `name` is its architecture's."""
    result, plan, signals = outcome.result, outcome.plan, prepared.signals
    summary = summary_of(signals, prepared.fingerprints["training signals"], outcome)
    LOG.debug("fitting the last layer")
    summary |= _finish(result.model, signals, plan)
    clock.lap("refitting")
    lambdas = [math.exp(each) for each in result.log_lambdas] if plan.loss == "mse" else []
    # In closed form, latents are components.
    has_aims = plan.lambda_ is None and plan.method != CLOSED_FORM
    ratio, error = RATE_RATIO if has_aims else None, None
    if has_aims and plan.aimed_snr is not None:
        error = _variance(signals, result.model.scaling) * 10.0 ** (-plan.aimed_snr / 10.0)
    rounding = replace(
        _rounding_after(outcome),
        expected=plan.settings["expected_signals"],
        bits_per_error=lambdas[plan.middle_quality] if lambdas else None,
    )
    return freeze(
        result.model, signals, name, summary, lambdas, ratio, error, clock, rounding,
        in_contexts=in_contexts,
    )  # fmt: skip


def _rounding_after(outcome: Outcome) -> Rounding:
    """Return how long networks are trained further: not at all where they were interrupted."""
    result, plan = outcome.result, outcome.plan
    if plan.method == CLOSED_FORM or result.interrupted:
        return Rounding()
    updates = len(result.history) * plan.updates_per_epoch
    return Rounding.after(updates, in_budget=plan.minutes is not None)


def _variance(signals: TrainingSignals, scaling: Scaling) -> float:
    """Return the variance of a frame about its mean, summed, on the scale where the range is 1."""
    x = spread_over(signals.scaled_train, STEP_SAMPLE)
    x = x - mean_of_scaled(x, scaling)
    squares = (x * like(x, scaling.weight / scaling.scale / scaling.peak)).square()
    if signals.missing_train is None:
        return float(squares.flatten(1).sum(1).mean())
    known = ~spread_over(signals.missing_train, STEP_SAMPLE)
    return float(squares[known].mean() * squares[0].numel())


def _finish(model: Autoencoder, signals: TrainingSignals, plan: Plan) -> dict[str, Any]:
    """Choose rounding steps or refit the last layer, and return what the summary says of it."""
    train, validation = signals.scaled_train, signals.scaled_validation
    if plan.method == CLASSIC:
        model.cpu().eval()
        return {
            "quantising_loss_db": round(
                choose_latent_steps(model, train[:STEP_SAMPLE], validation), 4
            )
        }
    if plan.method == RATE_DISTORTION and plan.loss == "mse":
        return {"refitted": refit_last_layer(model.cpu().eval(), train, validation)}
    return {}
