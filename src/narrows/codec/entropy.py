"""Symbols <-> payload bytes: asymmetric numeral systems over integer frequency tables.

A payload is

    varint   number of 32-bit words
    words    the coder's words, little-endian
    bits     the escaped symbols, Exp-Golomb, first bit highest; zero bits to the next byte

The coder is a stack (Duda 2013): 64-bit state, 32-bit words, 24-bit frequencies. Symbols are
pushed last latent first, so that they come back latent by latent, and within one latent signal by
signal. `constriction` does it where it is installed; `PlainCoder` writes and reads the same words.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from narrows.codec.bits import BitReader, BitWriter, read_varint, write_varint
from narrows.codec.tables import PRECISION, TOTAL, FrequencyTable, Row
from narrows.errors import FormatError

Words = npt.NDArray[np.uint32]
Indices = npt.NDArray[np.int32]

WORD_BITS = 32
WORD_MASK = (1 << WORD_BITS) - 1


class Coder(Protocol):
    """A pair of inverse functions between table indices and words, for one row of tables."""

    def encode(self, indices: Indices) -> Words:
        """Code `(latent_size, n)` table indices to words."""
        ...

    def decode(self, words: Words, n: int) -> Indices:
        """Decode `(latent_size, n)` table indices; FormatError where the words do not end there."""
        ...


class ConstrictionCoder:
    """The coder of the constriction library (Bamler 2022), compiled code."""

    def __init__(self, row: Row) -> None:
        import constriction  # not available on every platform

        self._stack = constriction.stream.stack.AnsCoder
        # With `perfect=False`, float64 weights w - 1 become exactly our integers w.
        self._models = [
            constriction.stream.model.Categorical(
                (table.weights - 1).astype(np.float64), perfect=False
            )
            for table in row
        ]

    def encode(self, indices: Indices) -> Words:
        """Code `(latent_size, n)` table indices to words."""
        coder = self._stack()
        for column, model in zip(reversed(indices), reversed(self._models), strict=True):
            coder.encode_reverse(column, model)
        words: Words = coder.get_compressed()
        return words

    def decode(self, words: Words, n: int) -> Indices:
        """Decode `(latent_size, n)` table indices; FormatError where the words do not end there."""
        try:
            coder = self._stack(words)
            columns = [coder.decode(model, n) for model in self._models]
        except (AssertionError, KeyError, ValueError) as error:
            raise FormatError(f"payload that the entropy coder refuses: {error}") from None
        if not coder.is_empty():
            raise FormatError("payload with words left over after the last symbol")
        return np.stack(columns)


class PlainCoder:
    """The same words from Python integers alone."""

    def __init__(self, row: Row) -> None:
        self._weights: list[list[int]] = [table.weights.tolist() for table in row]
        self._starts = [list(accumulate(weights, initial=0)) for weights in self._weights]

    def encode(self, indices: Indices) -> Words:
        """Code `(latent_size, n)` table indices to words."""
        state, words = 0, []
        for column, weights, starts in zip(
            reversed(indices), reversed(self._weights), reversed(self._starts), strict=True
        ):
            for index in reversed(column.tolist()):
                weight = weights[index]
                if state >> (64 - PRECISION) >= weight:
                    words.append(state & WORD_MASK)
                    state >>= WORD_BITS
                state = (state // weight << PRECISION) + state % weight + starts[index]
        while state:
            words.append(state & WORD_MASK)
            state >>= WORD_BITS
        return np.array(words, dtype=np.uint32)

    def decode(self, words: Words, n: int) -> Indices:
        """Decode `(latent_size, n)` table indices; FormatError where the words do not end there."""
        stack: list[int] = words.tolist()
        if stack and stack[-1] == 0:
            raise FormatError("payload whose last word is zero")
        state = 0
        while stack and state < 1 << WORD_BITS:
            state = state << WORD_BITS | stack.pop()
        out = np.empty((len(self._weights), n), dtype=np.int32)
        for column, weights, starts in zip(out, self._weights, self._starts, strict=True):
            for i in range(n):
                quantile = state & (TOTAL - 1)
                index = bisect_right(starts, quantile) - 1
                column[i] = index
                state = (state >> PRECISION) * weights[index] + quantile - starts[index]
                if stack and state < 1 << WORD_BITS:
                    state = state << WORD_BITS | stack.pop()
        if state or stack:
            raise FormatError("payload with words left over after the last symbol")
        return out


def best_coder(row: Row) -> Coder:
    """Give constriction's coder where it is installed, else the plain one."""
    try:
        return ConstrictionCoder(row)
    except ImportError:
        return PlainCoder(row)


class SymbolCoder:
    """Symbols <-> payloads for one row of tables.

    Parameters
    ----------
    row : sequence of FrequencyTable
        One a latent.
    coder : Coder, optional
        By default the fastest that is installed.
    """

    def __init__(self, row: Row, coder: Coder | None = None) -> None:
        self.row = row
        self.coder = coder or best_coder(row)

    def encode(self, symbols: npt.NDArray[np.int32]) -> bytes:
        """Code `(n, latent_size)` int32 symbols, of any value, to a payload."""
        columns = np.ascontiguousarray(symbols.T)
        indices = np.stack(
            [table.indices(column) for table, column in zip(self.row, columns, strict=True)]
        )
        words = self.coder.encode(indices)
        escapes = BitWriter()
        for table, column, index in zip(self.row, columns, indices, strict=True):
            for symbol in column[index == table.escape].tolist():
                escapes.write_exp_golomb(fold_escape(symbol, table))
        return write_varint(words.size) + words.astype("<u4").tobytes() + escapes.to_bytes()

    def decode(self, payload: bytes, n: int) -> npt.NDArray[np.int32]:
        """Undo `encode` for n signals; FormatError for a payload that no `encode` wrote."""
        n_words, start = read_varint(payload, 0)
        end = start + 4 * n_words
        if end > len(payload):
            raise FormatError(f"payload of {len(payload)} bytes that announces {n_words} words")
        words = np.frombuffer(payload, "<u4", n_words, start).astype(np.uint32)
        indices = self.coder.decode(words, n)
        symbols = np.empty((n, len(self.row)), dtype=np.int32)
        escapes = BitReader(payload[end:])
        for j, (table, index) in enumerate(zip(self.row, indices, strict=True)):
            symbols[:, j] = index + table.low
            for i in np.flatnonzero(index == table.escape):
                symbols[i, j] = unfold_escape(escapes.read_exp_golomb(), table)
        escapes.check_end()
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


def ideal_bits(symbols: npt.NDArray[Any], row: Row) -> npt.NDArray[np.float64]:
    """Give the ideal code length of each signal in bits, `(n,)`: an estimate, never used to code.

    Parameters
    ----------
    symbols : (n, latent_size) int32
    row : sequence of FrequencyTable
    """
    total = np.zeros(len(symbols))
    for table, column in zip(row, symbols.T, strict=True):
        index = table.indices(column)
        total += table.bits[index]
        for i in np.flatnonzero(index == table.escape):
            total[i] += 2 * (fold_escape(int(column[i]), table) + 1).bit_length() - 1
    return total
