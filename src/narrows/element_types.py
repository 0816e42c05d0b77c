"""The types of numbers that signals have, in native byte order, and where their ranges end."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.errors import FormatError

_NAMES = (
    "uint8", "int8", "uint16", "int16", "int32", "float32", "float64",
    "bool", "float16", "uint32", "int64", "uint64",
)  # fmt: skip
ELEMENT_TYPES: tuple[np.dtype[Any], ...] = tuple(map(np.dtype, _NAMES))
"""In the order of their codes in an archive."""

Number = int | float


@cache
def ends_of(dtype: np.dtype[Any]) -> tuple[Number, Number]:
    """Return the least and the greatest finite value of a type; those of truth values are 0, 1."""
    if dtype.kind == "b":
        return 0, 1
    if dtype.kind == "f":
        return float(np.finfo(dtype).min), float(np.finfo(dtype).max)
    return int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)


def elements_of(raw: bytes | npt.NDArray[np.uint8], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """Return the elements that little-endian bytes are; FormatError for what is no truth value."""
    octets = np.frombuffer(raw, np.uint8)
    if dtype.kind == "b" and int(octets.max(initial=0)) > 1:
        raise FormatError("truth values that are neither 0 nor 1")
    return octets.view(dtype.newbyteorder("<")).astype(dtype)
