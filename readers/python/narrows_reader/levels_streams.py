"""format/levels.md, "Distances": tables that are learnt, and the streams of a block."""

from bisect import bisect_right
from itertools import accumulate

import numpy as np

from .conventions import Cursor, need
from .payload import Coder

TOTAL = 2**24


def first_counts(table: int) -> list[int]:
    """Return the counts that a table of distances begins with."""
    u = table - 1 if table < 34 else table - 5
    v = 1 if table == 0 else -(-(4 + u % 4) * 2 ** (u // 4) // 4)
    ratio, side = 2**16 * v // (v + 64), [2**16]
    while len(side) < 25:
        side.append(side[-1] * ratio // 2**16)
    row = [*side[:0:-1], *side, 0]
    return [1 + 512 * p // sum(row) for p in row]


def class_of(scale: int) -> int:
    """Return the class of a scale."""
    if not scale:
        return 0
    e = scale.bit_length() - 1
    return 4 * e + 1 + (4 * scale // 2**e) % 4


class Streams:
    """Entries, low bits and escaped symbols, taken part by part."""

    def __init__(self, payload: bytes) -> None:
        """Cut the payload from its words on."""
        cursor = Cursor(payload)
        cursor.take(4 * cursor.varint())
        self.coder = Coder(payload[: cursor.at])
        self.low = cursor.take(cursor.varint())
        self.escaped = Cursor(cursor.take(cursor.varint()))
        need(not cursor.rest(), "bytes behind the escaped symbols")
        self.low_at = 0

    def entries(self, tables: list[int], counts: dict[int, list[int]]) -> list[int]:
        """Decode an entry for each table, table by table, and learn from them."""
        found, coder = [0] * len(tables), self.coder
        for table in sorted(set(tables)):
            own, total = counts[table], sum(counts[table])
            weights = [1 + count * (TOTAL - len(own)) // total for count in own]
            weights[own.index(max(own))] += TOTAL - sum(weights)
            starts = list(accumulate(weights, initial=0))
            members = [i for i, each in enumerate(tables) if each == table]
            for i in members:
                r = coder.state % TOTAL
                e = bisect_right(starts, r) - 1
                coder.state = (coder.state >> 24) * weights[e] + r - starts[e]
                coder.fill()
                found[i] = e
            for i in members:
                own[found[i]] += 64
        return found

    def distances(self, classes: list[int], counts: dict[int, list[int]]) -> list[int]:
        """Decode the distances of a part, of such classes."""
        tables = [c if c < 34 else 34 + (c - 34) % 4 for c in classes]
        widths = [0 if c < 34 else (c - 30) // 4 for c in classes]
        symbols = [self.symbol(entry) for entry in self.entries(tables, counts)]
        lows = self.low_bits(widths)
        most = [2**40 >> width for width in widths]
        each = zip(symbols, most, widths, lows, strict=True)
        return [(max(-m, min(m, s)) << width) + low for s, m, width, low in each]

    def symbol(self, entry: int) -> int:
        """Return the symbol of an entry, the next of those escaped where it says so."""
        if entry < 49:
            return entry - 24
        value, shift = 0, 0
        while True:
            byte = self.escaped.number()
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                need(byte or shift == 7, "an escaped symbol is longer than it must be")
                break
            need(shift < 49, "an escaped symbol of more than 7 bytes")
        return (25 + value // 2) * (-1 if value % 2 else 1)

    def low_bits(self, widths: list[int]) -> list[int]:
        """Return the low bits of a part, of such widths."""
        n_bytes = (sum(widths) + 7) // 8
        need(self.low_at + n_bytes <= len(self.low), "the low bits end too early")
        data = self.low[self.low_at : self.low_at + n_bytes]
        self.low_at += n_bytes
        bits = np.unpackbits(np.frombuffer(data, np.uint8)).tolist()
        found, at = [0] * len(widths), 0
        for i in sorted(range(len(widths)), key=lambda i: widths[i]):
            for bit in bits[at : at + widths[i]]:
                found[i] = 2 * found[i] + bit
            at += widths[i]
        need(not any(bits[at:]), "bits behind the low bits")
        return found

    def check_end(self) -> None:
        """Check that nothing is left."""
        self.coder.check_end()
        need(self.low_at == len(self.low), "low bits are left over")
        need(not self.escaped.rest(), "escaped symbols are left over")
