"""Networks of small pictures, or few, in architecture auto: convolutions, where time is enough."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from narrows.training.choices import MIN_PICTURE_SIDE, is_picture
from narrows.training.plan import Plan
from narrows.training.preparing import Prepared
from narrows.words import counted

MIN_SMALL_SIDE, MIN_FEW = 8, 1000  # elements of either side; pictures
MIN_UPDATES = 300
"""Of convolutions: dense networks begin as PCA and are ahead after fewer, in the same time
(docs/experiments.md)."""


def may_be_convolved(prepared: Prepared) -> bool:
    """Return whether dense networks are planned, in minutes, for what may be small pictures.

    Without minutes, in as many updates, convolutions take nine times as long.
    """
    x, plan = prepared.signals.train, prepared.plan
    return (
        plan.architecture == "dense"
        and plan.minutes is not None
        and is_picture(x.shape[1:])
        and min(x.shape[1:3]) >= MIN_SMALL_SIDE
        and x.dtype.itemsize == 1
        and plan.n_train + plan.n_held_out >= MIN_FEW
    )


def convolved(prepared: Prepared) -> Prepared:
    """Return the preparation of convolutional networks for the same signals."""
    plan, shape = prepared.plan_for("conv"), prepared.signals.train.shape
    small = "small " * (min(shape[1:3]) < MIN_PICTURE_SIDE)
    n = counted(plan.n_train + plan.n_held_out, f"{small}picture")
    why = f"for {n} and {MIN_UPDATES} updates or more"
    return replace(prepared, plan=replace(plan, reasons={**plan.reasons, "architecture": why}))


def with_enough_updates(prepared: Prepared, planned: Callable[[Prepared], Plan]) -> Prepared:
    """Return the preparation of convolutional networks, or `prepared` where time is too short.

    `planned` makes the plan that keeps the budget.
    """
    conv = convolved(prepared)
    plan = planned(conv)
    return conv if plan.epochs * plan.updates_per_epoch >= MIN_UPDATES else prepared
