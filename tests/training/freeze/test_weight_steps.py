"""The steps of weights depend on the networks and not on which few signals they are measured on."""

import pytest

pytest.importorskip("torch", reason="training needs torch; extra train")

import torch
from torch import nn

from narrows.training.architectures import Autoencoder, Scaling
from narrows.training.freeze.weights import choose_weight_steps, layers_of, rounded_weights

SIZE, WIDE, LATENTS = 16, 64, 4
REALS = Scaling(0.0, 1.0, 0.0, 1.0, -float("inf"), float("inf"), 1.0, integer=False)


@pytest.fixture(scope="module")
def autoencoder():
    """Return networks of two layers each; some latents lie near one half for any signals."""
    torch.manual_seed(0)
    there = nn.Sequential(nn.Linear(SIZE, WIDE), nn.LeakyReLU(1 / 8), nn.Linear(WIDE, LATENTS))
    back = nn.Sequential(nn.Linear(LATENTS, WIDE), nn.LeakyReLU(1 / 8), nn.Linear(WIDE, SIZE))
    return Autoencoder(there, back, REALS, 16.0).eval()


def signals(n, seed):
    return torch.randn(n, SIZE, generator=torch.Generator().manual_seed(seed))


def steps_of(autoencoder, x, loss_db):
    return choose_weight_steps(autoencoder, x, loss_db, layers_of(autoencoder))


def test_other_signals_give_about_the_same_steps(autoencoder):
    one, two, many = (
        list(steps_of(autoencoder, signals(n, seed), 0.03).values())
        for n, seed in ((60, 1), (60, 2), (2000, 3))
    )
    assert one == pytest.approx(two, rel=0.3)
    assert one == pytest.approx(many, rel=0.3)


def test_the_loss_that_is_allowed_is_about_the_loss_of_other_signals(autoencoder):
    steps = steps_of(autoencoder, signals(60, 1), 0.003)
    x = signals(2000, 3)
    exact = autoencoder.decoded(x, rounded=False)
    budget = autoencoder.squared_error(x) * (10**0.0003 - 1)
    with rounded_weights(steps):
        added = autoencoder.squared_distance(autoencoder.decoded(x, rounded=False), exact)
    assert 0.5 * budget < added < 1.5 * budget
