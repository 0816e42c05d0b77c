"""The numbers that an encoder decides by: trade-offs, and what the training signals were like."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from narrows.errors import FormatError

MAX_LAMBDA = 2.0**100  # costs then stay far from the largest float64


class Tradeoff(NamedTuple):
    """What a search minimises at one quality: `bits + lambda_ * distortion`.

    Errors count in whole units: `rint((decoded - signal) * units)`, in float64. The distortion of a
    frame is the sum of their squares.

    Attributes
    ----------
    units : float or (n_channels,) float64
        Units of error in one of the signal's own.
    lambda_ : float
        Bits per unit of distortion.
    curvature : (latent_size,) int32
        Mean distortion between frames whose symbols of a latent differ by one.
    """

    units: float | npt.NDArray[np.float64]
    lambda_: float
    curvature: npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Tradeoffs:
    """The trade-offs at all qualities.

    Attributes
    ----------
    unit : float
    lambda_ : sequence of float
        Of each quality.
    curvature : (n_qualities, latent_size) int32
    weights : sequence of float
        What an error counts in each channel, in `unit`; none where all count the same.

    Raises
    ------
    FormatError
        If a number is outside its range, or the lambdas are not those of the curvatures.
    """

    unit: float
    lambda_: Sequence[float]
    curvature: npt.NDArray[np.int32]
    weights: Sequence[float] = ()

    def __post_init__(self) -> None:
        numbers = (self.unit, *self.weights, *self.lambda_, *np.ravel(self.units).tolist())
        positive = all(isinstance(x, float) and math.isfinite(x) and x > 0 for x in numbers)
        if not positive or max(self.lambda_, default=0.0) > MAX_LAMBDA:
            raise FormatError(
                f"search with unit and lambdas {repr(numbers)[:80]}; all must be finite and above 0"
            )
        if self.curvature.dtype != np.int32 or self.curvature.ndim != 2:
            raise FormatError(f"search with curvatures of {self.curvature.dtype}")
        if len(self.curvature) != len(self.lambda_) or not self.curvature.size:
            raise FormatError(f"search with {len(self.lambda_)} lambdas for other qualities")
        if int(self.curvature.min()) < 0:
            raise FormatError("search with a curvature below 0")

    @property
    def units(self) -> float | npt.NDArray[np.float64]:
        """Units of error in one of the signal's own, `(n_channels,)` where they differ."""
        return self.unit * np.array(self.weights) if self.weights else self.unit

    def at(self, quality: int) -> Tradeoff:
        """Return the trade-off at a quality, counted from 1."""
        return Tradeoff(self.units, self.lambda_[quality - 1], self.curvature[quality - 1])

    def settings(self) -> dict[str, Any]:
        """Return canonical JSON values; floats in hexadecimal, which is exact."""
        lambdas = [value.hex() for value in self.lambda_]
        settings: dict[str, Any] = {"unit": self.unit.hex(), "lambda": lambdas}
        if self.weights:
            settings["weights"] = [float(value).hex() for value in self.weights]
        return settings

    @classmethod
    def build(cls, settings: dict[str, Any], curvature: npt.NDArray[np.int32]) -> Tradeoffs:
        """Make it from `settings()` and the curvatures: the inverse."""
        lambdas = [float.fromhex(text) for text in settings["lambda"]]
        weights = [float.fromhex(text) for text in settings.get("weights", ())]
        return cls(float.fromhex(settings["unit"]), lambdas, curvature, weights)


@dataclass(frozen=True)
class Fit:
    """What an encoder keeps exactly, beside what is outside the range of the input end.

    Attributes
    ----------
    missing : sequence of float
        Values that stand for missing ones.
    distortion : sequence of float
        Of each quality: the distortion of an element that 99.9 % of the training signals stay
        below, in the squared units of the search, without a search.

    Raises
    ------
    FormatError
        If a number is not finite, or a distortion is below 0.
    """

    missing: Sequence[float]
    distortion: Sequence[float]

    def __post_init__(self) -> None:
        numbers = (*self.missing, *self.distortion)
        if not all(isinstance(each, float) and math.isfinite(each) for each in numbers):
            raise FormatError(f"fit with numbers {repr(numbers)[:80]}; all must be finite")
        if min(self.distortion, default=0.0) < 0:
            raise FormatError(f"fit with distortions {repr(self.distortion)[:80]} below 0")

    def settings(self) -> dict[str, Any]:
        """Return canonical JSON values; floats in hexadecimal, which is exact."""
        return {
            "missing": [(value + 0.0).hex() for value in self.missing],
            "distortion": [(value + 0.0).hex() for value in self.distortion],
        }

    @classmethod
    def build(cls, settings: dict[str, Any]) -> Fit:
        """Make it from `settings()`: the inverse."""
        missing, distortion = (
            [float.fromhex(text) for text in settings[name]] for name in ("missing", "distortion")
        )
        return cls(missing, distortion)
