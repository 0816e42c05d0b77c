"""What others take for the same quality: PCA and the best picture codec, at a given PSNR.

Their settings are searched until the PSNR is met; the bytes at exactly that PSNR are interpolated
between the two nearest settings, linearly in the logarithm of the bytes. A peer whose lossy
settings do not reach it stands with an exact one, if it has one: its blocks fall back to that.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.errors import NarrowsError
from narrows.evaluation.baselines import Row, train_pca
from narrows.evaluation.metrics import distortion, evaluate

Signals = npt.NDArray[Any]
SEARCHES = 6
PER_ROW = 100  # pictures in a row of the mosaic


@dataclass(frozen=True)
class Point:
    """One setting of a peer: bytes a signal and PSNR in dB, and the model's bytes if it has one."""

    bytes_per_signal: float
    psnr: float
    model_bytes: int = 0

    def row(self, name: str) -> Row:
        """Give the line of a comparison."""
        return Row(name, self.bytes_per_signal, self.psnr, self.model_bytes)


def peers_at(x: Signals, psnr: float, peak: float, pca: PcaPeer | None = None) -> list[Row]:
    """Measure the peers that are installed and can code these signals.

    Parameters
    ----------
    x : (n, *frame_shape)
        Held-out signals.
    psnr : float
        In dB, what the peers have to reach.
    peak : float
    pca : PcaPeer, optional
        By default one trained on every second signal and measured on the others: both halves are
        as hard as the whole, though signals come in the order of their recording.
    """
    rows = []
    if len(x) >= 4:
        found = (pca or PcaPeer(x[::2], x[1::2], peak)).at(psnr)
        rows += [found] if found is not None else []
    if x.dtype == np.uint8 and x.ndim == 3 and min(x.shape[1:]) >= 4:
        rows += _picture_codecs_at(x, psnr, peak)
    return rows


def break_even(model_bytes: int, bytes_per_signal: float, peer: Row) -> int | None:
    """Give the number of signals from which a codec with its model is smaller than a peer."""
    saved = peer.bytes_per_signal - bytes_per_signal
    if saved <= 0:
        return None
    return max(0, math.ceil((model_bytes - peer.model_bytes) / saved))


def search(measure: Callable[[float], Point], low: float, high: float, psnr: float) -> Point | None:
    """Bisect a setting whose PSNR rises from `low` to `high`.

    A peer that cannot go down to the PSNR stands with its lowest setting, one that only an exact
    setting takes there with that, None for one that does not reach it.
    """
    below, above = measure(low), measure(high)
    if not above.psnr >= psnr:  # perhaps NaN
        return None
    if psnr < below.psnr:
        return below
    for _ in range(SEARCHES):
        middle = (low + high) / 2
        point = measure(middle)
        if point.psnr >= psnr:
            high, above = middle, point
        else:
            low, below = middle, point
    if not (math.isfinite(below.psnr) and math.isfinite(above.psnr)):
        return above
    share = (psnr - below.psnr) / ((above.psnr - below.psnr) or 1.0)
    sizes = math.log(below.bytes_per_signal), math.log(above.bytes_per_signal)
    return Point(math.exp(sizes[0] + share * (sizes[1] - sizes[0])), psnr, above.model_bytes)


class PcaPeer:
    """PCA through the same runtime, at any PSNR; what was measured once serves again.

    Parameters
    ----------
    x_train, x_test : (n, *frame_shape)
    peak : float
        That PSNR refers to.
    """

    def __init__(self, x_train: Signals, x_test: Signals, peak: float) -> None:
        self._x_train, self._x_test, self._peak = x_train, x_test, peak
        self._measured: dict[float, Point] = {}

    def at(self, psnr: float) -> Row | None:
        """Give PCA's line at a PSNR in dB; None where it does not reach it, or cannot be had."""
        # Many bits are many components, and take long: up from a bit an element only where needed.
        size = self._x_test[0].size
        most, high = math.log(8.0 * size), math.log(max(8.0, size))
        try:
            while high < most and self._measure(high).psnr < psnr:
                high = min(most, high + math.log(2.0))
            found = search(self._measure, math.log(8.0), high, psnr)
        except NarrowsError:  # torch is not installed, or the data is too odd for PCA
            return None
        return None if found is None else found.row("PCA codec")

    def _measure(self, log_bits: float) -> Point:
        if log_bits not in self._measured:
            codec = train_pca(self._x_train, math.exp(log_bits))
            measured = evaluate(codec, self._x_test)
            other_peak = 20 * math.log10(self._peak / codec.model.peak)  # of other signals
            self._measured[log_bits] = Point(
                measured.bytes_per_signal, measured.psnr + other_peak, measured.model_bytes
            )
        return self._measured[log_bits]


def _picture_codecs_at(x: Signals, psnr: float, peak: float) -> list[Row]:
    """Try AVIF, WebP and JPEG XL on one mosaic of all signals, their best case."""
    try:
        import imagecodecs
    except ImportError:
        return []
    picture, n = mosaic(x)

    in_colour = np.stack([picture] * 3, -1)  # grey alone, imagecodecs codes without loss

    def avif(level: float) -> tuple[bytes, Signals]:
        coded = imagecodecs.avif_encode(in_colour, level=round(level), speed=6, pixelformat="400")
        decoded = imagecodecs.avif_decode(coded)
        return bytes(coded), decoded if decoded.ndim == 2 else decoded[..., 0]

    def webp(level: float) -> tuple[bytes, Signals]:
        coded = imagecodecs.webp_encode(in_colour, level=level, method=6, lossless=False)
        return bytes(coded), imagecodecs.webp_decode(coded)[..., 0]

    def jpegxl(closeness: float) -> tuple[bytes, Signals]:
        coded = imagecodecs.jpegxl_encode(picture, distance=25.0 - closeness, effort=5)
        return bytes(coded), imagecodecs.jpegxl_decode(coded)

    rows = []
    for name, code, low, high in (
        ("AVIF mosaic", avif, 1.0, 99.0),
        ("WebP mosaic", webp, 0.0, 100.0),
        ("JPEG XL mosaic", jpegxl, 0.0, 24.9),
    ):

        def measure(setting: float, code: Any = code) -> Point:
            coded, decoded = code(setting)
            return Point(len(coded) / n, distortion(picture, decoded, peak).psnr)

        found = search(measure, low, high, psnr)
        rows += [] if found is None else [found.row(name)]
    return rows


def mosaic(x: Signals) -> tuple[Signals, int]:
    """Lay `(n, height, width)` pictures out in one; give it, and how many it holds."""
    n, height, width = x.shape
    per_row = min(n, PER_ROW)
    rows = n // per_row
    tiles = x[: rows * per_row].reshape(rows, per_row, height, width)
    return (
        np.ascontiguousarray(tiles.swapaxes(1, 2)).reshape(rows * height, per_row * width),
        rows * per_row,
    )
