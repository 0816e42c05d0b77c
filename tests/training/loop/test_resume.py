"""Runs that die or are stopped, and are gone on with: the same model, early stopping included."""

from dataclasses import replace

import pytest

pytest.importorskip("torch", reason="training needs torch; extra train")

import torch
from torch import nn

import narrows
from narrows.errors import OutputExistsError, TrainingError
from narrows.training import finishing, run
from narrows.training.loop.checkpoint import read_checkpoint, write_checkpoint
from narrows.training.loop.pace import Pace
from narrows.words import counted
from tests.helpers.interrupted import SETTINGS, UPDATES, Killed, kill_at, stop_at


def without_seconds(codec):
    return [
        {k: v for k, v in record.items() if not k.startswith("seconds")}
        for record in codec.model.training["history"]
    ]


@pytest.mark.parametrize("n", [15, 16, 28, 70, 84])
def test_a_run_that_dies_anywhere_goes_on_to_the_same_model(sample, whole, folder, n):
    with pytest.raises(Killed):
        narrows.train(sample, **SETTINGS, checkpoint="c", stop=kill_at(n))
    assert len(read_checkpoint(folder / "c").state.history) == (n - 1) // UPDATES
    resumed = narrows.train(sample, **SETTINGS, checkpoint="c", resume=True)
    assert resumed.model_id == whole.model_id
    assert without_seconds(resumed) == without_seconds(whole)


def test_a_run_that_dies_many_times_goes_on_to_the_same_model(sample, whole, folder):
    for _ in range(3):
        with pytest.raises(Killed):
            narrows.train(sample, **SETTINGS, checkpoint="c", resume=True, stop=kill_at(20))
    resumed = narrows.train(sample, **SETTINGS, checkpoint="c", resume=True)
    assert resumed.model_id == whole.model_id


def test_early_stopping_survives(digits, folder):
    sample = digits[:100]  # few: it soon learns them by heart
    settings = {"latent_size": 8, "epochs": 100, "lambda_": 200.0, "learning_rate": 1e-2}
    settings["patience"] = 3
    whole = narrows.train(sample, **settings)
    best, done = whole.model.training["best_epoch"], len(whole.model.training["history"])
    assert best < done == best + 3 < 100
    updates = whole.model.training["plan"]["updates_per_epoch"]
    for epoch in (best - 1, best + 2):  # in the latter the best weights are not the last ones
        with pytest.raises(Killed):
            narrows.train(
                sample, **settings, checkpoint="c", force=True, stop=kill_at(epoch * updates)
            )
        resumed = narrows.train(sample, **settings, checkpoint="c", resume=True)
        assert resumed.model_id == whole.model_id
        assert resumed.model.training["best_epoch"] == best
        assert len(resumed.model.training["history"]) == done


def test_a_finished_run_that_died_in_freezing_is_frozen_without_training(
    sample, whole, folder, monkeypatch
):
    def die(*_, **__):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(finishing, "freeze", die)
        with pytest.raises(Killed):
            narrows.train(sample, **SETTINGS, checkpoint="c")
    resumed = narrows.train(sample, **SETTINGS, checkpoint="c", resume=True, stop=die)
    assert resumed.model_id == whole.model_id
    assert not resumed.model.training["interrupted"]


def test_networks_with_dropout_go_on_to_the_same_model(sample, folder):
    def networks():
        torch.manual_seed(1)
        encoder = nn.Sequential(nn.Flatten(), nn.Linear(64, 20), nn.Dropout(0.2), nn.Linear(20, 4))
        decoder = nn.Sequential(nn.Linear(4, 20), nn.Dropout(0.1), nn.Linear(20, 64))
        decoder.append(nn.Unflatten(1, (8, 8)))
        return {"encoder": encoder, "decoder": decoder}

    settings = {"latent_size": 4, "epochs": 3, "batch_size": 32}
    whole = narrows.train(sample, **settings, **networks())
    with pytest.raises(Killed):
        narrows.train(sample, **settings, **networks(), checkpoint="c", stop=kill_at(33))
    resumed = narrows.train(sample, **settings, **networks(), checkpoint="c", resume=True)
    assert resumed.model_id == whole.model_id


def test_seconds_add_up_over_the_parts(sample, checkpoint):
    earlier = read_checkpoint(checkpoint)
    write_checkpoint(
        checkpoint,
        replace(
            earlier,
            seconds=1000.0,
            state=replace(
                earlier.state,
                history=[replace(record, seconds=500.0) for record in earlier.state.history],
            ),
        ),
    )
    resumed = narrows.train(sample, **SETTINGS, checkpoint=checkpoint, resume=True)
    assert 1000.0 < resumed.model.training["seconds"] < 1100.0
    assert 500.0 < resumed.model.training["history"][2]["seconds"] < 600.0


def test_a_checkpoint_is_not_overwritten_unasked(sample, whole, checkpoint):
    before = checkpoint.read_bytes()
    with pytest.raises(OutputExistsError, match=r"--resume .*-f "):
        narrows.train(sample, **SETTINGS, checkpoint=checkpoint)
    assert checkpoint.read_bytes() == before
    anew = narrows.train(sample, **SETTINGS, checkpoint=checkpoint, force=True)
    assert anew.model_id == whole.model_id
    assert len(read_checkpoint(checkpoint).state.history) == 6


def test_without_a_checkpoint_a_resumed_run_begins_and_says_so(sample, whole, folder, caplog):
    caplog.set_level("INFO")
    assert narrows.train(sample, **SETTINGS, checkpoint="c", resume=True).model_id == whole.model_id
    assert "no checkpoint c" in caplog.text


def test_linear_has_nothing_to_go_on_with(sample, checkpoint):
    before = checkpoint.read_bytes()
    narrows.train(sample, latent_size=4, architecture="linear", checkpoint=checkpoint)
    narrows.train(sample, latent_size=4, architecture="linear", checkpoint=checkpoint, resume=True)
    assert checkpoint.read_bytes() == before


def test_stopping_gives_the_best_model_so_far(sample, folder):
    codec = narrows.train(sample, **SETTINGS, checkpoint="c", stop=stop_at(33))
    summary = codec.model.training
    assert summary["interrupted"]
    assert (len(summary["history"]), summary["best_epoch"], summary["plan"]["epochs"]) == (2, 2, 6)
    assert codec.decode(codec.encode(sample[:3])).shape == (3, 8, 8)
    assert len(read_checkpoint(folder / "c").state.history) == 2


def test_stopping_in_the_first_epoch_leaves_nothing(sample, folder):
    with pytest.raises(TrainingError, match="first epoch"):
        narrows.train(sample, **SETTINGS, checkpoint="c", stop=stop_at(5))
    assert list(folder.iterdir()) == []


def test_minutes_become_a_plan_of_epochs_with_the_model_of_that_plan(sample, folder, caplog):
    caplog.set_level("INFO")
    settings = {"latent_size": 4, "batch_size": 32}
    timed = narrows.train(sample, **settings, minutes=0.02)
    plan = timed.model.training["plan"]
    assert f"plan: {counted(plan['epochs'], 'epoch')} of" in caplog.text
    assert timed.model.training["settings"]["minutes"] == 0.02
    length = {name: plan[name] for name in ("epochs", "updates_per_epoch")}
    fixed = narrows.train(sample, **settings, **length)
    assert fixed.model_id == timed.model_id
    assert fixed.model.training["plan"] == plan


def test_a_resumed_run_keeps_its_plan(sample, folder, monkeypatch):
    settings = {"latent_size": 4, "batch_size": 32, "minutes": 0.1}
    monkeypatch.setattr(run, "pace_of", lambda trainer, _: Pace(0.0, 1.0))
    with pytest.raises(Killed):
        narrows.train(sample, **settings, checkpoint="c", stop=kill_at(20))
    monkeypatch.setattr(run, "pace_of", None)
    resumed = narrows.train(sample, **settings, checkpoint="c", resume=True)
    assert resumed.model.training["plan"]["epochs"] == 5
    whole = narrows.train(sample, latent_size=4, batch_size=32, epochs=5)
    assert resumed.model_id == whole.model_id
