"""Rate-distortion curves: frontier, interpolation, Bjontegaard's rate difference.

A curve is a sequence of (bytes_per_signal, psnr). What lies between its points is never guessed
beyond them: outside of its points a curve has no value.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

Curve = Sequence[tuple[float, float]]
MIN_OVERLAP_DECIBELS = 0.2
"""A mean over less says nothing."""


def frontier(curve: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the lossy points that no other beats in both, by rising bytes and PSNR."""
    kept: list[tuple[float, float]] = []
    for size, psnr in sorted((s, -p) for s, p in curve if math.isfinite(p)):
        if not kept or -psnr > kept[-1][1]:
            kept.append((size, -psnr))
    return kept


def bytes_at(curve: Curve, psnr: float) -> float | None:
    """Interpolate the bytes at a PSNR, linearly in their logarithm; None outside of the curve."""
    points = frontier(curve)
    if not points or not points[0][1] <= psnr <= points[-1][1]:
        return None
    sizes, psnrs = np.array(points).T
    return float(np.exp(np.interp(psnr, psnrs, np.log(sizes))))


def psnr_at(curve: Curve, size: float) -> float | None:
    """Interpolate the PSNR at a number of bytes, linearly in their logarithm, or return None."""
    points = frontier(curve)
    if not points or not points[0][0] <= size <= points[-1][0]:
        return None
    sizes, psnrs = np.array(points).T
    return float(np.interp(math.log(size), np.log(sizes), psnrs))


def psnr_range(curve: Curve, low_bytes: float, high_bytes: float) -> tuple[float, float] | None:
    """Return the lowest and the highest PSNR of a curve between two numbers of bytes, or None."""
    points = frontier(curve)
    if not points or points[-1][0] < low_bytes or points[0][0] > high_bytes:
        return None
    low = psnr_at(points, max(low_bytes, points[0][0]))
    high = psnr_at(points, min(high_bytes, points[-1][0]))
    assert low is not None
    assert high is not None
    return low, high


def bd_rate(
    anchor: Curve, tested: Curve, within: tuple[float, float] = (-math.inf, math.inf)
) -> tuple[float, float, float] | None:
    """Compute the mean difference in bytes of `tested` to `anchor` at equal PSNR.

    Bjontegaard's difference (Bjontegaard 2001, VCEG-M33), with the logarithm of the rate
    interpolated over PSNR by the monotone piecewise cubic (PCHIP) that JVET's common test
    conditions took in place of one cubic through all points.

    Parameters
    ----------
    anchor, tested : sequence of (bytes_per_signal, psnr)
    within : (low, high)
        In dB: PSNRs to which the common range is narrowed.

    Returns
    -------
    (percent, low, high) or None
        -50 where `tested` takes half the bytes; and the PSNRs over which the mean was taken. None
        where the curves share less than MIN_OVERLAP_DECIBELS.
    """
    from scipy.interpolate import PchipInterpolator

    curves = [frontier(anchor), frontier(tested)]
    if min(map(len, curves)) < 2:
        return None
    low = max(within[0], *(points[0][1] for points in curves))
    high = min(within[1], *(points[-1][1] for points in curves))
    if high - low < MIN_OVERLAP_DECIBELS:
        return None
    means = []
    for points in curves:
        sizes, psnrs = np.array(points).T
        means.append(PchipInterpolator(psnrs, np.log(sizes)).integrate(low, high) / (high - low))
    return 100 * math.expm1(means[1] - means[0]), low, high


def difference_at(anchor: Curve, point: tuple[float, float]) -> float | None:
    """Return by how many percent a point differs in bytes from a curve at its PSNR, or None."""
    size, psnr = point
    other = bytes_at(anchor, psnr)
    return None if other is None else 100 * (size / other - 1)
