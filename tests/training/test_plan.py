"""The plan of a run: what is decided, and that it can say why."""

import numpy as np
import pytest

from narrows.training import choices
from narrows.training.choices import FEW_SIGNALS
from narrows.training.decoder_size import MAX_SIDE, MAX_SIGNALS_OF_SMALL
from narrows.training.plan import plan_of
from narrows.training.settings import SETTINGS

PICTURES = (60_000, 28, 28)


def test_what_is_asked_for_stands_and_is_called_given():
    asked = {"latent_size": 7, "epochs": 5, "batch_size": 10, "learning_rate": 0.5, "patience": 2}
    plan = plan_of(asked, PICTURES, np.uint8)
    for name, value in asked.items():
        assert (getattr(plan, name), plan.why(name)) == (value, "given")
    assert plan.why("bits_per_latent") == "the default"


def test_each_number_says_why():
    plan = plan_of({"qualities": 4}, PICTURES, np.uint8)
    assert plan.why("architecture") == "for 60,000 signals of 28 x 28"
    assert plan.why("latent_size") == "with several qualities of wider networks"
    assert plan.why("epochs") == "12,800 updates, in at most 200 epochs"
    assert plan.why("learning_rate") == "of conv networks"
    assert plan_of({"preset": "dense-32"}, PICTURES, np.uint8).why("epochs") == "of preset dense-32"
    mixing = plan_of({}, (900, 512), np.float32)
    assert mixing.why("learning_rate") == "of mixtures"
    assert mixing.why("latent_size") == "as many bits over more latents, where signals are mixed"


def test_two_lines_tell_what_was_chosen():
    assert plan_of({}, (1000, 512), np.float32).lines() == [
        "architecture: dense, for 1,000 signals of 512; learns from mixtures of them",
        "plan: 400 epochs of 7 batches of 128 (12,000 updates, in at most 400 epochs); "
        "128 latents of 0.8 bits (as many bits over more latents, where signals are mixed); "
        "learning rate 0.001 (of mixtures)",
    ]


def test_crops_of_few_pictures_make_no_larger_batches():
    shape = (17_000, 32, 32, 3)
    few, many = (
        plan_of({}, shape, np.uint8, has_validation=True, crops=crops) for crops in (14_000, 0)
    )
    alone = plan_of({}, (3000, 32, 32, 3), np.uint8)
    assert few.batch_size == alone.batch_size == 64
    assert many.batch_size == 256
    assert few.updates_per_epoch == (few.n_train // 64)
    assert few.epochs * few.updates_per_epoch == pytest.approx(6400, rel=0.05)
    dense = [plan_of({}, (40_000, 256), np.int16, crops=crops) for crops in (38_000, 0)]
    assert dense[0].batch_size == dense[1].batch_size  # their updates are cheap


def test_with_another_number_of_epochs_only_what_depends_on_it_changes():
    plan = plan_of({"minutes": 1.0}, PICTURES, np.uint8)
    longer = plan.lasting(400, "they fit")
    assert (longer.epochs, longer.patience, longer.why("epochs")) == (400, 100, "they fit")
    assert (plan.lasting(19, "").shifts, plan.lasting(20, "").shifts) == (False, True)
    assert longer.learning_rate == plan.learning_rate
    assert plan_of({"minutes": 1.0, "patience": 3}, PICTURES, np.uint8).lasting(9, "").patience == 3


@pytest.mark.parametrize("n", [FEW_SIGNALS - 1, FEW_SIGNALS])
def test_latents_of_mixtures_are_there_exactly_where_signals_are_mixed(n):
    plan = plan_of({}, (n, 512), np.float32)
    assert plan.mixes is (n < FEW_SIGNALS)
    assert (plan.latent_size == 128) is plan.mixes


def test_the_defaults_that_the_help_tells_are_those_of_the_plan():
    told = {name: setting.unset for name, setting in SETTINGS.items()}
    for latents, bits in (choices.LATENTS_OF_SEVERAL, choices.LATENTS_OF_WIDER):
        assert f"{latents}" in told["latent_size"]
        assert f"{bits:g}" in told["bits_per_latent"]
    assert f"without one {choices.LATENT_SIZE}," in told["latent_size"]
    assert f"without one {choices.BITS_PER_LATENT:g};" in told["bits_per_latent"]
    for architecture in ("dense", "conv"):
        assert f"{choices.UPDATES[architecture]:,}" in told["epochs"]
        assert f"{choices.LEARNING_RATES[architecture]:g}" in told["learning_rate"]
    assert f"{choices.UPDATES_OF_SMALLER:,}" in told["epochs"]
    assert f"at most {choices.MAX_EPOCHS};" in told["epochs"]
    assert told["batch_size"] == f"{choices.MIN_BATCH} to {choices.MAX_BATCH}"
    assert f"{choices.MIXTURES_RATE:g}" in told["learning_rate"]
    assert f"{FEW_SIGNALS:,}" in SETTINGS["augment"].help
    assert f"{choices.MIN_PICTURES:,}" in SETTINGS["architecture"].help
    assert f"{MAX_SIGNALS_OF_SMALL:,} signals" in told["decoder"]
    assert f"more than {MAX_SIDE} x {MAX_SIDE}" in told["decoder"]
