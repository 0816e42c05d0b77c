"""Missing values: found by what stands for them, and filled in between their neighbours."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.element_types import ends_of
from narrows.errors import SettingError

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


def filled(
    x: npt.NDArray[Any], left_out: Mask, mean: float | Floats, *, has_channels: bool
) -> npt.NDArray[Any]:
    """Return `(n, *frame_shape)` signals with other values in place of those left out.

    An element becomes the mean of the nearest values before and behind it along each axis, weighted
    by one over their distance: along a single axis that is a straight line. Where a channel has no
    value, it becomes its mean. The same on every machine: each operation is rounded on its own.

    Parameters
    ----------
    x : (n, *frame_shape)
    left_out : (n, *frame_shape) bool
    mean : float or (n_channels,)
    has_channels : bool
        Whether the last axis holds channels, between which there is no way.
    """
    out = x.copy()
    rows = np.flatnonzero(left_out.any(axis=tuple(range(1, x.ndim))))
    if not len(rows):
        return out
    known = ~left_out[rows]
    y = np.where(known, x[rows], 0).astype(np.float64)
    axes = range(1, x.ndim - has_channels)
    for _ in axes:
        left = np.flatnonzero(~known.reshape(len(rows), -1).all(axis=1))
        z, there = y[left], known[left]
        at = np.nonzero(~there)
        total, weights = np.zeros((2, len(at[0])))
        for axis in axes:
            _add_neighbours(z, there, at, axis, total, weights)
        found = tuple(index[weights > 0] for index in at)
        z[found], there[found] = total[weights > 0] / weights[weights > 0], True
        y[left], known[left] = z, there
    y = np.where(known, y, mean)
    if x.dtype.kind != "f":
        y = np.rint(y)
    out[rows] = np.where(left_out[rows], y.astype(x.dtype), x[rows])
    return out


def _add_neighbours(
    y: Floats,
    known: Mask,
    at: tuple[npt.NDArray[np.intp], ...],
    axis: int,
    total: Floats,
    weights: Floats,
) -> None:
    """Add the nearest known values on both sides of elements, along an axis, and weights.

    `at` are the places of these elements, as of `np.nonzero`, `(m,)` each.
    """
    size, place = y.shape[axis], at[axis]
    shape = [1] * y.ndim
    shape[axis] = size
    places = np.arange(size, dtype=np.int32).reshape(shape)
    before = np.maximum.accumulate(np.where(known, places, -1), axis=axis)[at]
    behind = np.flip(np.where(known, places, size), axis)
    behind = np.flip(np.minimum.accumulate(behind, axis=axis), axis)[at]
    for nearest, there in ((before, before >= 0), (behind, behind < size)):
        weight = np.where(there, 1.0 / np.maximum(np.abs(nearest - place), 1), 0.0)
        clipped = np.clip(nearest, 0, size - 1)
        total += weight * y[(*at[:axis], clipped, *at[axis + 1 :])]
        weights += weight


def stand_ins(dtype: np.dtype[Any], values: Any) -> list[Any]:
    """Return values that stand for missing ones; SettingError for what a dtype cannot hold."""
    least, most = ends_of(dtype)
    for value in values:
        if not least <= value <= most or (dtype.kind != "f" and not float(value).is_integer()):
            what = f"{dtype} holds {'' if dtype.kind == 'f' else 'whole numbers '}from"
            raise SettingError(
                f"missing {value:g}; {what} {least:g} to {most:g}: give values that signals hold"
            )
    return [dtype.type(value if dtype.kind == "f" else int(value)) for value in values]


def is_one_of(x: npt.NDArray[Any], values: list[Any]) -> Mask | None:
    """Return which elements are one of some values; None for none."""
    found = None
    for value in values:
        same = x == value
        if same.any():
            found = same if found is None else found | same
    return found


def parse_missing(text: str) -> list[float]:
    """Read `-9999,-99`; SettingError for anything but finite numbers."""
    try:
        values = [float(each) for each in text.split(",")]
    except ValueError:
        values = [math.nan]
    if not all(map(math.isfinite, values)):
        raise SettingError(
            f"missing {text!r}; accepted are finite numbers, such as -9999 or -9999,-99"
        )
    return values
