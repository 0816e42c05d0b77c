"""What a model knows of bits against errors: the numbers that a search needs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.errors import FormatError

MAX_LAMBDA = 2.0**100  # costs then stay far from the largest float64


@dataclass(frozen=True, eq=False)
class Exchange:
    """The exchange rate of bits and errors at each quality, and what a latent's steps cost.

    An error counts in whole units: `rint((decoded - signal) * unit)`, in float64. The distortion of
    a frame is the sum of its squares; what a search makes small is `bits + lambda_ * distortion`.

    Attributes
    ----------
    unit : float
        Units in one of the signal's own.
    lambda_ : sequence of float
        Of each quality, in bits per unit of distortion.
    curvature : (n_qualities, latent_size) int32
        The distortion between frames whose symbols of a latent differ by one: the mean.

    Raises
    ------
    FormatError
        If a number is none that these could be.
    """

    unit: float
    lambda_: Sequence[float]
    curvature: npt.NDArray[np.int32]

    def __post_init__(self) -> None:
        numbers = (self.unit, *self.lambda_)
        positive = all(isinstance(x, float) and math.isfinite(x) and x > 0 for x in numbers)
        if not positive or max(self.lambda_, default=0.0) > MAX_LAMBDA:
            raise FormatError(f"search with a unit or lambda that is none: {repr(numbers)[:80]}")
        if self.curvature.dtype != np.int32 or self.curvature.ndim != 2:
            raise FormatError(f"search with curvatures of {self.curvature.dtype}")
        if len(self.curvature) != len(self.lambda_) or not self.curvature.size:
            raise FormatError(f"search with {len(self.lambda_)} lambdas for other qualities")
        if int(self.curvature.min()) < 0:
            raise FormatError("search with a curvature below 0")

    def settings(self) -> dict[str, Any]:
        """Return canonical JSON values; floats in hexadecimal, which is exact."""
        return {"unit": self.unit.hex(), "lambda": [value.hex() for value in self.lambda_]}

    @classmethod
    def build(cls, settings: dict[str, Any], curvature: npt.NDArray[np.int32]) -> Exchange:
        """Make it from `settings()` and the curvatures: the inverse."""
        lambdas = [float.fromhex(text) for text in settings["lambda"]]
        return cls(float.fromhex(settings["unit"]), lambdas, curvature)
