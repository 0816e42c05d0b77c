"""Muon beside Adam: what an update is, which weights get it, and that runs outlive it."""

import pytest

pytest.importorskip("torch", reason="training needs torch; extra train")

import numpy as np
import torch
from torch import nn

import narrows
from narrows.training.adam import Group
from narrows.training.architectures import Autoencoder, Scaling
from narrows.training.loop.state import TrainingState
from narrows.training.plan import plan_of
from narrows.training.rate_distortion.optimisers import (
    STEP_SIZE,
    WEIGHT_DECAY,
    Muon,
    orthogonalised,
)
from narrows.training.rate_distortion.trainer import RateDistortionTrainer
from narrows.training.train import build_networks
from tests.helpers.interrupted import Killed, kill_at

CONV = {"architecture": "conv", "latent_size": 4, "epochs": 3, "batch_size": 32}


@pytest.mark.parametrize("shape", [(24, 24), (24, 300), (300, 24), (1, 8)])
def test_orthogonalising_keeps_the_directions_and_makes_them_equally_long(shape):
    matrix = 1e-3 * torch.randn(shape, generator=torch.Generator().manual_seed(0))
    left, values, right = torch.linalg.svd(matrix, full_matrices=False)
    along = torch.diagonal(left.T @ orthogonalised(matrix) @ right.T)
    well_conditioned = values > 0.05 * values[0]
    assert ((along > 0.5) & (along < 1.3))[well_conditioned].all()
    rest = orthogonalised(matrix) - left @ torch.diag(along) @ right
    assert rest.norm() < 1e-3


def test_a_gradient_of_zeros_changes_nothing_but_the_decay():
    weight = nn.Parameter(torch.ones(20, 30))
    weight.grad = torch.zeros(20, 30)
    Muon([Group([weight], 0.01, WEIGHT_DECAY)]).step()
    assert torch.allclose(weight, torch.full((20, 30), 1.0 - 0.01 * WEIGHT_DECAY))


@pytest.mark.parametrize("shape", [(40, 40), (20, 160), (18, 3, 6, 6)])
def test_the_first_update_is_as_large_as_one_of_adam(shape):
    before = torch.zeros(shape)
    weight = nn.Parameter(before.clone())
    weight.grad = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    Muon([Group([weight], 0.01, WEIGHT_DECAY)]).step()
    size = (weight - before).square().mean().sqrt() / 0.01
    assert 0.5 * STEP_SIZE < size < 1.3 * STEP_SIZE


def test_an_update_takes_downhill():
    target = torch.randn(20, 30, generator=torch.Generator().manual_seed(2))
    weight = nn.Parameter(torch.zeros(20, 30))
    muon = Muon([Group([weight], 0.1, WEIGHT_DECAY)])
    for left in range(300, 0, -1):
        muon.groups[0].rate = 0.1 * left / 300
        loss = (weight - target).square().mean()
        muon.forget_gradients()
        loss.backward()
        muon.step()
    assert loss < 0.05 * target.square().mean()


def optimisers_of(frame_shape, architecture):
    """Make the optimisers of a run."""
    plan = plan_of({"architecture": architecture}, (64, *frame_shape), np.uint8)
    x = torch.zeros(64, *frame_shape)
    model = Autoencoder(
        *build_networks(frame_shape, plan),
        Scaling(0, 1, 0, 1, 0, 1, 1, False), 1.0,
    )  # fmt: skip
    return RateDistortionTrainer(model, x, x, plan).optimisers


def muon_of(frame_shape, architecture):
    """Return the shapes of the weights that Muon moves."""
    optimisers = optimisers_of(frame_shape, architecture)
    muon = optimisers._all.get("muon")
    return [tuple(p.shape) for group in muon.groups for p in group.parameters] if muon else []


def test_convolutional_networks_have_it_between_hidden_units():
    assert muon_of((28, 28), "conv") == [
        (48, 16, 2, 2), (256, 2352), (32, 256),
        (256, 32), (1176, 256), (32, 24, 3, 3), (32, 16, 2, 2),
    ]  # fmt: skip


def test_dense_networks_have_adam_alone():
    assert muon_of((28, 28), "dense") == []


def test_a_convolutional_run_that_dies_goes_on_to_the_same_model(sample, folder):
    whole = narrows.train(sample, **CONV)
    with pytest.raises(Killed):
        narrows.train(sample, **CONV, checkpoint="c", stop=kill_at(20))
    resumed = narrows.train(sample, **CONV, checkpoint="c", resume=True)
    assert resumed.model_id == whole.model_id


def test_restored_moments_lie_in_memory_as_their_weights_do():
    one, other = (optimisers_of((16, 16, 3), "conv") for _ in range(2))
    for optimiser in one._all.values():
        for group in optimiser.groups:
            for weight in group.parameters:
                weight.grad = torch.randn_like(weight)
        optimiser.step()
    tensors = {f"{part}.{n}": t for part, named in one.parts().items() for n, t in named.items()}
    in_order = torch.contiguous_format
    kept = {name: tensor.clone(memory_format=in_order) for name, tensor in tensors.items()}
    other.restore(TrainingState([], 0, [], kept))
    for name, each in other._all.items():
        weights = [weight for group in each.groups for weight in group.parameters]
        for weight, moments in zip(weights, each.state, strict=True):
            for moment in moments.values():
                assert moment.shape == () or moment.stride() == weight.stride(), name
    restored = other.parts()
    for part, named in one.parts().items():
        for label, tensor in named.items():
            assert torch.equal(restored[part][label], tensor)
