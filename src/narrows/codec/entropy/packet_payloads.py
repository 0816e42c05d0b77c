"""The payload of a packet in Python: arithmetic coding (Rissanen 1976), never rounded.

Intervals are Python's integers. It is the reference for compiled code, which gives the same bytes.
"""

from __future__ import annotations

import numpy as np

from narrows.codec.entropy.ans import fold_escape, unfold_escape
from narrows.codec.entropy.bits import MAX_GOLOMB_ZEROS
from narrows.codec.entropy.tables import PRECISION, TOTAL, CodingTables, FrequencyTable, Symbols
from narrows.errors import FormatError


def payload_limit(tables: CodingTables, escapes: bool) -> int:
    """Return the most bytes that a payload may have: long numbers take long."""
    max_bits = PRECISION + escapes * _exp_golomb_bits(MAX_GOLOMB_ZEROS + 1)
    return -(-len(tables.order) * max_bits // 8)


def encode_payload(
    symbols: Symbols, tables: CodingTables, n_bytes: int | None = None
) -> tuple[bytes | None, bool]:
    """Code `(latent_size,)` symbols; return the payload, and whether it has the escape mode.

    The payload is the shortest, or of `n_bytes`: None where there is none of these.
    """
    values = symbols.tolist()
    entries = [_entry(values[j], tables.row[j]) for j in tables.order]
    escapes = any(
        entry == tables.row[j].escape for entry, j in zip(entries, tables.order, strict=True)
    )
    encoder, known = ArithmeticEncoder(), KnownEntries(tables)
    for entry, j in zip(entries, tables.order, strict=True):
        table = known.next_table()
        start, weight = int(table.weights[:entry].sum()), int(table.weights[entry])
        encoder.encode(start, weight, _total(table, escapes))
        if entry == table.escape:
            code = fold_escape(values[j], table) + 1
            encoder.encode(code, 1, 1 << _exp_golomb_bits(code.bit_length()))
        known.append(entry)
    if n_bytes is None:
        return encoder.to_bytes(), escapes
    fits = n_bytes <= payload_limit(tables, escapes)
    return encoder.to_exactly(n_bytes) if fits else None, escapes


def decode_payload(payload: bytes, tables: CodingTables, escapes: bool) -> Symbols:
    """Undo `encode_payload`; other bytes give some symbols, or FormatError."""
    if len(payload) > payload_limit(tables, escapes):
        n_latents = len(tables.order)
        raise FormatError(f"packet with a payload of {len(payload)} bytes for {n_latents} latents")
    decoder, known = ArithmeticDecoder(payload), KnownEntries(tables)
    symbols = np.zeros(len(tables.row), dtype=np.int32)
    for j in tables.order:
        table = known.next_table()
        entry = _decode_entry(decoder, table, escapes)
        symbols[j] = _decode_escape(decoder, table) if entry == table.escape else table.low + entry
        known.append(entry)
    return symbols


class KnownEntries:
    """The entries of one signal so far, which the table of the next position depends on."""

    def __init__(self, tables: CodingTables) -> None:
        self._tables = tables
        self._pass = tables.start(1)
        self._position = 0

    def next_table(self) -> FrequencyTable:
        """Return the table of the next position."""
        table = self._tables.row[self._tables.order[self._position]]
        frequencies = self._pass.frequencies(self._position, slice(0, 1))
        if frequencies.ndim == 1:
            return table
        return FrequencyTable(table.low, frequencies[0].astype(np.int64))

    def append(self, entry: int) -> None:
        """Add the entry of the next position."""
        self._pass.advance(np.array([entry], dtype=np.int32))
        self._position += 1


def _decode_entry(decoder: ArithmeticDecoder, table: FrequencyTable, escapes: bool) -> int:
    total, ends = _total(table, escapes), np.cumsum(table.weights)
    entry = int(ends.searchsorted(decoder.quantile(total), side="right"))
    weight = int(table.weights[entry])
    decoder.advance(int(ends[entry]) - weight, weight, total)
    return entry


def _decode_escape(decoder: ArithmeticDecoder, table: FrequencyTable) -> int:
    max_bits = _exp_golomb_bits(MAX_GOLOMB_ZEROS + 1)
    ahead = decoder.quantile(1 << max_bits)  # the code, and what follows it
    n_zeros = max_bits - ahead.bit_length()
    if n_zeros > MAX_GOLOMB_ZEROS:
        raise FormatError("packet with an escaped symbol far outside int32")
    n_bits = _exp_golomb_bits(n_zeros + 1)
    code = ahead >> (max_bits - n_bits)
    decoder.advance(code, 1, 1 << n_bits)
    return unfold_escape(code - 1, table)


def _entry(symbol: int, table: FrequencyTable) -> int:
    return symbol - table.low if table.low <= symbol <= table.high else table.escape


def _total(table: FrequencyTable, escapes: bool) -> int:
    """Return the sum of the entries in use: without escapes, all but the escape's."""
    return TOTAL if escapes else TOTAL - int(table.weights[-1])


def _exp_golomb_bits(n_digits: int) -> int:
    """Count the bits of the code of a number of `n_digits` binary digits: zeros, then the digits.

    The code's bits are uniform, so all of them are one step: the code is the number itself.
    """
    return 2 * n_digits - 1


class ArithmeticEncoder:
    """An interval from low / scale up to, but without, (low + width) / scale; [0, 1) at first."""

    def __init__(self) -> None:
        self.low, self.width, self.scale = 0, 1, 1

    def encode(self, start: int, weight: int, total: int) -> None:
        """Narrow it to the parts from `start` to `start + weight` of `total` equal ones."""
        self.low = self.low * total + start * self.width
        self.width *= weight
        self.scale *= total

    def to_bytes(self) -> bytes:
        """Return the shortest fraction inside, its digits in base 256; the least of several."""
        if self.low == 0:
            return b""
        # Of n_bytes digits at least one number lies inside: 256**-n_bytes <= width / scale.
        n_bytes = (self.scale.bit_length() - self.width.bit_length() + 8) // 8
        before = ((self.low << 8 * n_bytes) - 1) // self.scale
        last = ((self.low + self.width << 8 * n_bytes) - 1) // self.scale
        # Between both, zeros can end a number up to the highest digit in which they differ.
        n_zeros = ((before ^ last).bit_length() - 1) // 8
        return ((before >> 8 * n_zeros) + 1).to_bytes(n_bytes - n_zeros, "big")

    def to_exactly(self, n_bytes: int) -> bytes | None:
        """Return the least fraction inside of so many digits whose last one is not 0, if any.

        With as many digits as the shortest fraction has, it is that one.
        """
        if not n_bytes:
            return None if self.low else b""
        least = -((-self.low << 8 * n_bytes) // self.scale)
        least += least % 256 == 0
        inside = least * self.scale < self.low + self.width << 8 * n_bytes
        return least.to_bytes(n_bytes, "big") if inside else None


class ArithmeticDecoder:
    """A number in [0, 1), the place of the payload in the encoder's interval at each step."""

    def __init__(self, digits: bytes) -> None:
        self.numerator, self.denominator = int.from_bytes(digits, "big"), 1 << 8 * len(digits)

    def quantile(self, total: int) -> int:
        """Return which of `total` equal parts of the interval the number lies in."""
        return self.numerator * total // self.denominator

    def advance(self, start: int, weight: int, total: int) -> None:
        """Undo `encode`: the parts from `start` to `start + weight` become the interval [0, 1)."""
        self.numerator = self.numerator * total - start * self.denominator
        self.denominator *= weight
