"""Signals unlike those of the training are kept exactly; those that are merely harder are coded."""

import numpy as np
import pytest

import narrows
from narrows.errors import DataError
from narrows.evaluation.metrics import evaluate
from tests.helpers.tiny_models import blocks_of


def waves(n, seed=0, size=10.0):
    draw, t = np.random.default_rng(seed), np.linspace(0, 1, 64)
    parts = (
        draw.normal(size=(n, 1)) * np.sin(2 * np.pi * (k + 1) * t + draw.uniform(0, 6, (n, 1)))
        for k in range(6)
    )
    return (sum(parts) * size).astype("float32")


CODEC = narrows.train(waves(800), architecture="linear", latent_size=12, qualities=3)
KNOWN = waves(500, seed=1)
NOISE = (np.random.default_rng(2).normal(size=(40, 64)) * 60).clip(-50, 50).astype("float32")


def kept(codec, x, **options):
    """Return which signals came back to the bit."""
    decoded = codec.decompress(codec.compress(x, **options))
    return (decoded == x).all(axis=1)


@pytest.mark.parametrize("effort", [0, 2])
@pytest.mark.parametrize("quality", [1, 3])
def test_noise_among_signals_is_kept_and_the_signals_are_coded(effort, quality, caplog):
    x = np.concatenate([KNOWN[:250], NOISE, KNOWN[250:]])
    found = kept(CODEC, x, effort=effort, quality=quality)
    assert found[250:290].all()
    assert not found[:250].any()
    assert not found[290:].any()
    assert [r.getMessage() for r in caplog.records] == [
        "kept exactly: 40 signals unlike those of the training"
    ]
    with pytest.raises(DataError, match="40 signals unlike those of the training, refused"):
        CODEC.compress(x, effort=effort, quality=quality, strict=True)


def test_other_signals_of_the_kind_are_coded_and_so_are_harder_ones(caplog):
    for x in (KNOWN, waves(300, seed=4, size=14.0), KNOWN[:, ::-1].copy()):
        assert not kept(CODEC, x).any()
    assert not caplog.records


def test_constant_signals_are_coded():
    assert not kept(CODEC, np.repeat(np.float32([[0], [3], [-5]]), 64, axis=1)).any()


def test_an_archive_of_nothing_else_is_no_longer_than_raw():
    blob = CODEC.compress(NOISE)
    assert len(blob) <= NOISE.nbytes + 64 + 16 * len(blocks_of(blob))
    assert evaluate(CODEC, NOISE).max_abs_error == 0


def test_effort_0_looks_at_some_signals_of_a_block_and_at_all_where_one_is_unlike():
    lone = np.concatenate([KNOWN[:100], NOISE[:1], KNOWN[100:]])
    assert kept(CODEC, lone, effort=1)[100]
    assert kept(CODEC, np.concatenate([KNOWN[:32], NOISE[:1]]), effort=0).tolist().count(True) <= 1
    many = np.concatenate([NOISE, KNOWN])
    assert kept(CODEC, many, effort=0)[:40].all()


def test_a_model_without_the_figures_of_its_training_codes_everything():
    from dataclasses import replace

    from narrows.codec.codec import Codec

    codec = Codec(replace(CODEC.model, fit=None))
    assert not kept(codec, NOISE).any()
