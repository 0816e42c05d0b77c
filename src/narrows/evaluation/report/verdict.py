"""What the figures mean, in plain sentences."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from narrows.evaluation.metrics import Evaluation
from narrows.evaluation.rate_point import RatePoint, break_even, fewest_bytes, is_as_good
from narrows.evaluation.report.contents import Contents

NEARLY = 1.5  # of the bytes: a lossless codec that takes less is the better choice
UNLIKE_DB = 1.0  # below the validation signals: these are of another kind
Mood = Literal["good", "bad", "plain"]


@dataclass(frozen=True)
class Sentence:
    """One sentence of the verdict, and whether it speaks for the model or against it."""

    text: str
    mood: Mood = "plain"


def verdict(contents: Contents) -> list[Sentence]:
    """Say what a person would want to know before choosing this model."""
    measured, comparison = contents.measured, contents.comparison
    sentences = [
        *_unfair(contents.seen),
        pays(measured),
        *against_pca(contents),
        against_lossless(measured, comparison.lossless),
        *against_others(measured, comparison.others),
        *unlike(measured.psnr, contents.validation_psnr),
        *idle(contents.idle_latents, contents.codec.model.n_encoded),
        *stopped(bool(contents.codec.model.training.get("interrupted"))),
    ]
    return sorted(sentences, key=lambda sentence: sentence.mood == "plain")


def _unfair(seen: bool) -> list[Sentence]:
    if not seen:
        return []
    text = (
        "The model was trained on these very signals, so these figures flatter it. Measure on "
        "signals held out from training."
    )
    return [Sentence(text, "bad")]


def pays(measured: Evaluation) -> Sentence:
    """Say from how many signals on the model saves anything at all."""
    n = measured.break_even_signals
    if n is None:
        text = "The archive is not smaller than the signals themselves: use another codec."
        return Sentence(text, "bad")
    text = f"The model, {measured.model_bytes:,} bytes, has paid for itself after {n:,} signals"
    if n <= measured.signals:
        return Sentence(f"{text}; here are {measured.signals:,}.", "good")
    return Sentence(
        f"{text}, but here are only {measured.signals:,}: it pays once there are more.", "bad"
    )


def against_pca(contents: Contents) -> list[Sentence]:
    """Say whether PCA would have done."""
    measured, comparison = contents.measured, contents.comparison
    if contents.codec.model.architecture == "linear":
        return [Sentence("This model is PCA itself, the baseline that a network has to beat.")]
    pca, small = comparison.pca, comparison.pca_at_size
    if pca is None:
        if small is None or not math.isfinite(measured.psnr):
            return []
        return [Sentence("PCA was not found to reach this quality at any size.", "good")]
    beside, quality = _beside(pca, measured), _quality(pca, measured)
    if is_as_good(pca, measured.bytes_per_signal):
        text = (
            f"PCA does as well on this data: {beside} at {quality}, with a model of "
            f"{pca.model_bytes:,} bytes. "
            + "It has learnt from every second one of these signals; "
            * comparison.pca_is_half_learnt
            + "try --architecture=linear on those that this model was trained on."
        )
        return [Sentence(text, "bad")]
    text = f"PCA takes {_times(pca, measured)} times the bytes at {quality}: {beside}"
    return [Sentence(f"{text}{_from(measured, pca)}.", "good")]


def _beside(peer: RatePoint, measured: Evaluation) -> str:
    return f"{peer.bytes_per_signal:.2f} bytes a signal against {measured.bytes_per_signal:.2f}"


def _times(peer: RatePoint, measured: Evaluation) -> str:
    return f"{peer.bytes_per_signal / measured.bytes_per_signal:.1f}"


def _quality(peer: RatePoint, measured: Evaluation) -> str:
    if math.isinf(peer.psnr):
        return "no loss at all"
    if peer.psnr > measured.psnr + 0.01:
        return f"its lowest quality, {peer.psnr:.2f} dB"
    return "the same quality"


def _from(measured: Evaluation, peer: RatePoint) -> str:
    n = break_even(measured.model_bytes, measured.bytes_per_signal, peer)
    if n is None:
        return ""
    return f"; with the model counted, narrows is the smaller from {n:,} signals on"


def against_lossless(measured: Evaluation, lossless: Sequence[RatePoint]) -> Sentence:
    """Say how far the best lossless compressor is."""
    best = fewest_bytes(lossless)
    assert best is not None  # the standard library has three
    beside = _beside(best, measured)
    if best.bytes_per_signal <= NEARLY * measured.bytes_per_signal:
        smaller = best.bytes_per_signal < measured.bytes_per_signal
        size = "at a smaller size" if smaller else "at nearly this size"
        return Sentence(f"{best.name} is lossless {size}: {beside}. Use that.", "bad")
    text = (
        f"Of the lossless codecs the best is {best.name}: {beside}, "
        f"{_times(best, measured)} times as many"
    )
    return Sentence(f"{text}{_from(measured, best)}.")


def against_others(measured: Evaluation, others: Sequence[RatePoint]) -> list[Sentence]:
    """Say how the best of the codecs that learn nothing compares, if there are any."""
    best = fewest_bytes(others)
    if best is None:
        return []
    beside, quality = _beside(best, measured), _quality(best, measured)
    if is_as_good(best, measured.bytes_per_signal):
        text = f"{best.name} does as well: {beside} at {quality}, and needs no model."
        return [Sentence(text, "bad")]
    text = f"{best.name} takes {_times(best, measured)} times the bytes at {quality}: {beside}"
    return [Sentence(f"{text}{_from(measured, best)}.", "good")]


def unlike(psnr: float, validation_psnr: float | None) -> list[Sentence]:
    """Say whether these signals are of another kind than those trained on."""
    if validation_psnr is None or not psnr < validation_psnr - UNLIKE_DB:
        return []
    text = (
        f"These signals come back {validation_psnr - psnr:.1f} dB worse than those that training "
        f"was validated on ({validation_psnr:.2f} dB): they are unlike them. Train on more of "
        "their kind."
    )
    return [Sentence(text, "bad")]


def idle(idle_latents: int, latent_size: int) -> list[Sentence]:
    """Say whether there are latents that tell nothing."""
    if not idle_latents:
        return []
    text = (
        f"{idle_latents} of {latent_size} latents are the same for all these signals: they cost "
        f"next to nothing, and a --latent-size of {max(1, latent_size - idle_latents)} would do."
    )
    return [Sentence(text)]


def stopped(interrupted: bool) -> list[Sentence]:
    """Say whether training was cut short."""
    if not interrupted:
        return []
    return [Sentence("Training was stopped before its plan was done; --resume goes on.", "bad")]
