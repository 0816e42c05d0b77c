"""One point of a codec, its bytes and its quality, and how to find the point that is asked for."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from narrows.evaluation.curves import bytes_at, psnr_at
from narrows.evaluation.metrics import Evaluation

STRIDE = 2
"""Settings passed over while the target is not near."""
SEARCH_STEPS = 6
NEAR_DECIBELS = 0.05
"""Where a measured point is so near to what is asked for, the rest is interpolation."""


@dataclass(frozen=True)
class RatePoint:
    """What a codec makes of signals at one setting."""

    name: str
    bytes_per_signal: float  # from the length of what was written, headers and index included
    psnr: float  # in dB, the error pooled over all signals; infinite for an exact copy
    # In the units of the comparison, see `Units`.
    model_bytes: int = 0  # what the receiver needs besides
    setting: Any = None  # None where the point was interpolated, or there is only one
    latent_size: int = 0  # of a model; 0 for other codecs
    snr: float | None = None  # in dB; see Closeness
    max_abs_error: float | None = None  # in the signals' units
    encode_mb_per_s: float | None = None  # of raw signals
    decode_mb_per_s: float | None = None
    by_channel: bool = False  # psnr is the SNR, each channel in its own deviation

    @property
    def place(self) -> tuple[float, float]:
        """The point on a curve: bytes and PSNR."""
        return self.bytes_per_signal, self.psnr

    @property
    def quality(self) -> str:
        """What `psnr` is called."""
        return "SNR by channel" if self.by_channel else "PSNR"

    def as_json(self) -> dict[str, Any]:
        """Return what a comparison states; the PSNR of an exact copy is None."""
        return {
            "name": self.name,
            "bytes_per_signal": self.bytes_per_signal,
            "psnr": self.psnr if math.isfinite(self.psnr) and not self.by_channel else None,
            "model_bytes": self.model_bytes,
            **({} if self.snr is None else {"snr": self.snr if math.isfinite(self.snr) else None}),
        }


def raw_point(bytes_per_signal: float) -> RatePoint:
    """Return the point of signals as they are."""
    return RatePoint("raw", bytes_per_signal, math.inf)


def codec_point(name: str, measured: Evaluation, latent_size: int = 0) -> RatePoint:
    """Return the point of a narrows codec."""
    return RatePoint(
        name, measured.bytes_per_signal, measured.psnr, measured.model_bytes,
        latent_size=latent_size, snr=measured.snr, max_abs_error=measured.max_abs_error,
    )  # fmt: skip


def with_snr(points: Sequence[RatePoint], known: RatePoint) -> list[RatePoint]:
    """Return points with their SNR, from that of one that was measured on the same signals."""
    if known.snr is None or known.by_channel or not _are_finite(known.snr, known.psnr):
        return list(points)
    shift = known.snr - known.psnr  # the variance over the squared peak
    return [replace(point, snr=point.psnr + shift) for point in points]


def fewest_bytes(points: Sequence[RatePoint]) -> RatePoint | None:
    """Return the point of the fewest bytes, None of no points."""
    return min(points, key=lambda point: point.bytes_per_signal, default=None)


def break_even(model_bytes: int, bytes_per_signal: float, peer: RatePoint) -> int | None:
    """Return the number of signals from which a codec with its model is smaller than a peer."""
    saved = peer.bytes_per_signal - bytes_per_signal
    if saved <= 0:
        return None
    return max(0, math.ceil((model_bytes - peer.model_bytes) / saved))


Measure = Callable[[Any], RatePoint]


def at_psnr(
    measure: Measure, settings: Sequence[float], psnr: float, start: int = 0
) -> RatePoint | None:
    """Find the bytes that a codec takes at a PSNR.

    Parameters
    ----------
    measure : callable
        setting -> RatePoint
    settings : sequence of float
        From few bytes to many; the search also tries values between two of them.
    psnr : float
        In dB.
    start : int, default 0
        The setting that is tried first.

    Returns
    -------
    RatePoint or None
        At exactly this PSNR, interpolated linearly in the logarithm of the bytes; or the lowest
        setting, where that is better already; or an exact one, where no lossy one reaches the
        PSNR; None where none does.
    """
    below, above = _bracket(measure, settings, lambda point: point.psnr, psnr, start)
    if above is None or below is None or not _are_finite(below.psnr, above.psnr):
        return above
    size = bytes_at([below.place, above.place], psnr)
    return above if size is None else _interpolated(above, size, psnr)


def at_size(
    measure: Measure, settings: Sequence[float], bytes_per_signal: float, start: int = 0
) -> RatePoint:
    """Find the PSNR that a codec has at a number of bytes, as `at_psnr` finds the bytes.

    The lowest setting where that takes more already, the highest where none takes as many.
    """
    target = _decibels(bytes_per_signal)
    below, above = _bracket(
        measure, settings, lambda point: _decibels(point.bytes_per_signal), target, start
    )
    if below is None or above is None or not _are_finite(below.psnr, above.psnr):
        point = below or above
        assert point is not None
        return point
    psnr = psnr_at([below.place, above.place], bytes_per_signal)
    return above if psnr is None else _interpolated(above, bytes_per_signal, psnr)


def _interpolated(point: RatePoint, bytes_per_signal: float, psnr: float) -> RatePoint:
    return replace(
        point, bytes_per_signal=bytes_per_signal, psnr=psnr, setting=None, snr=None,
        max_abs_error=None,
    )  # fmt: skip


def _decibels(size: float) -> float:
    return 10 * math.log10(max(size, 1e-9))


def _are_finite(*values: float) -> bool:
    return all(map(math.isfinite, values))


def _bracket(
    measure: Measure,
    settings: Sequence[float],
    value: Callable[[RatePoint], float],
    target: float,
    start: int,
) -> tuple[RatePoint | None, RatePoint | None]:
    """Find two near points of which only the second reaches a target in dB.

    The first is None where the lowest setting reaches it, the second where not even the highest
    does. A value that is NaN reaches nothing.
    """
    measure, last = cache(measure), len(settings) - 1

    def reaches(setting: float) -> bool:
        return value(measure(setting)) >= target

    low = high = start
    while low >= 0 and reaches(settings[low]):  # down, to one that does not reach it
        low, high = low - STRIDE, low
    low = max(low, -1)
    while high == low or not reaches(settings[high]):  # or up, to one that does
        if high == last:
            return measure(settings[last]), None
        low, high = high, min(high + STRIDE, last)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if reaches(settings[middle]) else (middle, high)
    if low < 0:
        return None, measure(settings[0])
    a, b = float(settings[low]), float(settings[high])
    for _ in range(SEARCH_STEPS):
        below, above = value(measure(a)), value(measure(b))
        share = 0.5
        if _are_finite(below, above):
            share = (target - below) / (above - below)
            if min(target - below, above - target) < NEAR_DECIBELS:
                break
        between = a + share * (b - a)
        a, b = (a, between) if reaches(between) else (between, b)
    return measure(a), measure(b)
