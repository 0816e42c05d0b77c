"""What counts as signals: an array `(n, *frame_shape)` of integers, truth values or floats."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.arrays import advice_on_dtype, as_array, first_step
from narrows.element_types import ELEMENT_TYPES
from narrows.errors import DataError

DTYPES = ELEMENT_TYPES
"""The accepted types of numbers, in native byte order."""


def check_signals(
    array: npt.ArrayLike, *, name: str = "data", allow_empty: bool = False
) -> npt.NDArray[Any]:
    """Return signals as a native, C-contiguous array, or say why they are not signals.

    Parameters
    ----------
    array : (n, *frame_shape), a type of `DTYPES` in either byte order
        Whatever numpy can turn into such an array. It is copied only where its byte order or
        its layout has to change, so that a memory-mapped file stays one.
    name : str
        What error messages call the array.
    allow_empty : bool
        Accept n = 0. A frame without elements is never accepted.

    Returns
    -------
    (n, *frame_shape), a type of `DTYPES`
        The same numbers, possibly the same array, possibly read-only.

    Raises
    ------
    DataError
        If the dtype is another, the shape is no stack of frames, or there is nothing in it.

    Examples
    --------
    >>> check_signals([[0.5, 1.0], [1.5, 2.0]]).dtype
    dtype('float64')
    """
    signals = as_array(array, name)
    check_dtype(signals.dtype, name, signals, first_step(array))
    check_shape(signals.shape, name, allow_empty)
    layout = signals.flags
    if signals.dtype.isnative and layout.c_contiguous and layout.aligned:
        return signals
    return np.array(signals, dtype=signals.dtype.newbyteorder("="), order="C")


def check_dtype(
    dtype: np.dtype[Any], name: str, values: npt.NDArray[Any] | None = None, first: str = ""
) -> None:
    """Raise DataError for another dtype; with the values, the advice keeps them."""
    accepted = [known.name for known in DTYPES]
    if dtype.name in accepted:  # in either byte order
        return
    advice = advice_on_dtype(np.zeros(1, dtype) if values is None else values)
    raise DataError(
        f"{name} has dtype {dtype.name}; accepted are {', '.join(accepted)}; {advice}{first}"
    )


def check_shape(shape: tuple[int, ...], name: str, allow_empty: bool) -> None:
    """Raise DataError for what is no stack of frames."""
    if len(shape) < 2:
        raise DataError(
            f"{name} has shape {shape}, but signals are frames (n, *frame_shape); reshape it: "
            "x.reshape(-1, 1) for single numbers, "
            "x[: n * length].reshape(n, length) for windows of one long signal"
        )
    if 0 in shape[1:]:
        raise DataError(
            f"{name} has shape {shape}: a frame of shape {shape[1:]} has no elements; "
            "every axis of a frame needs at least one"
        )
    if shape[0] == 0 and not allow_empty:
        raise DataError(f"{name} has shape {shape}: no signals; at least one is needed")
