"""Sums of whole numbers, in the arithmetic that is quickest and exact."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.interpolation.adaptive import Integers
from narrows.codec.interpolation.grid import MAX_BOUND

MAX_STEP = 2 * MAX_BOUND + 1
EXACT = 1 << 53  # float64 holds all whole numbers below


def as_exact(weights: npt.NDArray[np.int64], high: int) -> npt.NDArray[Any]:
    """Return weights as float64 if sums of numbers of a grid up to `high` are exact in it.

    Numbers further off than a step are those of a damaged block, which is refused in the end.
    """
    is_exact = int(np.abs(weights).sum()) * (high + MAX_STEP) < EXACT
    return weights.astype(np.float64) if is_exact else weights


def weighted(weights: npt.NDArray[Any], numbers: Integers) -> Integers:
    """Return the sum of `(k, ...)` numbers times `(k,)` weights, which are `as_exact`."""
    if weights.dtype.kind == "f":
        flat = numbers.reshape(len(numbers), -1).astype(np.float64)
        return (weights @ flat).astype(np.int64).reshape(numbers.shape[1:])
    total = np.zeros(numbers.shape[1:], np.int64)
    for weight, each in zip(weights.tolist(), numbers, strict=True):
        total += weight * each
    return total


def clipped(numbers: npt.NDArray[Any], low: int, high: int) -> npt.NDArray[Any]:
    """Move numbers between two, in place; `np.clip` takes several times as long for few."""
    np.minimum(numbers, high, out=numbers)
    np.maximum(numbers, low, out=numbers)
    return numbers
