"""What the figures of a model beside other codecs mean, in plain sentences."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from narrows.evaluation.peers.pca import is_pca
from narrows.evaluation.rate_point import RatePoint, break_even, fewest_bytes

AS_GOOD = 1.05
"""A codec that takes up to 5 % more bytes is as good: it has so much less to train."""
NEARLY_AS_GOOD = 1.5
"""A lossless codec that takes less than this many times the bytes is the better choice."""
Mood = Literal["good", "bad", "plain"]


@dataclass(frozen=True)
class Sentence:
    """One sentence of a verdict, and whether it speaks for the model or against it."""

    text: str
    mood: Mood = "plain"


def pays(model_bytes: int, break_even_signals: int | None, signals: int | None = None) -> Sentence:
    """Say from how many signals on a model saves anything at all, and whether they are here."""
    n = break_even_signals
    if n is None:
        text = "The archive is not smaller than the signals themselves: use another codec."
        return Sentence(text, "bad")
    text = f"The model, {model_bytes:,} bytes, has paid for itself after {n:,} signals"
    if signals is None:
        return Sentence(f"{text}.")
    if n <= signals:
        return Sentence(f"{text}; here are {signals:,}.", "good")
    return Sentence(f"{text}, but here are only {signals:,}: it pays once there are more.", "bad")


def against_peers(
    ours: RatePoint, lossless: Sequence[RatePoint], peers: Sequence[RatePoint]
) -> list[Sentence]:
    """Say how the best of the others compare: PCA, lossless codecs, and those that learn nothing.

    Parameters
    ----------
    ours : RatePoint
        With the size of its model.
    lossless, peers : sequence of RatePoint
        `peers` at the PSNR of `ours`.
    """
    pca = fewest_bytes([point for point in peers if is_pca(point)])
    best = fewest_bytes([point for point in peers if not is_pca(point)])
    exact = fewest_bytes(lossless)
    return [
        *([] if pca is None else [against_pca(ours, pca)]),
        *([] if exact is None else [against_lossless(ours, exact)]),
        *([] if best is None else [against(ours, best)]),
    ]


def against_pca(ours: RatePoint, pca: RatePoint) -> Sentence:
    """Say whether PCA would have done."""
    if not _is_as_good(pca, ours):
        return _behind(ours, pca, "PCA")
    text = (
        f"{pca.name.replace(' codec', '')} does as well on this data: {_beside(pca, ours)} at "
        f"{_quality(pca, ours)}, with a model of {pca.model_bytes:,} bytes. Try "
        "--architecture=linear on the signals that this model was trained on."
    )
    return Sentence(text, "bad")


def against_lossless(ours: RatePoint, best: RatePoint) -> Sentence:
    """Say how far the best lossless codec is."""
    beside = _beside(best, ours)
    if _is_as_good(best, ours, NEARLY_AS_GOOD):
        smaller = best.bytes_per_signal < ours.bytes_per_signal
        size = "at a smaller size" if smaller else "at nearly this size"
        return Sentence(f"{best.name} is lossless {size}: {beside}. Use that.", "bad")
    return Sentence(
        f"Of the lossless codecs the best is {best.name}: {beside}, {_times(best, ours)} times as "
        f"many{_from(ours, best)}."
    )


def against(ours: RatePoint, best: RatePoint) -> Sentence:
    """Say how the best of the codecs that learn nothing compares."""
    if not _is_as_good(best, ours):
        return _behind(ours, best, best.name)
    text = f"{best.name} does as well: {_beside(best, ours)} at {_quality(best, ours)}"
    return Sentence(f"{text}, and needs no model.", "bad")


def _is_as_good(peer: RatePoint, ours: RatePoint, times: float = AS_GOOD) -> bool:
    return peer.bytes_per_signal <= times * ours.bytes_per_signal


def _behind(ours: RatePoint, peer: RatePoint, name: str) -> Sentence:
    times, quality = _times(peer, ours), _quality(peer, ours)
    text = f"{name} takes {times} times the bytes at {quality}: {_beside(peer, ours)}"
    return Sentence(f"{text}{_from(ours, peer)}.", "good")


def _beside(peer: RatePoint, ours: RatePoint) -> str:
    return f"{peer.bytes_per_signal:.2f} bytes a signal against {ours.bytes_per_signal:.2f}"


def _times(peer: RatePoint, ours: RatePoint) -> str:
    return f"{peer.bytes_per_signal / ours.bytes_per_signal:.1f}"


def _quality(peer: RatePoint, ours: RatePoint) -> str:
    if math.isinf(peer.psnr):
        return "no loss at all"
    if peer.psnr > ours.psnr + 0.01:
        return f"its lowest quality, {peer.psnr:.2f} dB"
    return "the same quality"


def _from(ours: RatePoint, peer: RatePoint) -> str:
    n = break_even(ours.model_bytes, ours.bytes_per_signal, peer)
    if n is None:
        return ""
    return f"; with the model counted, narrows is the smaller from {n:,} signals on"
