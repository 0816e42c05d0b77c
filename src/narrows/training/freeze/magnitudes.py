"""Weights with which known magnitudes say how large a symbol is expected to be.

    expected = sum of weight * known + what is added

The magnitudes of symbols are taken for geometric, whose variance is m * (1 + m) at a mean of m. The
weights that fit best are found in steps that keep them above 0 (Lee and Seung 2001, "Algorithms for
non-negative matrix factorization"), near to those of all kinds together where a kind says little.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

MAX_ROWS = 20_000  # of a kind
ITERATIONS = 40
PRIOR = 2.0  # symbols that the weights of all kinds count
LEAST = 2.0**-15
STRENGTH_OF_NONE = 1e-3


def fitted(rows: Mapping[int, npt.NDArray[np.float32]], start: Floats) -> dict[int, Floats]:
    """Return the weights of each kind.

    Parameters
    ----------
    rows : mapping of int to (n, n_features + 2)
        By kind: known magnitudes, 1, and the magnitude that they are beside.
    start : (kinds, n_features + 1)
    """
    few = {kind: _gathered(each) for kind, each in rows.items()}
    together = np.concatenate([each for each, _ in few.values()])
    counts = np.concatenate([count for _, count in few.values()])
    mean = start[list(rows)].mean(axis=0)
    common = _fit(together, counts, mean, np.maximum(mean, LEAST), STRENGTH_OF_NONE)
    return {kind: _fit(*each, common, common, PRIOR) for kind, each in few.items()}


def _gathered(rows: npt.NDArray[np.float32]) -> tuple[Floats, Floats]:
    """Return rows and how many each stands for: one for all beside which nothing is known."""
    is_empty = ~rows[:, :-2].any(axis=1)
    others = np.flatnonzero(~is_empty)
    step = max(1, -(-len(others) // MAX_ROWS))
    found = rows[others[::step]].astype(np.float64)
    counts = np.full(len(found), len(others) / max(len(found), 1))
    if is_empty.any():
        found = np.vstack([found, rows[is_empty].mean(axis=0, dtype=np.float64)])
        counts = np.append(counts, float(is_empty.sum()))
    return found, counts


def _fit(rows: Floats, counts: Floats, start: Floats, prior: Floats, strength: float) -> Floats:
    known, symbols, weights = rows[:, :-1], rows[:, -1], np.maximum(start, LEAST)
    for _ in range(ITERATIONS):
        mean = np.maximum(known @ weights, LEAST)
        share = counts / (mean * (1.0 + mean))
        right, now = known.T @ (share * symbols), known.T @ (share * mean)
        weights = (weights * right + strength) / (now + strength / np.maximum(prior, LEAST))
        weights = np.maximum(weights, 2.0**-20)
    return weights
