"""Quality of reconstructions, and what a codec costs and saves."""

from __future__ import annotations

import io
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from math import prod
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from narrows.codec.archive import ArchiveReader
from narrows.codec.codec import Codec
from narrows.codec.encoding.requests import Request
from narrows.codec.model.range import Range
from narrows.codec.prediction.bricks import bricks_of
from narrows.errors import DataError
from narrows.evaluation.fidelity import (
    Fidelity,
    Spread,
    channel_errors,
    fidelity,
    psnr_of_mse,
)
from narrows.evaluation.reference import Reference
from narrows.gaps import filled
from narrows.signals import ArraySource, Frames

DEFAULTS = Request()
Signals = npt.NDArray[Any]


@dataclass(frozen=True)
class Distortion:
    """How far a reconstruction is from its original."""

    mse: float  # on the scale where the peak is 1
    psnr: float  # 10 log10(1 / mse) in dB, the error pooled over all signals
    max_abs_error: float  # in the signals' units


@dataclass(frozen=True)
class Given:
    """What signals are before they are cut to frames, of which the last may be filled up."""

    n_bytes: float
    n_elements: float
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """That an archive of them has."""
    bricks: Sequence[tuple[int, ...]] = ()
    """The shapes of the arrays whose tiles they are, if these are coded as a whole."""

    @classmethod
    def of(cls, source: ArraySource | Frames, bricks: Sequence[tuple[int, ...]] = ()) -> Self:
        """Return the size of what was opened."""
        if isinstance(source, Frames):
            return cls(source.raw_bytes, source.raw_elements, source.metadata, bricks)
        n = prod(source.shape)
        return cls(n * source.dtype.itemsize, n, bricks=bricks)

    def share(self, share: float) -> Given:
        """Return the size of a share of it, from which no file comes back."""
        if share == 1:
            return self
        return Given(share * self.n_bytes, share * self.n_elements, bricks=self.bricks)


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
    blocks_by_mode: Mapping[str, int]  # how often each kind of block was the smallest

    def as_json(self) -> dict[str, Any]:
        """Return the fields; an infinite PSNR or SNR, of an exact copy, becomes None."""
        figures = super().as_json()
        del figures["reference"]
        return {**figures, **self.reference.as_json()}


def distortion(
    original: Signals,
    decoded: Signals,
    peak: float,
    inside: npt.NDArray[np.bool_] | None = None,
) -> Distortion:
    """Compare `(n, *frame_shape)` signals with their reconstructions in float64, where `inside`."""
    count = original.size
    if inside is not None:
        decoded, count = np.where(inside, decoded, original), int(inside.sum())
    squares, largest = channel_errors(original, decoded)
    mse = float(squares.sum()) / max(count, 1) / peak**2
    return Distortion(mse, psnr_of_mse(mse), float(largest.max(initial=0.0)))


def signal_psnr(
    original: Signals,
    decoded: Signals,
    peak: float,
    inside: npt.NDArray[np.bool_] | None = None,
) -> npt.NDArray[np.float64]:
    """Return the PSNR of each of `(n, *frame_shape)` signals in dB, `(n,)`; infinite if exact.

    Errors count where they are `inside`.
    """
    sizes: Any = max(1, original[:1].size)
    if inside is not None:
        decoded = np.where(inside, decoded, original)
        sizes = np.maximum(inside.reshape(len(inside), -1).sum(axis=1), 1)
    squares = channel_errors(original, decoded)[0].sum(axis=1)
    return np.array([psnr_of_mse(each) for each in squares / sizes / peak**2])


def decibels(psnr: float, digits: int = 2) -> str:
    """Write a PSNR; "lost" where a NaN or an infinity did not come back."""
    if math.isfinite(psnr):
        return f"{psnr:.{digits}f} dB"
    return "exact" if psnr > 0 else "lost"


def signal_to_noise(snr: float | None) -> str:
    """Write an SNR in dB; None is that of constant signals."""
    return "undefined: constant signals" if snr is None else decibels(snr)


def for_peers(codec: Codec, x: Signals, missing: Sequence[float] = ()) -> Signals:
    """Return `(n, *frame_shape)` signals without what does not count, for codecs that have no mask.

    What is missing or outside the range lies between its neighbours.
    """
    left_out, own = Range(codec.model, missing).outside(x), codec.model.normaliser
    if left_out is None:
        return x
    return filled(x, left_out, np.array(own.offset), has_channels=own.n_channels is not None)


def evaluate(
    codec: Codec,
    x: npt.NDArray[Any],
    request: Request = DEFAULTS,
    progress: Callable[[int], None] | None = None,
    jobs: int = 1,
    given: Given | None = None,
) -> Evaluation:
    """Compress and decompress `(n, *frame_shape)` signals, and measure both.

    `progress` is called as by `Codec.compress`, and so many processes share the work. `given` is
    what was cut to these signals.
    """
    x = codec.transform.check_frames(x)
    if not len(x):
        raise DataError("no signals to evaluate on; give at least one")
    given = given or Given.of(ArraySource(x))
    blob = codec.compress(
        x, progress=progress, jobs=jobs, metadata=given.metadata, bricks=given.bricks,
        **asdict(request),
    )  # fmt: skip
    decoded = codec.decompress(blob, jobs)
    return evaluation_of(x, decoded, blob, codec, request.missing, given)


def evaluation_of(
    x: Signals,
    decoded: Signals,
    blob: bytes,
    codec: Codec,
    missing: Sequence[float] = (),
    given: Given | None = None,
) -> Evaluation:
    """Compute the figures of one compression to an archive; what is `missing` does not count."""
    given, inside = given or Given.of(ArraySource(x)), None
    if given.bricks:
        inside = np.concatenate([brick.known for brick in bricks_of(x, given.bricks)])
        decoded = np.where(inside, decoded, x)
    spread, peak = Spread.of(x, Range(codec.model, missing), inside), codec.model.peak
    measured = fidelity(*channel_errors(x, decoded), peak, spread)
    reader, compressed_bytes = ArchiveReader(io.BytesIO(blob)), len(blob)
    model_bytes = len(codec.model_bytes) if reader.header.needs_model else 0
    saved = (given.n_bytes - compressed_bytes) / len(x)
    return Evaluation(
        signals=len(x),
        raw_bytes=round(given.n_bytes),
        compressed_bytes=compressed_bytes,
        bytes_per_signal=compressed_bytes / len(x),
        bits_per_element=8 * compressed_bytes / given.n_elements,
        ratio=given.n_bytes / compressed_bytes,
        reference=Reference.of(codec.model, spread),
        model_bytes=model_bytes,
        break_even_signals=math.ceil(model_bytes / saved) if saved > 0 else None,
        blocks_by_mode=dict(Counter(block.kind for block in reader)),
        **vars(measured),
    )
