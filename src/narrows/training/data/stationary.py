"""The covariance of arrays whose statistics are the same everywhere: what distance alone decides.

From it follows what neighbours say of a tile, and how what they do not say varies. It has few
numbers, one for each distance along the axes, so that nothing is learnt by heart. They come from
the squares of differences (Matheron 1963, "Principles of geostatistics", the variogram), which a
trend does not spoil as it does products.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Self

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Covariances:
    """How the elements of a rim and of its tile vary together.

    Attributes
    ----------
    rim : (n_rim, n_rim)
    across : (n_rim, n_own)
    own : (n_own, n_own)
    """

    rim: Floats
    across: Floats
    own: Floats

    @classmethod
    def of(
        cls,
        arrays: Sequence[npt.NDArray[Any]],
        rim: Places,
        shape: tuple[int, ...],
        known: Sequence[npt.NDArray[np.bool_]] = (),
    ) -> Self:
        """Learn them from arrays.

        Parameters
        ----------
        arrays : sequence of (s0, s1, ...)
        rim : (n_rim, axes)
            Places of the elements of a rim, from the first one of the tile.
        shape : tuple of int
            Of a tile.
        known : sequence of (s0, s1, ...) bool
            What is learnt from, of each array; all where there are none.
        """
        reach = tuple(length - int(rim.min()) for length in shape)
        places = np.concatenate([rim, np.indices(shape).reshape(len(shape), -1).T])
        distance = np.abs(places[:, None] - places[None])
        known = known or [np.ones(array.shape, bool) for array in arrays]
        both = zip(arrays, known, strict=True)
        variance = float(np.var(np.concatenate([array[there] for array, there in both])))
        half = variogram(arrays, reach, known)[tuple(np.moveaxis(distance, -1, 0))]
        # What was measured need not be a covariance: it becomes the nearest one.
        values, vectors = np.linalg.eigh(variance - half)
        every = (vectors * np.maximum(values, 0.0)) @ vectors.T
        n = len(rim)
        return cls(every[:n, :n], every[:n, n:], every[n:, n:])

    @property
    def variance(self) -> float:
        """The mean variance of an element."""
        return float(np.diag(self.own).mean())

    def weights(self, noise: float, known: npt.NDArray[np.bool_] | None = None) -> Floats:
        """Return the weights `(n_known, n_own)` with which a rim predicts its tile best.

        Parameters
        ----------
        noise : float
            Variance of the error of what is known of the rim.
        known : (n_rim,), optional
            What is known of it; by default all.
        """
        known = np.ones(len(self.rim), bool) if known is None else known
        among = self.rim[np.ix_(known, known)] + noise * np.eye(int(known.sum()))
        return np.asarray(np.linalg.solve(among, self.across[known]))

    def unpredicted(
        self, noise: float, weights: Floats, known: npt.NDArray[np.bool_] | None = None
    ) -> Floats:
        """Return the covariance `(n_own, n_own)` of what a prediction by `weights` leaves."""
        known = np.ones(len(self.rim), bool) if known is None else known
        among = self.rim[np.ix_(known, known)] + noise * np.eye(int(known.sum()))
        across = self.across[known].T @ weights
        return np.asarray(self.own - across - across.T + weights.T @ among @ weights)


def variogram(
    arrays: Sequence[npt.NDArray[Any]],
    reach: tuple[int, ...],
    known: Sequence[npt.NDArray[np.bool_]],
) -> Floats:
    """Return half the mean squared difference of elements at each distance, of either sign.

    Parameters
    ----------
    arrays : sequence of (s0, s1, ...)
    reach : tuple of int
        The distances along each axis, from 0 to below this.
    known : sequence of (s0, s1, ...) bool
        Nothing else of each array counts.

    Returns
    -------
    (*reach)
    """
    axes = range(len(reach))
    total, count = np.zeros(reach), np.zeros(reach)
    for array, there in zip(arrays, known, strict=True):
        size = [s + r for s, r in zip(array.shape, reach, strict=True)]
        x = np.where(there, array - array.mean(), 0.0)
        ones, values, squares = (
            np.fft.rfftn(each, size, axes) for each in (there.astype(np.float64), x, np.square(x))
        )
        pairs = np.fft.irfftn(np.square(np.abs(ones)), size, axes)
        spread = 2.0 * np.real(np.conj(ones) * squares) - 2.0 * np.square(np.abs(values))
        # Squares of either end, over all pairs of places: those of one sign stand for the other.
        differences = np.fft.irfftn(spread, size, axes)
        for signs in product((1, -1), repeat=len(reach)):
            index = [sign * np.arange(r) for sign, r in zip(signs, reach, strict=True)]
            total += differences[np.ix_(*index)]
            count += pairs[np.ix_(*index)]
    return np.asarray(0.5 * np.maximum(total, 0.0) / np.maximum(count, 0.5))
