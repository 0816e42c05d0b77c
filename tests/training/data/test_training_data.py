"""Frames of a training: what is refused, any seed, which are held out and which looked at."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs torch; extra train")

import torch

import narrows
from narrows.errors import DataError
from narrows.training.choices import MAX_VALIDATED, MAX_VALIDATED_OF_SEVERAL
from narrows.training.data import frames
from narrows.training.data.frames import RUNS, split_rows, spread_over
from narrows.training.plan import plan_of


def test_frames_of_more_axes_than_a_model_has_are_refused_before_training():
    x = np.zeros((20, *[1] * 8, 4), np.float32)
    with pytest.raises(DataError, match=r"\(20, 1, .*; frames have at most 8 axes: .*reshape"):
        narrows.train(x, latent_size=2, progress=pytest.fail)


def test_frames_larger_than_an_archive_takes_are_refused_before_training(monkeypatch):
    monkeypatch.setattr(frames, "MAX_FRAME_BYTES", 255)
    with pytest.raises(DataError, match=r"frames of 256 bytes; 255 are possible: .*windows"):
        narrows.train(np.zeros((20, 64), np.float32), latent_size=2, progress=pytest.fail)


@pytest.mark.parametrize("settings", [{"architecture": "dense"}, {"preset": "dense-32"}])
@pytest.mark.parametrize("seed", [2026_01_01_12_00_00, 2**63 - 1])
def test_a_seed_may_be_a_date_or_any_other_of_63_bits(digits, settings, seed):
    codec = narrows.train(digits[:60], latent_size=2, epochs=1, seed=seed, **settings)
    assert codec.model.training["settings"]["seed"] == seed


@pytest.mark.parametrize(
    ("options", "most"), [({}, MAX_VALIDATED), ({"qualities": 3}, MAX_VALIDATED_OF_SEVERAL)]
)
def test_they_are_spread_over_all_of_them(options, most):
    plan = plan_of(options, (90, 64), np.uint8)
    x = torch.arange(3 * most + 7)
    seen = spread_over(x, plan.max_validated)
    assert len(seen) == most
    assert set((seen[1:] - seen[:-1]).tolist()) == {3, 4}
    assert (int(seen[0]), int(seen[-1]) >= 3 * most) == (0, True)
    few = torch.arange(most - 1)
    assert torch.equal(spread_over(few, plan.max_validated), few)


def test_with_a_preset_all_count():
    x = torch.arange(3 * MAX_VALIDATED)
    plan = plan_of({"preset": "dense-25"}, (90, 64), np.uint8)
    assert torch.equal(spread_over(x, plan.max_validated), x)


def test_signals_in_no_order_are_held_out_at_random():
    x = np.random.default_rng(0).normal(size=(1000, 20))
    learnt, held = split_rows(x, 5, has_validation=False)
    assert np.array_equal(held, np.sort(np.random.default_rng([5, 1000]).permutation(1000)[:100]))
    assert np.array_equal(np.sort(np.concatenate([learnt, held])), np.arange(1000))


@pytest.mark.parametrize("seed", range(4))
def test_of_signals_like_those_beside_them_long_runs_are_held_out(seed):
    """Neighbours of a signal that is held out would tell what it is."""
    x = np.random.default_rng(0).normal(size=(1003, 20)).cumsum(axis=0)
    learnt, held = split_rows(x, seed, has_validation=False)
    assert len(held) == 100
    assert np.array_equal(np.sort(np.concatenate([learnt, held])), np.arange(1003))
    assert np.count_nonzero(np.diff(held) > 1) in (RUNS - 1, RUNS)  # one may go round the end


def test_with_others_to_validate_on_all_are_learnt_from():
    x = np.arange(12.0)[:, None]
    learnt, held = split_rows(x, 0, has_validation=True)
    assert np.array_equal(learnt, np.arange(12))
    assert not len(held)
