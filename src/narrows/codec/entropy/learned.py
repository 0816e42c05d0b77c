"""Symbols with tables that learn: what is seen of a latent changes how its later symbols are coded.

Signals unlike those of the training have other frequencies than the tables of the model. Sender
and receiver both start with these, worth 100 symbols, and count the symbols that follow, so that
nothing is sent for it. All numbers are whole: the same frequencies everywhere. The payload is that
of `narrows.codec.entropy.ans`, each latent in parts, each with the table learnt from those before.
In a trellis a latent has two tables, and of each part the symbols of the first one come first.
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
    FrequencyTable,
    Row,
    Symbols,
)
from narrows.codec.entropy.trellis import TrellisPass, TrellisTables

SEEN = 1 << 10  # what a symbol adds to its entry
FIRST = 100 * SEEN  # what the table of the model is worth
LEAST_PART = 16  # signals; later parts are a quarter of all before them,
PARTS_BEFORE, PARTS_IN_TRELLIS = 4, 2  # or in a trellis, which has twice as many tables, a half


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
    """Symbols <-> payloads, with tables that begin as those of a quality.

    A context model takes no part, but for the order of latents.

    Parameters
    ----------
    tables : CodingTables
    """

    def __init__(self, tables: CodingTables) -> None:
        self._tables = tables

    def encode(self, symbols: Symbols) -> bytes:
        """Code `(n, latent_size)` int32 symbols, of any value, to a payload."""
        writer, own = PayloadWriter(), _Quantisers(self._tables, len(symbols))
        for j in self._tables.order:
            column = symbols[:, j]
            for learned, rows in own.parts(j):
                writer.add_column(learned.table, column[rows])
                learned.learn(column[rows])
            own.advance(j, column)
        return writer.to_bytes()

    def decode(self, payload: bytes, n: int) -> Symbols:
        """Undo `encode` for n signals; FormatError for a payload that it never wrote."""
        reader, own = PayloadReader(payload), _Quantisers(self._tables, n)
        symbols = np.zeros((n, len(self._tables.row)), np.int32)
        for j in self._tables.order:
            column = symbols[:, j]
            for learned, rows in own.parts(j):
                column[rows] = reader.take_column(learned.table, len(column[rows]))
                learned.learn(column[rows])
            own.advance(j, column)
        reader.check_end()
        return symbols


class _Quantisers:
    """Which of its tables each of n signals has at a latent: the only one, or one of a trellis."""

    def __init__(self, tables: CodingTables, n: int) -> None:
        self._tables, self._n = tables, n
        self._trellis = TrellisPass(tables, n) if isinstance(tables, TrellisTables) else None

    def parts(self, j: int) -> Iterator[tuple[LearnedTable, npt.NDArray[np.intp] | slice]]:
        """Yield parts of the signals, each of which has one table, and its table."""
        learned = [LearnedTable(table) for table in tables_of(self._tables, j)]
        for part in parts_of(self._n, PARTS_BEFORE if self._trellis is None else PARTS_IN_TRELLIS):
            if self._trellis is None:
                yield learned[0], part
                continue
            chosen = self._trellis.quantiser[part]
            for number, each in enumerate(learned):
                rows = part.start + np.flatnonzero(chosen == number)
                if len(rows):
                    yield each, rows

    def advance(self, j: int, column: npt.NDArray[np.int32]) -> None:
        """Go on to the next latent, given the `(n,)` symbols of this one."""
        if self._trellis is not None:
            self._trellis.advance(self._tables.row[j].indices(column))


def rows_of(tables: CodingTables) -> list[Row]:
    """Return the tables of all latents, or both rows in a trellis."""
    return [tables.row, *([tables.second] if isinstance(tables, TrellisTables) else [])]


def tables_of(tables: CodingTables, j: int) -> list[FrequencyTable]:
    """Return the table of a latent, or both that it has in a trellis."""
    return [row[j] for row in rows_of(tables)]


def parts_of(n: int, before: int = PARTS_BEFORE) -> Iterator[slice]:
    """Cut n signals into parts; `before` of the size of one are before it."""
    start = 0
    while start < n:
        stop = min(n, start + max(LEAST_PART, start // before))
        yield slice(start, stop)
        start = stop
