"""What signals a model was made for: the numbers by which an encoder knows others."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from narrows.errors import FormatError


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
