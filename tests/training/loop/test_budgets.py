"""A time budget is kept, by shorter epochs where it must be; one that is far too short says so."""

import time
from dataclasses import replace

import numpy as np
import pytest

import narrows
from narrows.training.loop import pace
from narrows.training.loop.pace import Pace, budgeted
from narrows.training.plan import plan_of

PLAN = plan_of({"minutes": 1.0}, (60_000, 28, 28), np.uint8)  # 214 updates an epoch, 30 epochs


def test_the_plan_leaves_time_for_freezing():
    an_epoch_a_second = Pace(0.5 / PLAN.updates_per_epoch, 0.5)
    assert an_epoch_a_second.length(PLAN, 60.0) == (54, PLAN.updates_per_epoch)
    slow_to_freeze = Pace(0.5 / PLAN.updates_per_epoch, 0.5, freezing=50.0)
    assert slow_to_freeze.length(PLAN, 60.0) == (15, PLAN.updates_per_epoch)
    assert replace(slow_to_freeze, freezing=40.0).length(PLAN, 60.0)[0] == 20
    assert Pace(1e-12, 1e-12).length(PLAN, 60.0)[0] == pace.MAX_EPOCHS


@pytest.mark.parametrize("seconds", [-1.0, 0.0, 5.0, 60.0, 200.0, 500.0])
@pytest.mark.parametrize("validation", [0.001, 1.0, 20.0])
def test_a_budget_of_less_than_three_epochs_is_kept_by_shorter_ones(seconds, validation):
    here = Pace(update=1.0, validation=validation)
    epochs, updates = here.length(PLAN, seconds)
    assert 1 <= updates <= PLAN.updates_per_epoch
    assert 1 <= epochs <= max(4, seconds / 200)
    took = epochs * (updates + validation)
    assert took <= max(seconds, 1.0 + validation)
    if seconds > 10 * validation > 0:
        assert took > 0.7 * seconds - 4  # and it is used


def test_a_budget_far_too_short_says_what_is_enough():
    short = budgeted(PLAN, Pace(update=1.0, validation=4.0), 60.0, 2.0)
    assert short.updates_per_epoch < PLAN.updates_per_epoch
    told = short.lines()[-1]
    assert told.startswith("far too short: ")
    assert "where a full training has 7,704" in told
    full_minutes = (36 * (214 + 4.0) + 2.0) / 60
    assert f"--minutes {-int(-full_minutes // 10)} would be enough to judge by" in told
    assert f"{full_minutes:.0f} for all" in told
    assert "of all signals: each sees" in short.why("epochs")
    enough = budgeted(PLAN, Pace(update=1.0, validation=4.0), 60.0 * full_minutes, 2.0)
    assert enough.too_short == ""
    assert not any("far too short" in line for line in enough.lines())


def test_a_budget_far_too_short_for_a_short_training_says_a_minute():
    short = budgeted(PLAN, Pace(update=1e-3, validation=4e-3), 0.06, 0.0)
    assert "--minutes 1 would be enough to judge by, 1 for all" in short.too_short


def test_a_budget_that_freezing_alone_exceeds_says_so():
    short = budgeted(PLAN, Pace(update=1.0, validation=4.0, freezing=500.0), 60.0, 2.0)
    assert "freezing alone takes about 500 s, more than there is" in short.too_short
    assert short.epochs * short.updates_per_epoch <= 12


def test_one_epoch_is_no_epochs():
    plan = plan_of({"epochs": 1}, (300, 64), np.float32)
    assert "1 epoch of" in plan.lines()[-1]
    assert "1 epochs" not in "".join(plan.lines())


def test_shorter_epochs_give_the_same_model_every_time(digits):
    settings = {"latent_size": 4, "epochs": 2, "updates_per_epoch": 3, "batch_size": 32}
    one, other = (narrows.train(digits[:400], **settings) for _ in range(2))
    assert one.model_id == other.model_id
    assert one.model.training["plan"]["updates_per_epoch"] == 3


def test_a_model_of_a_short_budget_says_so_and_is_there_in_time(digits):
    began = time.perf_counter()
    codec = narrows.train(digits, latent_size=8, architecture="conv", minutes=0.1)
    assert time.perf_counter() - began < 60
    assert "far too short" in codec.model.training["too_short"]


def test_too_few_bytes_say_how_many_epochs_come_nearer(digits, caplog):
    caplog.set_level("INFO")
    narrows.train(digits[:400], latent_size=8, epochs=1, bits_per_latent=12.0)
    assert "12.0 were aimed at" in caplog.text
    assert "aimed at: --epochs 200, or more signals come nearer" in caplog.text
