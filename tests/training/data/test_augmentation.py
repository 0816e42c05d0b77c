"""What training makes of its signals: pictures shifted by a pixel, and mixtures of others."""

import pytest

pytest.importorskip("torch", reason="training needs torch; extra train")

import numpy as np
import torch

import narrows
from narrows.codec.model.groups import ENCODED
from narrows.training.choices import FEW_SIGNALS, MIXTURES_BATCH, MIXTURES_EPOCHS, MIXTURES_RATE
from narrows.training.data.augmentation import (
    SHIFTS,
    augmentation_for,
    mixed,
    n_real,
    shifted,
    unchanged,
)
from narrows.training.plan import MIN_EPOCHS_SHIFTED, plan_of


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 3)])
def test_each_picture_is_one_of_its_nine_neighbours_with_its_edge_repeated(shape):
    x = torch.randn(200, *shape, generator=seeded())
    flat = x.reshape(200, 5, 7, -1)
    rows = [torch.arange(down - 1, down + 4).clamp(0, 4) for down, _ in SHIFTS]
    columns = [torch.arange(right - 1, right + 6).clamp(0, 6) for _, right in SHIFTS]
    possible = torch.stack([flat[:, r][:, :, c] for r, c in zip(rows, columns, strict=True)])
    result = shifted(x, seeded(1))
    assert result.shape == x.shape
    same = (possible.reshape(9, 200, *shape) == result).flatten(2).all(2)
    assert (same.sum(0) == 1).all()
    assert (same.sum(1) > 5).all()


def test_the_same_generator_gives_the_same_shifts():
    x = torch.randn(50, 5, 7, generator=seeded())
    assert torch.equal(shifted(x, seeded(3)), shifted(x, seeded(3)))
    assert not torch.equal(shifted(x, seeded(3)), shifted(x, seeded(4)))


@pytest.mark.parametrize(
    ("architecture", "epochs", "augment", "frame_shape", "expected"),
    [
        ("conv", MIN_EPOCHS_SHIFTED, True, (28, 28), True),
        ("conv", MIN_EPOCHS_SHIFTED, True, (28, 28, 3), True),
        ("conv", MIN_EPOCHS_SHIFTED - 1, True, (28, 28), False),
        ("conv", MIN_EPOCHS_SHIFTED, False, (28, 28), False),
        ("dense", MIN_EPOCHS_SHIFTED, True, (28, 28), False),
        ("conv", MIN_EPOCHS_SHIFTED, True, (256, 2), False),
        ("conv", MIN_EPOCHS_SHIFTED, True, (8, 8, 8), False),
        ("conv", MIN_EPOCHS_SHIFTED, True, (8, 28), False),
    ],
)
def test_only_long_runs_of_convolutions_over_pictures_shift(
    architecture, epochs, augment, frame_shape, expected
):
    asked = {"architecture": architecture, "epochs": epochs, "augment": augment}
    plan = plan_of(asked, (1000, *frame_shape), np.uint8)
    found = augmentation_for(plan, torch.zeros(2, *frame_shape))
    assert found is (shifted if expected else unchanged)


def test_pictures_are_shifted_unless_told_otherwise(digits):
    settings = {"architecture": "conv", "latent_size": 4, "batch_size": 32}
    settings["epochs"] = MIN_EPOCHS_SHIFTED
    small, digits = digits[:80], np.kron(digits[:80], np.ones((1, 2, 2), np.uint8))
    ids = {narrows.train(digits[:80], **settings, augment=a).model_id for a in (True, False)}
    assert len(ids) == 2
    alike = [narrows.train(small, **settings, augment=a) for a in (True, False)]  # 8 x 8
    assert (
        alike[0].model.training["history"][-1]["loss"]
        == (alike[1].model.training["history"][-1]["loss"])
    )
    settings["epochs"] = MIN_EPOCHS_SHIFTED - 1
    shown = [narrows.train(digits[:80], **settings, augment=a) for a in (True, False)]
    assert [c.model.training["history"][-1]["loss"] for c in shown] == [
        shown[0].model.training["history"][-1]["loss"]
    ] * 2


def test_mixtures_have_the_mean_and_the_directions_of_the_signals():
    mean = torch.tensor([5.0, -3.0, 1.0, 0.0])
    spread = torch.tensor([4.0, 2.0, 1.0, 0.0])  # along three axes; nothing along the fourth
    x = mean + spread * torch.randn(4096, 4, generator=seeded())
    result = mixed(x.mean(0), x, seeded(1))
    assert torch.equal(result[:512], x[:512])
    mixtures = result[512:]
    assert not (mixtures[:, None] == x[None, :64]).all(2).any()
    assert torch.allclose(mixtures.mean(0), mean, atol=0.3)
    assert (mixtures[:, 3] == 0).all()
    deviation = (mixtures - mean).square().mean(0).sqrt()[:3]
    assert torch.allclose(deviation / deviation[0], spread[:3] / spread[0], rtol=0.1)


def test_most_of_a_mixture_is_a_few_signals():
    x = torch.eye(128)  # the weights themselves
    weights = mixed(torch.zeros(128), x, seeded())[n_real(128) :]
    shares = weights.square() / weights.square().sum(1, keepdim=True)
    effective = 1.0 / shares.square().sum(1)
    assert 1.0 < effective.median() < 3.0
    assert 0.4 < (weights[weights.abs() > 0.1] > 0).float().mean() < 0.6


@pytest.mark.parametrize(
    ("settings", "n_signals", "dtype", "own_networks", "expected"),
    [
        ({}, FEW_SIGNALS - 1, "float32", False, True),
        ({}, FEW_SIGNALS, "float32", False, False),
        ({}, 1000, "uint8", False, False),
        ({"augment": False}, 1000, "float32", False, False),
        ({"architecture": "conv"}, 1000, "float32", False, False),
        ({}, 1000, "float32", True, False),
        ({"architecture": "auto"}, 1000, "float32", True, False),
        ({"loss": "bce"}, 1000, "float32", False, False),
        ({"preset": "dense-25", "architecture": "auto"}, 1000, "float32", False, False),
    ],
)
def test_few_signals_of_networks_that_begin_as_pca_are_mixed(
    settings, n_signals, dtype, own_networks, expected
):
    asked, shape = {"architecture": "dense", **settings}, (n_signals, 64)
    plan = plan_of(asked, shape, dtype, own_networks=own_networks)
    assert plan.mixes is expected


@pytest.mark.parametrize(
    ("given", "shape", "mixable", "expected"),
    [
        ({}, (900, 512), True, (128, 0.8)),
        ({}, (900, 160), True, (80, 1.28)),
        ({}, (900, 40), True, (32, 3.2)),
        ({}, (900, 512), False, (32, 3.2)),
        ({}, (FEW_SIGNALS, 512), True, (32, 3.2)),
        ({}, (9000, 64, 64), True, (32, 3.2)),  # pictures
        ({"qualities": 8}, (900, 512), True, (128, 1.2)),
        ({"qualities": 8}, (900, 40), True, (32, 2.4)),
        ({"latent_size": 8}, (900, 512), True, (8, 3.2)),
        ({"bits_per_latent": 2.0}, (900, 512), True, (32, 2.0)),
        ({"augment": False}, (900, 512), True, (32, 3.2)),
    ],
)
def test_where_signals_are_mixed_as_many_bits_are_spread_over_more_latents(
    given, shape, mixable, expected
):
    plan = plan_of(given, shape, np.int16 if mixable else np.uint8)
    assert (plan.latent_size, plan.bits_per_latent) == expected


@pytest.mark.parametrize("architecture", ["auto", "dense"])
@pytest.mark.parametrize(("qualities", "expected"), [(1, 32), (2, 64)])
def test_networks_of_ones_own_keep_their_latents(qualities, expected, architecture):
    x = np.random.default_rng(0).random((200, 160), np.float32)
    own = {"encoder": torch.nn.Linear(160, expected), "decoder": torch.nn.Linear(expected, 160)}
    codec = narrows.train(x, **own, epochs=1, qualities=qualities, architecture=architecture)
    assert (codec.model.groups[ENCODED], codec.model.training["plan"]["mixes"]) == (expected, False)


def test_mixtures_are_learned_from_slowly_and_in_large_batches():
    def plan(n_train, dtype):
        return plan_of({}, (n_train, 64), dtype, has_validation=True)

    of_mixtures = plan(2000, np.int16)
    assert (of_mixtures.batch_size, of_mixtures.epochs) == (MIXTURES_BATCH, MIXTURES_EPOCHS)
    assert of_mixtures.learning_rate == MIXTURES_RATE
    assert plan(60, np.int16).batch_size == 60
    usual = plan(2000, np.uint8)
    assert (usual.batch_size, usual.epochs, usual.mixes) == (32, 194, False)


@pytest.mark.parametrize("dtype", [np.float32, np.int16, np.uint8])
@pytest.mark.parametrize("qualities", [1, 3])
def test_signals_are_mixed_unless_told_otherwise_or_of_bytes(dtype, qualities):
    x = (np.random.default_rng(0).random((200, 6)) * 200).astype(dtype)
    given = {"latent_size": 3, "epochs": 2, "qualities": qualities, "bits_per_latent": 3.0}
    codecs = [narrows.train(x, **given, augment=augment) for augment in (True, False)]
    plans = [codec.model.training["plan"]["mixes"] for codec in codecs]
    assert plans == [dtype != np.uint8, False]
    assert (codecs[0].model_id == codecs[1].model_id) is (dtype == np.uint8)


def test_a_network_for_few_signals_carries_over_to_others_as_pca_does():
    """Smooth signals of 100 frames; others have the same spectrum, and other phases."""
    rng = np.random.default_rng(0)
    t = np.arange(32) / 32
    amplitudes = 1.0 / (1 + np.arange(6))

    def draw(n, lag):
        phases = lag + rng.normal(0, 0.5, (n, 6, 1))
        waves = np.sin(2 * np.pi * np.arange(1, 7)[:, None] * t + phases)
        return (amplitudes[:, None] * waves).sum(1).astype(np.float32)

    x, others = draw(200, 0.0), draw(500, 1.5)

    def error(augment):
        codec = narrows.train(
            x, latent_size=12, bits_per_latent=4.0, lambda_=3000.0, epochs=200, augment=augment
        )
        back = codec.decompress(codec.compress(others, effort=0))
        return float(np.square(back - others).mean())

    assert error(True) < 0.8 * error(False)
