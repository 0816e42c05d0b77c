"""The covariance of arrays whose statistics are the same everywhere: what distance alone decides.

From it follows what neighbours say of a tile, and how what they do not say varies. It has few
numbers, one for each distance along the axes, so that nothing is learnt by heart.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]


def autocovariance(arrays: Sequence[npt.NDArray[Any]], reach: tuple[int, ...]) -> Floats:
    """Return the mean product of elements at each distance, of either sign along every axis.

    Parameters
    ----------
    arrays : sequence of (s0, s1, ...)
        Of mean 0.
    reach : tuple of int
        The distances along each axis, from 0 to below this.

    Returns
    -------
    (*reach)
    """
    total, count = np.zeros(reach), np.zeros(reach)
    for array in arrays:
        size = [s + r for s, r in zip(array.shape, reach, strict=True)]
        total += _products(array, size, reach)
        count += _products(np.ones(array.shape), size, reach)
    return np.asarray(total / np.maximum(count, 0.5))


def _products(array: npt.NDArray[Any], size: Sequence[int], reach: tuple[int, ...]) -> Floats:
    """Sum the products of elements at each distance, of all signs."""
    axes = range(array.ndim)
    products = np.fft.irfftn(np.square(np.abs(np.fft.rfftn(array, size, axes))), size, axes)
    total = np.zeros(reach)
    for signs in product((1, -1), repeat=len(reach)):
        index = [sign * np.arange(r) for sign, r in zip(signs, reach, strict=True)]
        total += products[np.ix_(*index)]
    return total


def covariance(of_distance: Floats, a: Places, b: Places) -> Floats:
    """Return the covariances of elements at places `(n, axes)` and `(m, axes)`, `(n, m)`."""
    distance = np.abs(a[:, None] - b[None])
    return np.asarray(of_distance[tuple(np.moveaxis(distance, -1, 0))])


def places_of(shape: tuple[int, ...]) -> Places:
    """Return the places of the elements of a tile, row-major, `(n, axes)`."""
    return np.indices(shape).reshape(len(shape), -1).T.astype(np.int64)


def prediction(of_distance: Floats, rim: Places, own: Places, noise: float) -> Floats:
    """Return the weights `(n_rim, n_own)` with which noisy neighbours predict elements best.

    Parameters
    ----------
    of_distance : Floats
        From `autocovariance`.
    rim, own : (n, axes)
    noise : float
        Variance of the error of what is known of the rim.
    """
    among = covariance(of_distance, rim, rim) + noise * np.eye(len(rim))
    return np.asarray(np.linalg.solve(among, covariance(of_distance, rim, own)))


def unpredicted(
    of_distance: Floats, rim: Places, own: Places, noise: float, weights: Floats
) -> Floats:
    """Return the covariance `(n_own, n_own)` of what a prediction by `weights` leaves."""
    rest = covariance(of_distance, own, own)
    if len(rim):
        among = covariance(of_distance, rim, rim) + noise * np.eye(len(rim))
        across = covariance(of_distance, rim, own).T @ weights
        rest = rest - across - across.T + weights.T @ among @ weights
    return rest
