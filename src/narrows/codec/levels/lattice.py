"""What networks of levels give back under a bound, and the whole numbers they code.

A byte comes back as the nearest of evenly spaced values, whose numbers are coded. Other elements
have numbers in units, a step of which is coded at a time from wherever a prediction lies: of whole
numbers a unit is 1, of floats a 16th of a step. An element is then two rounded operations in
float64, and a cast: the same on every machine.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.checks import check_whole
from narrows.element_types import ends_of
from narrows.errors import FormatError

LARGEST = 1 << 38  # of the numbers of signals: predictions from such stay exact
MAX_BOUND = 1 << 20  # of whole numbers; a smaller bound keeps a larger one
MAX_OFFSET = 1 << 53  # of whole numbers
PER_STEP = 16  # units of floats
FURTHEST = 1 << 62  # of whole values that are numbered

Integers = npt.NDArray[np.int64]
Values = npt.NDArray[Any]
Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Lattice:
    """Where values lie, and how far apart those are that come back.

    Attributes
    ----------
    offset : int or float
        The value of the number 0.
    step : int or float
        Twice the bound: above 0, and of whole numbers, where it is one more, odd; both are of one
        type.

    Raises
    ------
    FormatError
        For others.
    """

    offset: int | float
    step: int | float

    def __post_init__(self) -> None:
        if isinstance(self.step, float):
            finite = math.isfinite(self.step) and math.isfinite(self.offset)
            if not (finite and self.step > 0 and isinstance(self.offset, float)):
                raise FormatError(f"levels in steps of {self.step} from {self.offset}")
            return
        check_whole(self.step, 3, 2 * MAX_BOUND + 1, "step of levels")
        check_whole(self.offset, -MAX_OFFSET, MAX_OFFSET, "offset of levels")
        if self.step % 2 == 0:
            raise FormatError(f"levels in steps of {self.step} whole numbers; these are odd")

    @property
    def is_whole(self) -> bool:
        """Whether it is one of whole numbers."""
        return isinstance(self.step, int)

    @property
    def bound(self) -> int | float:
        """How far values may be off, but for the rounding of floats."""
        return self.step // 2 if isinstance(self.step, int) else self.step / 2

    def numbers(self, values: Bytes) -> Integers:
        """Return the numbers of the values that are nearest to bytes."""
        apart = values.astype(np.int64) - int(self.offset) + int(self.bound)
        return np.asarray(apart // int(self.step))

    def values(self, numbers: Integers) -> Bytes:
        """Return the bytes that numbers stand for."""
        found = numbers.astype(np.int64) * int(self.step) + int(self.offset)
        return np.clip(found, 0, 255).astype(np.uint8)

    @property
    def units(self) -> int:
        """How many units, in which numbers other than bytes are told, make a step."""
        return self.step if isinstance(self.step, int) else PER_STEP

    def in_units(self, values: Values) -> Values:
        """Return how many units values are from the offset, `int64` or `float64`; of NaN any."""
        if isinstance(self.step, int):
            low, high = ends_of(values.dtype)
            inside = np.clip(values, max(int(low), -FURTHEST), min(int(high), FURTHEST))
            apart = inside.astype(np.int64) - int(self.offset)
            return np.asarray(np.clip(apart, -LARGEST, LARGEST))
        with np.errstate(all="ignore"):
            far = (values.astype(np.float64) - self.offset) / (self.step / PER_STEP)
        return np.asarray(np.clip(np.nan_to_num(far, nan=0.0), float(-LARGEST), float(LARGEST)))

    def from_units(self, numbers: Integers, dtype: np.dtype[Any]) -> Values:
        """Return what numbers below 2**41 stand for; whole ones are clipped to the type's range."""
        if self.is_whole:
            low, high = ends_of(dtype)
            most = min(int(high), np.iinfo(np.int64).max)
            return np.asarray(np.clip(numbers + self.offset, int(low), most).astype(dtype))
        with np.errstate(over="ignore", invalid="ignore"):
            scaled = numbers.astype(np.float64) * (self.step / PER_STEP)
            return np.asarray((scaled + self.offset).astype(dtype))

    def settings(self) -> dict[str, Any]:
        """Return it as canonical JSON values."""
        if self.is_whole:
            return {"offset": self.offset, "step": self.step}
        return {"offset": (self.offset + 0.0).hex(), "step": float(self.step).hex()}

    @classmethod
    def build(cls, settings: Mapping[str, Any]) -> Lattice:
        """Undo `settings()`; FormatError for what is no lattice."""
        offset, step = settings["offset"], settings["step"]
        if isinstance(step, str):
            return cls(float.fromhex(offset), float.fromhex(step))
        return cls(offset, step)


def settings_of(lattice: Lattice | None) -> dict[str, Any]:
    """Return what the settings of levels say of a lattice, where there is one."""
    return {} if lattice is None else {"lattice": lattice.settings()}


def lattice_of(settings: Mapping[str, Any]) -> Lattice | None:
    """Undo `settings_of`."""
    return Lattice.build(settings["lattice"]) if "lattice" in settings else None
