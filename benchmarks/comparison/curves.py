"""Rate-distortion curves: frontier, interpolation, Bjontegaard's rate difference.

A curve is a sequence of (bytes_per_signal, psnr). What lies between its points is never guessed
beyond them: outside of its points a curve has no value.
"""

import math

import numpy as np

LEAST_OVERLAP_DB = 0.2  # a mean over less says nothing


def frontier(curve):
    """Keep the points that no other beats in both, by rising bytes and PSNR; lossy points alone."""
    kept = []
    for size, psnr in sorted((s, -p) for s, p in curve if math.isfinite(p)):
        if not kept or -psnr > kept[-1][1]:
            kept.append((size, -psnr))
    return kept


def bytes_at(curve, psnr):
    """Interpolate the bytes at a PSNR, linearly in their logarithm; None outside of the curve."""
    points = frontier(curve)
    if not points or not points[0][1] <= psnr <= points[-1][1]:
        return None
    sizes, psnrs = np.array(points).T
    return float(np.exp(np.interp(psnr, psnrs, np.log(sizes))))


def psnr_range(curve, low_bytes, high_bytes):
    """Give the lowest and the highest PSNR of a curve between two numbers of bytes, or None."""
    points = frontier(curve)
    if not points or points[-1][0] < low_bytes or points[0][0] > high_bytes:
        return None
    sizes, psnrs = np.array(points).T
    low, high = np.interp(np.log([low_bytes, high_bytes]), np.log(sizes), psnrs)
    return float(low), float(high)


def bd_rate(anchor, tested, within=(-math.inf, math.inf)):
    """Give the mean difference in bytes of `tested` to `anchor` at equal PSNR.

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
        where the curves share less than LEAST_OVERLAP_DB.
    """
    curves = [frontier(anchor), frontier(tested)]
    if min(map(len, curves)) < 2:
        return None
    low = max(within[0], *(points[0][1] for points in curves))
    high = min(within[1], *(points[-1][1] for points in curves))
    if high - low < LEAST_OVERLAP_DB:
        return None
    means = []
    for points in curves:
        sizes, psnrs = np.array(points).T
        means.append(pchip_integral(psnrs, np.log(sizes), low, high) / (high - low))
    return 100 * math.expm1(means[1] - means[0]), low, high


def difference_at(anchor, point):
    """Give by how many percent a point differs in bytes from a curve at its PSNR, or None."""
    size, psnr = point
    other = bytes_at(anchor, psnr)
    return None if other is None else 100 * (size / other - 1)


def pchip_slopes(x, y):
    """Give the slopes of the monotone piecewise cubic through points (Fritsch and Butland 1984).

    Parameters
    ----------
    x, y : (n,)
        n at least 2, `x` rising.
    """
    h, delta = np.diff(x), np.diff(y) / np.diff(x)
    if len(x) == 2:
        return np.array([delta[0], delta[0]])
    slopes = np.zeros(len(x))
    same = delta[:-1] * delta[1:] > 0
    w1, w2 = 2 * h[1:] + h[:-1], h[1:] + 2 * h[:-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = (w1 + w2) / (w1 / delta[:-1] + w2 / delta[1:])  # harmonic, weighted
    slopes[1:-1][same] = mean[same]
    slopes[0] = _end_slope(h[0], h[1], delta[0], delta[1])
    slopes[-1] = _end_slope(h[-1], h[-2], delta[-1], delta[-2])
    return slopes


def _end_slope(h0, h1, d0, d1):
    """Fit a parabola to the three last points, and keep the curve monotone."""
    slope = ((2 * h0 + h1) * d0 - h0 * d1) / (h0 + h1)
    if slope * d0 <= 0:
        return 0.0
    return 3 * d0 if d0 * d1 <= 0 and abs(slope) > 3 * abs(d0) else slope


def pchip_integral(x, y, low, high):
    """Integrate the monotone piecewise cubic through points, exactly, over part of its range."""
    h, slopes = np.diff(x), pchip_slopes(x, y)
    start, stop = (np.clip((limit - x[:-1]) / h, 0.0, 1.0) for limit in (low, high))
    upper, lower = _hermite_integrals(stop), _hermite_integrals(start)
    value = [a - b for a, b in zip(upper, lower, strict=True)]
    values = y[:-1] * value[0] + y[1:] * value[1]
    return float((h * (values + h * (slopes[:-1] * value[2] + slopes[1:] * value[3]))).sum())


def _hermite_integrals(t):
    """Integrate the four cubic Hermite polynomials from 0 to t: two values, then two slopes."""
    return (
        t**4 / 2 - t**3 + t,
        t**3 - t**4 / 2,
        t**4 / 4 - 2 * t**3 / 3 + t**2 / 2,
        t**4 / 4 - t**3 / 3,
    )
