"""Networks that are trained further with rounded weights: half of the bytes, the same quality."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs torch; extra train")

import torch
from torch import nn

import narrows
from narrows.training.architectures import Autoencoder, Scaling
from narrows.training.freeze.rounding import (
    Rounding,
    bytes_of_weights,
    planned_loss,
    train_rounded,
)
from narrows.training.freeze.weights import choose_weight_steps, layers_of

SIZE, WIDE, LATENTS = 16, 32, 4
REALS = Scaling(0.0, 1.0, 0.0, 1.0, -float("inf"), float("inf"), 1.0, integer=False)


def networks(n_qualities=1):
    torch.manual_seed(0)
    there = nn.Sequential(nn.Linear(SIZE, WIDE), nn.LeakyReLU(1 / 8), nn.Linear(WIDE, LATENTS))
    back = nn.Sequential(nn.Linear(LATENTS, WIDE), nn.LeakyReLU(1 / 8), nn.Linear(WIDE, SIZE))
    gains = torch.linspace(0.0, 1.0, n_qualities)[:, None] * torch.ones(LATENTS)
    several = (gains, -gains) if n_qualities > 1 else ()
    return Autoencoder(there, back, REALS, 8.0, *several).eval()


def signals(n, seed=1):
    generator = torch.Generator().manual_seed(seed)
    basis = torch.randn(LATENTS, SIZE, generator=generator)
    return torch.randn(n, LATENTS, generator=generator) @ basis


def rounded(loss_db, updates, n_qualities=1):
    model, x = networks(n_qualities), signals(600)
    steps = choose_weight_steps(model, x, loss_db, layers_of(model))
    train_rounded(model, x, steps, Rounding(updates))
    return model, x, steps


@pytest.mark.parametrize("n_qualities", [1, 3])
def test_what_rounding_loses_is_taken_back(n_qualities):
    (alone, x, _), (trained, _, _) = (rounded(1.0, u, n_qualities) for u in (0, 200))
    exact = networks(n_qualities)
    for quality in range(n_qualities):
        wanted = exact.decoded(x, quality)
        lost, left = (m.squared_distance(m.decoded(x, quality), wanted) for m in (alone, trained))
        assert left < 0.5 * lost


def test_weights_end_as_multiples_of_their_steps():
    _, _, steps = rounded(0.5, 20)
    assert len(steps) == 4
    for layer, step in steps.items():
        whole = layer.weight / step
        assert torch.allclose(whole, torch.round(whole), atol=1e-3)


def test_bytes_of_weights_are_their_entropy():
    layer = nn.Linear(4, 2)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[0.0, 1.0, 2.0, 3.0], [0.0, 1.0, 2.0, 3.0]]))
    assert bytes_of_weights({layer: 1.0}) == pytest.approx(8 * 2 / 8)


def test_the_fewer_signals_the_more_may_be_lost():
    x = signals(600)
    basis = torch.linalg.svd(x, full_matrices=False)[2][:LATENTS]  # which these signals lie in
    there, back = nn.Linear(SIZE, LATENTS, bias=False), nn.Linear(LATENTS, SIZE, bias=False)
    with torch.no_grad():
        there.weight.copy_(basis)
        back.weight.copy_(basis.T)
    model = Autoencoder(nn.Sequential(there), nn.Sequential(back), REALS, 8.0).eval()
    losses = [
        planned_loss(model, x, Rounding(100, expected=n)) for n in (10, 1_000, 100_000, 10**8)
    ]
    assert losses == sorted(losses, reverse=True)
    assert losses[0] > 1.0 > 0.1 > losses[-1]


def test_held_out_signals_are_measured_in_parts_that_fit_in_memory(monkeypatch):
    from narrows.training.freeze import drafts

    sizes, measure = [], Autoencoder.squared_error
    monkeypatch.setattr(drafts, "BATCH", 50)
    monkeypatch.setattr(
        drafts.Autoencoder,
        "squared_error",
        lambda self, x, *given, **named: sizes.append(len(x)) or measure(self, x, *given, **named),
    )
    scaled = signals(130)
    held_out = drafts.TrainingSignals(scaled.numpy(), scaled.numpy(), scaled, scaled)
    other = networks()
    with torch.no_grad():
        other.decoder[2].bias += 1.0
    assert drafts._loss_of_rounding(networks(), networks(), held_out) == 0.0
    assert drafts._loss_of_rounding(networks(), other, held_out) > 0.1
    assert set(sizes) == {50, 30}


def test_a_short_training_has_no_time_for_it():
    assert Rounding.after(1_000).updates == 0
    assert Rounding.after(2_000).updates == 200
    assert Rounding.after(2_000, in_budget=True).updates == 0
    assert Rounding.after(4_000, in_budget=True).updates == 200
    assert Rounding.after(10**6).updates == 600


@pytest.fixture(scope="module")
def trained(digits):
    """By the signals that are expected."""
    return {
        n: narrows.train(digits[:1400], latent_size=8, architecture="dense", epochs=90, **settings)
        for n, settings in {None: {}, 400: {"expected_signals": 400}}.items()
    }


def test_digits_take_half_of_the_decoder_at_the_same_quality(digits, trained, monkeypatch):
    from narrows.training.freeze import drafts

    monkeypatch.setattr(drafts, "ROUNDED_FURTHER", ())
    before = narrows.train(digits[:1400], latent_size=8, architecture="dense", epochs=90)
    now = trained[None]
    assert len(now.without_encoder().model_bytes) < 0.8 * len(before.without_encoder().model_bytes)
    assert error(now, digits) < 1.01 * error(before, digits)
    assert now.model.training["freezing_loss_db"] <= 0.05


def test_for_few_signals_archive_and_decoder_together_are_smaller(digits, trained):
    sums = {
        n: len(codec.without_encoder().model_bytes) + len(codec.compress(digits[1400:]))
        for n, codec in trained.items()
    }
    assert sums[400] < 0.9 * sums[None]
    assert error(trained[400], digits) < 1.2 * error(trained[None], digits)


def error(codec, digits):
    x = digits[1400:]
    return np.square(codec.decompress(codec.compress(x)).astype(float) - x).mean()
