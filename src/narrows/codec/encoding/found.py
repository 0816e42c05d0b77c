"""What a search for symbols has found so far, and in the end."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from narrows.codec.entropy.tables import Symbols

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Found:
    """Symbols `(n, latent_size)`, and what their distortion is at most, `(n,)` in whole units.

    Infinite where no search has computed it.
    """

    symbols: Symbols
    distortion_at_most: Floats

    @classmethod
    def rounded(cls, symbols: Symbols) -> Found:
        """Return symbols whose distortion is not known."""
        return cls(symbols, np.full(len(symbols), np.inf))


@dataclass
class Best:
    """The best symbols so far, `(n, latent_size)`, and their cost in bits, `(n,)`."""

    symbols: Symbols
    cost: Floats

    def take(self, rows: Rows, symbols: Symbols, cost: Floats) -> npt.NDArray[np.bool_]:
        """Replace the symbols of those rows that now cost less; return which did, `(n_rows,)`."""
        better = cost < self.cost[rows]
        chosen = rows[better]
        self.symbols[chosen], self.cost[chosen] = symbols[better], cost[better]
        return better
