"""What a search estimates: how the cost changes with each move of one latent by one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from narrows.codec.encoding.bit_costs import OUT_OF_REACH
from narrows.codec.entropy.tables import Symbols

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.intp]


@dataclass
class MoveCosts:
    """Estimated costs of moves, each of one latent by one.

    Attributes
    ----------
    symbols : (n, latent_size) int32
        Before any move.
    cost : (n,)
        Of these symbols, in bits.
    change : (n, latent_size, 2)
        Of the cost, with one less and with one more.
    """

    symbols: Symbols
    cost: Floats
    change: Floats

    def order(self) -> npt.NDArray[np.intp]:
        """Number the moves of each signal, `2 * latent + (0 or 1)`, the most promising first."""
        return self.change.reshape(len(self.change), -1).argsort(axis=1, kind="stable")

    def moved(self, column: npt.NDArray[np.intp], symbols: Symbols) -> tuple[Rows, Symbols]:
        """Make one move a signal, `(n,)`, from other symbols, and leave out moves off a table."""
        latent, up = column // 2, column % 2
        rows = np.flatnonzero(self.change[np.arange(len(column)), latent, up] < OUT_OF_REACH)
        symbols = symbols[rows]
        symbols[np.arange(len(rows)), latent[rows]] += (2 * up[rows] - 1).astype(np.int32)
        return rows, symbols
