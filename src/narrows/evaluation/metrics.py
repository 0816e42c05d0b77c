"""Quality of reconstructions, and what a codec costs and saves."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.codec import Codec
from narrows.codec.encoding.requests import Request
from narrows.codec.model.range import Range
from narrows.errors import DataError
from narrows.evaluation.fidelity import (
    Fidelity,
    Spread,
    channel_errors,
    fidelity,
    psnr_of_mse,
)
from narrows.evaluation.reference import Reference

DEFAULTS = Request()
Signals = npt.NDArray[Any]


@dataclass(frozen=True)
class Distortion:
    """How far a reconstruction is from its original."""

    mse: float  # on the scale where the peak is 1
    psnr: float  # 10 log10(1 / mse) in dB, the error pooled over all signals
    max_abs_error: float  # in the signals' units


@dataclass(frozen=True, kw_only=True)
class Evaluation(Fidelity):
    """What a codec does to signals: sizes are lengths of what was written."""

    signals: int
    raw_bytes: int  # of all signals
    compressed_bytes: int  # header and index included
    bytes_per_signal: float
    bits_per_element: float
    ratio: float  # raw over compressed
    reference: Reference  # what the PSNR refers to
    model_bytes: int
    # From which model and archive together are smaller than raw; None if that never happens.
    break_even_signals: int | None

    def as_json(self) -> dict[str, Any]:
        """Return the fields; an infinite PSNR or SNR, of an exact copy, becomes None."""
        figures = super().as_json()
        del figures["reference"]
        return {**figures, **self.reference.as_json()}


def distortion(original: Signals, decoded: Signals, peak: float) -> Distortion:
    """Compare `(n, *frame_shape)` signals with their reconstructions, in float64."""
    squares, largest = channel_errors(original, decoded)
    mse = float(squares.sum()) / max(original.size, 1) / peak**2
    return Distortion(mse, psnr_of_mse(mse), float(largest.max(initial=0.0)))


def signal_psnr(original: Signals, decoded: Signals, peak: float) -> npt.NDArray[np.float64]:
    """Return the PSNR of each of `(n, *frame_shape)` signals in dB, `(n,)`; infinite if exact."""
    squares = channel_errors(original, decoded)[0].sum(axis=1)
    size = max(1, original[:1].size)
    return np.array([psnr_of_mse(each) for each in squares / size / peak**2])


def decibels(psnr: float, digits: int = 2) -> str:
    """Write a PSNR; "lost" where a NaN or an infinity did not come back."""
    if math.isfinite(psnr):
        return f"{psnr:.{digits}f} dB"
    return "exact" if psnr > 0 else "lost"


def signal_to_noise(snr: float | None) -> str:
    """Write an SNR in dB; None is that of constant signals."""
    return "undefined: constant signals" if snr is None else decibels(snr)


def evaluate(
    codec: Codec,
    x: npt.NDArray[Any],
    request: Request = DEFAULTS,
    progress: Callable[[int], None] | None = None,
    jobs: int = 1,
) -> Evaluation:
    """Compress and decompress `(n, *frame_shape)` signals, and measure both.

    `progress` is called as by `Codec.compress`, and so many processes share the work.
    """
    x = codec.transform.check_frames(x)
    if not len(x):
        raise DataError("no signals to evaluate on; give at least one")
    blob = codec.compress(x, progress=progress, jobs=jobs, **asdict(request))
    return evaluation_of(x, codec.decompress(blob, jobs), len(blob), codec)


def evaluation_of(x: Signals, decoded: Signals, compressed_bytes: int, codec: Codec) -> Evaluation:
    """Compute the figures of one compression."""
    spread, peak = Spread.of(x, Range(codec.model)), codec.model.peak
    measured = fidelity(*channel_errors(x, decoded), peak, spread)
    model_bytes = len(codec.model_bytes)
    saved = (x.nbytes - compressed_bytes) / len(x)
    return Evaluation(
        signals=len(x),
        raw_bytes=x.nbytes,
        compressed_bytes=compressed_bytes,
        bytes_per_signal=compressed_bytes / len(x),
        bits_per_element=8 * compressed_bytes / x.size,
        ratio=x.nbytes / compressed_bytes,
        reference=Reference.of(codec.model, spread),
        model_bytes=model_bytes,
        break_even_signals=math.ceil(model_bytes / saved) if saved > 0 else None,
        **vars(measured),
    )
