"""The last layer of a decoder, fitted anew to rounded latents."""

import copy

import pytest

pytest.importorskip("torch", reason="training needs torch; extra train")

import torch
from torch import nn

from narrows.training.architectures import Autoencoder, Scaling
from narrows.training.closed_form.refit import MIN_FRAMES_PER_FEATURE, refit_last_layer

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
