"""How far reconstructions are from their originals, in all, by channel and by signal."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from narrows.codec.model.range import Range
from narrows.signals.channels import by_channel, has_length, n_channels

Signals = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
PART = 1 << 22
"""Elements looked at at a time, so that memory does not grow with the data."""


@dataclass(frozen=True)
class Closeness:
    """How close reconstructions are, set beside the signals themselves."""

    rms_error: float  # in the signals' units
    max_abs_error: float  # in the signals' units
    snr: float | None
    """10 log10(variance / MSE) in dB: the variance of these signals about their mean, or, over
    several channels, of each channel about its own. Infinite for an exact copy; 0 dB is what
    sending the mean alone would reach; None for constant signals that are not exact."""
    prdn: float | None
    """100 sqrt(sum of squared errors / sum of squares about the mean of each signal and channel),
    in percent, the smaller the better: the normalised percent root-mean-square difference (Zigel,
    Cohen & Katz 2000). Of `(length,)` and `(length, channels)` frames; None for others, and where
    each signal is constant."""

    def as_json(self) -> dict[str, Any]:
        """Return the fields; what is not finite becomes None, as the SNR of an exact copy."""
        return {f.name: _in_json(getattr(self, f.name)) for f in fields(self)}


@dataclass(frozen=True)
class Fidelity(Closeness):
    """The figures of all channels together, and of each."""

    mse: float  # where the peak is 1
    psnr: float  # 10 log10(1 / mse) in dB, the error pooled over all signals
    channels: tuple[Closeness, ...]  # none where there is one


def _in_json(value: Any) -> Any:
    if isinstance(value, tuple):
        return [each.as_json() for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def errors(original: Signals, decoded: Signals) -> Floats:
    """Subtract in float64.

    Values that are NaN or infinite alike in both count as equal; where only one is NaN, the error
    is infinite.
    """
    a, b = original.astype(np.float64), decoded.astype(np.float64)
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    with np.errstate(invalid="ignore"):
        error = np.where(same, 0.0, a - b)
    return np.asarray(np.where(np.isnan(error), np.inf, error))


def channel_errors(original: Signals, decoded: Signals) -> tuple[Floats, Floats]:
    """Compare `(n, *frame_shape)` signals with their reconstructions, a part at a time.

    Returns
    -------
    squares, largest : (n, channels)
        Of each signal and channel: the sum of squared errors, and the largest absolute error.
    """
    squares = np.zeros((len(original), n_channels(original.shape[1:])))
    largest = np.zeros_like(squares)
    for part in _parts(original):
        error = np.abs(by_channel(errors(original[part], decoded[part])))
        squares[part] = np.square(error).sum(axis=1)
        largest[part] = error.max(axis=1, initial=0.0)
    return squares, largest


@dataclass(frozen=True)
class Spread:
    """What `(n, *frame_shape)` signals are measured against; each `(channels,)`.

    Values that a model is not made for, which an archive keeps exactly, do not count.
    """

    counts: Floats  # of the values
    low: Floats
    high: Floats
    about_mean: Floats  # the sum of squares about the channel's mean
    about_each: Floats | None  # about the mean of each signal's channel; None: no axis of length

    @classmethod
    def of(
        cls,
        x: Signals,
        range_: Range | None = None,
        inside: npt.NDArray[np.bool_] | None = None,
    ) -> Self:
        """Measure signals, part by part; without a range all finite values count, if `inside`."""
        channels = n_channels(x.shape[1:])
        counts, sums, squares, own = (np.zeros(channels) for _ in range(4))
        low, high = np.full(channels, np.inf), np.full(channels, -np.inf)
        for part in _parts(x):
            values, known = _known(x[part], range_, None if inside is None else inside[part])
            counts += known.sum(axis=(0, 1))
            sums += np.where(known, values, 0.0).sum(axis=(0, 1))
            low = np.minimum(low, np.where(known, values, np.inf).min(axis=(0, 1), initial=np.inf))
            high = np.maximum(
                high, np.where(known, values, -np.inf).max(axis=(0, 1), initial=-np.inf)
            )
        means = sums / np.maximum(counts, 1)
        for part in _parts(x):
            values, known = _known(x[part], range_, None if inside is None else inside[part])
            squares += _squares_about(means, values, known)
            each = np.where(known, values, 0.0).sum(axis=1, keepdims=True)
            own += _squares_about(
                each / np.maximum(known.sum(axis=1, keepdims=True), 1), values, known
            )
        return cls(counts, low, high, squares, own if has_length(x.shape[1:]) else None)


def fidelity(squares: Floats, largest: Floats, peak: float, spread: Spread) -> Fidelity:
    """Compute all figures from what `channel_errors` returns, of the values that count."""
    n_values, channels = np.maximum(spread.counts, 1.0), squares.shape[1]
    sums, most = squares.sum(axis=0), largest.max(axis=0, initial=0.0)
    mse = float(sums.sum() / n_values.sum()) / peak**2

    def closeness(c: slice) -> Closeness:
        return Closeness(
            rms_error=math.sqrt(sums[c].sum() / n_values[c].sum()),
            max_abs_error=float(most[c].max()),
            snr=_snr(float(spread.about_mean[c].sum()), float(sums[c].sum())),
            prdn=None
            if spread.about_each is None
            else _percent(float(sums[c].sum()), float(spread.about_each[c].sum())),
        )

    each = tuple(closeness(slice(c, c + 1)) for c in range(channels)) if channels > 1 else ()
    return Fidelity(**vars(closeness(slice(None))), mse=mse, psnr=psnr_of_mse(mse), channels=each)


def psnr_of_mse(mse: float) -> float:
    """Return 10 log10(1 / mse) in dB; infinite for an exact copy, minus infinity for a lost NaN."""
    if not 0 < mse < math.inf:
        return math.inf if mse == 0 else -math.inf
    return -10 * math.log10(mse)


def _snr(signal: float, error: float) -> float | None:
    if not error:
        return math.inf
    return psnr_of_mse(error / signal) if 0 < signal < math.inf else None


def _percent(error: float, signal: float) -> float | None:
    return 100 * math.sqrt(error / signal) if signal else (None if error else 0.0)


def _parts(x: Signals) -> Iterator[slice]:
    rows = max(1, PART // max(1, x[:1].size))
    return (slice(start, start + rows) for start in range(0, len(x), rows))


def _known(
    x: Signals, range_: Range | None, inside: npt.NDArray[np.bool_] | None
) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Return `(n, elements, channels)` values, and which of them a model is made for."""
    values = by_channel(x).astype(np.float64)
    known = np.isfinite(values)
    known = known if inside is None else known & by_channel(inside)
    outside = None if range_ is None else range_.outside(x)
    return values, known if outside is None else known & ~by_channel(outside)


def _squares_about(means: Floats, values: Floats, known: npt.NDArray[np.bool_]) -> Floats:
    """Sum `(n, elements, channels)` squares about means, by channel."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(np.square(np.where(known, values - means, 0.0)).sum(axis=(0, 1)))
