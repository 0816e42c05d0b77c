"""Quality of reconstructions, and what a codec costs and saves."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.codec import Codec
from narrows.codec.encoding.requests import Request

DEFAULTS = Request()
Signals = npt.NDArray[Any]
ROWS = 4096
"""Signals compared at a time, so that memory does not grow with the data."""


@dataclass(frozen=True)
class Distortion:
    """How far a reconstruction is from its original."""

    mse: float  # on the scale where the peak is 1
    psnr: float  # 10 log10(1 / mse) in dB, the error pooled over all signals
    max_abs_error: float  # in the signals' units


@dataclass(frozen=True)
class Evaluation:
    """What a codec does to signals: sizes are lengths of what was written."""

    signals: int
    raw_bytes: int  # of all signals
    compressed_bytes: int  # header and index included
    bytes_per_signal: float
    bits_per_element: float
    ratio: float  # raw over compressed
    mse: float
    psnr: float
    max_abs_error: float
    model_bytes: int
    # From which model and archive together are smaller than raw; None if that never happens.
    break_even_signals: int | None

    def as_json(self) -> dict[str, Any]:
        """Return the fields; an infinite PSNR, of an exact reconstruction, becomes None."""
        return {k: v if not _infinite(v) else None for k, v in asdict(self).items()}


def _infinite(value: Any) -> bool:
    return isinstance(value, float) and not math.isfinite(value)


def errors(original: Signals, decoded: Signals) -> npt.NDArray[np.float64]:
    """Subtract in float64.

    Values that are NaN or infinite alike in both count as equal; where only one is NaN, the error
    is infinite.
    """
    a, b = original.astype(np.float64), decoded.astype(np.float64)
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    with np.errstate(invalid="ignore"):
        error = np.where(same, 0.0, a - b)
    return np.asarray(np.where(np.isnan(error), np.inf, error))


def signal_errors(
    original: Signals, decoded: Signals
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Compare `(n, *frame_shape)` signals with their reconstructions, a part at a time.

    Returns
    -------
    squares, largest : (n,)
        Of each signal: the sum of squared errors, and the largest absolute error.
    """
    squares, largest = np.zeros(len(original)), np.zeros(len(original))
    for start in range(0, len(original), ROWS):
        part = slice(start, start + ROWS)
        error = np.abs(errors(original[part], decoded[part])).reshape(len(original[part]), -1)
        squares[part] = np.square(error).sum(axis=1)
        largest[part] = error.max(axis=1, initial=0.0)
    return squares, largest


def distortion(original: Signals, decoded: Signals, peak: float) -> Distortion:
    """Compare `(n, *frame_shape)` signals with their reconstructions, in float64."""
    squares, largest = signal_errors(original, decoded)
    mse = float(squares.sum()) / max(original.size, 1) / peak**2
    return Distortion(mse, psnr_of_mse(mse), float(largest.max(initial=0.0)))


def signal_psnr(original: Signals, decoded: Signals, peak: float) -> npt.NDArray[np.float64]:
    """Return the PSNR of each of `(n, *frame_shape)` signals in dB, `(n,)`; infinite if exact."""
    squares, _ = signal_errors(original, decoded)
    size = max(1, original[:1].size)
    return np.array([psnr_of_mse(each) for each in squares / size / peak**2])


def psnr_of_mse(mse: float) -> float:
    """Return 10 log10(1 / mse) in dB; infinite for an exact copy, minus infinity for a lost NaN."""
    if not 0 < mse < math.inf:
        return math.inf if mse == 0 else -math.inf
    return -10 * math.log10(mse)


def decibels(psnr: float, digits: int = 2) -> str:
    """Write a PSNR; "lost" where a NaN or an infinity did not come back."""
    if math.isfinite(psnr):
        return f"{psnr:.{digits}f} dB"
    return "exact" if psnr > 0 else "lost"


def evaluate(
    codec: Codec,
    x: npt.NDArray[Any],
    request: Request = DEFAULTS,
) -> Evaluation:
    """Compress and decompress `(n, *frame_shape)` signals, and measure both."""
    blob = codec.compress(x, **asdict(request))
    return evaluation_of(x, codec.decompress(blob), len(blob), codec)


def evaluation_of(x: Signals, decoded: Signals, compressed_bytes: int, codec: Codec) -> Evaluation:
    """Compute the figures of one compression."""
    measured = distortion(x, decoded, codec.model.peak)
    model_bytes = len(codec.model_bytes)
    saved = (x.nbytes - compressed_bytes) / len(x)
    return Evaluation(
        signals=len(x),
        raw_bytes=x.nbytes,
        compressed_bytes=compressed_bytes,
        bytes_per_signal=compressed_bytes / len(x),
        bits_per_element=8 * compressed_bytes / x.size,
        ratio=x.nbytes / compressed_bytes,
        mse=measured.mse,
        psnr=measured.psnr,
        max_abs_error=measured.max_abs_error,
        model_bytes=model_bytes,
        break_even_signals=math.ceil(model_bytes / saved) if saved > 0 else None,
    )
