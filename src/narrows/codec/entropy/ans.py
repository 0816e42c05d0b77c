"""Symbols <-> payload bytes: asymmetric numeral systems over integer frequency tables.

A payload is

    varint   number of 32-bit words
    words    the coder's words, little-endian
    bits     the escaped symbols, Exp-Golomb, first bit highest; zero bits to the next byte

The coder is a stack (Duda 2013): 64-bit state, 32-bit words, 24-bit frequencies. Symbols are
pushed last latent first, so that they come back latent by latent, and within one latent signal by
signal: a context model then knows all latents before the one whose frequencies it makes.
`constriction` does it where it is installed; `PlainStack` writes and reads the same words.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from itertools import accumulate
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from narrows.codec.entropy.bits import BitReader, BitWriter, read_varint, write_varint
from narrows.codec.entropy.tables import (
    PRECISION,
    TOTAL,
    CodingTables,
    Frequencies,
    FrequencyTable,
    Row,
    chosen,
    frequencies_of,
)
from narrows.errors import FormatError

Words = npt.NDArray[np.uint32]
Entries = npt.NDArray[np.int32]

WORD_BITS = 32
WORD_MASK = (1 << WORD_BITS) - 1
WORDS_LEFT_OVER = "payload with words left over after the last symbol"


class Stack(Protocol):
    """What the coder pushes table entries on, and pops them from, last first."""

    def push(self, entries: Entries, frequencies: Frequencies) -> None:
        """Code `(n,)` entries, last first, with frequencies `(size,)` or `(n, size)`."""
        ...

    def pop(self, n: int, frequencies: Frequencies) -> Entries:
        """Undo `push`: return `(n,)` entries."""
        ...

    def words(self) -> Words:
        """Return the words of all that was pushed."""
        ...

    def check_empty(self) -> None:
        """Raise FormatError where the words do not end here."""
        ...


class ConstrictionStack:
    """The coder of the constriction library (Bamler 2022), compiled code."""

    def __init__(self, words: Words | None = None) -> None:
        import constriction  # not available on every platform

        self._categorical = constriction.stream.model.Categorical
        self._family = self._categorical(perfect=False)
        try:
            coder = constriction.stream.stack.AnsCoder
            self._coder = coder() if words is None else coder(words)
        except ValueError as error:
            raise FormatError(f"payload that the entropy coder refuses: {error}") from None

    def push(self, entries: Entries, frequencies: Frequencies) -> None:
        """Code `(n,)` entries, last first, with frequencies `(size,)` or `(n, size)`."""
        self._coder.encode_reverse(entries, *self._model(frequencies))

    def pop(self, n: int, frequencies: Frequencies) -> Entries:
        """Undo `push`: return `(n,)` entries."""
        model, *parameters = self._model(frequencies)
        try:
            entries: Entries = self._coder.decode(model, *(parameters or [n]))
        except (AssertionError, KeyError, ValueError) as error:
            raise FormatError(f"payload that the entropy coder refuses: {error}") from None
        return entries

    def words(self) -> Words:
        """Return the words of all that was pushed."""
        words: Words = self._coder.get_compressed()
        return words

    def check_empty(self) -> None:
        """Raise FormatError where the words do not end here."""
        if not self._coder.is_empty():
            raise FormatError(WORDS_LEFT_OVER)

    def _model(self, frequencies: Frequencies) -> list[Any]:
        """Return a model for all symbols, or a family of models and each symbol's parameters.

        With `perfect=False`, weights w - 1 in floating point become exactly our integers w.
        """
        weights = frequencies - 1
        if weights.ndim == 1:
            return [self._categorical(weights.astype(np.float64), perfect=False)]
        return [self._family, weights]


class PlainStack:
    """The same words from Python integers alone."""

    def __init__(self, words: Words | None = None) -> None:
        self._words: list[int] = [] if words is None else words.tolist()
        if self._words and self._words[-1] == 0:
            raise FormatError("payload whose last word is zero")
        self._state = 0
        self._refill()

    def _refill(self) -> None:
        while self._words and self._state < 1 << WORD_BITS:
            self._state = self._state << WORD_BITS | self._words.pop()

    def push(self, entries: Entries, frequencies: Frequencies) -> None:
        """Code `(n,)` entries, last first, with frequencies `(size,)` or `(n, size)`."""
        state, rows = self._state, _rows(frequencies, len(entries))
        for entry, (weights, starts) in zip(
            reversed(entries.tolist()), reversed(rows), strict=True
        ):
            weight = weights[entry]
            if state >> (64 - PRECISION) >= weight:
                self._words.append(state & WORD_MASK)
                state >>= WORD_BITS
            state = (state // weight << PRECISION) + state % weight + starts[entry]
        self._state = state

    def pop(self, n: int, frequencies: Frequencies) -> Entries:
        """Undo `push`: return `(n,)` entries."""
        entries = np.empty(n, dtype=np.int32)
        for i, (weights, starts) in enumerate(_rows(frequencies, n)):
            quantile = self._state & (TOTAL - 1)
            entry = bisect_right(starts, quantile) - 1
            entries[i] = entry
            self._state = (self._state >> PRECISION) * weights[entry] + quantile - starts[entry]
            self._refill()
        return entries

    def words(self) -> Words:
        """Return the words of all that was pushed."""
        words, state = list(self._words), self._state
        while state:
            words.append(state & WORD_MASK)
            state >>= WORD_BITS
        return np.array(words, dtype=np.uint32)

    def check_empty(self) -> None:
        """Raise FormatError where the words do not end here."""
        if self._state or self._words:
            raise FormatError(WORDS_LEFT_OVER)


def _rows(frequencies: Frequencies, n: int) -> list[tuple[list[int], list[int]]]:
    """Return weights and starts for each of n symbols, as Python's integers."""
    rows = [
        (weights, list(accumulate(weights, initial=0)))
        for weights in np.atleast_2d(frequencies).astype(np.int64).tolist()
    ]
    return rows * n if frequencies.ndim == 1 else rows


def best_stack(words: Words | None = None) -> Stack:
    """Return constriction's stack where it is installed, else the plain one."""
    try:
        return ConstrictionStack(words)
    except ImportError:
        return PlainStack(words)


class SymbolCoder:
    """Symbols <-> payloads.

    Parameters
    ----------
    tables : CodingTables
    stack : callable, optional
        Makes a Stack, empty or of words; by default the fastest that is installed.
    """

    def __init__(
        self, tables: CodingTables, stack: Callable[[Words | None], Stack] = best_stack
    ) -> None:
        self.tables = tables
        self.stack = stack

    def encode(self, symbols: npt.NDArray[np.int32]) -> bytes:
        """Code `(n, latent_size)` int32 symbols, of any value, to a payload."""
        row, order = self.tables.row, self.tables.order
        columns = [np.ascontiguousarray(symbols[:, j]) for j in order]
        entries = [row[j].indices(column) for j, column in zip(order, columns, strict=True)]
        stack, tables_pass = self.stack(None), self.tables.start(len(symbols))
        for column in entries:
            tables_pass.advance(column)
        for position in reversed(range(len(order))):
            for part in reversed(tables_pass.parts(position)):
                stack.push(entries[position][part], tables_pass.frequencies(position, part))
        words, escapes = stack.words(), BitWriter()
        for j, column, entry in zip(order, columns, entries, strict=True):
            for symbol in column[entry == row[j].escape].tolist():
                escapes.write_exp_golomb(fold_escape(symbol, row[j]))
        return write_varint(words.size) + words.astype("<u4").tobytes() + escapes.to_bytes()

    def decode(self, payload: bytes, n: int) -> npt.NDArray[np.int32]:
        """Undo `encode` for n signals; FormatError for a payload that no `encode` wrote."""
        n_words, start = read_varint(payload, 0)
        end = start + 4 * n_words
        if end > len(payload):
            raise FormatError(f"payload of {len(payload)} bytes that announces {n_words} words")
        words = np.frombuffer(payload, "<u4", n_words, start).astype(np.uint32)
        columns = self._pop_entries(self.stack(words), n)
        symbols = np.zeros((n, len(self.tables.row)), dtype=np.int32)
        escapes = BitReader(payload[end:])
        for j, column in zip(self.tables.order, columns, strict=True):
            table = self.tables.row[j]
            symbols[:, j] = column + table.low
            for i in np.flatnonzero(column == table.escape):
                symbols[i, j] = unfold_escape(escapes.read_exp_golomb(), table)
        escapes.check_end()
        return symbols

    def _pop_entries(self, stack: Stack, n: int) -> list[Entries]:
        """Return the `(n,)` entries of each position."""
        tables_pass, columns = self.tables.start(n), []
        for position in range(len(self.tables.order)):
            column = np.empty(n, dtype=np.int32)
            for part in tables_pass.parts(position):
                frequencies = tables_pass.frequencies(position, part)
                column[part] = stack.pop(part.stop - part.start, frequencies)
            tables_pass.advance(column)
            columns.append(column)
        stack.check_empty()
        return columns


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
