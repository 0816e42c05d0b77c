"""Types of numbers that files have and signals have not <-> those that hold their values."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.errors import DataError
from narrows.signals.source import Attributes

Array = npt.NDArray[Any]
HELD_IN = {
    "bool": "uint8",
    "float16": "float32",
    "int64": "int32",
    "uint32": "int32",
    "uint64": "int32",
}
"""By the name of a file's type: the one of its signals. Integers must fit, which is checked."""
KEY = "stored"
"""The attribute of a member that names the type of its file."""


def type_of_signals(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the type of the signals that a file's numbers become; others stay what they are."""
    return np.dtype(HELD_IN.get(dtype.name, dtype))


def bits_in_file(dtype: np.dtype[Any], attributes: Attributes) -> int:
    """Return the bits that a number takes in a file whose signals are of a type."""
    bits = attributes.get("bits")  # of recordings
    if isinstance(bits, int) and 0 < bits < 8 * dtype.itemsize:
        return bits
    return 8 * type_in_file(dtype, attributes).itemsize


def type_in_file(dtype: np.dtype[Any], attributes: Attributes) -> np.dtype[Any]:
    """Return the type of a file's numbers: that of its signals, unless attributes name another."""
    stored = attributes.get(KEY)
    return np.dtype(stored) if isinstance(stored, str) and stored in HELD_IN else dtype


def to_signals(array: Array, name: str) -> Array:
    """Return a file's numbers in the type of signals, with every value as it was.

    Raises
    ------
    DataError
        If whole numbers are beyond 32 bits.
    """
    wanted = type_of_signals(array.dtype)
    if wanted.kind == "i" and array.dtype.kind in "iu" and array.dtype != wanted and array.size:
        low, high = int(array.min()), int(array.max())
        bounds = np.iinfo(wanted)
        if not bounds.min <= low <= high <= bounds.max:
            raise DataError(
                f"{name} holds {array.dtype.name} from {low} to {high}, and signals are of at most "
                "32 bits; save it as float64, or less than its smallest value"
            )
    return array.astype(wanted, copy=False)


def to_file(array: Array, attributes: Attributes) -> Array:
    """Undo `to_signals`; what a model made of the values is clipped to the file's type."""
    dtype = type_in_file(array.dtype, attributes)
    if dtype == array.dtype:
        return array
    if dtype.kind == "b":
        return array > 0
    if dtype.kind == "f":
        largest = np.finfo(dtype).max
        clipped = np.where(np.isfinite(array), np.clip(array, -largest, largest), array)
        return clipped.astype(dtype)
    return (array.clip(0) if dtype.kind == "u" else array).astype(dtype)
