"""Other codecs beside the model, on the same signals."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from narrows.codec.codec import Codec
from narrows.codec.encoding.requests import Request
from narrows.evaluation.metrics import Evaluation, Given, evaluate, for_peers
from narrows.evaluation.peers.contract import Signals
from narrows.evaluation.peers.pca import is_pca
from narrows.evaluation.peers.registry import Bench, most_measured, sample
from narrows.evaluation.peers.whole_arrays import WholeArrays
from narrows.evaluation.rate_point import RatePoint, raw_point
from narrows.evaluation.units import Units
from narrows.evaluation.waiting import seconds_of_codec, seconds_of_peers
from narrows.signals import ArraySource

EFFORTS = 0, 5
"""At which a model of one quality is measured besides, to have a curve."""
DRAWING_SECONDS = 4.0
SHOWN_DECIBELS = 2.0
"""Peers are shown to so much below and above the model's qualities."""
CURVE_DECIBELS = 1.5
"""Below and above a model's only quality, peers are measured too."""


@dataclass(frozen=True)
class Comparison:
    """Other codecs on the same signals."""

    units: Units  # of all qualities here
    raw: RatePoint
    lossless: list[RatePoint]  # of all signals in one stream, picture or recording
    peers: list[RatePoint]  # at the model's PSNR or at their lowest; none if the model is exact
    pca_at_size: RatePoint | None  # PCA at the model's bytes a signal
    points: list[RatePoint]  # the model at its other qualities, or at other efforts if it has one
    curves: dict[str, list[RatePoint]]  # the lossy peers by name, at qualities near the model's
    peer_signals: int  # on how many signals the others were measured
    pca_is_half_learnt: bool = True  # PCA learnt from every second one of these signals
    not_measured: tuple[str, ...] = ()  # what is not installed, or failed, and why

    @property
    def pca(self) -> RatePoint | None:
        """PCA at the model's PSNR, if it was measured."""
        return next((point for point in self.peers if is_pca(point)), None)

    @property
    def others(self) -> list[RatePoint]:
        """The lossy peers that learn nothing."""
        return [point for point in self.peers if not is_pca(point)]


def compare(
    codec: Codec,
    x: Signals,
    measured: Evaluation,
    train: Signals | None = None,
    tell: Callable[[str], None] = lambda name: None,
    arrays: WholeArrays | None = None,
) -> Comparison:
    """Measure what a person would use instead, on `(n, *frame_shape)` signals or some of them.

    PCA learns from `train`, or from every second signal of x. `tell` is called with the name of
    each codec before it is measured. Of tiles, codecs of arrays get the `arrays`.
    """
    row = codec.model.prediction is not None
    some = for_peers(codec, x if arrays else sample(x, most_measured(x), row))
    units = Units.of(codec.model, some)
    bench, ours = Bench(some, units, train, tell, arrays), units.point("narrows", measured)
    some = bench.exact.x
    bricks = () if bench.exact.arrays is None else bench.exact.arrays.bricks
    given = Given.of(ArraySource(some), bricks)
    lossless, peers = bench.lossless(), bench.at_psnr(*reversed(ours.place))
    at_size, points, psnrs = None, [], [ours.psnr]
    if math.isfinite(ours.psnr):
        at_size = bench.pca_at_size(ours.bytes_per_signal)
        points = [
            units.point(name, evaluate(codec, some, request, given=given))
            for name, request in _requests(codec)
        ]
        psnrs += [point.psnr for point in points if math.isfinite(point.psnr)]
        for point in (points[0], points[-1]) if points else _around(ours):
            bench.at_psnr(point.psnr, point.bytes_per_signal)
    return Comparison(
        units=units,
        raw=raw_point(measured.raw_bytes / measured.signals),
        lossless=lossless,
        peers=peers,
        pca_at_size=at_size,
        points=points,
        curves=bench.curves(min(psnrs) - SHOWN_DECIBELS, max(psnrs) + SHOWN_DECIBELS),
        peer_signals=len(some),
        pca_is_half_learnt=bench.is_half_learnt,
        not_measured=bench.not_measured,
    )


def seconds_expected(
    codec: Codec, x: Signals, train: Signals | None = None, arrays: WholeArrays | None = None
) -> float:
    """Estimate how long a report on `(n, *frame_shape)` signals takes, from a trial on a few."""
    bench = Bench(x, Units.of(codec.model, x), train, arrays=arrays)
    a_signal = seconds_of_codec(codec, x) / len(x)
    again = len(bench.work.x) * len(_requests(codec))
    return seconds_of_peers(bench, 3) + a_signal * (2 * len(x) + again) + DRAWING_SECONDS


def _around(point: RatePoint) -> list[RatePoint]:
    """Return where the curves of others end: a decibel and more below and above a point."""
    return [replace(point, psnr=point.psnr + shift) for shift in (-CURVE_DECIBELS, CURVE_DECIBELS)]


def _requests(codec: Codec) -> list[tuple[str, Request]]:
    """Return by name what makes a curve of a model: its qualities, or where it has one, efforts.

    Nothing for a model of arrays of one quality, as all efforts search alike.
    """
    n = codec.model.n_qualities
    if n == 1 and codec.model.wavelets is not None:
        return []
    if n > 1:
        return [(f"narrows, quality {q}", Request(q)) for q in range(1, n + 1)]
    return [(f"narrows, effort {effort}", Request(effort=effort)) for effort in EFFORTS]
