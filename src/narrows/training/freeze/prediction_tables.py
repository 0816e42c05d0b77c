"""Frequency tables from what was decided on the training recordings."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.encoding.window_search import Chosen
from narrows.codec.entropy.counting import to_integers
from narrows.codec.entropy.tables import FrequencyTable
from narrows.codec.prediction.prediction import (
    DIGIT_BITS,
    FAR,
    MAX_GAIN,
    MERGE,
    NEAR,
    NEW,
    NONE,
    SideTables,
)
from narrows.codec.prediction.windows import lag_steps

SHAPES_PER_OCTAVE = 4
SMALLEST_MEAN, OCTAVES = 2.0**-9, 15
PRIOR = 30.0  # symbols of the geometric distribution that are added to those counted
WIDEST = 1023


def count_side(chosen: Chosen, rows: npt.NDArray[np.intp], length: int, memory: int) -> SideTables:
    """Count the tables of modes, lags and gains of some of the recordings."""
    modes, lags, gains = chosen.modes[rows], chosen.lags[rows], chosen.gains[rows]
    before = np.pad(modes[:, :-1], ((0, 0), (1, 0)), constant_values=NONE)
    after = [
        _table(0, np.bincount(modes[before == m], minlength=MERGE + 1) + 0.5) for m in range(3)
    ]
    near = np.concatenate([lag_steps(*each) for each in zip(modes, lags, strict=True)])
    far = lags[modes == NEW][near == FAR] - length
    n_high = ((memory - length) >> DIGIT_BITS) + 1
    high = np.bincount(far >> DIGIT_BITS, minlength=n_high) + 8.0
    lag = [
        _table(-NEAR, np.bincount(near + NEAR, minlength=FAR + NEAR + 1) + 0.5),
        _table(0, high), _table(0, np.ones(1 << DIGIT_BITS)),
    ]  # fmt: skip
    own = gains[modes == NEW]
    each = [_table(0, np.bincount(g, minlength=MAX_GAIN + 1) + 1.0) for g in own.T]
    return SideTables(after, lag, each)


def _table(low: int, counts: npt.NDArray[np.floating[Any]]) -> FrequencyTable:
    """Return a table without use for its escape."""
    return FrequencyTable(low, to_integers(np.append(counts, counts.sum() * 1e-6)))


def count_shapes(
    symbols: list[npt.NDArray[np.int32]],
) -> tuple[list[FrequencyTable], npt.NDArray[np.int32]]:
    """Count tables that latents of about the same mean magnitude share, at all qualities.

    Parameters
    ----------
    symbols : list of (n, n_latents) int32
        At each quality.

    Returns
    -------
    shapes : list of FrequencyTable
    shape_of : (n_qualities, n_latents) int32
    """
    means = np.array([(np.abs(each).sum(axis=0) + 0.1) / (len(each) + 20.0) for each in symbols])
    octave = np.log2(np.maximum(means, SMALLEST_MEAN) / SMALLEST_MEAN)
    shape_of = np.rint(octave * SHAPES_PER_OCTAVE).astype(np.int32)
    shape_of = np.minimum(shape_of, SHAPES_PER_OCTAVE * OCTAVES)
    shapes = []
    used = np.unique(shape_of)
    for number in used.tolist():
        own = [each[:, row == number].ravel() for each, row in zip(symbols, shape_of, strict=True)]
        mean = SMALLEST_MEAN * 2.0 ** (number / SHAPES_PER_OCTAVE)
        shapes.append(shape_table(np.concatenate(own), mean))
    return shapes, np.searchsorted(used, shape_of).astype(np.int32)


def shape_table(symbols: npt.NDArray[np.int32], mean: float) -> FrequencyTable:
    """Count a symmetric table, with a two-sided geometric distribution of the mean added."""
    magnitudes = np.abs(symbols)
    widest = int(min(WIDEST, max(2, magnitudes.max(initial=0) + 2, np.ceil(8 * mean))))
    ratio = mean / (1.0 + mean)
    distance = np.arange(widest + 1)
    added = (1.0 - ratio) * ratio**distance
    counts = np.bincount(magnitudes[magnitudes <= widest], minlength=widest + 1).astype(float)
    both = counts + PRIOR * added + 1e-4
    both[1:] /= 2.0
    weights = np.concatenate([both[:0:-1], both, [(magnitudes > widest).sum() + 0.01]])
    return FrequencyTable(-widest, to_integers(weights))
