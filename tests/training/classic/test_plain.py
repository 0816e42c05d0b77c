"""Frames that another core gathers ahead of time are those of the batches, in their order."""

import pytest

pytest.importorskip("torch", reason="training needs torch; extra train")

import torch

from narrows.training import train as training
from narrows.training.architectures import Autoencoder
from narrows.training.classic import trainer as plain
from narrows.training.data.frames import scaled
from narrows.training.data.scaling import unit_scaling_of
from narrows.training.plan import plan_of


def trainer(x, batch_size):
    asked = {"latent_size": 3, "preset": "dense-25", "batch_size": batch_size}
    plan = plan_of(asked, x.shape, x.dtype, has_validation=True)
    scaling = unit_scaling_of(x)
    networks = training.build_networks(x.shape[1:], plan)
    frames = scaled(x, scaling)
    model = Autoencoder(*networks, scaling, 1.0)
    return plain.PlainTrainer(model, frames, frames[:4], plan)


@pytest.mark.parametrize("n_batches", [1, 16, 3 * 16 + 5])
def test_gathered_frames_are_those_of_the_order(digits, n_batches, monkeypatch):
    batch_size = 8
    monkeypatch.setattr(plain, "GATHERED_BYTES", 16 * batch_size * 64 * 4 + 1)  # 16 batches
    subject = trainer(digits[: batch_size * n_batches], batch_size)
    order = torch.randperm(len(subject.x_train), generator=torch.Generator().manual_seed(1))
    given = [frames.clone() for frames in subject.frames(order)]
    assert len(given) == n_batches
    assert torch.equal(torch.cat(given), subject.x_train[order])


def test_an_epoch_that_is_left_early_leaves_nothing_behind(digits):
    subject = trainer(digits, 8)
    frames = subject.frames(torch.arange(len(digits) // 8 * 8))
    next(frames)
    frames.close()
    again = next(subject.frames(torch.arange(8)))
    assert torch.equal(again, subject.x_train[:8])


def test_large_frames_are_gathered_in_few_places(digits, monkeypatch):
    subject = trainer(digits, 8)
    assert subject._gathered.nbytes <= 2 * plain.GATHERED_BYTES
    monkeypatch.setattr(plain, "GATHERED_BYTES", 1000)  # less than a batch
    assert trainer(digits, 8)._gathered.shape == (2, 8, 8, 8)
