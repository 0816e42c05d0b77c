"""What a person would want to know before choosing the model of a report."""

from __future__ import annotations

import math

from narrows.codec.model.groups import ENCODED
from narrows.evaluation.report.contents import Contents
from narrows.evaluation.verdict import Sentence, against_peers, pays

UNLIKE_DECIBELS = 1.0
"""Signals so far below the validation signals are of another kind."""


def verdict(contents: Contents) -> list[Sentence]:
    """Return the sentences, those for or against the model first."""
    measured, comparison = contents.measured, contents.comparison
    model = contents.codec.model
    linear = model.architecture == "linear"
    sentences = [
        *seen(contents.seen),
        pays(measured.model_bytes, measured.break_even_signals, contents.all_signals),
        *no_pca(contents),
        *against_peers(
            contents.point,
            comparison.lossless,
            comparison.others if linear else comparison.peers,
            [point.place for point in comparison.points],
        ),
        *unlike(measured.psnr, contents.validation_psnr),
        *idle(contents.idle_latents, model.groups[ENCODED]),
        *stopped(bool(model.training.get("interrupted"))),
    ]
    return sorted(sentences, key=lambda sentence: sentence.mood == "plain")


def seen(seen: bool) -> list[Sentence]:
    """Say whether the figures flatter the model."""
    if not seen:
        return []
    text = (
        "The model was trained on these very signals, so these figures flatter it. Measure on "
        "signals held out from training."
    )
    return [Sentence(text, "bad")]


def no_pca(contents: Contents) -> list[Sentence]:
    """Say why there is no PCA to compare with, where it was tried."""
    comparison = contents.comparison
    if contents.codec.model.architecture == "linear":
        return [Sentence("This model is PCA itself, the baseline that a network has to beat.")]
    tried = comparison.pca_at_size is not None and math.isfinite(contents.measured.psnr)
    if comparison.pca is not None or not tried:
        return []
    text = "PCA was not found to reach this quality at any size."
    return [Sentence(text, "plain" if comparison.pca_is_half_learnt else "good")]


def unlike(psnr: float, validation_psnr: float | None) -> list[Sentence]:
    """Say whether these signals are of another kind than those trained on."""
    if validation_psnr is None or not psnr < validation_psnr - UNLIKE_DECIBELS:
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
