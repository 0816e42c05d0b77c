"""Dense networks that begin as PCA."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs torch; extra train")

import torch

import narrows
from narrows.training import train as training
from narrows.training.architectures import Autoencoder
from narrows.training.closed_form.linear_start import start_linear
from narrows.training.closed_form.pca import fit_linear
from narrows.training.data.frames import scaled
from narrows.training.data.scaling import scaling_of
from narrows.training.plan import plan_of
from narrows.training.train import build_networks


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
