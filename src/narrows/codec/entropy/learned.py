"""Symbols with tables that learn: what is seen of a latent changes how its later symbols are coded.

Signals unlike those of the training have other frequencies than the tables of the model. Sender
and receiver both start with these, worth 100 symbols, and count the symbols that follow, so that
nothing is sent for it. All numbers are whole: the same frequencies everywhere. The payload is that
of `narrows.codec.entropy.ans`, each latent in parts, each with the table learnt from those before.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from narrows.codec.entropy.ans import PayloadReader, PayloadWriter
from narrows.codec.entropy.tables import (
    PRECISION,
    TOTAL,
    CodingTables,
    FixedTables,
    FrequencyTable,
    Symbols,
    TablesInTurn,
)
from narrows.errors import FormatError

SEEN = 1 << 10  # what a symbol adds to its entry
FIRST = 100 * SEEN  # what the table of the model is worth
LEAST_PART = 16  # signals; later parts are a quarter of all before them


class LearnedTable:
    """A table that learns.

    Parameters
    ----------
    table : FrequencyTable
        With which it begins.
    """

    def __init__(self, table: FrequencyTable) -> None:
        self._first = table
        self._counts = 1 + (table.weights * FIRST >> PRECISION)

    @property
    def table(self) -> FrequencyTable:
        """The table for the next part: what rounding leaves goes to the first largest entry."""
        counts = self._counts
        weights = 1 + counts * (TOTAL - counts.size) // counts.sum()
        weights[counts.argmax()] += TOTAL - weights.sum()
        return FrequencyTable(self._first.low, weights)

    def learn(self, symbols: npt.NDArray[np.int32]) -> None:
        """Count the `(n,)` symbols of a part."""
        entries = self._first.indices(symbols)
        self._counts += SEEN * np.bincount(entries, minlength=self._counts.size)


class LearnedCoder:
    """Symbols <-> payloads, with tables that begin as those of a quality without a context model.

    Parameters
    ----------
    tables : CodingTables

    Raises
    ------
    FormatError
        Here for tables of a context model, and in `decode` for a payload that `encode` never wrote.
    """

    def __init__(self, tables: CodingTables) -> None:
        if not are_fixed(tables):
            raise FormatError("block whose tables learn, of a quality with a context model")
        self._tables = tables

    def encode(self, symbols: Symbols) -> bytes:
        """Code `(n, latent_size)` int32 symbols, of any value, to a payload."""
        writer = PayloadWriter()
        for j in self._tables.order:
            learned, column = LearnedTable(self._tables.row[j]), symbols[:, j]
            for part in parts_of(len(symbols)):
                writer.add_column(learned.table, column[part])
                learned.learn(column[part])
        return writer.to_bytes()

    def decode(self, payload: bytes, n: int) -> Symbols:
        """Undo `encode` for n signals."""
        reader = PayloadReader(payload)
        symbols = np.zeros((n, len(self._tables.row)), np.int32)
        for j in self._tables.order:
            learned, column = LearnedTable(self._tables.row[j]), symbols[:, j]
            for part in parts_of(n):
                column[part] = reader.take_column(learned.table, part.stop - part.start)
                learned.learn(column[part])
        reader.check_end()
        return symbols


def are_fixed(tables: CodingTables) -> bool:
    """Return whether the frequencies of tables depend on no other symbols."""
    if isinstance(tables, TablesInTurn):
        return all(map(are_fixed, tables.groups))
    return isinstance(tables, FixedTables)


def parts_of(n: int) -> Iterator[slice]:
    """Cut n signals into parts."""
    start = 0
    while start < n:
        stop = min(n, start + max(LEAST_PART, start // 4))
        yield slice(start, stop)
        start = stop
