"""Integer frequency tables: one row a latent and quality, each summing to 2**24.

A row covers the symbols low .. low + m - 1 and ends with the escape entry, which stands for every
other integer. Rows are made once, when a model is frozen, from the training set's own symbols.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from narrows.errors import FormatError

Symbols = npt.NDArray[np.int32]

PRECISION = 24
TOTAL = 1 << PRECISION
MAX_SYMBOLS = 4096  # a wider row would cost the model more than its rare symbols save


@dataclass(frozen=True, eq=False)
class FrequencyTable:
    """Frequencies of the symbols of one latent.

    Attributes
    ----------
    low : int
        The symbol of the first entry.
    weights : (m + 1,) int64
        Each at least 1, with sum 2**24; the last is the escape.
    """

    low: int
    weights: npt.NDArray[np.int64]

    def __post_init__(self) -> None:
        if not 2 <= self.weights.size <= MAX_SYMBOLS + 1:
            raise FormatError(
                f"frequency table of {self.weights.size} entries; 2 to {MAX_SYMBOLS + 1}"
            )
        if not -(2**31) <= self.low <= self.high < 2**31:
            raise FormatError(f"frequency table for {self.low} to {self.high}, outside int32")
        within = self.weights.min() >= 1 and self.weights.max() < TOTAL  # so that sums cannot wrap
        if not within or int(self.weights.sum()) != TOTAL:
            raise FormatError("frequency table with an entry below 1 or another sum than 2**24")

    @property
    def escape(self) -> int:
        """The index of the escape entry, which is also the number of symbols covered."""
        return self.weights.size - 1

    @property
    def high(self) -> int:
        """The last symbol covered."""
        return self.low + self.escape - 1

    def indices(self, symbols: npt.NDArray[Any]) -> npt.NDArray[np.int32]:
        """Map int32 symbols of any shape to entries of the table."""
        index = symbols.astype(np.int64) - self.low
        return np.where((index < 0) | (index >= self.escape), self.escape, index).astype(np.int32)


Row = Sequence[FrequencyTable]
Frequencies = npt.NDArray[Any]  # whole numbers: `(size,)` for all signals, or `(n, size)`


class TablesPass(Protocol):
    """One pass over the latents of n signals, in coding order."""

    def advance(self, entries: npt.NDArray[np.int32]) -> None:
        """Go on to the next position, given the `(n,)` table entries at this one."""
        ...

    def parts(self, position: int) -> list[slice]:
        """Cut the signals into parts whose frequencies are made together."""
        ...

    def frequencies(self, position: int, rows: slice) -> Frequencies:
        """Return the frequencies at a position, all before which are known."""
        ...


class CodingTables(Protocol):
    """What symbols are coded with: tables, and the frequencies of their entries."""

    @property
    def row(self) -> Row:
        """One table a latent: what symbols there are, and which entry each is."""
        ...

    @property
    def order(self) -> Sequence[int]:
        """The latent at each position of the coding order."""
        ...

    def start(self, n: int) -> TablesPass:
        """Begin with n signals of which no symbol is known."""
        ...


class FixedTables:
    """The frequencies that the tables themselves have, whatever the other symbols are.

    Parameters
    ----------
    row : sequence of FrequencyTable
    order : sequence of int, optional
        The latents that are coded; the others are 0. By default all are.
    """

    def __init__(self, row: Row, order: Sequence[int] | None = None) -> None:
        self.row = row
        self.order = range(len(row)) if order is None else order

    def start(self, n: int) -> FixedPass:
        """Begin with n signals."""
        return FixedPass([self.row[j] for j in self.order], n)


class FixedPass:
    """One pass over the latents of n signals, whose entries change no frequencies.

    Parameters
    ----------
    row : sequence of FrequencyTable
        In coding order.
    n : int
    """

    def __init__(self, row: Row, n: int) -> None:
        self._row = row
        self._n = n

    def advance(self, entries: npt.NDArray[np.int32]) -> None:
        """Go on to the next position."""

    def parts(self, position: int) -> list[slice]:
        """Return one part: all signals."""
        return [slice(0, self._n)]

    def frequencies(self, position: int, rows: slice) -> Frequencies:
        """Return the `(size,)` frequencies of a latent's table."""
        return self._row[position].weights


class TablesInTurn:
    """The coding tables of several groups of latents, one group after the other.

    Parameters
    ----------
    groups : sequence of CodingTables
        Each numbers its own latents from 0.
    """

    def __init__(self, groups: Sequence[CodingTables]) -> None:
        self.groups = groups
        self.row: Row = [table for group in groups for table in group.row]
        starts = accumulate((len(group.row) for group in groups), initial=0)
        self.order = [start + j for start, group in zip(starts, groups, strict=False)
                      for j in group.order]  # fmt: skip

    def start(self, n: int) -> PassInTurn:
        """Begin with n signals of which no symbol is known."""
        return PassInTurn(self.groups, n)


class PassInTurn:
    """One pass over the latents of n signals, in groups that have a pass of their own."""

    def __init__(self, groups: Sequence[CodingTables], n: int) -> None:
        self._places = [
            (group_pass, position)
            for group in groups
            for group_pass in [group.start(n)]
            for position in range(len(group.order))
        ]
        self._n_seen = 0

    def advance(self, entries: npt.NDArray[np.int32]) -> None:
        """Go on to the next position."""
        self._places[self._n_seen][0].advance(entries)
        self._n_seen += 1

    def parts(self, position: int) -> list[slice]:
        """Cut the signals into parts whose frequencies are made together."""
        group_pass, within = self._places[position]
        return group_pass.parts(within)

    def frequencies(self, position: int, rows: slice) -> Frequencies:
        """Return the frequencies at a position, all before which are known."""
        group_pass, within = self._places[position]
        return group_pass.frequencies(within, rows)


def frequencies_of(symbols: npt.NDArray[Any], tables: CodingTables) -> Iterator[Frequencies]:
    """Yield the frequencies that `(n, latent_size)` symbols are coded with at each position."""
    tables_pass = tables.start(len(symbols))
    for position, j in enumerate(tables.order):
        yield tables_pass.frequencies(position, slice(0, len(symbols)))
        tables_pass.advance(tables.row[j].indices(symbols[:, j]))


def chosen(frequencies: Frequencies, entries: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
    """Look up the frequencies of `(n,)` entries, in float64."""
    if frequencies.ndim == 1:
        return frequencies[entries].astype(np.float64)
    return np.asarray(frequencies[np.arange(len(entries)), entries], dtype=np.float64)


def pack_tables(rows: Sequence[Row]) -> dict[str, npt.NDArray[Any]]:
    """Lay the rows of all qualities out as three tensors.

    Returns
    -------
    low : (n_qualities, latent_size) int32
    size : (n_qualities, latent_size) int32
        Entries of each row, escape included.
    weights : (sum of sizes,) int32
        The rows one after the other.
    """
    return {
        "low": np.array([[t.low for t in row] for row in rows], dtype=np.int32),
        "size": np.array([[t.weights.size for t in row] for row in rows], dtype=np.int32),
        "weights": np.concatenate([t.weights for row in rows for t in row]).astype(np.int32),
    }


def unpack_tables(tensors: dict[str, npt.NDArray[Any]]) -> list[list[FrequencyTable]]:
    """Undo `pack_tables`; FormatError where the tensors do not fit together."""
    low, size, weights = (tensors[name] for name in ("low", "size", "weights"))
    if not all(tensor.dtype == np.int32 for tensor in (low, size, weights)):
        raise FormatError(f"tables of {low.dtype}, {size.dtype} and {weights.dtype}; all int32")
    fits = low.shape == size.shape and low.ndim == 2 and low.size > 0 and weights.ndim == 1
    if not fits or size.min() < 2:
        raise FormatError(f"tables with lows of shape {low.shape} and sizes of {size.shape}")
    if int(size.sum(dtype=np.int64)) != weights.size:
        raise FormatError(f"tables of {int(size.sum())} entries, but {weights.size} are there")
    ends = np.cumsum(size.reshape(-1))
    rows = np.split(weights.astype(np.int64), ends[:-1])
    tables = [FrequencyTable(int(a), row) for a, row in zip(low.reshape(-1), rows, strict=True)]
    k = low.shape[1]
    return [tables[start : start + k] for start in range(0, len(tables), k)]
