"""Densities of latents: what they see, and what they take where latents tell of each other."""

import pytest

pytest.importorskip("torch", reason="training needs torch; extra train")

import numpy as np
import torch

from narrows.training.plan import plan_of
from narrows.training.rate_distortion.density import (
    ContextDensity,
    FactorisedDensity,
    density_for,
)

STEPS = 400


def drawn(n, seed=0):
    """Return `(n, 3)` latents; the last is the first again, but for some noise."""
    generator = torch.Generator().manual_seed(seed)
    y = 6.0 * torch.randn((n, 3), generator=generator)
    y[:, 2] = y[:, 0] + torch.randn(n, generator=generator)
    return y


def learned(density):
    """Return the bits of held-out latents, `(3,)`, after learning from others."""
    y, held_out = drawn(2000), drawn(2000, seed=1)
    density.start(y, 0)
    optimiser = torch.optim.Adam(density.parameters(), lr=0.03)
    for _ in range(STEPS):
        optimiser.zero_grad()
        density.bits(y).sum(1).mean().backward()
        optimiser.step()
    with torch.no_grad():
        return density.bits(held_out).mean(0)


def test_a_context_takes_what_latents_before_tell_and_no_more():
    alone, in_context = learned(FactorisedDensity(3)), learned(ContextDensity(3))
    assert in_context[:2] == pytest.approx(alone[:2], abs=0.06)  # nothing tells of these
    # log2 of the spread, 6.1, over that of what is not known, 1.
    assert alone[2] - in_context[2] == pytest.approx(2.6, abs=0.15)


def test_a_latent_does_not_see_itself_or_those_after_it():
    """The bits of a latent must not fall by what a receiver does not know yet."""
    density, k, generator = ContextDensity(5), 5, torch.Generator().manual_seed(2)
    with torch.no_grad():
        for weight in density.parameters():
            weight.copy_(0.1 * torch.randn(weight.shape, generator=generator))
    y = torch.randn((1, k), generator=generator)
    seen = torch.autograd.functional.jacobian(lambda y: density.bits(y)[0], y)[:, 0]  # (k, k)
    assert (seen.triu(1) == 0).all()
    assert (seen.tril() != 0).sum() == k * (k + 1) // 2


def test_probabilities_of_a_context_sum_to_1():
    density = ContextDensity(2)
    density.start(drawn(500)[:, :2], 0)
    with torch.no_grad():
        density.output_weight.copy_(torch.linspace(-0.2, 0.2, 48).reshape(12, 2, 2))
        whole = torch.arange(-200.0, 201.0)
        y = torch.stack([torch.full_like(whole, 3.0), whole], dim=1)
        assert (2.0 ** -density.bits(y)[:, 1]).sum() == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("density", [FactorisedDensity(3), ContextDensity(3)])
def test_a_density_begins_near_the_spread_of_its_latents(density):
    """The bits of Gaussian latents of a deviation of 6 are log2(6 sqrt(2 pi e)) = 4.6."""
    density.start(drawn(2000), 0)
    with torch.no_grad():
        assert density.bits(drawn(2000, seed=1)).mean(0) == pytest.approx([4.63] * 3, abs=0.3)


@pytest.mark.parametrize(
    ("asked", "n", "kind"),
    [
        ({}, 60_000, ContextDensity),
        ({"qualities": 2}, 60_000, FactorisedDensity),
        ({"architecture": "dense"}, 60_000, FactorisedDensity),
        ({}, 3000, FactorisedDensity),
        ({"latent_size": 1}, 60_000, FactorisedDensity),
    ],
)
def test_convolutions_learn_with_a_context_where_a_context_model_may_pay(asked, n, kind):
    assert type(density_for(plan_of(asked, (n, 28, 28), np.uint8))) is kind
