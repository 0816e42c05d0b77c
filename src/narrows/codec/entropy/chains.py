"""Symbols each of which has the frequencies that the one before it asks for."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt

from narrows.codec.entropy.tables import Frequencies, Row


class ChainTables:
    """The tables of n symbols in a chain, as n latents of one signal.

    Parameters
    ----------
    after : sequence of FrequencyTable
        That of a symbol after each entry; of the first symbol the first, and after entries beyond
        the last one the last.
    n : int
    """

    def __init__(self, after: Row, n: int) -> None:
        self.after = after
        self.row: Row = [after[0]] * n
        self.order: Sequence[int] = range(n)

    def start(self, n: int) -> ChainPass:
        """Begin before the first symbol."""
        return ChainPass(self.after)

    @cached_property
    def rows(self) -> Frequencies | None:
        """The frequencies of all tables, `(tables, size)` float64; None where sizes differ."""
        if len({table.weights.size for table in self.after}) > 1:
            return None
        return np.stack([table.weights for table in self.after]).astype(np.float64)

    def rows_of(self, entries: npt.NDArray[np.int32]) -> npt.NDArray[np.intp]:
        """Return the row that each of `(n,)` entries is coded by."""
        before = np.minimum(entries[:-1], len(self.after) - 1)
        return np.append(np.zeros(min(len(entries), 1), np.intp), before)


class ChainPass:
    """Frequencies that depend on the entry before."""

    def __init__(self, after: Row) -> None:
        self._after = after
        self._seen = [0]

    def advance(self, entries: npt.NDArray[np.int32]) -> None:
        """Go on to the next symbol."""
        self._seen.append(min(int(entries[0]), len(self._after) - 1))

    def parts(self, position: int) -> list[slice]:
        """Return the one signal."""
        return [slice(0, 1)]

    def frequencies(self, position: int, rows: slice) -> Frequencies:
        """Return the `(size,)` frequencies after the entry before."""
        return self._after[self._seen[position]].weights
