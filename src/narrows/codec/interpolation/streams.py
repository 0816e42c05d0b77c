"""The three streams of a block of levels <-> bytes.

    varint, words   the words of the entropy coder (`entropy.ans`)
    varint, bytes   low bits as they are, of each part to a whole byte
    varint, bytes   escaped symbols, each of seven bits a byte, lowest first

`symbols` says what they hold.
"""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from narrows.codec.entropy.bits import read_varint, write_varint
from narrows.codec.interpolation.adaptive import FARTHEST, Integers
from narrows.errors import FormatError


class Streams(NamedTuple):
    """What a block says of its numbers.

    Attributes
    ----------
    words : (n,) uint32
    low : (n,) uint8
    escaped : (n,) int64
        Symbols outside the tables.
    """

    words: npt.NDArray[np.uint32]
    low: npt.NDArray[np.uint8]
    escaped: Integers

    @classmethod
    def of(cls, payload: bytes, position: int) -> Self:
        """Read streams that begin there and end with the payload; FormatError for others."""
        n_words, start = read_varint(payload, position)
        end = start + 4 * n_words
        if end > len(payload):
            raise FormatError(f"block of {len(payload)} bytes that announces {n_words} words")
        words = np.frombuffer(payload, "<u4", n_words, start).astype(np.uint32)
        low, end = _take(payload, end)
        escaped, end = _take(payload, end)
        if end != len(payload):
            raise FormatError("block of levels with bytes left over")
        return cls(words, np.frombuffer(low, np.uint8), _unpack_escaped(escaped))

    def to_bytes(self) -> bytes:
        """Undo `of`."""
        out = [write_varint(self.words.size), self.words.astype("<u4").tobytes()]
        for stream in (self.low.tobytes(), _pack_escaped(self.escaped)):
            out += [write_varint(len(stream)), stream]
        return b"".join(out)


def _pack_escaped(symbols: Integers) -> bytes:
    """Write symbols outside the tables as variable-length integers, by `fold`."""
    folded = 2 * (np.abs(symbols) - FARTHEST - 1) + (symbols < 0)
    out = bytearray()
    for value in folded.tolist():
        out += write_varint(value)
    return bytes(out)


def _unpack_escaped(data: bytes) -> Integers:
    """Undo `_pack_escaped`; FormatError for what it never wrote."""
    octets = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(octets < 0x80)
    starts = np.append(0, ends[:-1] + 1)[: ends.size]
    lengths = ends - starts + 1
    if octets.size and (not ends.size or ends[-1] != octets.size - 1 or lengths.max() > 7):
        raise FormatError("block of levels with escaped symbols that do not end")
    if (octets[ends][lengths > 1] == 0).any():
        raise FormatError("block of levels with an escaped symbol not in its shortest form")
    shifts = 7 * (np.arange(octets.size) - np.repeat(starts, lengths))
    parts = (octets & 0x7F).astype(np.int64) << shifts
    folded = np.add.reduceat(parts, starts) if ends.size else np.zeros(0, np.int64)
    distance = (folded >> 1) + FARTHEST + 1
    return np.asarray(np.where(folded & 1, -distance, distance))


def _take(payload: bytes, position: int) -> tuple[bytes, int]:
    size, start = read_varint(payload, position)
    if start + size > len(payload):
        raise FormatError(f"block whose streams go on after its {len(payload)} bytes")
    return payload[start : start + size], start + size
