"""What is solved and not trained: PCA of rounded latents, also with gaps; the last layer anew."""

import copy

import numpy as np
import pytest
import torch

from narrows.training.closed_form.pca import components_of_known, principal_components

pytest.importorskip("torch", reason="training needs torch; extra train")

from torch import nn

import narrows
from narrows.codec.encoding.requests import Request
from narrows.evaluation.metrics import evaluate
from narrows.training import train as training
from narrows.training.architectures import Autoencoder, Scaling
from narrows.training.closed_form.linear_start import start_linear
from narrows.training.closed_form.pca import estimates, fit_linear
from narrows.training.closed_form.refit import MIN_FRAMES_PER_FEATURE, refit_last_layer
from narrows.training.closed_form.steps import MAX_STEP_RATIO, within_span
from narrows.training.data.frames import scaled
from narrows.training.data.scaling import scaling_of
from narrows.training.freeze.latents import LARGEST_STEP, SMALLEST_STEP, finest
from narrows.training.plan import plan_of
from narrows.training.train import build_networks


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


def both(x, latent_size, bits):
    """Return a dense autoencoder that began as PCA, PCA itself, and the scaled signals."""
    plan = plan_of({"latent_size": latent_size, "architecture": "dense"}, x.shape, x.dtype)
    scaling = scaling_of(x, "mse")
    frames = scaled(x, scaling)
    model = Autoencoder(*build_networks(x.shape[1:], plan), scaling, 4.0).eval()
    start_linear(model, frames, bits)
    return model, fit_linear(frames, latent_size, [bits], scaling), frames


@torch.no_grad()
@pytest.mark.parametrize("latent_size", [1, 7, 32])
def test_it_begins_as_pca(digits, latent_size):
    model, pca, frames = both(digits, latent_size, 3.0 * latent_size)
    torch.testing.assert_close(model.latents(frames), pca.latents(frames), rtol=1e-3, atol=1e-3)
    # PCA shrinks its rounded latents a little; here training has yet to learn that.
    y = pca.latents(frames)
    torch.testing.assert_close(model.output(y), pca.output(y), rtol=0.1, atol=0.1)


@torch.no_grad()
def test_layers_have_pairs_of_units_for_many_latents_too():
    x = np.random.default_rng(0).normal(size=(600, 300)).astype(np.float32)
    model, _, frames = both(x, 200, 400.0)
    latents = model.latents(frames)
    assert (latents.std(0) > 0.1).all()
    assert torch.isfinite(model.output(latents)).all()


def test_training_is_ahead_of_random_weights(digits, monkeypatch):
    def after_ten_epochs():
        codec = narrows.train(digits, latent_size=8, epochs=10, architecture="dense", lambda_=60.0)
        return codec.model.training["history"][-1]["val_loss"]

    began_as_pca = after_ten_epochs()
    monkeypatch.setattr(training, "start_linear", lambda *_: None)
    assert began_as_pca < 0.95 * after_ten_epochs()


def test_cross_entropy_and_presets_begin_as_usual():
    shape, dtype = (90, 8, 8), np.uint8
    assert plan_of({}, shape, dtype).starts_linear
    for asked in ({"loss": "bce"}, {"preset": "dense-25"}, {"architecture": "conv"}):
        assert not plan_of(asked, shape, dtype).starts_linear
    assert not plan_of({"architecture": "dense"}, shape, dtype, own_networks=True).starts_linear


SIZE, LATENTS, FEATURES = 6, 3, 8
REALS = Scaling(0.0, 1.0, 0.0, 1.0, -float("inf"), float("inf"), 1.0, integer=False)


def autoencoder(*ending, scaling=REALS):
    """An untrained autoencoder whose decoder ends in the given modules."""
    torch.manual_seed(0)
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(SIZE, LATENTS))
    hidden = nn.Sequential(nn.Linear(LATENTS, FEATURES), nn.LeakyReLU(1 / 8))
    return Autoencoder(encoder, nn.Sequential(hidden, *ending), scaling, 4.0).eval()


def signals(n, seed=1):
    return torch.randn(n, SIZE, generator=torch.Generator().manual_seed(seed))


def test_a_fit_is_that_of_least_squares_on_rounded_latents():
    model = autoencoder(nn.Linear(FEATURES, SIZE))
    x, unseen = signals(4000), signals(500, seed=2)
    before = model.squared_error(unseen)
    assert refit_last_layer(model, x, unseen)
    with torch.no_grad():
        y = torch.round(model.latents(x)) / model.latent_scale
        features = nn.functional.pad(model.decoder[0](y), (0, 1), value=1.0).double()
        best = torch.linalg.lstsq(features, x.double()).solution
        least = float((features @ best - x).square().sum())
    assert least <= model.squared_error(x) < 1.001 * least
    assert model.squared_error(unseen) < 0.9 * before


def test_a_fit_that_is_no_better_on_held_out_frames_is_not_kept():
    model = autoencoder(nn.Linear(FEATURES, SIZE))
    assert refit_last_layer(model, signals(4000), signals(4000))
    kept = copy.deepcopy(model.state_dict())
    opposite = -signals(4000) * 3 + 5  # what would be good for these is bad for the others
    assert not refit_last_layer(model, opposite, signals(4000))
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, kept[name])


def test_changes_of_shape_after_the_layer_do_not_matter():
    model = autoencoder(nn.Linear(FEATURES, SIZE), nn.Unflatten(1, (2, 3)))
    x = signals(1000).reshape(-1, 2, 3)
    assert refit_last_layer(model, x, x)


@pytest.mark.parametrize(
    "ending",
    [
        [nn.Linear(FEATURES, SIZE), nn.Sigmoid()],
        [nn.Linear(FEATURES, SIZE, bias=False)],
        [nn.Unflatten(1, (1, FEATURES)), nn.Conv1d(1, 1, 3), nn.Flatten()],
    ],
    ids=["sigmoid", "no bias", "convolution"],
)
def test_decoders_that_end_otherwise_are_left_alone(ending):
    model = autoencoder(*ending)
    kept = copy.deepcopy(model.state_dict())
    assert not refit_last_layer(model, signals(1000), signals(100))
    assert all(torch.equal(tensor, kept[name]) for name, tensor in model.state_dict().items())


def test_too_few_frames_to_tell_change_nothing():
    model = autoencoder(nn.Linear(FEATURES, SIZE))
    few = MIN_FRAMES_PER_FEATURE * FEATURES - 1
    assert not refit_last_layer(model, signals(few), signals(few, seed=2))
    assert refit_last_layer(model, signals(few + 1), signals(few + 1))


def test_outputs_that_decoding_clips_to_what_is_meant_are_no_error():
    grey = Scaling(0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 1.0, integer=False)
    model = autoencoder(nn.Linear(FEATURES, SIZE), scaling=grey)
    x = (signals(2000) > 0).float()
    with torch.no_grad():
        model.decoder[1].weight.zero_()
        model.decoder[1].bias.fill_(-3.0)  # all black: right wherever x is 0
    assert refit_last_layer(model, x, x)
    assert model.squared_error(x) < float(x.square().sum())


def test_every_quality_has_its_part():
    model = autoencoder(nn.Linear(FEATURES, SIZE))
    gains = torch.tensor([[1.0] * LATENTS, [4.0] * LATENTS]).log()
    several = Autoencoder(model.encoder, model.decoder, REALS, 4.0, gains, -gains).eval()
    x = signals(4096)
    before = [several.squared_error(x, quality) for quality in (0, 1)]
    assert refit_last_layer(several, x, x)
    assert all(several.squared_error(x, quality) < before[quality] for quality in (0, 1))


def share_kept(x, components):
    """Return the share of the variance of `(n, size)` rows that components keep."""
    centred = x - x.mean(0)
    kept = centred @ components.T
    return float(kept.square().sum() / centred.square().sum())


def test_gaps_do_not_turn_the_components():
    generator = torch.Generator().manual_seed(0)
    basis = torch.linalg.qr(torch.randn(20, 2, generator=generator)).Q.T
    x = torch.randn(2000, 2, generator=generator) @ basis * torch.tensor([[3.0]]) + 1.0
    gone = torch.rand(x.shape, generator=generator) < 0.3
    filled = torch.where(gone, 10.0, x)  # nothing like what is there
    _, naive = principal_components(filled, 2)
    mean, found = components_of_known(filled, 2, gone)
    assert share_kept(x, naive) < 0.9
    assert share_kept(x, found) > 0.99
    assert float((mean - x.mean(0)).abs().max()) < 0.5 * float((filled.mean(0) - x.mean(0)).max())


def test_without_gaps_they_are_the_same():
    x = torch.from_numpy(np.random.default_rng(0).normal(size=(50, 6)).astype("float32"))
    for found, plain in zip(
        components_of_known(x, 3, None), principal_components(x, 3), strict=True
    ):
        assert torch.equal(found, plain)
