"""Other codecs beside the model, on the same signals."""

from __future__ import annotations

import math
from dataclasses import dataclass

from narrows.codec.codec import Codec
from narrows.codec.encoding.requests import Request
from narrows.evaluation.metrics import Evaluation, evaluate
from narrows.evaluation.peers.contract import Signals
from narrows.evaluation.peers.pca import is_pca
from narrows.evaluation.peers.registry import Bench
from narrows.evaluation.rate_point import RatePoint, codec_point, raw_point


@dataclass(frozen=True)
class Comparison:
    """Other codecs on the same signals."""

    raw: RatePoint
    lossless: list[RatePoint]  # of all signals in one stream, picture or recording
    peers: list[RatePoint]  # at the model's PSNR or at their lowest; none if the model is exact
    pca_at_size: RatePoint | None  # PCA at the model's bytes a signal
    qualities: list[RatePoint]  # the model at each of its qualities, if it has several
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
    codec: Codec, x: Signals, measured: Evaluation, train: Signals | None = None
) -> Comparison:
    """Measure what a person would use instead, on `(n, *frame_shape)` signals or some of them.

    PCA learns from `train`, or from every second signal of x.
    """
    bench = Bench(x, codec.model.peak, train)
    some = bench.work.x
    lossy = math.isfinite(measured.psnr)
    qualities = range(1, codec.model.n_qualities + 1)
    lossless, peers = bench.lossless(), bench.at_psnr(measured.psnr, measured.bytes_per_signal)
    at_size = bench.pca_at_size(measured.bytes_per_signal) if lossy else None
    return Comparison(
        raw=raw_point(x),
        lossless=lossless,
        peers=peers,
        pca_at_size=at_size,
        qualities=[
            codec_point(f"quality {q}", evaluate(codec, some, Request(q))) for q in qualities
        ]
        if len(qualities) > 1
        else [],
        peer_signals=len(some),
        pca_is_half_learnt=bench.is_half_learnt,
        not_measured=bench.not_measured,
    )
