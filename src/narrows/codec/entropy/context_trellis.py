"""Two quantisers in turn whose frequencies a context model makes.

The state of a signal says which quantiser a latent has, and the context model what the frequencies
of that quantiser are: each latent has two bases, and one network that tilts both.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from narrows.codec.entropy.context_model import ContextModel
from narrows.codec.entropy.context_tables import ContextPass, ContextTables
from narrows.codec.entropy.tables import Frequencies, Row
from narrows.codec.entropy.trellis import TrellisPass, TrellisTables
from narrows.errors import FormatError


class ContextTrellis(TrellisTables):
    """A trellis with a context model; the tables' own frequencies serve its search.

    Parameters
    ----------
    first, second : sequence of FrequencyTable
        The tables of each quantiser, one a latent.
    context : ContextModel
        Of the latents in their order, with bases for both quantisers.

    Raises
    ------
    FormatError
        If tables of the two have other symbols, or the context model is of another kind.
    """

    def __init__(self, first: Row, second: Row, context: ContextModel) -> None:
        super().__init__(first, second)
        if context.order.tolist() != list(self.order) or context.n_quantisers != 2:
            raise FormatError(
                f"context model of {context.n_quantisers} quantiser(s) in a trellis, with the "
                f"order {context.order[:9].tolist()}; it must have 2, in the order of latents"
            )
        self.context = context
        self.contexts = ContextTables(first, context)

    def start(self, n: int) -> ContextTrellisPass:
        """Begin with n signals of which no symbol is known."""
        return ContextTrellisPass(self, n)


class ContextTrellisPass(TrellisPass):
    """One pass over the latents of n signals: their states, and the outputs of the network."""

    def __init__(self, tables: ContextTrellis, n: int) -> None:
        super().__init__(tables, n)
        self._seen = ContextPass(tables.contexts, n)

    def advance(self, entries: npt.NDArray[np.int32]) -> None:
        """Go on to the next position, given the `(n,)` table entries at this one."""
        super().advance(entries)
        self._seen.advance(entries)

    def frequencies(self, position: int, rows: slice) -> Frequencies:
        """Return the `(n, size)` frequencies at a position, all before which are known."""
        quantiser = self._states[position][rows] >> 1
        own = [np.flatnonzero(quantiser == number) for number in range(2)]
        size = self._tables.row[position].weights.size
        found = np.empty((len(quantiser), size), np.float64)
        for number, each in enumerate(own):
            found[each] = self._seen.frequencies(position, rows.start + each, number)
        return found
