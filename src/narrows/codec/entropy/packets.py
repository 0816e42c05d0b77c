"""Packets: one signal's symbols in the fewest bytes, for radios and database cells.

    byte 0    bits 7..5   quality - 1
              bit 4       escape mode: 1 where a symbol lies outside its table
              bits 3..0   check bits over model id, upper half of this byte, and symbols
    bytes     the payload: a number of [0, 1), as the digits behind the point in base 256
    4 bytes   with `checksum=True` only: CRC-32 over model id and all of the above

Packets that keep a bound end in a byte 00 instead: see `narrows.codec.promised_packets`.

The payload is arithmetic coding (Rissanen 1976) with intervals in whole numbers, never rounded: a
signal costs its ideal length, up to the next byte. It has one form of each length, and the shortest
one unless a length is asked for. The decoder codes again what it has decoded and refuses a packet
that is not the same, so every packet that no encoder writes is an error. `docs/format/packets.md`
is the specification.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any
from zlib import crc32

import numpy as np
import numpy.typing as npt

from narrows.codec.entropy.native.tables import CompiledTables
from narrows.codec.entropy.packet_payloads import decode_payload, encode_payload, payload_limit
from narrows.codec.entropy.tables import CodingTables, Symbols
from narrows.errors import DataError, FormatError

Packet = bytes | bytearray | memoryview
CHECKSUM_BYTES = 4


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

    def encode_to(
        self, symbols: Symbols, quality: int, n_bytes: int, *, checksum: bool = False
    ) -> list[bytes | None]:
        """Code `(n, latent_size)` symbols to packets of exactly so many bytes, checksum included.

        None stands where symbols need more, and now and then where they need as many or one less:
        their interval need not hold a number of every length from the shortest on.
        """
        compiled, size = self._compiled(quality), n_bytes - CHECKSUM_BYTES * checksum
        if size < 1:
            return [None] * len(symbols)
        contents = (
            [self._encode_to(each, quality, size - 1) for each in symbols]
            if compiled is None
            else compiled.pack_to(self.model_id, quality, symbols, size)
        )
        return [
            None if content is None else self.checked(content, checksum=checksum)
            for content in contents
        ]

    def longest(self, *, checksum: bool = False) -> int:
        """Return the most bytes that any symbols can be coded to, if none is an escape."""
        most = max(payload_limit(tables, False) for tables in self.tables.values())
        return 1 + most + CHECKSUM_BYTES * checksum

    def _encode(self, symbols: Symbols, quality: int) -> bytes:
        """Code symbols to a packet without a checksum, in Python."""
        content = self._encode_to(symbols, quality, None)
        assert content is not None  # there always is a shortest one
        return content

    def _encode_to(self, symbols: Symbols, quality: int, n_payload: int | None) -> bytes | None:
        """Do so with a payload of so many bytes, if there is one; None: the shortest."""
        payload, escapes = encode_payload(symbols, self.tables[quality], n_payload)
        if payload is None:
            return None
        first = (quality - 1) << 5 | escapes << 4
        first |= crc32(symbols.astype("<i4").tobytes(), crc32(self.model_id + bytes([first]))) & 15
        return bytes([first]) + payload

    def decode(self, packet: Packet, *, checksum: bool = False) -> tuple[Symbols, int]:
        """Undo `encode`: return the symbols and the quality.

        Raises
        ------
        FormatError
            If the packet is not exactly what `encode` or `encode_to` writes for some symbols.
        """
        return self.decode_content(self.content(packet, checksum=checksum))

    def decode_content(self, content: bytes) -> tuple[Symbols, int]:
        """Undo `encode` of a packet without its checksum; see `decode`."""
        quality = (content[0] >> 5) + 1
        compiled = self._compiled(quality) if quality in self.tables else None
        if compiled is not None:
            symbols, is_ours = compiled.unpack(self.model_id, [content])
            if is_ours[0]:
                return symbols[0], quality
        return self._decode(content)

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
        if self._encode_to(symbols, quality, len(content) - 1) != content:
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
        return crc32(packet, crc32(self.model_id)).to_bytes(CHECKSUM_BYTES, "little")

    def _without_checksum(self, packet: bytes) -> bytes:
        content = packet[:-CHECKSUM_BYTES]
        if packet[-CHECKSUM_BYTES:] != self._checksum(content):
            raise FormatError(f"packet that {self._not_ours}, or made without checksum=True")
        return content

    @property
    def _not_ours(self) -> str:
        return f"model {self.model_id.hex()} does not write: it is damaged, or another model's"


def keeps_promise(content: bytes) -> bool:
    """Tell whether a packet without a checksum is one that keeps a bound, or every bit."""
    return len(content) > 1 and not content[-1]


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
