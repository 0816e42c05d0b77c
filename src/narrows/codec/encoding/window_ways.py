"""The ways to predict windows that a search tries, and what becomes of them."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from narrows.codec.prediction.prediction import MERGE, NEW

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


class Tried(NamedTuple):
    """Ways to predict windows: all recordings in each of some ways, `(n,)`, and gains."""

    recording: npt.NDArray[np.intp]
    kind: npt.NDArray[np.intp]
    lag: Integers
    gain: Integers
    bits: Floats


class Residuals(NamedTuple):
    """The whole costs `(n,)` of ways, and their symbols that are not 0 or were looked at."""

    cost: Floats
    row: npt.NDArray[np.intp]
    latent: npt.NDArray[np.intp]
    symbol: Integers
    n_latents: int

    def symbols_of(self, rows: npt.NDArray[np.intp]) -> npt.NDArray[np.int32]:
        """Return the symbols `(len(rows), n_latents)` of some ways."""
        number = np.full(len(self.cost), -1)
        number[rows] = np.arange(len(rows))
        at = number[self.row]
        out = np.zeros((len(rows), self.n_latents), dtype=np.int32)
        out[at[at >= 0], self.latent[at >= 0]] = self.symbol[at >= 0]
        return out


@lru_cache
def ways_of(n: int, m: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Return the recordings, and the kinds, of `n` new ways and of merging, for `m` recordings."""
    return np.tile(np.arange(m), n + 1), np.repeat([NEW, MERGE], [n * m, m])
