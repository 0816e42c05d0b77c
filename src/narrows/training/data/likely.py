"""The covariance of windows, as far as it is likely to hold for sources that were not learnt from.

Few sources teach more than is true of others: how the leads of three patients go together is not
how those of a fourth do, and a component that a beat of theirs has is no component of his. What is
less particular holds better: channels apart, and the covariance of a stationary process, in which
distance alone decides. Each source is left out in turn, and what would have coded it in fewest bits
is what all of them are taken for.

covariance of each source ─► sum of all but one ─► apart? stationary? ─► bits of the one left out
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

PARTS = 8  # at most, which are left out in turn
LEAST_ROWS = 16  # of a part
MAX_ROWS = 2048  # of a part, that are looked at
MAX_SIZE = 1024  # of a window; the components of larger ones take seconds each
WORTH = 0.98  # of the bits of a plain covariance: what saves less is not taken
HALVINGS = 40
STATIONARY = (0.0, 0.5, 1.0)
"""Shares that are tried of what is left when windows are predicted. Windows as they are took 2 to
4 % more bytes along stationary axes, although variances said fewer (docs/experiments.md)."""


class Kind(NamedTuple):
    """What a covariance is taken for.

    Attributes
    ----------
    apart : bool
        Whether channels say nothing of each other.
    stationary : float
        The share of what distance alone decides.
    """

    apart: bool = False
    stationary: float = 0.0

    @property
    def words(self) -> str:
        """What it is, in words."""
        share = f"{self.stationary:.0%} stationary"
        return f"{share}, channels {'apart' if self.apart else 'together'}"

    def of(self, covariance: Floats, n_channels: int) -> Floats:
        """Return what a covariance `(size, size)` of windows is taken for.

        The channels of a window are side by side at each of its places.
        """
        out = covariance
        if self.stationary:
            out = (1.0 - self.stationary) * out + self.stationary * _stationary(out, n_channels)
        if self.apart:
            channel = np.arange(len(out)) % n_channels
            out = np.where(channel[:, None] == channel, out, 0.0)
        return out


PLAIN = Kind()


def kind_for(x: Floats, n_channels: int, sources: Sequence[int], bits: float) -> Kind:
    """Return whether the channels of windows are best taken apart.

    Parameters
    ----------
    x : (n, size)
        Windows, source after source, channels side by side at each place.
    n_channels : int
    sources : sequence of int
        How many windows each source has; parts of a row where these are not those of `x`, or one.
    bits : float
        Of a window: about the rate at which they will be coded.
    """
    parts = _parts(len(x), sources)
    if n_channels < 2 or x.shape[1] > MAX_SIZE or len(parts) < 2:
        return PLAIN
    covariances = [np.cov(_some(x[part]).T) for part in parts]
    mean = np.mean(covariances, axis=0)
    level = _level(np.linalg.eigvalsh(mean), bits)
    return kind_of(covariances, n_channels, level, shares=(0.0,))


def kind_of(
    covariances: Sequence[Floats],
    n_channels: int,
    level: float,
    *,
    shares: Sequence[float] = STATIONARY,
) -> Kind:
    """Return the kind that takes the fewest bits of sources left out, at a level of distortion.

    Parameters
    ----------
    covariances : sequence of (size, size)
        Of the windows of each source.
    n_channels : int
    level : float
        The square of about the step of rounding, in the unit of variances.
    shares : sequence of float
        Of what distance alone decides, that are tried.
    """
    if len(covariances) < 2 or len(covariances[0]) > MAX_SIZE:
        return PLAIN
    total = np.sum(covariances, axis=0)
    several = (False, True) if n_channels > 1 else (False,)
    kinds = [Kind(*each) for each in product(several, shares)]
    taken = [
        sum(_bits(kind.of(total - own, n_channels), own, level) for own in covariances)
        for kind in kinds
    ]
    best = int(np.argmin(taken))
    return kinds[best] if taken[best] < WORTH * taken[0] else PLAIN


def _parts(n: int, sources: Sequence[int]) -> list[slice]:
    """Return the rows of each source or, where there are more of them than parts, of several."""
    known = len(sources) > 1 and 0 < sum(sources) <= n
    ends = np.cumsum(sources) if known else np.arange(1, PARTS + 1) * n // PARTS
    some = ends[(np.arange(1, PARTS + 1) * len(ends)) // PARTS - 1] if len(ends) > PARTS else ends
    starts = [0, *some[:-1].tolist()]
    parts = [slice(a, b) for a, b in zip(starts, some.tolist(), strict=True)]
    return [part for part in parts if part.stop - part.start >= LEAST_ROWS]


def _some(x: Floats) -> Floats:
    return np.asarray(x[:: -(-len(x) // MAX_ROWS)], np.float64)


def _bits(model: Floats, own: Floats, level: float) -> float:
    """Return the bits of a source along the axes of a covariance, at a level of distortion."""
    _, axes = np.linalg.eigh(model)
    variances = np.einsum("ij,ij->j", axes, own @ axes)
    return _rate(variances, level)


def _rate(variances: Floats, level: float) -> float:
    return float(0.5 * np.log2(1.0 + np.maximum(variances, 0.0) / level).sum())


def _level(variances: Floats, bits: float) -> float:
    """Return the level of distortion at which variances take so many bits."""
    low, high = -60.0, 1.0  # powers of two of the largest
    largest = max(float(variances.max(initial=0.0)), 1e-300)
    for _ in range(HALVINGS):
        middle = (low + high) / 2.0
        fine = _rate(variances, largest * 2.0**middle) > bits
        low, high = (middle, high) if fine else (low, middle)
    return float(largest * 2.0**high)


def _stationary(covariance: Floats, n_channels: int) -> Floats:
    """Return the mean along each diagonal, of each pair of channels."""
    length = len(covariance) // n_channels
    away = np.arange(length)[:, None] - np.arange(length) + length - 1
    count = np.bincount(away.ravel()).astype(np.float64)
    out = np.empty_like(covariance)
    for one, other in product(range(n_channels), repeat=2):
        place = slice(one, None, n_channels), slice(other, None, n_channels)
        own = covariance[place]
        out[place] = (np.bincount(away.ravel(), own.ravel()) / count)[away]
    return out
