"""Threads that share a batch learn what one would, and the same at every time."""

import copy

import pytest

pytest.importorskip("torch", reason="training needs torch; extra train")

import numpy as np
import torch
from torch import nn

import narrows
from narrows.training.architectures import Autoencoder, Scaling
from narrows.training.loop.workers import Workers
from narrows.training.plan import plan_of
from narrows.training.rate_distortion.trainer import RateDistortionTrainer
from narrows.training.train import build_networks
from tests.helpers.interrupted import Killed, kill_at

CONV = {"architecture": "conv", "latent_size": 4, "epochs": 2, "batch_size": 32}


@pytest.fixture
def three(monkeypatch):
    """Three threads for each trainer, whatever the machine has."""
    monkeypatch.setattr(Workers, "for_batches", classmethod(lambda cls, n: cls(3)))


def updated(networks, settings, size, gone, monkeypatch):
    """Do some updates; return all tensors, the first gradients, the losses, and a validation."""
    monkeypatch.setattr(Workers, "for_batches", classmethod(lambda cls, n: cls(size)))
    generator = torch.Generator().manual_seed(0)
    x = torch.rand((140, 12, 12), generator=generator)
    missing = (x > 0.9, x > 0.8) if gone else (None, None)
    plan = plan_of({"batch_size": 32, "latent_size": 6, **settings}, x.shape, np.float32)
    log = torch.linspace(0.0, 0.5, plan.qualities)[:, None].repeat(1, 6)
    gains = (log, -log) if plan.qualities > 1 else ()
    networks = networks or build_networks((12, 12), plan)
    scaling = Scaling(0.0, 1.0, 0.0, 1.0, -np.inf, np.inf, 1.0, integer=False)
    model = Autoencoder(*copy.deepcopy(networks), scaling, plan.latent_scale, *gains)
    trainer = RateDistortionTrainer(model, x, x, plan, missing)
    with trainer.updating():
        batches = trainer.batches(1)
        losses = [trainer.update(next(batches))]
        gradients = [each.grad.clone() for each in model.parameters()]
        losses += [trainer.update(batch) for batch in batches]
        measured = trainer.validate()
    assert tuple(trainer.validate()) == pytest.approx(tuple(measured), rel=1e-3)  # in one thread
    return trainer.state().tensors, gradients, losses, measured


@pytest.mark.parametrize("gone", [False, True])
@pytest.mark.parametrize(
    "settings",
    [{"architecture": "conv"}, {"architecture": "conv", "qualities": 4, "sparse": 0.1}],
)
def test_an_update_by_shares_is_one_by_the_whole_batch(settings, gone, monkeypatch):
    whole, parts, again = (updated(None, settings, n, gone, monkeypatch) for n in (1, 3, 3))
    for one, other in zip(whole[1], parts[1], strict=True):
        assert other.stride() == one.stride()
        assert (one - other).norm() < 1e-4 * one.norm()
    assert len(whole[2]) > 1
    assert whole[2] == pytest.approx(parts[2], rel=1e-3)
    for name, tensor in parts[0].items():
        assert torch.equal(tensor, again[0][name])


def test_layers_that_draw_random_numbers_learn_from_whole_batches(monkeypatch, three):
    there = nn.Sequential(nn.Flatten(), nn.Linear(144, 6), nn.Dropout(0.3))
    back = nn.Sequential(nn.Linear(6, 144), nn.Unflatten(1, (12, 12)))
    given = (there, back), {"architecture": "conv"}
    one, other = (updated(*given, size, False, monkeypatch) for size in (1, 3))
    assert one[2:] == other[2:]
    for name, tensor in one[0].items():
        assert torch.equal(tensor, other[0][name])


def test_a_run_of_several_threads_that_dies_goes_on_to_the_same_model(sample, folder, three):
    whole = narrows.train(sample, **CONV)
    with pytest.raises(Killed):
        narrows.train(sample, **CONV, checkpoint="c", stop=kill_at(20))
    resumed = narrows.train(sample, **CONV, checkpoint="c", resume=True)
    assert resumed.model_id == whole.model_id
