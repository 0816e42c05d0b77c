"""Packets: one signal's symbols in the fewest bytes, for radios and database cells.

    byte 0    bits 7..5   quality - 1
              bit 4       escape mode: 1 where a symbol lies outside its table
              bits 3..0   check bits over model id, upper half of this byte, and symbols
    bytes     the payload: a number of [0, 1), as the digits behind the point in base 256
    4 bytes   with `checksum=True` only: CRC-32 over model id and all of the above

Packets that keep a bound end in a byte 00 instead: see `narrows.codec.promised_packets`.

The payload is arithmetic coding (Rissanen 1976) with intervals in Python's integers, never rounded:
a signal costs its ideal length, up to the next byte. It has one form only. The decoder codes again
what it has decoded and refuses a packet that is not the same, so every packet that no encoder
writes is an error. `docs/FORMAT.md` is the specification.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any
from zlib import crc32

import numpy as np
import numpy.typing as npt

from narrows.codec.entropy.ans import fold_escape, unfold_escape
from narrows.codec.entropy.bits import MAX_GOLOMB_ZEROS
from narrows.codec.entropy.compiled import CompiledTables
from narrows.codec.entropy.tables import PRECISION, TOTAL, CodingTables, FrequencyTable, Symbols
from narrows.errors import DataError, FormatError

Packet = bytes | bytearray | memoryview


class PacketCoder:
    """Symbols of one signal <-> a packet.

    Parameters
    ----------
    model_id : bytes
        16 bytes; a packet does not hold them, but its check bits and checksum depend on them.
    tables : mapping of int to CodingTables
        Those of each quality, whose numbers count from 1.
    compiled : callable, optional
        Returns those of a quality in compiled code, or None where numpy is to be used.
    """

    def __init__(
        self,
        model_id: bytes,
        tables: Mapping[int, CodingTables],
        compiled: Callable[[int], CompiledTables | None] = lambda quality: None,
    ) -> None:
        self.model_id = model_id
        self.tables = tables
        self._compiled = compiled

    def encode(self, symbols: Symbols, quality: int, *, checksum: bool = False) -> bytes:
        """Code `(latent_size,)` int32 symbols, of any value, to a packet."""
        (packet,) = self.encode_all(symbols[None], quality, checksum=checksum)
        return packet

    def encode_all(self, symbols: Symbols, quality: int, *, checksum: bool = False) -> list[bytes]:
        """Code `(n, latent_size)` symbols to a packet each."""
        compiled = self._compiled(quality)
        contents = (
            [self._encode(each, quality) for each in symbols]
            if compiled is None
            else compiled.pack(self.model_id, quality, symbols)
        )
        return [self.checked(content, checksum=checksum) for content in contents]

    def _encode(self, symbols: Symbols, quality: int) -> bytes:
        """Code symbols to a packet without a checksum, in Python."""
        payload, escapes = encode_payload(symbols, self.tables[quality])
        first = (quality - 1) << 5 | escapes << 4
        first |= crc32(symbols.astype("<i4").tobytes(), crc32(self.model_id + bytes([first]))) & 15
        return bytes([first]) + payload

    def decode(self, packet: Packet, *, checksum: bool = False) -> tuple[Symbols, int]:
        """Undo `encode`: return the symbols and the quality.

        Raises
        ------
        FormatError
            If the packet is not exactly what `encode` writes for some symbols.
        """
        return self.decode_content(self.content(packet, checksum=checksum))

    def decode_content(self, content: bytes) -> tuple[Symbols, int]:
        """Undo `encode` of a packet without its checksum; see `decode`."""
        (found,) = self.decode_all([content])
        if isinstance(found, FormatError):
            raise found
        return found

    def decode_all(self, contents: Sequence[bytes]) -> list[tuple[Symbols, int] | FormatError]:
        """Undo `encode` of many packets without checksums; errors are returned in their place."""
        found: list[tuple[Symbols, int] | FormatError | None] = [None] * len(contents)
        by_quality = dict[int, list[int]]()
        for number, content in enumerate(contents):
            by_quality.setdefault((content[0] >> 5) + 1, []).append(number)
        for quality, own in by_quality.items():
            compiled = self._compiled(quality) if quality in self.tables else None
            if compiled is None:
                continue
            symbols, is_ours = compiled.unpack(self.model_id, [contents[i] for i in own])
            for number, each, ours in zip(own, symbols, is_ours.tolist(), strict=True):
                found[number] = (each, quality) if ours else None
        return [
            self._decoded(content) if each is None else each
            for content, each in zip(contents, found, strict=True)
        ]

    def _decoded(self, content: bytes) -> tuple[Symbols, int] | FormatError:
        """Decode in Python, which tells what is wrong where something is."""
        try:
            return self._decode(content)
        except FormatError as error:
            return error

    def _decode(self, content: bytes) -> tuple[Symbols, int]:
        """Decode a packet without its checksum, in Python."""
        quality = (content[0] >> 5) + 1
        if quality not in self.tables:
            raise FormatError(f"packet of quality {quality}, which {self._not_ours}")
        escapes = bool(content[0] & 0x10)
        symbols = decode_payload(content[1:], self.tables[quality], escapes)
        # One comparison holds the escape mode, the check bits and every byte of the payload.
        if self._encode(symbols, quality) != content:
            raise FormatError(f"packet that {self._not_ours}, or made with checksum=True")
        return symbols, quality

    def checked(self, content: bytes, *, checksum: bool) -> bytes:
        """Return a packet with a checksum behind it, if it is to have one."""
        return content + self._checksum(content) if checksum else content

    def content(self, packet: Packet, *, checksum: bool) -> bytes:
        """Undo `checked`; FormatError for a wrong checksum, or a packet of no bytes."""
        content = _bytes_of(packet)
        if checksum:
            content = self._without_checksum(content)
        if not content:
            raise FormatError("packet of no bytes; it has at least one")
        return content

    def _checksum(self, packet: bytes) -> bytes:
        return crc32(packet, crc32(self.model_id)).to_bytes(4, "little")

    def _without_checksum(self, packet: bytes) -> bytes:
        content = packet[:-4]
        if packet[-4:] != self._checksum(content):
            raise FormatError(f"packet that {self._not_ours}, or made without checksum=True")
        return content

    @property
    def _not_ours(self) -> str:
        return f"model {self.model_id.hex()} does not write: it is damaged, or another model's"


def keeps_promise(content: bytes) -> bool:
    """Tell whether a packet without a checksum is one that keeps a bound, or every bit."""
    return len(content) > 1 and not content[-1]


def encode_payload(symbols: Symbols, tables: CodingTables) -> tuple[bytes, bool]:
    """Code `(latent_size,)` symbols; return the payload, and whether it has the escape mode."""
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
    return encoder.to_bytes(), escapes


def decode_payload(payload: bytes, tables: CodingTables, escapes: bool) -> Symbols:
    """Undo `encode_payload`; other bytes give some symbols, or FormatError."""
    max_bits = PRECISION + escapes * _exp_golomb_bits(MAX_GOLOMB_ZEROS + 1)
    k = len(tables.order)
    if len(payload) > -(-k * max_bits // 8):  # before the time that so many would take
        raise FormatError(f"packet with a payload of {len(payload)} bytes for {k} latents")
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


def check_packable(x: npt.NDArray[Any], shape: tuple[int, ...]) -> None:
    """Raise DataError unless x is one signal of this shape."""
    if x.shape != shape:
        way = (
            f"reshape it with x.reshape{shape}" if x.size == prod(shape) else "give one of its kind"
        )
        if x.shape[1:] == shape:
            way = "give x[0], or several to compress_packets, or write an archive"
        raise DataError(
            f"signal of shape {x.shape}; a packet holds one signal of shape {shape}: {way}"
        )


def check_finite(x: npt.NDArray[Any], form: str, way: str = "") -> None:
    """Raise DataError for values that `form`, packets or latents, cannot stand for."""
    if x.dtype.kind == "f" and not np.isfinite(x).all():
        raise DataError(
            f"signal with NaN or infinity, which {form} cannot hold: replace them, {way}or write "
            "an archive, which keeps them"
        )


def _bytes_of(packet: Any) -> bytes:
    if not isinstance(packet, Packet):
        raise FormatError(f"packet of type {type(packet).__name__}; it must be bytes")
    return bytes(packet)
