"""Elements of signals <-> whole numbers, in which the levels predict: `Grid` says how.

A lossless grid numbers the values of a type in their order, a truth value as 0 or 1, a float by its
bits, and counts from `first`; the lowest bits may be left to a stream of their own. A grid under a
bound E counts whole numbers in steps of 1 and codes them in steps of 2 E + 1, or floats in
sixteenths of a step of a little less than 2 E.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.interpolation.adaptive import Integers
from narrows.element_types import ends_of

LARGEST = 1 << 38
"""No number of a grid is further from 0, so that weighted sums of their 16ths stay exact."""
MAX_BOUND = 1 << 20  # of whole numbers, for the same reason; a smaller bound keeps a larger one
MAX_DIVISOR = 1 << 20
FIRST_BIAS = 1 << 53  # is added to the first of decimals, which is then stored without a sign
PER_STEP = 16  # so finely are predictions of floats kept, in parts of a step

Values = npt.NDArray[Any]


@dataclass(frozen=True)
class Lossless:
    """All values of a type, in order.

    Attributes
    ----------
    first : int
        What the number 0 stands for, counted from the least value of the type.
    low_bits : int
        So many of the lowest bits are sent as they are.
    """

    first: int = 0
    low_bits: int = 0

    step = 1

    def numbers(self, values: Values) -> tuple[Integers, Integers]:
        """Return the numbers of values and their low bits, in their shape."""
        order = in_order(values) - np.uint64(self.first)
        high = (order >> np.uint64(self.low_bits)).astype(np.int64)
        low = order & np.uint64((1 << self.low_bits) - 1)
        return high, low.astype(np.int64)

    def values(self, numbers: Integers, low: Integers, dtype: np.dtype[Any]) -> Values:
        """Undo `numbers`; what no value has comes back as some value."""
        order = numbers.astype(np.uint64) << np.uint64(self.low_bits) | low.astype(np.uint64)
        return from_order(order + np.uint64(self.first), dtype)


@dataclass(frozen=True)
class Whole:
    """Whole numbers of a type, of which each comes back within `bound`.

    Attributes
    ----------
    first : int
        What the number 0 stands for, counted from the least value of the type.
    bound : int
        At least 1.
    """

    first: int
    bound: int

    @property
    def step(self) -> int:
        """The distance between the numbers that may come back."""
        return 2 * self.bound + 1

    def numbers(self, values: Values) -> Values:
        """Return the numbers of values."""
        return (in_order(values) - np.uint64(self.first)).astype(np.int64)

    def values(self, numbers: Integers, dtype: np.dtype[Any]) -> Values:
        """Return what numbers stand for, clipped to the type's range."""
        low, high = ends_of(dtype)
        greatest = int(high) - int(low) - self.first
        inside = np.clip(numbers, max(-self.first, -LARGEST), min(greatest, 2 * LARGEST))
        order = inside.astype(np.uint64) + np.uint64(self.first)
        return from_order(order, dtype)


@dataclass(frozen=True)
class Scaled:
    """Floats, in sixteenths of a step.

    Attributes
    ----------
    first : float
        What the number 0 stands for.
    unit : float
        What a number adds: the 16th of a step.
    """

    first: float
    unit: float

    step = PER_STEP

    def numbers(self, values: Values) -> npt.NDArray[np.float64]:
        """Return where values lie, in numbers, as fractions; of NaN and infinity anything."""
        return (values.astype(np.float64) - self.first) / self.unit

    def values(self, numbers: Integers, dtype: np.dtype[Any]) -> Values:
        """Return what numbers stand for; two operations in float64, and a cast."""
        with np.errstate(over="ignore", invalid="ignore"):  # what is no number is kept exactly
            return (numbers.astype(np.float64) * self.unit + self.first).astype(dtype)


@dataclass(frozen=True)
class Decimals:
    """Floats that are whole numbers divided by one of them, such as hundredths.

    Attributes
    ----------
    first : int
        The whole number that the number 0 stands for; between -2**53 and 2**53.
    divisor : int
        From 1 to 2**20.
    """

    first: int
    divisor: int

    step = 1

    def numbers(self, values: Values) -> npt.NDArray[np.float64]:
        """Return the whole numbers nearest to values, counted from `first`."""
        return np.asarray(np.rint(values.astype(np.float64) * self.divisor) - self.first)

    def values(self, numbers: Integers, dtype: np.dtype[Any]) -> Values:
        """Return what numbers stand for: a division in float64, and a cast."""
        with np.errstate(over="ignore"):
            return ((numbers + self.first).astype(np.float64) / self.divisor).astype(dtype)


def in_order(values: Values) -> npt.NDArray[np.uint64]:
    """Number values in the order of their type, from 0: -NaN, -infinity ... -0, 0 ... NaN."""
    dtype = values.dtype
    if dtype.kind in "bu":
        return values.astype(np.uint64)
    bits = np.ascontiguousarray(values).view(f"u{dtype.itemsize}")
    top = 1 << (8 * dtype.itemsize - 1)
    if dtype.kind == "i":
        return np.asarray((bits ^ bits.dtype.type(top)).astype(np.uint64))
    flipped = np.where(bits & bits.dtype.type(top), ~bits, bits | bits.dtype.type(top))
    return flipped.astype(np.uint64)


def from_order(order: npt.NDArray[np.uint64], dtype: np.dtype[Any]) -> Values:
    """Undo `in_order`; of numbers outside the type, the lowest bits count."""
    if dtype.kind == "b":
        return np.asarray((order & np.uint64(1)).astype(bool))
    if dtype.kind == "u":
        return order.astype(dtype)
    bits = order.astype(f"u{dtype.itemsize}")
    top = bits.dtype.type(1 << (8 * dtype.itemsize - 1))
    if dtype.kind == "i":
        return np.asarray((bits ^ top).view(dtype))
    return np.where(bits & top, bits ^ top, ~bits).view(dtype)
