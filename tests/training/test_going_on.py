"""A finished model is trained further: what it gives at first, what it decides, what it refuses."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs torch; extra train")

import torch
from torch import nn

import narrows
from narrows.cli.described_models import describe_model, print_model
from narrows.codec.codec import Codec
from narrows.errors import DataError, SettingError
from narrows.training.data.frames import scaled
from narrows.training.data.scaling import Channels, scaling_like
from narrows.training.freeze import Thawed
from tests.helpers.tiny_models import refusing, tiny_conv_model, tiny_model, typical_frames

RNG = np.random.default_rng(3)
SHORT = {"epochs": 2, "batch_size": 32}


def pictures(n, *shape):
    """Return smooth pictures, `(n, *shape)` uint8."""
    rough = RNG.normal(size=(n, *shape))
    smooth = np.cumsum(np.cumsum(rough, axis=1), axis=2) * 6 + 128
    return np.clip(smooth, 0, 255).astype(np.uint8)


def recordings(n, length, scales):
    """Return windows of channels with scales of their own, `(n, length, channels)` float32."""
    walks = RNG.normal(size=(n, length, len(scales))).cumsum(axis=1)
    return (walks * scales + 7).astype(np.float32)


def networks_of_ones_own():
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(64, 24), nn.ReLU(), nn.Linear(24, 5))
    decoder = nn.Sequential(nn.Linear(5, 24), nn.ReLU(), nn.Linear(24, 64), nn.Unflatten(1, (8, 8)))
    return {"encoder": encoder, "decoder": decoder}


KINDS = {
    "dense": (lambda: pictures(150, 8, 8), {"architecture": "dense"}),
    "an odd decoder of pictures": (
        lambda: pictures(120, 17, 16), {"architecture": "conv", "decoder": "small"}),
    "pictures in colour, of three qualities": (
        lambda: pictures(100, 16, 16, 3), {"architecture": "conv", "qualities": 3}),
    "leads": (
        lambda: recordings(100, 40, [1, 30]), {"architecture": "conv", "aim": "snr:14"}),
    "leads that count by weights": (
        lambda: recordings(100, 12, [1, 30, 4]),
        {"architecture": "dense", "weights": "1,3,1", "channels": "last"}),
    "volumes": (
        lambda: recordings(60, 8, [1] * 8).reshape(60, 8, 4, 2, 1), {"architecture": "conv"}),
    "integers of 16 bits": (
        lambda: recordings(100, 24, [900]).round().astype(np.int16), {"architecture": "dense"}),
    "networks of one's own": (lambda: pictures(150, 8, 8), networks_of_ones_own()),
}  # fmt: skip


@pytest.fixture(scope="module", params=KINDS)
def kind(request):
    """A codec of each kind, and signals like those that it learnt."""
    make, settings = KINDS[request.param]
    x = make()
    latents = {} if {"encoder", "aim"} & settings.keys() else {"latent_size": 6}
    return narrows.train(x[:-30], **settings, **latents, **SHORT), x


def test_the_float_networks_give_what_the_model_gives(kind):
    codec, x = kind
    model, thawed = codec.model, Thawed(codec.model)
    by_channel = Channels("last" if model.normaliser.n_channels else "none", None, x.shape[1:])
    scaling = scaling_like(x, thawed.ends, by_channel)
    networks = thawed.autoencoder(scaling, 4.0).eval()
    frames, k = scaled(x, scaling), thawed.latent_size
    weight = np.array(scaling.weight) / model.peak
    for quality in range(1, model.n_qualities + 1):
        symbols = codec.encode(x, quality, effort=0)
        symbols[:, k:] = 0  # what corrects the decoder's output is no part of it
        with torch.no_grad():
            own = torch.round(networks.latents(frames, quality - 1)).numpy()
        assert np.mean(own == symbols[:, :k]) > 0.98
        assert np.abs(own - symbols[:, :k]).max() <= 1
        errors = (codec.decode(symbols, quality).astype(np.float64) - x) * weight
        exact = 10 * np.log10(x.size / np.square(errors).sum())
        in_floats = 10 * np.log10(x.size / networks.squared_error(frames, quality - 1))
        assert in_floats == pytest.approx(exact, abs=0.1)


def test_new_units_change_nothing_but_rounding(kind):
    codec, x = kind
    thawed = Thawed(codec.model)
    by_channel = Channels(
        "last" if codec.model.normaliser.n_channels else "none", None, x.shape[1:]
    )
    ends = scaling_like(x, thawed.ends, by_channel)
    other = replace(ends, scale=ends.scale * 5.0, output_scale=ends.output_scale / 5.0)
    one, two = (thawed.autoencoder(each, 4.0).eval() for each in (ends, other))
    with torch.no_grad():
        latents = [net.latents(scaled(x, each)) for net, each in ((one, ends), (two, other))]
    assert torch.allclose(*latents, rtol=1e-3, atol=1e-3)


def test_weights_are_as_large_as_those_of_new_networks_times_one_factor(kind):
    codec, _ = kind
    thawed = Thawed(codec.model)
    networks = thawed.autoencoder(thawed.ends, 4.0)
    for network in (networks.encoder, networks.decoder):
        layers = [each for each in network if isinstance(each, nn.Linear)]
        factors = [
            float(each.weight.detach().square().mean() * each.in_features) for each in layers
        ]
        assert factors == pytest.approx([factors[0]] * len(factors), rel=1e-3)


@pytest.fixture(scope="module")
def model(digits):
    """A dense codec of digits, of 8 latents."""
    return narrows.train(digits[:700], latent_size=8, architecture="dense", **SHORT)


@pytest.fixture(scope="module")
def new(digits):
    """Other digits, darker by half."""
    return digits[900:1300] // 2


def test_training_goes_on_where_it_was(model, digits):
    still = narrows.train(digits[:700], start=model, learning_rate=1e-9, epochs=1)
    before, after = (c.model.training["reached"] for c in (model, still))
    assert after["psnr"] == pytest.approx(before["psnr"], abs=0.1)
    assert after["bytes_per_signal"] == pytest.approx(before["bytes_per_signal"], rel=0.02)
    first, last = (c.model.training["history"][-1]["lambda"] for c in (model, still))
    assert first / 1.2 < last < first * 1.2


def test_new_signals_are_learnt_faster_than_from_the_beginning(model, new):
    settings = {"validation": new[:100], **SHORT}
    anew = narrows.train(new[100:], latent_size=8, architecture="dense", **settings)
    onward = narrows.train(new[100:], start=model, **settings)
    losses = [c.model.training["history"][0]["val_loss"] for c in (anew, onward)]
    assert losses[1] < losses[0]


def test_a_model_says_which_one_it_has_gone_on_from(model, new, tmp_path, capsys):
    codec = narrows.train(new, start=model, **SHORT)
    training = codec.model.training
    assert training["started_from"] == model.model_id != codec.model_id
    assert training["settings"]["latent_size"] == codec.model.latent_size == 8
    assert training["why"]["latent_size"] == f"of model {model.model_id[:8]}"
    codec.save(tmp_path / "new.narrows")
    again = narrows.train(new, start=tmp_path / "new.narrows", **SHORT)
    assert again.model.training["started_from"] == codec.model_id
    print_model("new.narrows", describe_model(str(tmp_path / "new.narrows")))
    assert f"model {model.model_id}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"latent_size": 7}, "latent_size 7, but .* has 8"),
        ({"qualities": 3}, "qualities 3, but .* has 1"),
        ({"architecture": "conv"}, "architecture conv, but .* has dense"),
        ({"architecture": "linear"}, "architecture linear, but .* has dense"),
        ({"decoder": "small"}, "decoder small, but .* has none"),
        ({"channels": "last"}, "channels last, but .* has auto"),
        ({"weights": "1,1,1,1,1,1,1,2"}, "weights .*, but .* has none"),
        ({"preset": "dense-32"}, "preset dense-32, but .* has none"),
        ({"loss": "bce"}, "no sigmoid at its end; give mse or l1"),
        ({"aim": "snr:20,30"}, "aim snr:20,30 of each channel.*give an aim of one number"),
        (networks_of_ones_own(), "networks of your own, and model .*give one of the two"),
    ],
)
def test_what_contradicts_the_model_is_refused_before_training(model, new, asked, words):
    seen = []
    with refusing(SettingError, match=words):
        narrows.train(new, start=model, epochs=1, progress=seen.append, **asked)
    assert not seen


def test_what_the_model_has_may_be_said_again(model, new):
    asked = {"latent_size": 8, "architecture": "dense", "loss": "mse", **SHORT}
    assert narrows.train(new, start=model, **asked).model_id == (
        narrows.train(new, start=model, **SHORT).model_id
    )


def test_another_aim_takes_the_place_of_the_models(digits, new):
    aimed = narrows.train(digits[:700], architecture="dense", aim="snr:9", **SHORT)
    assert narrows.train(new, start=aimed, **SHORT).model.training["settings"]["aim"] == "snr:9"
    other = narrows.train(new, start=aimed, bits_per_latent=1.5, **SHORT)
    settings = other.model.training["settings"]
    assert (settings["aim"], settings["bits_per_latent"]) == (None, 1.5)


def test_signals_that_the_model_does_not_take_are_refused(model, new):
    with refusing(DataError, "this model takes (n, 8, 8) of uint8"):
        narrows.train(new.astype(np.float32), start=model, **SHORT)
    with refusing(DataError, "this model takes (n, 8, 8) of uint8"):
        narrows.train(new[:, 1:], start=model, **SHORT)


def without_encoder(model):
    return Codec(model.model.without_encoder())


def test_models_that_cannot_be_trained_further_are_refused_by_name(model, digits, new):
    of_preset = narrows.train(digits[:300], preset="dense-32", epochs=1)
    linear = narrows.train(digits[:300], architecture="linear", latent_size=4)
    sigmoid = narrows.train(digits[:300], latent_size=4, loss="bce", **SHORT)
    table, residual = Codec(tiny_model(activation="elu")), Codec(tiny_conv_model())
    for codec, words in [
        (without_encoder(model), "no encoder to go on with.*give the model it was exported from"),
        (of_preset, "of preset dense-32, which has no rate term.*train without --from"),
        (linear, "is linear, which is solved at once.*train a new one"),
        (sigmoid, "has a table layer in its decoder; training goes on from dense layers"),
        (table, "has a table layer in its encoder"),
        (residual, "has a residual layer in its encoder"),
    ]:
        x = new if codec not in (table, residual) else typical_frames(codec.model, 20)
        with refusing(SettingError, match=f"model {codec.model_id[:8]} .*{words}"):
            narrows.train(x, start=codec, **SHORT)


def test_a_model_without_a_summary_can_be_trained_further(model, new):
    bare = Codec(replace(model.model, training={}))
    codec = narrows.train(new, start=bare, **SHORT)
    assert codec.model.latent_size == 8
    assert codec.model.training["started_from"] == model.model_id


def test_a_resumed_run_gives_the_same_model(model, new, folder):
    from tests.helpers.interrupted import Killed, kill_at

    settings = {"start": model, "epochs": 4, "batch_size": 32, "checkpoint": folder / "c"}
    whole = narrows.train(new, **settings)
    (folder / "c").unlink()
    with pytest.raises(Killed):
        narrows.train(new, **settings, stop=kill_at(30))
    assert narrows.train(new, **settings, resume=True).model_id == whole.model_id
    with refusing(SettingError, "model that it goes on from was", "and is not given"):
        narrows.train(new, **{**settings, "start": None}, resume=True)


def test_the_aim_is_of_the_new_signals_whatever_their_mean(digits):
    bright = digits[900:1300] // 4 + 12  # about a mean that is far from the model's
    aimed = narrows.train(digits[:700], architecture="dense", aim="snr:9", **SHORT)
    reached = narrows.train(bright, start=aimed, epochs=6, batch_size=32).model.training["reached"]
    assert reached["snr"] > 8.0
