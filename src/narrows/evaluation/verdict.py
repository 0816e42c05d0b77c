"""What the figures of a model beside other codecs mean, in plain sentences."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from narrows.evaluation.curves import Curve, bytes_at
from narrows.evaluation.peers.pca import is_pca
from narrows.evaluation.peers.registry import HALF_LEARNT
from narrows.evaluation.rate_point import RatePoint, break_even, fewest_bytes
from narrows.words import counted

AS_GOOD = 1.05
"""A codec that takes up to 5 % more bytes is as good: it has so much less to train."""
NEARLY_AS_GOOD = 1.5
"""A lossless codec that takes less than this many times the bytes is the better choice."""
SAME_DECIBELS = 0.01
"""Qualities that differ by no more are equal."""
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
    text = f"The model, {model_bytes:,} bytes, has paid for itself after {counted(n, 'signal')}"
    if signals is None:
        return Sentence(f"{text}.")
    if n <= signals:
        return Sentence(f"{text}; here are {signals:,}.", "good")
    return Sentence(f"{text}, but here are only {signals:,}: it pays once there are more.", "bad")


def against_peers(
    ours: RatePoint,
    lossless: Sequence[RatePoint],
    peers: Sequence[RatePoint],
    curve: Curve = (),
) -> list[Sentence]:
    """Say how the best of the others compare: PCA, lossless codecs, and those that learn nothing.

    Sizes are compared at equal quality, or not at all: beside a peer whose lowest quality is
    higher than that of `ours` stands what `curve` has there, if it goes so far.

    Parameters
    ----------
    ours : RatePoint
        With the size of its model.
    lossless, peers : sequence of RatePoint
        `peers` at the PSNR of `ours`, or at their lowest.
    curve : sequence of (bytes_per_signal, psnr), optional
        Of narrows, at its other qualities.
    """
    pca = [_Pair.of(ours, point, curve) for point in peers if is_pca(point)]
    others = [_Pair.of(ours, point, curve) for point in peers if not is_pca(point)]
    exact = fewest_bytes(lossless)
    return [
        *(against_pca(pair) for pair in _best(pca)),
        *([] if exact is None else [against_lossless(ours, exact)]),
        *(against(pair) for pair in _best(others)),
    ]


@dataclass(frozen=True)
class _Pair:
    """A peer, and narrows at the same quality; or where it is, if it cannot be compared."""

    peer: RatePoint
    ours: RatePoint
    comparable: bool  # in quality, or the peer is better in both

    @classmethod
    def of(cls, ours: RatePoint, peer: RatePoint, curve: Curve) -> _Pair:
        if peer.psnr <= ours.psnr + SAME_DECIBELS:
            return cls(peer, ours, True)
        size = bytes_at(curve, peer.psnr)
        if size is not None:
            return cls(peer, replace(ours, bytes_per_signal=size, psnr=peer.psnr), True)
        return cls(peer, ours, peer.bytes_per_signal <= AS_GOOD * ours.bytes_per_signal)

    @property
    def times(self) -> float:
        """The bytes of the peer, in those of narrows."""
        return self.peer.bytes_per_signal / self.ours.bytes_per_signal

    @property
    def is_as_good(self) -> bool:
        return self.comparable and self.times <= AS_GOOD

    def __str__(self) -> str:
        """Name both sizes, and both qualities where they differ."""
        sizes = _beside(self.peer, self.ours)
        if self.peer.psnr > self.ours.psnr + SAME_DECIBELS:
            return f"{sizes}, at {_psnr(self.peer)} against {_psnr(self.ours)}"
        return f"{sizes} at {_psnr(self.peer)}"


def _best(pairs: Sequence[_Pair]) -> list[_Pair]:
    """Return the best that can be compared, and a smaller one that cannot, if there are such."""
    compared = sorted((p for p in pairs if p.comparable), key=lambda pair: pair.times)[:1]
    rest = sorted((p for p in pairs if not p.comparable), key=lambda pair: pair.times)[:1]
    return compared + [p for p in rest if not compared or p.times < compared[0].times]


def against_pca(pair: _Pair) -> Sentence:
    """Say whether PCA would have done."""
    peer = pair.peer
    if not pair.is_as_good:
        if peer.name != HALF_LEARNT:
            return _behind(pair, "PCA")
        text = _behind(pair, "PCA that learnt from every second one of these signals").text
        told = "--train names the signals that narrows learnt from, so that PCA learns from them."
        return Sentence(f"{text} {told}")
    text = (
        f"{peer.name.replace(' codec', '')} does {_well(pair)} on this data: {pair}, with a model "
        f"of {peer.model_bytes:,} bytes. Try --architecture=linear on the signals that this model "
        "was trained on."
    )
    return Sentence(text, "bad")


def against_lossless(ours: RatePoint, best: RatePoint) -> Sentence:
    """Say how far the best lossless codec is."""
    times, beside = best.bytes_per_signal / ours.bytes_per_signal, _beside(best, ours)
    if times <= NEARLY_AS_GOOD:
        size = "at a smaller size" if times < 1 else "at nearly this size"
        return Sentence(f"{best.name} is lossless {size}: {beside}. Use that.", "bad")
    return Sentence(
        f"Of the lossless codecs the best is {best.name}: {beside}, {times:.1f} times as "
        f"many{_from(ours, best)}."
    )


def against(pair: _Pair) -> Sentence:
    """Say how the best of the codecs that learn nothing compares."""
    if not pair.is_as_good:
        return _behind(pair, pair.peer.name)
    return Sentence(f"{pair.peer.name} does {_well(pair)}: {pair}, and needs no model.", "bad")


def _behind(pair: _Pair, name: str) -> Sentence:
    if not pair.comparable:
        return Sentence(
            f"{name} cannot be compared at this quality: at its lowest it takes "
            f"{pair.peer.bytes_per_signal:.2f} bytes a signal for {_psnr(pair.peer)}, where "
            f"narrows takes {pair.ours.bytes_per_signal:.2f} for {_psnr(pair.ours)}."
        )
    text = f"{name} takes {pair.times:.1f} times the bytes at the same quality: {pair}"
    return Sentence(f"{text}{_from(pair.ours, pair.peer)}.", "good")


def _well(pair: _Pair) -> str:
    better = pair.peer.psnr > pair.ours.psnr + SAME_DECIBELS or pair.times < 1 / AS_GOOD
    return "better" if better else "as well"


def _beside(peer: RatePoint, ours: RatePoint) -> str:
    return f"{peer.bytes_per_signal:.2f} bytes a signal against {ours.bytes_per_signal:.2f}"


def _psnr(point: RatePoint) -> str:
    return "no loss at all" if math.isinf(point.psnr) else f"{point.psnr:.2f} dB"


def _from(ours: RatePoint, peer: RatePoint) -> str:
    n = break_even(ours.model_bytes, ours.bytes_per_signal, peer)
    if n is None:
        return ""
    return f"; with the model counted, narrows is the smaller from {counted(n, 'signal')} on"
