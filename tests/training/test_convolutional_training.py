"""Convolutional autoencoders: any frame size, and integers that do what the floats did."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs torch; extra train")

import torch
from torch import nn

import narrows
from narrows.errors import SettingError
from narrows.evaluation.metrics import evaluate
from narrows.training.architectures import FromChannels, ToChannels, conv
from narrows.training.architectures.conv import spatial_and_channels, stages
from narrows.training.architectures.layers import DoublingConv2d, HalvingConv2d


def smooth(n, shape, dtype):
    rng = np.random.default_rng(3)
    x = np.cumsum(rng.normal(size=(n, *shape)), axis=1) * 10 + 100
    return np.clip(x, 0, 255).astype(dtype) if dtype == "uint8" else x.astype(dtype)


@pytest.mark.parametrize(
    "shape",
    [
        (28, 28),
        (8, 8),
        (256, 2),
        (256,),
        (17, 33),
        (9, 10, 11),
        (31, 29, 3),
        (2,),
        (64, 7),
        (5, 40),
    ],
)
@pytest.mark.parametrize("sigmoid", [False, True])
def test_the_output_has_the_shape_of_the_input(shape, sigmoid):
    encoder, decoder = conv(shape, 3, torch.Generator(), sigmoid_output=sigmoid)
    y = encoder(torch.zeros(2, *shape))
    assert y.shape == (2, 3)
    assert decoder(y).shape == (2, *shape)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((28, 28), (28, 28, 1)), ((256, 2), (256, 2)), ((40,), (40, 1)), ((8, 9, 3), (8, 9, 3)),
     ((8, 9, 10), (8, 9, 10, 1)), ((8, 9, 10, 2), (8, 9, 10, 2))],
)  # fmt: skip
def test_a_short_last_axis_is_taken_for_channels(shape, expected):
    assert spatial_and_channels(shape) == expected


@pytest.mark.parametrize("shape", [(1,), (1, 1), (3, 4, 5, 6), (2, 3, 4, 5, 6)])
def test_frames_without_an_axis_to_slide_over_are_refused(shape):
    with pytest.raises(SettingError, match="take dense"):
        conv(shape, 1, torch.Generator(), sigmoid_output=False)


def test_stages_go_down_to_a_few_positions():
    planned = stages((28, 28), 1)
    assert [s.narrow for s in planned] == [(14, 14), (7, 7)]
    assert [s.channels for s in planned] == [(1, 16), (16, 48)]
    assert [s.narrow for s in stages((5, 100), 1)] == [(2, 50), (2, 25), (2, 12), (2, 6)]
    assert [s.channels for s in stages((28, 28), 1, width=1.5)] == [(1, 24), (24, 72)]


@pytest.mark.parametrize("spatial", [(28, 28), (2, 1), (40,), (9, 5, 1)])
def test_a_refinement_begins_as_the_identity(spatial):
    stage = stages(spatial, 1)[0]
    x = torch.randn(3, stage.channels[1], *stage.narrow, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(stage.refining(torch.Generator())(x), x, atol=1e-6)


@pytest.mark.parametrize("size", [(12, 20), (2, 2), (13, 20), (12, 7)])
@pytest.mark.parametrize("channels", [(1, 8), (3, 5)])
def test_halving_is_the_convolution_of_its_weights(size, channels):
    layer, x = HalvingConv2d(*channels, 6, 2, 2), torch.randn(4, channels[0], *size)
    expected = nn.Conv2d.forward(layer, x)
    torch.testing.assert_close(layer(x), expected)
    given = torch.autograd.grad(layer(x).square().sum(), list(layer.parameters()))
    wanted = torch.autograd.grad(expected.square().sum(), list(layer.parameters()))
    torch.testing.assert_close(given, wanted, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("missing", [(0, 0), (1, 0)])
def test_doubling_is_the_transposed_convolution_of_its_weights(missing):
    layer, x = DoublingConv2d(5, 3, 6, 2, 2, missing), torch.randn(4, 5, 6, 10)
    expected = nn.ConvTranspose2d.forward(layer, x)
    assert expected.shape[2:] == (12 + missing[0], 20 + missing[1])
    torch.testing.assert_close(layer(x), expected)
    given = torch.autograd.grad(layer(x).square().sum(), list(layer.parameters()))
    wanted = torch.autograd.grad(expected.square().sum(), list(layer.parameters()))
    torch.testing.assert_close(given, wanted, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [((16, 2), "int16"), ((40,), "float32"), ((6, 5, 4), "float64"), ((11, 13), "uint8"),
     ((8, 6, 3), "uint8")],
)  # fmt: skip
def test_a_convolutional_model_freezes_to_what_it_was(shape, dtype):
    x = smooth(200, shape, dtype)
    codec = narrows.train(x, latent_size=4, architecture="conv", epochs=2)
    assert codec.model.architecture == "conv"
    assert abs(codec.model.training["freezing_loss_db"]) <= 0.05
    kinds = [layer.kind for layer in (*codec.model.encoder.layers, *codec.model.decoder.layers)]
    assert {"conv", "transposed_conv"} <= set(kinds)
    blob = codec.compress(x[:20])
    assert codec.decompress(blob).shape == x[:20].shape
    loaded = narrows.Codec.from_bytes(codec.model_bytes)
    assert np.array_equal(loaded.decompress(blob), codec.decompress(blob))


def test_a_convolutional_model_learns(digits):
    codec = narrows.train(digits[:1400], latent_size=8, architecture="conv", epochs=8)
    assert evaluate(codec, digits[1400:]).psnr > 16.0  # the mean digit alone gives 10.8 dB


def own(*between):
    encoder = nn.Sequential(
        ToChannels((8, 8, 1)), nn.Conv2d(1, 3, 3, 2, 1), nn.ReLU(), *between, nn.Linear(48, 5)
    )
    decoder = nn.Sequential(nn.Linear(5, 64), nn.Unflatten(1, (8, 8)))
    return encoder, decoder


def test_convolutions_of_one_s_own_freeze(digits):
    encoder, decoder = own(FromChannels((48,)))
    codec = narrows.train(digits[:300], latent_size=5, encoder=encoder, decoder=decoder, epochs=1)
    assert codec.model.training["freezing_loss_db"] <= 0.05


def test_axes_in_another_order_are_refused_and_not_mixed_up(digits):
    encoder, decoder = own(nn.Flatten())
    with pytest.raises(SettingError, match="FromChannels"):
        narrows.train(digits[:100], latent_size=5, encoder=encoder, decoder=decoder, epochs=1)


@pytest.mark.parametrize(
    "convolution",
    [nn.Conv2d(1, 3, 3, 2, 1, padding_mode="reflect"), nn.Conv2d(1, 3, 3, 2, 2, dilation=2),
     nn.Conv2d(1, 3, 5, padding="same")],
)  # fmt: skip
def test_convolutions_that_the_runtime_has_not_are_refused(digits, convolution):
    size = nn.Flatten()(convolution(torch.zeros(1, 1, 8, 8))).shape[1]
    encoder = nn.Sequential(
        ToChannels((8, 8, 1)), convolution, FromChannels((size,)), nn.Linear(size, 5)
    )
    decoder = own()[1]
    with pytest.raises(SettingError, match="groups and dilation"):
        narrows.train(digits[:100], latent_size=5, encoder=encoder, decoder=decoder, epochs=1)
