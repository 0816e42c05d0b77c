"""Which axes a block's signals ask for, and with which tables symbols along them should begin.

Rotations are chosen one after the other, of the two axes that gain most by it: the sparse matrix
transform of Cao and Bouman (2009), which is Jacobi's way to eigenvectors, ended where a rotation
saves fewer bits than it takes. Sums are exact and all else is rounded number by number, so that the
choice is the same on every machine.
"""

from __future__ import annotations

from math import log, sqrt

import numpy as np
import numpy.typing as npt

from narrows.codec.encoding.costs import code_lengths
from narrows.codec.encoding.found import Floats
from narrows.codec.entropy.tables import Row
from narrows.codec.own_axes import (
    ANGLE_BITS,
    ANGLE_UNIT,
    MATRIX_BITS,
    MOST_ROTATIONS,
    OwnAxes,
    bits_of_rotation,
)

MOST_ANGLE = 1 << ANGLE_BITS
SUBSTEPS, MOST_SUBSTEPS = 16, 1 << 17  # of a level; sums of their squares stay below 2**53
KEPT_BITS = 14  # of the matrix after the point, so that products of both do, too
MOST_SYMBOL = 1 << 11  # by which tables are compared

Rotations = npt.NDArray[np.int64]


def in_substeps(levels: Floats) -> Floats:
    """Return `(n, k)` levels in whole parts of one."""
    return np.clip(np.floor(levels * SUBSTEPS + 0.5), -MOST_SUBSTEPS, MOST_SUBSTEPS)


def choose_rotations(substeps: Floats, levels_a_symbol: int) -> tuple[Rotations, float]:
    """Choose rotations of a block's latents, and estimate the bits that they save.

    Parameters
    ----------
    substeps : (n, k)
        Latents, from `in_substeps`.
    levels_a_symbol : int
        How far symbols are apart: 2 in a trellis, otherwise 1.

    Returns
    -------
    rotations : (r, 3) int64
    saved : float
        What rotations take is counted.
    """
    n, k = substeps.shape
    noise, taken = levels_a_symbol**2 / 12.0, float(bits_of_rotation(k))
    covariance = (substeps.T @ substeps) / (n * float(SUBSTEPS**2))
    bits = n / (2.0 * log(2.0))  # that a squared correlation is worth, while it is small
    squares = np.array([_correlations(covariance, i, noise) for i in range(k)])
    rotations: list[tuple[int, int, int]] = []
    saved = 0.0
    while len(rotations) < MOST_ROTATIONS * k:
        i, j = divmod(int(squares.argmax()), k)
        gain = bits * float(squares[i, j]) - taken
        if gain <= 0.0:
            break
        if covariance[i, i] < covariance[j, j]:
            i, j = j, i
        a = _angle(float(covariance[i, i] - covariance[j, j]), float(covariance[i, j]))
        if not a:
            squares[i, j] = squares[j, i] = 0.0
            continue
        if covariance[i, j] < 0.0:
            i, j = j, i
        _rotate(covariance, i, j, a)
        rotations.append((i, j, a))
        saved += gain
        for at in (i, j):
            squares[at] = squares[:, at] = _correlations(covariance, at, noise)
    return np.array(rotations, np.int64).reshape(-1, 3), saved


def _correlations(covariance: Floats, i: int, noise: float) -> Floats:
    """Return the squared correlations of latent `i`, noise in each, with the others, `(k,)`."""
    spread = covariance.diagonal() + noise
    squares = covariance[i] * covariance[i] / (spread[i] * spread)
    squares[i] = 0.0
    return np.asarray(squares)


def _angle(difference: float, covariance: float) -> int:
    """Return by how much to rotate, so that two axes are next to uncorrelated."""
    if not covariance:
        return 0
    ratio = difference / (2.0 * abs(covariance))
    tangent = 1.0 / (ratio + sqrt(ratio * ratio + 1.0))
    half = tangent / (1.0 + sqrt(1.0 + tangent * tangent))
    return min(MOST_ANGLE, int(half * ANGLE_UNIT + 0.5))


def _rotate(covariance: Floats, i: int, j: int, a: int) -> None:
    """Rotate axis `i` towards axis `j` in `(k, k)`, in place."""
    both = float(ANGLE_UNIT**2 + a * a)
    cosine, sine = (ANGLE_UNIT**2 - a * a) / both, 2 * ANGLE_UNIT * a / both
    for rows in (covariance, covariance.T):
        p, q = rows[i].copy(), rows[j].copy()
        rows[i] = p * cosine + q * sine
        rows[j] = q * cosine - p * sine


def with_tables(rotations: Rotations, substeps: Floats, row: Row, levels_a_symbol: int) -> OwnAxes:
    """Choose the table that takes the fewest bits along each axis, of those of the model."""
    k = substeps.shape[1]
    axes = OwnAxes(rotations, np.arange(k))
    matrix = (axes.matrix() >> MATRIX_BITS - KEPT_BITS).astype(np.float64)
    levels = (substeps @ matrix.T) * (2.0**-KEPT_BITS / SUBSTEPS)  # exact but for the last product
    symbols = np.floor(levels / levels_a_symbol + 0.5)
    reach = int(min(np.abs(symbols).max(), MOST_SYMBOL))
    symbols = np.clip(symbols, -reach, reach).astype(np.intp) + reach
    counts = np.array([np.bincount(each, minlength=2 * reach + 1) for each in symbols.T], float)
    lengths = np.array([_lengths(row, j, reach) for j in range(k)])
    return axes._replace(tables=(counts @ lengths.T).argmin(axis=1))


def _lengths(row: Row, j: int, reach: int) -> Floats:
    """Return the bits of symbols from -reach to reach with the table of a latent."""
    table, symbols = row[j], np.arange(-reach, reach + 1)
    own = code_lengths(table.weights.astype(np.float64))[table.indices(symbols)]
    beyond = np.maximum(symbols - table.high, table.low - symbols)
    _, digits = np.frexp(np.maximum(2.0 * beyond, 1.0))
    return np.where(beyond > 0, own + 2.0 * digits - 1.0, own)
