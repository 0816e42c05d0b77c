"""Values for the gaps of an array, so smooth that its wavelets have hardly anything to code there.

    array ─halved, again and again─► means of what is known ─doubled again─► array without gaps

Pyramids fill gaps of any size in a few steps (Gortler, Grzeszczuk, Szeliski & Cohen 1996, section
3.4.2: pull and push). All operations are rounded on their own: the same on every machine.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
SWEEPS = 2
"""At each size, in which gaps become the means of their neighbours."""


def smoothly_filled(
    x: npt.NDArray[Any], left_out: npt.NDArray[np.bool_], mean: float
) -> npt.NDArray[Any]:
    """Return an array with other values in place of those left out.

    Parameters
    ----------
    x : array
        Of any shape.
    left_out : array of bool
    mean : float
        The values where all are left out.
    """
    if left_out.all():
        return np.full_like(x, np.rint(mean) if x.dtype.kind != "f" else mean)
    values, known = np.where(left_out, 0, x).astype(np.float64), np.where(left_out, 0.0, 1.0)
    sizes = [(values, known)]
    while known.min() == 0.0:
        values, known = _halved(values, known)
        sizes.append((values, known))
    smooth = values
    for values, known in reversed(sizes[:-1]):
        smooth = _doubled(smooth, values.shape)
        smooth += known * (values - smooth)
        for _ in range(SWEEPS):
            smooth = smooth + (1.0 - known) * (_between(smooth) - smooth)
    if x.dtype.kind != "f":
        smooth = np.rint(smooth)
    return np.where(left_out, smooth.astype(x.dtype), x)


def _halved(values: Floats, known: Floats) -> tuple[Floats, Floats]:
    """Return the means of what is known of pairs along all axes, and how much that is, up to 1."""
    ends = [(0, size % 2 if size > 1 else 0) for size in values.shape]
    total, weight = np.pad(values * known, ends), np.pad(known, ends)
    for axis in range(values.ndim):
        if total.shape[axis] > 1:
            total, weight = _pairs(total, axis), _pairs(weight, axis)
    return np.where(weight > 0, total / np.maximum(weight, 1e-300), 0.0), np.minimum(weight, 1.0)


def _pairs(x: Floats, axis: int) -> Floats:
    there = np.moveaxis(x, axis, 0)
    return np.moveaxis(there[::2] + there[1::2], 0, axis)


def _doubled(x: Floats, shape: tuple[int, ...]) -> Floats:
    """Undo the shapes of `_halved`, with values on straight lines between those that there are."""
    for axis, size in enumerate(shape):
        if size == 1:
            continue
        there = np.moveaxis(x, axis, 0)
        last = len(there) - 1
        place = np.arange(size)
        near, far = place // 2, np.clip(place // 2 + np.where(place % 2, 1, -1), 0, last)
        x = np.moveaxis(0.75 * there[near] + 0.25 * there[far], 0, axis)
    return np.array(x)


def _between(x: Floats) -> Floats:
    """Return the mean of the neighbours of each element; at an end the element is its own."""
    total, axes = np.zeros_like(x), 0
    for axis, size in enumerate(x.shape):
        if size == 1:
            continue
        there, sums = np.moveaxis(x, axis, 0), np.moveaxis(total, axis, 0)
        sums[1:] += there[:-1]
        sums[:-1] += there[1:]
        sums[0] += there[0]
        sums[-1] += there[-1]
        axes += 1
    return total / max(2 * axes, 1)
