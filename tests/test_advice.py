"""Advice in error messages is tried: what a message proposes ends the error that proposed it."""

import re

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs torch; extra train")

import narrows
from narrows.errors import NarrowsError
from narrows.evaluation.metrics import evaluate
from narrows.signals import as_labels, check_signals
from tests.helpers.tiny_models import tiny_codec

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4, 4)).astype(np.float32)
HOLES = np.where(RNG.random(X.shape) < 0.01, np.nan, X)
CODEC = tiny_codec("uint8", (4, 4), 2, 3)
FLOATS = tiny_codec("float32", (4, 4), 2, 3)
SIGNALS = RNG.integers(0, 255, (5, 4, 4)).astype(np.uint8)


def linear(x=X, **settings):
    return narrows.train(x, **{"architecture": "linear", "latent_size": 3} | settings)


CASES = {
    "a single signal": (lambda: linear(X[:1]), "give more signals", lambda: linear(X[:2])),
    "a long recording": (
        lambda: linear(X.ravel()), r"x\[: n \* length\]\.reshape\(n, length\)",
        lambda: linear(X.ravel()[: 30 * 32].reshape(30, 32))),
    "single numbers": (
        lambda: check_signals(X.ravel()), r"x\.reshape\(-1, 1\)",
        lambda: check_signals(X.ravel().reshape(-1, 1))),
    "too many latents": (
        lambda: linear(latent_size=17), "at most that", lambda: linear(latent_size=16)),
    "two lengths": (
        lambda: linear(minutes=1, epochs=1), "give one", lambda: linear(epochs=1)),
    "a preset with qualities": (
        lambda: narrows.train(X, preset="dense-25", qualities=2, epochs=1), "give one of the two",
        lambda: linear(qualities=2)),
    "no frames for conv": (
        lambda: narrows.train(X[:, :, :, None, None, None, None], latent_size=3,
                              architecture="conv"),
        "take dense",
        lambda: narrows.train(X[:, :, :, None, None, None, None], latent_size=3, epochs=1,
                              architecture="dense")),
    "a device": (
        lambda: narrows.train(X, latent_size=3, epochs=1, device="cuda:99"), "give cpu or auto",
        lambda: narrows.train(X, latent_size=3, epochs=1, device="cpu")),
    "other signals to validate on": (
        lambda: linear(validation=X[:, :3]), r"expected \(n, 4, 4\)",
        lambda: linear(validation=X[:9])),
    "several in a packet": (
        lambda: CODEC.compress_packet(SIGNALS), r"give x\[0\]",
        lambda: CODEC.compress_packet(SIGNALS[0])),
    "several in packets": (
        lambda: CODEC.compress_packet(SIGNALS), "compress_packets",
        lambda: CODEC.compress_packets(SIGNALS)),
    "a flat packet": (
        lambda: CODEC.compress_packet(SIGNALS[0].ravel()), r"x\.reshape\(4, 4\)",
        lambda: CODEC.compress_packet(SIGNALS[0].ravel().reshape(4, 4))),
    "NaN in a packet": (
        lambda: FLOATS.compress_packet(HOLES[np.isnan(HOLES).any(axis=(1, 2))][0]),
        "replace them",
        lambda: FLOATS.compress_packet(np.nan_to_num(HOLES[0]))),
    "NaN in an archive": (
        lambda: FLOATS.compress_packets(HOLES), "write an archive",
        lambda: FLOATS.compress(HOLES)),
    "NaN within bytes": (
        lambda: FLOATS.compress(HOLES, target_bytes=50), "give a quality",
        lambda: FLOATS.compress(HOLES, quality=1)),
    "an effort": (
        lambda: CODEC.compress(SIGNALS, effort=3), "give 0",
        lambda: CODEC.compress(SIGNALS, effort=0)),
    "a quality and a target": (
        lambda: CODEC.compress(SIGNALS, quality=1, target_psnr=2), "give one of the two",
        lambda: CODEC.compress(SIGNALS, quality=1)),
    "nothing to evaluate": (
        lambda: evaluate(CODEC, SIGNALS[:0]), "give at least one",
        lambda: evaluate(CODEC, SIGNALS[:1])),
    "one column a class": (
        lambda: as_labels(np.eye(3)), r"y\.argmax\(axis=1\)",
        lambda: as_labels(np.eye(3).argmax(axis=1))),
    "labels in a column": (
        lambda: as_labels(np.ones((3, 1))), r'y\.ravel\(\)\.astype\("int64"\)',
        lambda: as_labels(np.ones((3, 1)).ravel().astype("int64"))),
    "no encoder": (
        lambda: CODEC.without_encoder().compress(SIGNALS), "compress with the model",
        lambda: CODEC.compress(SIGNALS)),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_what_a_message_proposes_helps(name):
    wrong, proposed, right = CASES[name]
    with pytest.raises(NarrowsError) as caught:
        wrong()
    assert re.search(proposed, str(caught.value)), caught.value
    assert "\n" not in str(caught.value)
    right()
