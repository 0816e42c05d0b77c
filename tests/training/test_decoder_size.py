"""Decoders of pictures in three sizes: what the plan takes, and what each is worth."""

import re

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs torch; extra train")

import torch
from torch import nn

import narrows
from narrows.cli.described_models import describe_model, print_model
from narrows.codec.codec import Codec
from narrows.codec.networks.backend import NUMPY
from narrows.errors import SettingError
from narrows.training import decoder_size
from narrows.training.architectures import DECODERS, conv
from narrows.training.architectures.layers import GatheringConv2d, SpreadingConv2d
from narrows.training.plan import plan_of
from narrows.training.settings import SETTINGS
from readers.python import narrows_reader

PICTURES = (60_000, 28, 28)
SIZES = ("small", "default", "large")


def planned(shape=PICTURES, dtype=np.uint8, own_networks=False, **settings):
    return plan_of(settings, shape, dtype, own_networks=own_networks)


def n_weights(module):
    return sum(p.numel() for p in module.parameters())


def pictures(n, shape=(16, 16)):
    rng = np.random.default_rng(5)
    x = np.cumsum(np.cumsum(rng.normal(size=(n, *shape)), axis=1), axis=2) * 6 + 128
    return np.clip(x, 0, 255).astype(np.uint8)


def test_the_sizes_are_those_of_the_setting():
    assert tuple(DECODERS) == SETTINGS["decoder"].choices == SIZES


def test_the_plan_takes_the_usual_one_unless_the_signals_that_are_expected_are_few():
    few = decoder_size.MAX_SIGNALS_OF_SMALL
    found = {n: planned(expected_signals=n).decoder for n in (1, few, few + 1, 10**9)}
    assert [*found.values()] == ["small", "small", "default", "default"]
    assert planned(expected_signals=few).why("decoder") == f"for {few:,} signals"
    assert (planned().decoder, planned().why("decoder")) == ("default", "the default")


def test_networks_of_many_qualities_have_the_large_one():
    assert planned(qualities=3).decoder == "default"
    assert planned(qualities=4, expected_signals=10).decoder == "large"
    assert planned(qualities=4).why("decoder") == "for 4 qualities"


@pytest.mark.parametrize("shape", [(31, 31), (31, 31, 3), (16, 20)])
def test_large_pictures_have_the_large_one(shape):
    assert planned((9000, *shape)).decoder == "default"
    for larger in ((32, *shape[1:]), (shape[0], 32, *shape[2:])):
        plan = planned((9000, *larger), expected_signals=10)
        assert (plan.decoder, plan.why("decoder")) == ("large", "for pictures of more than 31 x 31")
        assert planned((9000, *larger), decoder="small").decoder == "small"


def test_smaller_ones_make_more_updates_in_less_time():
    large, usual, small = (planned(decoder=size).epochs for size in ("large", "default", "small"))
    assert (large, usual, small) == (30, 36, 36)


def test_what_is_asked_for_stands():
    for size in SIZES:
        plan = planned(decoder=size, expected_signals=10)
        assert (plan.decoder, plan.why("decoder")) == (size, "given")
        assert plan.as_json()["decoder"] == plan.settings_as_json()["decoder"] == size
        assert f"{size} decoder" in " ".join(plan.lines())


def test_networks_that_have_one_size_have_the_large_one():
    for shape, settings in (((500, 64), {}), (PICTURES, {"architecture": "dense"}),
                            ((9000, 256), {"architecture": "conv"})):  # fmt: skip
        plan = planned(shape, **settings)
        assert (plan.decoder, plan.settings["decoder"]) == ("large", None)
        assert "decoder" not in " ".join(plan.lines())
    assert planned(own_networks=True).decoder == "large"


@pytest.mark.parametrize(
    ("shape", "settings", "message"),
    [
        (
            PICTURES,
            {"decoder": "tiny"},
            "unknown decoder 'tiny'; accepted are small, default, large",
        ),
        (PICTURES, {"decoder": 3}, "unknown decoder 3; accepted are small, default, large"),
        (PICTURES, {"decoder": "small", "architecture": "dense"}, "dense networks .* leave it out"),
        ((500, 64), {"decoder": "small"}, "for dense networks and frames of 64; .* leave it out"),
        (PICTURES, {"decoder": "small", "preset": "dense-32"}, "preset dense-32, which has one"),
    ],
)
def test_a_size_that_there_is_not_is_refused(shape, settings, message):
    with pytest.raises(SettingError, match=message) as refused:
        planned(shape, **settings)
    assert "\n" not in str(refused.value)


def test_an_encoder_of_ones_own_needs_a_decoder_and_not_a_size():
    with pytest.raises(SettingError, match="give both"):
        narrows.train(pictures(20), encoder=nn.Flatten(), decoder="small")
    with pytest.raises(SettingError, match="give both"):
        narrows.train(pictures(20), decoder=nn.Flatten())


@pytest.mark.parametrize("shape", [(28, 28), (17, 33), (64, 64), (31, 29, 3), (16, 5), (40, 200)])
def test_smaller_ones_have_fewer_weights_and_the_same_output(shape):
    found = {}
    for size in SIZES:
        generator = torch.Generator().manual_seed(0)
        encoder, decoder = conv(shape, 8, generator, sigmoid_output=False, decoder=size)
        assert decoder(torch.zeros(2, 8)).shape == (2, *shape)
        assert encoder(torch.zeros(2, *shape)).shape == (2, 8)
        found[size] = n_weights(decoder), n_weights(encoder)
    assert found["small"][0] < found["default"][0] < found["large"][0]
    assert found["small"][1] == found["default"][1] <= found["large"][1]


@pytest.mark.parametrize(
    ("kind", "usual"),
    [(GatheringConv2d, nn.Conv2d), (SpreadingConv2d, nn.ConvTranspose2d)],
)
@pytest.mark.parametrize("channels", [(5, 3), (16, 1)])
def test_what_does_not_overlap_is_the_convolution_of_its_weights(kind, usual, channels):
    layer, x = kind(*channels, 2, 2), torch.randn(4, channels[0], 6, 10)
    expected = usual.forward(layer, x)
    torch.testing.assert_close(layer(x), expected)
    given = torch.autograd.grad(layer(x).square().sum(), list(layer.parameters()))
    wanted = torch.autograd.grad(expected.square().sum(), list(layer.parameters()))
    torch.testing.assert_close(given, wanted, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("shape", [(16, 16), (17, 18)])
def test_a_small_decoder_is_frozen_to_what_it_was_and_computed_alike_everywhere(
    shape, tmp_path, capsys
):
    x = pictures(300, shape)
    codec = narrows.train(x, latent_size=6, architecture="conv", decoder="small", epochs=3)
    assert codec.model.training["plan"]["decoder"] == "small"
    codec.save(tmp_path / "m.narrows")
    print_model("m.narrows", describe_model(str(tmp_path / "m.narrows")))
    assert re.search("decoder +small, given", capsys.readouterr().out)
    assert abs(codec.model.training["freezing_loss_db"]) <= 0.05
    blob = codec.compress(x[:40])
    decoded = Codec(codec.model, NUMPY).decompress(blob)
    assert np.array_equal(codec.decompress(blob), decoded)  # by compiled code, where it is built
    assert np.array_equal(narrows_reader.read_archive(blob, codec.model_bytes), decoded)


def test_a_run_goes_on_with_the_decoder_that_it_has(tmp_path):
    x, checkpoint = pictures(120), tmp_path / "c"
    settings = {"latent_size": 3, "architecture": "conv", "epochs": 3, "checkpoint": checkpoint}
    whole = narrows.train(x, decoder="small", **settings)
    with pytest.raises(SettingError, match="decoder was small and is default"):
        narrows.train(x, resume=True, **settings)
    assert narrows.train(x, decoder="small", resume=True, **settings).model_id == whole.model_id
