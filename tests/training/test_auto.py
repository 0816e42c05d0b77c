"""What "auto" chooses, and that it says so."""

import logging

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs torch; extra train")

from torch import nn

import narrows
from narrows.errors import TrainingError
from narrows.evaluation.report.facts import train_command
from narrows.training.plan import plan_of


@pytest.mark.parametrize(
    ("frame_shape", "n_signals", "chosen"),
    [
        ((28, 28), 60_000, "conv"),
        ((32, 32, 3), 50_000, "conv"),
        ((28, 28), 500, "dense"),  # too few
        ((8, 8), 60_000, "dense"),  # too small
        ((256, 2), 60_000, "dense"),
        ((768,), 60_000, "dense"),
        ((32, 32, 32), 60_000, "dense"),
        ((784,), 60_000, "dense"),
    ],
)
def test_many_pictures_get_convolutions(frame_shape, n_signals, chosen):
    assert plan_of({}, (n_signals, *frame_shape), np.uint8).architecture == chosen


@pytest.mark.parametrize("given", ["linear", "dense", "conv"])
def test_what_is_given_stays(given):
    plan = plan_of({"architecture": given}, (60_000, 28, 28), np.uint8)
    assert (plan.architecture, plan.why("architecture")) == (given, "given")


def test_the_choice_is_told_and_kept(digits, caplog):
    with caplog.at_level(logging.INFO, logger="narrows"):
        codec = narrows.train(digits[:200], latent_size=4, epochs=1)
    assert "architecture: dense, for 200 signals of 8 x 8" in caplog.text
    assert codec.model.architecture == "dense"
    assert codec.model.training["settings"]["architecture"] == "dense"


def test_pictures_are_trained_with_convolutions(caplog):
    x = np.random.default_rng(0).integers(0, 256, (2100, 16, 16)).astype(np.uint8)
    with caplog.at_level(logging.INFO, logger="narrows"):
        assert narrows.train(x, latent_size=2, epochs=1).model.architecture == "conv"
    assert "architecture: conv, for 2,100 signals" in caplog.text


def test_wider_networks_are_told(caplog):
    x = np.random.default_rng(0).integers(0, 256, (2100, 16, 16)).astype(np.uint8)
    with (
        caplog.at_level(logging.INFO, logger="narrows"),
        pytest.raises(TrainingError, match="stop"),
    ):
        narrows.train(x, latent_size=2, qualities=4, epochs=1, stop=lambda: True)
    assert "architecture: conv, 1.5 times as wide, for 2,100 signals" in caplog.text


def test_presets_and_networks_of_one_s_own_are_left_alone(digits):
    preset = narrows.train(digits[:200], latent_size=4, epochs=1, preset="dense-25")
    own = (
        nn.Sequential(nn.Flatten(), nn.Linear(64, 4)),
        nn.Sequential(nn.Linear(4, 64), nn.Unflatten(1, (8, 8))),
    )
    custom = narrows.train(digits[:200], latent_size=4, epochs=1, encoder=own[0], decoder=own[1])
    for codec in (preset, custom):
        assert codec.model.training["settings"]["architecture"] == "auto"
    assert "--architecture" not in train_command(
        preset.model.training["settings"], preset.model.architecture, "m.narrows"
    )


def test_nothing_is_told_where_there_is_no_choice(digits, caplog):
    with caplog.at_level(logging.INFO, logger="narrows"):
        narrows.train(digits[:200], latent_size=4, epochs=1, preset="dense-25")
        narrows.train(digits[:200], latent_size=4, architecture="linear")
    assert "architecture" not in caplog.text


@pytest.mark.parametrize("bits", [2.5, 3.0, 12.0])
def test_a_rate_that_was_missed_is_told(digits, caplog, bits):
    with caplog.at_level(logging.INFO, logger="narrows"):
        codec = narrows.train(
            digits[:300], latent_size=6, bits_per_latent=bits, architecture="dense", epochs=8
        )
    got = codec.model.training["reached"]["bytes_per_signal"]
    missed = abs(got / (6 * bits / 8) - 1) > 0.15
    told = f"{got:.1f} bytes a signal where {6 * bits / 8:.1f} were aimed at" in caplog.text
    assert told == missed
    assert missed or bits < 12


def test_a_lambda_that_was_given_aims_at_no_rate(digits, caplog):
    with caplog.at_level(logging.INFO, logger="narrows"):
        narrows.train(digits[:300], latent_size=6, lambda_=3.0, architecture="dense", epochs=2)
    assert "aimed at" not in caplog.text
