"""Measuring: every point is really encoded and decoded, and its size is the length of the blobs."""

import math
import time
from dataclasses import asdict, dataclass, field
from itertools import pairwise

from benchmarks.comparison import curves
from benchmarks.comparison.datasets import spread
from narrows.evaluation.metrics import distortion

RUNS, ENOUGH_SECONDS = 5, 1.0  # the best of so many runs, fewer where they take long


@dataclass(frozen=True)
class Point:
    """One setting of a codec.

    Attributes
    ----------
    setting : object
    bytes_per_signal : float
    psnr : float
        In dB, referring to the data set's peak; infinite for an exact copy.
    mse : float
        A sample, in the signals' units.
    max_abs_error : float
    encode_mb_per_s, decode_mb_per_s : float
        Of raw signals.
    model_bytes : int
    """

    setting: object
    bytes_per_signal: float
    psnr: float
    mse: float
    max_abs_error: float
    encode_mb_per_s: float
    decode_mb_per_s: float
    model_bytes: int = 0

    @property
    def place(self):
        """The point on a curve."""
        return self.bytes_per_signal, self.psnr

    def as_json(self):
        """Give the fields; the PSNR of an exact copy is None."""
        return {**asdict(self), "psnr": self.psnr if math.isfinite(self.psnr) else None}


@dataclass
class Series:
    """The points of one codec, or why there are none.

    Attributes
    ----------
    key, name : str
    signals : int
        On which it was measured.
    points : list of Point
    lossless : bool
    alone : bool
        Whether each signal is a file, record or packet of its own.
    fault : str
        Why it was not measured, or what is odd about its points.
    """

    key: str
    name: str
    signals: int
    points: list = field(default_factory=list)
    lossless: bool = False
    alone: bool = False
    fault: str = ""

    @property
    def curve(self):
        """The points as (bytes_per_signal, psnr)."""
        return [point.place for point in self.points]

    def as_json(self):
        """Give what the results file holds."""
        fields = {**vars(self), "points": [point.as_json() for point in self.points]}
        return {name: value for name, value in fields.items() if value != ""}


def measure(coder, x, peak, setting):
    """Encode and decode `(n, *frame_shape)` signals, and measure bytes, error and time.

    Raises
    ------
    ValueError
        If what is decoded has another shape or type.
    """
    blobs, encoding = timed(lambda: coder.encode(x))
    decoded, decoding = timed(lambda: coder.decode(blobs, len(x)))
    if (decoded.shape, decoded.dtype) != (x.shape, x.dtype):
        raise ValueError(f"{decoded.dtype} {decoded.shape} decoded from {x.dtype} {x.shape}")
    found = distortion(x, decoded, peak)
    return Point(
        setting=setting,
        bytes_per_signal=sum(map(len, blobs)) / len(x),
        psnr=found.psnr,
        mse=found.mse * peak**2,
        max_abs_error=found.max_abs_error,
        encode_mb_per_s=x.nbytes / 1e6 / encoding,
        decode_mb_per_s=x.nbytes / 1e6 / decoding,
        model_bytes=coder.model_bytes,
    )


def timed(function):
    """Call a function some times; give its result and its shortest time in seconds."""
    seconds = []
    while len(seconds) < RUNS and sum(seconds) < ENOUGH_SECONDS:
        began = time.perf_counter()
        result = function()
        seconds.append(max(time.perf_counter() - began, 1e-9))
    return result, min(seconds)


def measure_peer(peer, dataset):
    """Sweep the settings of a peer. What stops it is told in its series, not raised."""
    x = spread(dataset.test, peer.sample)
    series = Series(
        peer.key, peer.name, len(x), lossless=peer.lossless, alone=peer.alone,
        fault=peer.missing() or "",
    )  # fmt: skip
    if series.fault:
        return series
    for setting in peer.settings(dataset):
        try:
            series.points.append(measure(peer.coder(dataset, setting), x, dataset.peak, setting))
        except Exception as error:  # a peer's failure must not cost the whole run
            series.fault = f"at setting {setting}: {type(error).__name__}: {error}"
            break
    series.fault = series.fault or oddity(series)
    return series


def oddity(series):
    """Say where a peer does not do what its settings say; empty where all is well."""
    exact = [point.setting for point in series.points if not math.isfinite(point.psnr)]
    if series.lossless:
        return "" if len(exact) == len(series.points) else "not lossless"
    if len(exact) == len(series.points):
        return "lossless at every setting: it is not in its lossy mode"
    rising = sorted(series.curve)
    if any(b[1] < a[1] - 0.5 for a, b in pairwise(rising)):
        return "more bytes at a lower PSNR: only the better points count"
    if len(curves.frontier(series.curve)) == 1 < len(series.points):
        return "the settings change nothing"
    return ""
