"""The one contract of all that is measured: signals to blobs, and blobs back to signals.

Peer ──coder(workload, setting)──► Coder      signals ─encode─► blobs ─decode─► signals
└─measure──► RatePoint: lengths of blobs, error of signals
"""

from __future__ import annotations

import importlib
import importlib.util
import time
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.evaluation.metrics import distortion
from narrows.evaluation.peers.mosaics import Layout, Shape, row
from narrows.evaluation.peers.whole_arrays import WholeArrays
from narrows.evaluation.rate_point import RatePoint

Signals = npt.NDArray[Any]
Functions = tuple[Callable[[Signals], bytes], Callable[[bytes], Signals], int]
"""Encode an array to a blob, decode it, and the bytes of the model that the receiver needs."""
MAX_RUNS = 5


@dataclass(frozen=True)
class Coder:
    """A pair of inverse functions (but for the loss), at one setting."""

    encode: Callable[[Signals], list[bytes]]  # their lengths are the size, nothing else is counted
    decode: Callable[[list[bytes], int], Signals]  # blobs, n -> (n, *frame_shape)
    model_bytes: int = 0  # what the receiver needs besides


@dataclass(frozen=True, eq=False)
class Workload:
    """Signals that codecs are measured on, and what a codec may know before it sees them."""

    x: Signals  # (n, *frame_shape)
    peak: float  # the range that PSNR refers to
    layout: Layout  # of the signals in one array, for codecs of numeric arrays
    train: Signals | None = None  # other signals of the kind, for what learns
    byte_range: tuple[float, float] | None = None  # bytes a signal that are of interest
    arrays: WholeArrays | None = None  # whose tiles the signals are, all of them

    @property
    def frame_shape(self) -> Shape:
        """The shape of one signal."""
        return self.x.shape[1:]

    @cached_property
    def inside(self) -> npt.NDArray[np.bool_] | None:
        """Which elements count: those of tiles that are within their array."""
        return None if self.arrays is None else self.arrays.inside(self.x)

    def layouts(self, layout: Layout, axes: Container[int]) -> list[tuple[int, Layout]]:
        """Return the layouts of signals in a row, and of how many.

        That of each array whose tiles they are, if all have so many axes; else one for all.
        """
        parts = [] if self.arrays is None else self.arrays.parts
        whole = [(part.n_tiles, part.layout) for part in parts]
        if not whole or self.arrays is None or len(self.arrays.geometry.lengths) not in axes:
            return [(len(self.x), layout)]
        return whole


@dataclass(frozen=True)
class Peer:
    """A codec to compare with, in one layout of the signals."""

    key: str  # what options call it; the word before the first hyphen calls its relatives as well
    name: str
    accepts: str  # the dtypes and dimensions of signals that it takes, in words
    takes: Callable[[Workload], bool]  # whether the signals are of those
    settings: Callable[[Workload], Sequence[Any]]  # from few bytes to many
    # Of an array of this shape, at a setting. What it prepares, such as PCA, is not timed.
    functions: Callable[[Workload, Shape, Any], Functions]
    layout: Callable[[Workload], Layout] = lambda work: row(work.frame_shape)
    # What has to be importable, and after a dot a codec that imagecodecs must be built with.
    requires: str = ""
    lossless: bool = False
    alone: bool = False  # each signal is a record of its own: narrows' packets stand beside it
    bounded: bool = False  # the setting is a bound on the error of each element
    learns: bool = False  # it needs signals to learn from
    everyday: bool = True  # evaluate, report and advise show it: one entry for a codec
    # Of how many axes the arrays may be that it takes whole, where the signals are their tiles.
    array_axes: Container[int] = ()

    def coder(self, work: Workload, setting: Any) -> Coder:
        """Return the coder of all signals in one blob, or of each in its own."""
        layout = self.layout(work)
        if not self.alone:
            return self._together(work, layout, setting)
        shape = layout.join(work.x[:1]).shape
        encode, decode, model_bytes = self.functions(work, shape, setting)
        return Coder(
            lambda x: [encode(layout.join(signal[None])) for signal in x],
            lambda blobs, n: np.concatenate([layout.split(decode(blob), 1) for blob in blobs]),
            model_bytes,
        )

    def _together(self, work: Workload, layout: Layout, setting: Any) -> Coder:
        """Return the coder of all signals in one blob, or of each array that they are tiles of."""
        layouts = work.layouts(layout, self.array_axes)
        ends = np.cumsum([n for n, _ in layouts]).tolist()
        parts = [slice(end - n, end) for end, (n, _) in zip(ends, layouts, strict=True)]
        made = [
            (part, each, *self.functions(work, each.join(work.x[part]).shape, setting))
            for part, (_, each) in zip(parts, layouts, strict=True)
        ]

        def decode_all(blobs: list[bytes], n: int) -> Signals:
            pairs = zip(made, blobs, strict=True)
            return np.concatenate(
                [each.split(decode(b), p.stop - p.start) for (p, each, _, decode, _), b in pairs]
            )

        return Coder(
            lambda x: [encode(each.join(x[part])) for part, each, encode, _, _ in made],
            decode_all,
            max(model_bytes for *_, model_bytes in made),
        )

    def missing(self) -> str | None:
        """Say what to install to have this codec; None where it is there."""
        package, _, part = self.requires.partition(".")
        extra = "train" if package == "torch" else "bench"
        if package and importlib.util.find_spec(package) is None:
            return f"{package} is not installed: pip install 'narrows[{extra}]'"
        if part and not getattr(importlib.import_module(package), part).available:
            return (
                f"this {package} is built without {part}: "
                f"pip install --force-reinstall --only-binary {package} 'narrows[{extra}]'"
            )
        return None

    def is_called(self, words: Sequence[str]) -> bool:
        """Return whether one of the words means this one."""
        return any(self.key == word or self.key.startswith(f"{word}-") for word in words)


def measure(
    coder: Coder,
    x: Signals,
    peak: float,
    name: str,
    setting: Any = None,
    seconds: float = 0.0,
    inside: npt.NDArray[np.bool_] | None = None,
) -> RatePoint:
    """Encode and decode `(n, *frame_shape)` signals, and measure bytes, error and time.

    Both ways are timed again, five times at most, until `seconds` have passed; the best counts.
    Errors count where they are `inside`.

    Raises
    ------
    ValueError
        If what is decoded has another shape or dtype.
    """
    blobs, encoding = _timed(lambda: coder.encode(x), seconds)
    decoded, decoding = _timed(lambda: coder.decode(blobs, len(x)), seconds)
    if (decoded.shape, decoded.dtype) != (x.shape, x.dtype):
        raise ValueError(f"{decoded.dtype} {decoded.shape} decoded from {x.dtype} {x.shape}")
    found = distortion(x, decoded, peak, inside)
    return RatePoint(
        name=name,
        bytes_per_signal=sum(map(len, blobs)) / len(x),
        psnr=found.psnr,
        model_bytes=coder.model_bytes,
        setting=setting,
        max_abs_error=found.max_abs_error,
        encode_mb_per_s=x.nbytes / 1e6 / encoding,
        decode_mb_per_s=x.nbytes / 1e6 / decoding,
    )


def _timed(function: Callable[[], Any], enough: float) -> tuple[Any, float]:
    """Call a function once or more; return its result and its shortest time in seconds."""
    times: list[float] = []
    while not times or (len(times) < MAX_RUNS and sum(times) < enough):
        began = time.perf_counter()
        result = function()
        times.append(max(time.perf_counter() - began, 1e-9))
    return result, min(times)
