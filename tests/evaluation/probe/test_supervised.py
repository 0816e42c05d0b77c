"""The encoder trained for a target: it learns classes, reproducibly, with the layers it is told."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs torch; extra train")

import torch
from torch import nn

from narrows.errors import SettingError
from narrows.evaluation.probe.supervised import train_supervised


def blobs(n=200, shape=(4, 3), seed=0):
    """Make signals of three classes around three centres, in units far from 1."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(7).normal(size=(3, *shape))
    classes = rng.integers(0, 3, n)
    return 1e4 + 300 * (centres[classes] + 0.3 * rng.normal(size=(n, *shape))), classes


def test_latents_of_unseen_signals_tell_the_classes_apart():
    x, classes = blobs()
    unseen, unseen_classes = blobs(seed=1)
    encoder = train_supervised(x, classes, [16, "leaky_relu", 2])
    latents, unseen_latents = encoder.latents(x), encoder.latents(unseen)
    assert unseen_latents.shape == (200, 2)
    assert unseen_latents.dtype == np.float64
    centres = np.stack([latents[classes == c].mean(axis=0) for c in range(3)])
    nearest = np.linalg.norm(unseen_latents[:, None] - centres, axis=2).argmin(axis=1)
    assert (nearest == unseen_classes).mean() > 0.95


def test_the_layers_are_those_that_were_named():
    x, classes = blobs(20)
    encoder = train_supervised(x, classes, [8, "leaky_relu", 5, "relu", 3])
    kinds = [type(module) for module in encoder.network]
    assert kinds == [nn.Linear, nn.LeakyReLU, nn.Linear, nn.ReLU, nn.Linear]
    widths = [(m.in_features, m.out_features) for m in encoder.network if type(m) is nn.Linear]
    assert widths == [(12, 8), (8, 5), (5, 3)]
    assert encoder.network[1].negative_slope == 1 / 8


def test_the_encoder_of_the_conv_architecture_can_be_asked_for():
    x, classes = blobs(40, shape=(8, 9))
    encoder = train_supervised(x, classes, ["conv", 64, 3])
    assert encoder.latents(x).shape == (40, 3)
    assert any(isinstance(module, nn.Conv2d) for module in encoder.network)


def test_the_same_seed_gives_the_same_latents_and_leaves_torch_s_own_state_alone():
    x, classes = blobs(60)
    torch.manual_seed(5)
    before = torch.get_rng_state()

    def latents(seed):
        return train_supervised(x, classes, [4, "relu", 2], seed).latents(x)

    first = latents(3)
    assert torch.equal(torch.get_rng_state(), before)
    assert np.array_equal(latents(3), first)
    assert not np.array_equal(latents(4), first)


def test_constant_signals_of_integers_are_no_trouble():
    x, classes = np.full((10, 2, 2), 200, np.uint8), np.arange(10) % 2
    assert np.isfinite(train_supervised(x, classes, [2]).latents(x)).all()


def test_a_layer_that_cannot_be_rebuilt_is_named():
    x, classes = blobs(20)
    with pytest.raises(SettingError, match=r"'table'.*leaky_relu, relu"):
        train_supervised(x, classes, [4, "table", 2])
