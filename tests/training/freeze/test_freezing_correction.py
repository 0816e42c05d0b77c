"""Qualities that the networks alone do not reach get a linear correction when they are frozen."""

import math
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs torch; extra train")

import narrows
from narrows.codec.codec import Codec
from narrows.codec.encoding.requests import Request
from narrows.codec.entropy.ans import ideal_bits
from narrows.codec.model.groups import CORRECTED, ENCODED
from narrows.evaluation.metrics import evaluate
from narrows.training.freeze.correction import with_correction
from narrows.training.freeze.residuals import Residuals, in_symbols
from narrows.training.plan import RATE_RATIO


@pytest.fixture(scope="module")
def short(digits):
    """A codec of eight qualities, whose four latents hold far less than the highest is to take."""
    settings = {"latent_size": 4, "bits_per_latent": 6.0, "epochs": 30, "architecture": "dense"}
    return narrows.train(digits[:1400], qualities=8, **settings)


def corrected_latents(model, quality):
    """Return the corrected latents that a quality has a step for."""
    columns = range(model.latent_size)[model.columns(CORRECTED)]
    return [j for j in columns if model.quantiser.step[quality - 1, j]]


def bytes_of(codec, x, qualities):
    """Return the mean bytes of the symbols of signals at some qualities, at effort 0."""
    tables = [codec.model.quality(q).tables for q in qualities]
    symbols = [codec.encode(x, q, 0) for q in qualities]
    return [ideal_bits(*each).mean() / 8 for each in zip(symbols, tables, strict=True)]


def test_a_quality_that_falls_short_of_its_rate_is_corrected(short, digits):
    model = short.model
    corrected = [q for q in range(1, 9) if corrected_latents(model, q)]
    assert corrected
    assert corrected == list(range(corrected[0], 9))
    assert corrected[0] > model.default_quality
    assert model.groups[ENCODED] == 4
    sizes = bytes_of(short, digits[1400:], (4, 8))
    assert sizes[1] / sizes[0] == pytest.approx(RATE_RATIO**4, rel=0.25)


def test_each_quality_takes_more_and_each_corrected_one_is_better_by_a_decibel(short, digits):
    """Without a correction, more bytes of four latents may gain nothing, but lose nothing."""
    first = next(q for q in range(1, 9) if corrected_latents(short.model, q))
    measured = [evaluate(short, digits[1400:], Request(q, effort=0)) for q in range(1, 9)]
    sizes = [each.compressed_bytes for each in measured]
    assert sizes == sorted(set(sizes))
    gains = np.diff([each.psnr for each in measured])
    assert (gains[: first - 2] > -0.02).all()
    assert (gains[first - 2 :] > 1).all()


def test_lambda_rises_and_is_the_slope_of_the_curve(short, digits):
    tradeoffs = short.model.tradeoffs
    lambdas = list(tradeoffs.lambda_)
    assert lambdas == sorted(lambdas)
    assert lambdas[-4:] == sorted(set(lambdas[-4:]))
    bits = np.multiply(8, bytes_of(short, digits[1400:], (7, 8)))
    measured = [evaluate(short, digits[1400:], Request(q, effort=0)) for q in (7, 8)]
    error = [64 * short.model.peak**2 * 10 ** (-m.psnr / 10) for m in measured]
    slope = (bits[1] - bits[0]) / (error[0] - error[1])
    assert lambdas[6] * 0.6 < slope < lambdas[7] * 1.6


def test_curvature_is_what_a_step_adds_to_the_error(short, digits):
    model = short.model
    symbols = short.encode(digits[1400:1410], 8, 0)
    before = short.decode(symbols, 8).astype(float)
    steps, expected = [], []
    for j in corrected_latents(model, 8)[:8]:
        moved = symbols.copy()
        moved[:, j] += 8
        steps.append(np.square(short.decode(moved, 8) - before).sum(axis=(1, 2)).mean() / 64)
        expected.append(model.tradeoffs.curvature[7, j])
    # Steps are small beside the rounding and the clipping of pixels, so only about.
    assert np.mean(steps) == pytest.approx(np.mean(expected), rel=0.5)


def test_a_model_that_reaches_its_rates_stays_as_it_is(digits):
    linear = narrows.train(digits[:1400], latent_size=48, architecture="linear", qualities=3)
    again = with_correction(linear.model, digits[:900], digits[900:1400], 1.01)
    assert again is linear.model


def test_there_is_none_with_one_quality_a_lambda_of_ones_own_or_in_closed_form(tiny_codec, digits):
    settings = {"latent_size": 4, "architecture": "dense", "epochs": 2}
    given = narrows.train(digits[:600], qualities=2, lambda_=3000.0, **settings)
    linear = narrows.train(digits[:1400], latent_size=4, architecture="linear", qualities=8)
    for codec in (tiny_codec, given, linear):
        assert list(codec.model.groups) == [ENCODED]


def test_floats_are_corrected_in_their_own_units():
    rng = np.random.default_rng(0)
    x = (5e-3 * rng.normal(size=(1200, 24)) @ rng.normal(size=(24, 24)) + 7e2).astype(np.float32)
    settings = {"latent_size": 3, "bits_per_latent": 5.0, "epochs": 20, "architecture": "dense"}
    codec = narrows.train(x[:1000], qualities=8, **settings)
    assert corrected_latents(codec.model, 8)
    errors = [np.square(codec.decompress(codec.compress(x[1000:], q)) - x[1000:]).mean()
              for q in (4, 8)]  # fmt: skip
    assert errors[1] < errors[0] / 2


def test_rounding_is_a_little_towards_0():
    x = np.array([[-2.8, -1.6, -0.69, -0.5, 0.0, 0.5, 0.69, 0.71, 1.6, 1.75]])
    assert in_symbols(10 * x, 10.0).tolist() == [[-3, -1, 0, 0, 0, 0, 0, 1, 1, 2]]


def test_the_step_for_a_rate_takes_that_rate_and_finer_steps_leave_less():
    rng = np.random.default_rng(0)
    spread = np.array([9.0, 5.0, 1.0, 0.1])
    train, held_out = (spread * rng.normal(size=(3000, 4)) for _ in range(2))
    residuals = Residuals(3, 100.0, 500.0, train, held_out, np.eye(4))
    coarse, fine = residuals.step_for(102.0), residuals.step_for(108.0)
    assert residuals.rate_and_error(coarse)[0] == pytest.approx(102.0, abs=0.1)
    assert residuals.rate_and_error(fine)[0] == pytest.approx(108.0, abs=0.1)
    assert residuals.rate_and_error(fine)[1] < residuals.rate_and_error(coarse)[1] < 500.0
    assert math.isclose(residuals.rate_and_error(1e9)[1], 500.0)


def test_archives_of_corrected_qualities_say_what_was_encoded(short, digits):
    x = digits[1400:1450]
    for effort in (0, 2):
        symbols = short.encode(x, 8, effort)
        blob = Codec(short.model).compress(x, 8, effort)
        assert np.array_equal(short.decompress(blob), short.decode(symbols, 8))


def test_signals_that_come_back_exactly_need_none():
    x = np.tile(np.array([[0, 9, 3, 7], [5, 5, 0, 1]], np.uint8), (300, 1))
    settings = {"latent_size": 2, "architecture": "dense", "epochs": 60}
    codec = narrows.train(x, qualities=8, **settings)
    for quality in (1, 8):
        assert codec.decompress(codec.compress(x[:9], quality)).shape == (9, 4)


def test_weights_that_do_not_fit_leave_a_model_as_it_is(digits, monkeypatch):
    from narrows.training.freeze import correction

    plain = narrows.train(digits[:600], qualities=3, latent_size=3, architecture="linear")
    model = replace(plain.model, known_answers=None)
    assert with_correction(model, digits[:540], digits[540:600], 9.0) is not model
    monkeypatch.setattr(correction, "SMALLEST_STEP", 1e-9)
    assert with_correction(model, digits[:540], digits[540:600], 9.0) is model


def test_without_held_out_signals_there_is_none(digits):
    plain = narrows.train(digits[:600], qualities=3, latent_size=3, architecture="linear")
    assert with_correction(plain.model, digits[:600], digits[:0], 9.0) is plain.model
