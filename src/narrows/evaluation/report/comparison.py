"""Other codecs beside the model, on the same signals."""

from __future__ import annotations

import importlib.util
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.codec import Codec
from narrows.codec.encoding.requests import Request
from narrows.errors import NarrowsError
from narrows.evaluation.baselines import Row, codec_row, general_rows, raw_row, train_pca
from narrows.evaluation.metrics import Evaluation, evaluate
from narrows.evaluation.peers import peers_at

Signals = npt.NDArray[Any]
GENERAL_BYTES = 32_000_000  # given to the general compressors: lzma takes a second for each MB
PEER_ELEMENTS = 10_000_000  # given to the peers, each of which codes them eight times


@dataclass(frozen=True)
class Comparison:
    """What others make of the same signals.

    Attributes
    ----------
    raw : Row
    lossless : list of Row
        General compressors, all signals in one stream.
    peers : list of Row
        Lossy ones, at the model's PSNR or at their lowest; empty where the model is exact.
    pca_of_same_size : Row or None
        PCA through the same runtime, trained to the model's bytes a signal.
    qualities : list of Row
        The model at each of its qualities, if it has several.
    general_signals, peer_signals : int
        How many signals were compared.
    missing : str
        What is not installed and would have been measured too.
    """

    raw: Row
    lossless: list[Row]
    peers: list[Row]
    pca_of_same_size: Row | None
    qualities: list[Row]
    general_signals: int
    peer_signals: int
    missing: str = ""

    def peer(self, name: str) -> Row | None:
        """Give the peer of a name, if it was measured."""
        return next((row for row in self.peers if row.name == name), None)


def compare(codec: Codec, x: Signals, measured: Evaluation) -> Comparison:
    """Measure what a person would use instead, on `(n, *frame_shape)` signals or a sample."""
    general = sample(x, GENERAL_BYTES // (x.nbytes // len(x)))
    some = sample(x, PEER_ELEMENTS // x[0].size)
    lossy = math.isfinite(measured.psnr)
    peers = peers_at(some, measured.psnr, codec.model.peak) if lossy else []
    qualities = range(1, codec.model.n_qualities + 1)
    return Comparison(
        raw=raw_row(x),
        lossless=general_rows(general),
        peers=peers,
        pca_of_same_size=_pca_of_same_size(some, measured, codec.model.peak) if lossy else None,
        qualities=[codec_row(f"quality {q}", evaluate(codec, some, Request(q))) for q in qualities]
        if len(qualities) > 1
        else [],
        general_signals=len(general),
        peer_signals=len(some),
        missing=_missing(x),
    )


def sample(x: Signals, most: int) -> Signals:
    """Take at most `most` signals, evenly spread and in their order; all if there are no more."""
    if len(x) <= max(most, 4):
        return x
    return np.asarray(x[np.linspace(0, len(x) - 1, max(most, 4)).astype(int)])


def _pca_of_same_size(x: Signals, measured: Evaluation, peak: float) -> Row | None:
    if len(x) < 4:
        return None
    try:
        codec = train_pca(x[::2], 8 * measured.bytes_per_signal)
        row = codec_row("PCA codec near this size", evaluate(codec, x[1::2]))
    except NarrowsError:  # torch is not installed, or the data is too odd for PCA
        return None
    other_peak = 20 * math.log10(peak / codec.model.peak)  # of half of the data
    return Row(row.name, row.bytes_per_signal, row.psnr + other_peak, row.model_bytes)


def _missing(x: Signals) -> str:
    """Say what is not installed and how to get it."""
    missing = []
    if importlib.util.find_spec("torch") is None:
        missing.append(("PCA", "train"))
    pictures = x.dtype == np.uint8 and x.ndim == 3
    if pictures and importlib.util.find_spec("imagecodecs") is None:
        missing.append(("AVIF, WebP and JPEG XL", "bench"))
    return "; ".join(
        f"{what} not measured: pip install 'narrows[{extra}]' adds it" for what, extra in missing
    )
