"""Whether a linear model is to have a trellis and context models: measured, the model file too."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from narrows.training.choices import FEW_SIGNALS
from narrows.training.freeze import (
    can_have_magnitudes,
    can_have_trellis,
    in_trellis,
    with_magnitudes,
)
from narrows.training.plan import Plan
from narrows.training.preparing import Prepared
from narrows.training.reached import MAX_NEAR_DB, Reached
from narrows.training.water_filling import Spectrum

if TYPE_CHECKING:
    from narrows.codec.codec import Codec

LOG = logging.getLogger(__name__)
LEAST_SIGNALS = 4096  # to train on: with fewer, two tables a latent hardly pay
LEAST_TO_TELL = 1024  # to train on: with fewer, a weight for each pair of latents is chance
FIRST_FINENESS, TRIES = 0.63, 3
NEAR_DB = 0.1  # what the error may be off, before it is tried again: steps are whole numbers


def in_trellis_if_better(
    codec: Codec, reached: Reached, plan: Plan, prepared: Prepared
) -> tuple[Codec, Reached]:
    """Return a codec, or one with a trellis where that takes fewer bytes in all.

    Both are measured on held-out signals; the model counts once for as many signals as are
    expected, or as it learnt from.

    Parameters
    ----------
    codec, reached : Codec and Reached
        Of rounded latents, and what it reaches.
    plan : Plan
        What was aimed at: the trellis is to have the same error or, with an aim of rate, the same
        bytes.
    prepared : Prepared
    """
    signals = prepared.signals
    few = len(signals.train) < LEAST_SIGNALS or signals.missing_train is not None
    if few or reached.snr is None or not plan.settings["trellis"]:
        return codec, reached
    if not can_have_trellis(codec.model):
        return codec, reached
    fineness, best, nearest = FIRST_FINENESS, (codec, reached), MAX_NEAR_DB
    expected = plan.settings["expected_signals"] or len(signals.train)
    least = expected * reached.bytes_per_signal + len(codec.model_bytes)
    for _ in range(TRIES):
        other = in_trellis(codec, signals, fineness)
        got = Reached.by(other, signals, signals, prepared.scaling.scale)
        if got.snr is None:
            break
        size = got.bytes_per_signal * _bits_ratio(prepared.spectrum(), reached.snr, got.snr)
        off = _off(got, reached, plan, prepared.spectrum)
        if expected * size + len(other.model_bytes) < least and abs(off) <= nearest:
            nearest = abs(off)
            told = {**codec.model.training, "trellis": round(fineness, 3)}
            best = type(codec)(replace(other.model, training=told)), got
        if abs(off) <= NEAR_DB:
            break
        fineness *= 10.0 ** (off / 20.0)
    return best


def in_contexts_if_better(
    codec: Codec, reached: Reached, plan: Plan, prepared: Prepared
) -> tuple[Codec, Reached]:
    """Return a codec, or one with context models of magnitudes where these take fewer bytes in all.

    Parameters
    ----------
    codec, reached : Codec and Reached
        Without context models, and what it reaches.
    plan : Plan
    prepared : Prepared
    """
    signals = prepared.signals
    n = len(signals.train)
    if n < LEAST_TO_TELL or not can_have_magnitudes(codec.model):
        return codec, reached
    is_small = signals.train.dtype.itemsize == 1  # as pictures are: nothing of them is louder
    louder = plan.settings["augment"] and n < FEW_SIGNALS and not is_small
    expected = plan.settings["expected_signals"] or n
    other = with_magnitudes(codec, signals, expected, louder=louder)
    if other is codec:
        return codec, reached
    return other, Reached.by(other, signals, signals, prepared.scaling.scale)


def _bits_ratio(spectrum: Spectrum, snr: float, had: float) -> float:
    """Return the bits of Gaussian signals at an SNR in dB, in those that they take at another."""
    return spectrum.at_snr(snr).bits / max(spectrum.at_snr(had).bits, 1e-9)


def _off(got: Reached, reached: Reached, plan: Plan, spectrum: Callable[[], Spectrum]) -> float:
    """Return by how many decibels the error is below what it should be."""
    assert got.snr is not None
    assert reached.snr is not None
    if plan.aimed_snr is not None:
        return got.snr - reached.snr
    bits = 8.0 * (got.bytes_per_signal - reached.bytes_per_signal)
    near = spectrum().at_snr(reached.snr)
    a_decibel = spectrum().at_snr(reached.snr + 1.0).bits - near.bits
    return bits / max(a_decibel, 1e-9)
