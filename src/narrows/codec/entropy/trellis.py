"""Two quantisers in turn: dependent, or trellis-coded, quantisation with four states.

Symbols come latent by latent. The parities of those before decide which of two quantisers a latent
has, and with it what its symbol stands for and how likely each symbol is:

    states 0, 1   symbol k stands for 2 k steps
    states 2, 3   symbol k stands for 2 k - sign(k) steps

So steps can be coarse where a latent is coded, and signals dense where all of them together lie
(Marcellin & Fischer 1990; the states of ITU-T H.266, section 7.3.11.11). All is in whole numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.entropy.tables import Frequencies, FrequencyTable, Row, Symbols
from narrows.errors import FormatError

N_STATES = 4
NEXT_STATES = (0, 2, 2, 0, 1, 3, 3, 1)  # by twice the state, and the parity of the symbol
PART_ENTRIES = 1 << 15  # of the frequencies gathered at a time: they stay in a core's cache

States = npt.NDArray[np.intp]


class TrellisTables:
    """The frequencies of symbols whose quantiser depends on those before.

    Parameters
    ----------
    first, second : sequence of FrequencyTable
        The tables of each quantiser, one a latent. Both have the same symbols.

    Raises
    ------
    FormatError
        If tables of the two have other symbols.
    """

    def __init__(self, first: Row, second: Row) -> None:
        kinds = ([(table.low, table.weights.size) for table in row] for row in (first, second))
        if next(kinds) != next(kinds):
            raise FormatError("a trellis whose two quantisers have other symbols")
        self.row = first
        self.second = second
        self.order: Sequence[int] = range(len(first))

    def start(self, n: int) -> TrellisPass:
        """Begin with n signals of which no symbol is known."""
        return TrellisPass(self, n)

    def levels(self, symbols: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
        """Return how many steps `(n, latent_size)` symbols stand for."""
        levels = 2 * symbols.astype(np.int64)
        columns = np.ascontiguousarray(symbols.T)
        known = TrellisPass(self, len(symbols))
        for j, table in enumerate(self.row):
            levels[:, j] -= np.sign(columns[j]) * known.quantiser
            known.advance(table.indices(columns[j]))
        return levels

    def nearest(self, levels: npt.NDArray[np.float64]) -> Symbols:
        """Return symbols `(n, latent_size)` near levels, each chosen after those before it."""
        symbols = np.zeros(levels.shape, dtype=np.int32)
        known = TrellisPass(self, len(levels))
        for j, table in enumerate(self.row):
            halves = 0.5 * (levels[:, j] + np.sign(levels[:, j]) * known.quantiser)
            symbols[:, j] = np.clip(np.floor(halves + 0.5), -(2**31), 2**31 - 1)
            known.advance(table.indices(symbols[:, j]))
        return symbols


class TrellisPass:
    """One pass over the latents of n signals, which remembers their states."""

    def __init__(self, tables: TrellisTables, n: int) -> None:
        self._tables = tables
        self._states: list[States] = [np.zeros(n, dtype=np.intp)]  # (n,) of each position

    @property
    def quantiser(self) -> States:
        """Which quantiser each signal has at the next position, `(n,)`: 0 or 1."""
        return self._states[-1] >> 1

    def advance(self, entries: npt.NDArray[np.int32]) -> None:
        """Go on to the next position, given the `(n,)` table entries at this one."""
        parity = parities(entries, self._tables.row[len(self._states) - 1])
        self._states.append(np.array(NEXT_STATES)[2 * self._states[-1] + parity])

    def parts(self, position: int) -> list[slice]:
        """Cut the signals into parts whose frequencies are gathered together."""
        n, size = len(self._states[0]), self._tables.row[position].weights.size
        step = max(1, PART_ENTRIES // size)
        return [slice(start, min(start + step, n)) for start in range(0, n, step)]

    def frequencies(self, position: int, rows: slice) -> Frequencies:
        """Return the `(n, size)` frequencies at a position, all before which are known."""
        tables = self._tables
        weights = [row[position].weights for row in (tables.row, tables.second)]
        both = np.array(weights, dtype=np.float64)
        return np.asarray(both[self._states[position][rows] >> 1])


def parities(entries: npt.NDArray[np.int32], table: FrequencyTable) -> npt.NDArray[np.intp]:
    """Return which of entries are odd symbols, as 1 or 0; escaped ones count as even."""
    odd = ((entries + table.low) & 1) * (entries != table.escape)
    return np.asarray(odd, dtype=np.intp)
