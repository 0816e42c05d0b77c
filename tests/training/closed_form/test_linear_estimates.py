"""What PCA makes of rounded latents."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs torch; extra train")

import torch

import narrows
from narrows.codec.encoding.requests import Request
from narrows.evaluation.metrics import evaluate
from narrows.training.closed_form.pca import MAX_STEP_RATIO, estimates, within_span
from narrows.training.freeze.latents import LARGEST_STEP, SMALLEST_STEP, finest


def test_an_estimate_is_the_mean_of_what_was_rounded_to_it():
    y = 1.2 * torch.randn(300, 2, generator=torch.Generator().manual_seed(0))
    rounded = torch.round(y)
    best = (y * rounded).sum(0) / rounded.square().sum(0)
    torch.testing.assert_close(estimates(y), best)


def test_latents_that_are_all_rounded_to_nothing_stay_as_they_are():
    assert estimates(torch.full((300, 1), 0.1)).tolist() == [1.0]


def test_few_signals_are_not_enough_to_estimate():
    assert estimates(torch.full((20, 2), 0.6)).tolist() == [1.0, 1.0]


@pytest.mark.parametrize("qualities", [1, 3])
def test_gaussian_samples_come_within_what_rounding_must_lose(qualities):
    rng = np.random.default_rng(0)
    x, held_out = (rng.normal(size=(n, 16)).astype(np.float32) for n in (20_000, 5_000))
    codec = narrows.train(
        x, latent_size=16, bits_per_latent=2.0, architecture="linear", qualities=qualities
    )
    measured = evaluate(codec, held_out)
    mse = measured.mse * codec.model.peak**2
    ideal_db = 6.0206 * 8 * measured.bytes_per_signal / 16  # D(R) = 2**(-2 R)
    assert -10 * np.log10(mse) > ideal_db - 1.75  # 1.53 dB, and the header


def test_clipped_pictures_are_not_made_worse(digits, monkeypatch):
    settings = {"latent_size": 16, "bits_per_latent": 1.0, "architecture": "linear"}
    chosen = evaluate(narrows.train(digits, **settings), digits).mse
    ones = lambda y: torch.ones(y.shape[1])  # noqa: E731
    monkeypatch.setattr("narrows.training.closed_form.pca.estimates", ones)
    assert chosen <= evaluate(narrows.train(digits, **settings), digits).mse * 1.001


def test_eight_qualities_of_few_signals_freeze_and_the_highest_is_the_best(digits):
    codec = narrows.train(digits, latent_size=4, qualities=8, architecture="linear")
    quantiser = codec.model.quantiser
    assert quantiser.gain.min() >= 16
    assert quantiser.step.max() <= LARGEST_STEP
    psnr = [
        evaluate(codec, digits[:300], Request(quality, effort=0)).psnr for quality in (1, 3, 5, 8)
    ]
    assert psnr == sorted(set(psnr))


def test_steps_that_integers_can_hold_stay_as_they_are():
    steps = torch.tensor([3.0, 0.5, 3.1 / MAX_STEP_RATIO])
    assert within_span(steps) is steps
    narrower = within_span(torch.tensor([3.0, 0.5, 3.0 / MAX_STEP_RATIO]))
    assert narrower.tolist() == [3.0, 0.5, 3.0 / 1024]


def test_the_finest_step_stays_whole_where_the_coarsest_would_be_too_large():
    assert finest(np.array([[2.0, 0.5]])) == SMALLEST_STEP / 0.5
    for widest in (2.0**15, 39_300.0, 2.0**17):
        factor = finest(np.array([[widest], [1.0]]))
        assert factor == int(factor) >= 15
        assert factor * widest <= LARGEST_STEP
