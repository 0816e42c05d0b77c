"""Symbols <-> payload bytes: asymmetric numeral systems over integer frequency tables.

A payload is

    varint   number of 32-bit words
    words    the coder's words, little-endian
    bits     the escaped symbols, Exp-Golomb, first bit highest; zero bits to the next byte

The coder is a stack. Symbols are pushed last latent first, so that they come back latent by latent,
and within one latent signal by signal: a context model then knows all latents before the one whose
frequencies it makes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from narrows.codec.entropy.bits import BitReader, BitWriter, read_varint, write_varint
from narrows.codec.entropy.chains import ChainTables
from narrows.codec.entropy.stacks import Entries, Stack, Words, best_stack
from narrows.codec.entropy.tables import (
    PRECISION,
    CodingTables,
    FixedTables,
    FrequencyTable,
    Row,
    Symbols,
    chosen,
    frequencies_of,
)
from narrows.errors import FormatError

Stacks = Callable[[Words | None], Stack]


class PayloadWriter:
    """Parts of symbols, each with tables of its own, to one payload.

    Parameters
    ----------
    stack : callable, optional
        Makes a Stack, empty or of words; by default the fastest that is installed.
    """

    def __init__(self, stack: Stacks = best_stack) -> None:
        self._stack = stack(None)
        self._parts: list[tuple[CodingTables, Symbols]] = []

    def add(self, tables: CodingTables, symbols: Symbols) -> None:
        """Let `(n, latent_size)` int32 symbols, of any value, follow."""
        self._parts.append((tables, symbols))

    def add_column(self, table: FrequencyTable, symbols: npt.NDArray[np.int32]) -> None:
        """Let `(n,)` symbols of one table follow: as `add` does with one latent."""
        self._parts.append((FixedTables([table]), symbols[:, None]))

    def to_bytes(self) -> bytes:
        """Code all parts: the last one first, for the coder is a stack."""
        escapes = BitWriter()
        for tables, symbols in reversed(self._parts):
            self._push(tables, symbols)
        for tables, symbols in self._parts:
            for table, column in columns_of(tables, symbols):
                for symbol in column[(column < table.low) | (column > table.high)].tolist():
                    escapes.write_exp_golomb(fold_escape(symbol, table))
        words = self._stack.words()
        return write_varint(words.size) + words.astype("<u4").tobytes() + escapes.to_bytes()

    def _push(self, tables: CodingTables, symbols: Symbols) -> None:
        if isinstance(tables, ChainTables) and tables.rows is not None:
            chain = tables.after[0].indices(np.ascontiguousarray(symbols[0]))
            self._stack.push(chain, tables.rows[tables.rows_of(chain)])
            return
        order = tables.order
        entries = [tables.row[j].indices(np.ascontiguousarray(symbols[:, j])) for j in order]
        tables_pass = tables.start(len(symbols))
        for column in entries:
            tables_pass.advance(column)
        for position in reversed(range(len(order))):
            for part in reversed(tables_pass.parts(position)):
                frequencies = tables_pass.frequencies(position, part)
                self._stack.push(entries[position][part], frequencies)


def columns_of(
    tables: CodingTables, symbols: Symbols
) -> Iterator[tuple[FrequencyTable, npt.NDArray[np.int32]]]:
    """Yield symbols in coding order, `(m,)`, with the table that says which of them escape."""
    if isinstance(tables, ChainTables):
        yield tables.after[0], symbols[0]
        return
    for j in tables.order:
        yield tables.row[j], symbols[:, j]


class PayloadReader:
    """The inverse of `PayloadWriter`: parts are taken in the order in which they were added.

    Parameters
    ----------
    payload : bytes
    stack : callable, optional

    Raises
    ------
    FormatError
        Here and in each method, for a payload that no `PayloadWriter` wrote.
    """

    def __init__(self, payload: bytes, stack: Stacks = best_stack) -> None:
        n_words, start = read_varint(payload, 0)
        end = start + 4 * n_words
        if end > len(payload):
            raise FormatError(f"payload of {len(payload)} bytes that announces {n_words} words")
        self._stack = stack(np.frombuffer(payload, "<u4", n_words, start).astype(np.uint32))
        self._escapes = BitReader(payload[end:])

    def take(self, tables: CodingTables, n: int) -> Symbols:
        """Return the `(n, latent_size)` int32 symbols of the next part."""
        if isinstance(tables, ChainTables) and tables.rows is not None:
            chain = self._stack.pop_chain(len(tables.row), tables.rows)
            return self._with_escapes(chain, tables.after[0])[None]
        columns = self._pop_entries(tables, n)
        symbols = np.zeros((n, len(tables.row)), dtype=np.int32)
        for j, column in zip(tables.order, columns, strict=True):
            table = tables.row[j]
            symbols[:, j] = column + table.low
            for i in np.flatnonzero(column == table.escape):
                symbols[i, j] = unfold_escape(self._escapes.read_exp_golomb(), table)
        return symbols

    def take_column(self, table: FrequencyTable, n: int) -> npt.NDArray[np.int32]:
        """Return the `(n,)` symbols of a part of one table: as `take` does with one latent."""
        return self._with_escapes(self._stack.pop(n, table.weights), table)

    def _with_escapes(self, entries: Entries, table: FrequencyTable) -> npt.NDArray[np.int32]:
        symbols = entries + np.int32(table.low)
        for i in np.flatnonzero(entries == table.escape):
            symbols[i] = unfold_escape(self._escapes.read_exp_golomb(), table)
        return symbols

    def _pop_entries(self, tables: CodingTables, n: int) -> list[Entries]:
        """Return the `(n,)` entries of each position."""
        tables_pass, columns = tables.start(n), []
        for position in range(len(tables.order)):
            column = np.empty(n, dtype=np.int32)
            for part in tables_pass.parts(position):
                frequencies = tables_pass.frequencies(position, part)
                column[part] = self._stack.pop(part.stop - part.start, frequencies)
            tables_pass.advance(column)
            columns.append(column)
        return columns

    def check_end(self) -> None:
        """Raise FormatError where the payload does not end here."""
        self._stack.check_empty()
        self._escapes.check_end()


class CompiledBlocks(Protocol):
    """Tables in compiled code: `native.tables.CompiledTables`."""

    def push(self, symbols: Symbols) -> tuple[bytes, bytes]:
        """Encode `(n, latent_size)` symbols to words and the bits of escapes."""
        ...

    def pop(self, words: memoryview, bits: memoryview, n: int) -> Symbols | None:
        """Undo `push` for n signals; None for what it does not write: a stack tells why."""
        ...


class SymbolCoder:
    """Symbols <-> payloads of one part.

    Parameters
    ----------
    tables : CodingTables
    stack : callable, optional
        Makes a Stack, empty or of words; by default the fastest that is installed.
    compiled : CompiledBlocks, optional
        The tables in compiled code, which then codes instead of a stack.
    """

    def __init__(
        self,
        tables: CodingTables,
        stack: Stacks = best_stack,
        compiled: CompiledBlocks | None = None,
    ) -> None:
        self.tables = tables
        self.stack = stack
        self._compiled = compiled

    def encode(self, symbols: Symbols) -> bytes:
        """Code `(n, latent_size)` int32 symbols, of any value, to a payload."""
        if self._compiled is not None:
            words, escapes = self._compiled.push(symbols)
            return write_varint(len(words) // 4) + words + escapes
        writer = PayloadWriter(self.stack)
        writer.add(self.tables, symbols)
        return writer.to_bytes()

    def decode(self, payload: bytes, n: int) -> Symbols:
        """Undo `encode` for n signals; FormatError for a payload that no `encode` wrote."""
        if self._compiled is not None:
            n_words, start = read_varint(payload, 0)
            view, end = memoryview(payload), start + 4 * n_words
            found = self._compiled.pop(view[start:end], view[end:], n) if end <= len(view) else None
            if found is not None:
                return found
        reader = PayloadReader(payload, self.stack)
        symbols = reader.take(self.tables, n)
        reader.check_end()
        return symbols


def fold_escape(symbol: int, table: FrequencyTable) -> int:
    """Number the symbols outside a table: 0, 2, 4 ... above it, 1, 3, 5 ... below it."""
    if symbol > table.high:
        return 2 * (symbol - table.high - 1)
    return 2 * (table.low - 1 - symbol) + 1


def unfold_escape(number: int, table: FrequencyTable) -> int:
    """Undo `fold_escape`; FormatError where the symbol is no int32."""
    half, below = divmod(number, 2)
    symbol = table.low - 1 - half if below else table.high + 1 + half
    if not -(2**31) <= symbol < 2**31:
        raise FormatError(f"escaped symbol {symbol} outside int32")
    return symbol


def ideal_bits(symbols: npt.NDArray[Any], tables: CodingTables) -> npt.NDArray[np.float64]:
    """Estimate the code length of each signal in bits, `(n,)`; it is never used to code.

    Parameters
    ----------
    symbols : (n, latent_size) int32
    tables : CodingTables
    """
    total = np.zeros(len(symbols))
    for j, frequencies in zip(tables.order, frequencies_of(symbols, tables), strict=True):
        table, column = tables.row[j], symbols[:, j]
        total += PRECISION - np.log2(chosen(frequencies, table.indices(column)))
    return total + escape_bits(symbols, tables.row)


def escape_bits(symbols: npt.NDArray[Any], row: Row) -> npt.NDArray[np.float64]:
    """Count the bits, `(n,)`, of the escaped ones of `(n, latent_size)` symbols beside entries."""
    total = np.zeros(len(symbols))
    for table, column in zip(row, symbols.T, strict=True):
        for i in np.flatnonzero((column < table.low) | (column > table.high)):
            total[i] += 2 * (fold_escape(int(column[i]), table) + 1).bit_length() - 1
    return total
