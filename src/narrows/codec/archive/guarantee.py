"""What an archive promises of every element: the largest error, down to none; in its metadata."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.archive.metadata import Metadata
from narrows.errors import FormatError

KEY = "guarantee"


@dataclass(frozen=True)
class Guarantee:
    """The largest error that an element may come back with.

    Attributes
    ----------
    bounds : (0, 1 or n_channels,) float
        In units of the signals, of every element or by channel; none where all come back exactly.
    relative : tuple of float
        What was asked for in parts of the value range, where it was.
    """

    bounds: tuple[float, ...] = ()
    relative: tuple[float, ...] = ()

    @property
    def is_lossless(self) -> bool:
        """Whether every bit comes back."""
        return not self.bounds

    @property
    def metadata(self) -> dict[str, Any]:
        """What the archive's metadata say of it."""
        if self.is_lossless:
            return {KEY: {"lossless": True}}
        told: dict[str, Any] = {"max_error": list(self.bounds)}
        if self.relative:
            told["max_relative_error"] = list(self.relative)
        return {KEY: told}

    def __str__(self) -> str:
        if self.is_lossless:
            return "lossless"
        told = "max error " + ",".join(f"{bound:.6g}" for bound in self.bounds)
        relative = ",".join(f"{each:g}" for each in self.relative)
        return f"{told} ({relative} of the value range)" if relative else told

    def exceeded(self, x: npt.NDArray[Any], y: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
        """Tell which elements of y are further from those of x than promised, in their shape.

        NaN and infinities have to come back as they are, and without a bound all bits.
        """
        if self.is_lossless:
            return np.asarray(bits_of(x) != bits_of(y))
        bounds = np.array(self.bounds)
        if x.dtype.kind in "biu":
            kind = np.dtype("uint8") if x.dtype.kind == "b" else x.dtype
            a, b = x.astype(kind), y.astype(kind)
            apart = np.where(a > b, _less(a, b), _less(b, a))
            return np.asarray(apart > np.floor(bounds).clip(max=2.0**63).astype(np.uint64))
        with np.errstate(all="ignore"):
            error = np.abs(x.astype(np.float64) - y.astype(np.float64))
            exact = ~np.isfinite(x)
            return np.where(exact, bits_of(x) != bits_of(y), ~(error <= bounds))


def _less(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> npt.NDArray[np.uint64]:
    """Return a - b, of whole numbers of 64 bits where a is no less."""
    return np.asarray(a.astype(np.uint64) - b.astype(np.uint64))


def bits_of(x: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the bits of elements as whole numbers, in their shape."""
    if x.dtype.kind == "f":
        return np.ascontiguousarray(x).view(f"u{x.dtype.itemsize}").reshape(x.shape)
    return x


def guarantee_of(metadata: Metadata) -> Guarantee | None:
    """Return what an archive's metadata promise, if anything; FormatError for what is none."""
    told = metadata.get(KEY)
    if told is None:
        return None
    if told == {"lossless": True}:
        return Guarantee()
    if isinstance(told, dict) and set(told) <= {"max_error", "max_relative_error"}:
        bounds, relative = told.get("max_error"), told.get("max_relative_error", [])
        if _are_bounds(bounds) and bounds and _are_bounds(relative):
            return Guarantee(tuple(map(float, bounds)), tuple(map(float, relative)))
    raise FormatError(f"archive whose metadata promise {str(told)[:60]}")


def promise_of(metadata: Metadata) -> str | None:
    """Return what an archive's metadata promise, in words."""
    promise = guarantee_of(metadata)
    return None if promise is None else str(promise)


def _are_bounds(values: Any) -> bool:
    return (
        isinstance(values, Sequence)
        and not isinstance(values, str)
        and all(
            isinstance(v, int | float) and not isinstance(v, bool) and v > 0 and math.isfinite(v)
            for v in values
        )
    )
