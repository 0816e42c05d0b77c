"""FORMAT.md, "Coded blocks": from bytes to symbols."""

from bisect import bisect_right
from collections.abc import Sequence

import numpy as np

from .conventions import Cursor, need
from .tables import TOTAL, Bits, Table

Seen = list[list[int]]  # the entries of n signals at each position so far, (p, n)


class Group:
    """Latents that are coded one behind the other, each with the frequencies of its table."""

    def __init__(self, order: Sequence[int], tables: Sequence[Table]) -> None:
        """Keep the latents, in the order of coding, and the tables of all latents."""
        self.order, self.tables = list(order), tables

    def tables_after(self, seen: Seen, n: int) -> list[Table]:
        """Return the table of each of n signals at the position behind the entries seen."""
        return [self.tables[self.order[len(seen)]]] * n


class Coder:
    """The words and bits of a payload, from which symbols are taken part by part."""

    def __init__(self, payload: bytes) -> None:
        """Take the words, and fill the state."""
        cursor = Cursor(payload)
        self.words = np.frombuffer(cursor.take(4 * cursor.varint()), "<u4").tolist()
        need(not self.words or self.words[-1], "the last word is 0")
        self.bits, self.state = Bits(cursor.rest()), 0
        self.fill()

    def fill(self) -> None:
        """Take words where the state is short of bits."""
        while self.words and self.state < 2**32:
            self.state = (self.state << 32) + self.words.pop()

    def take(self, groups: Sequence[Group], k: int, n: int) -> np.ndarray:
        """Decode the symbols of n signals, (n, k) int64; those of latents in no group are 0."""
        symbols = np.zeros((n, k), np.int64)
        for group in groups if n else ():
            seen: Seen = []
            for j in group.order:
                entries = []
                for i, table in enumerate(group.tables_after(seen, n)):
                    r = self.state % TOTAL
                    e = bisect_right(table.starts, r) - 1
                    self.state = (self.state >> 24) * table.weights[e] + r - table.starts[e]
                    self.fill()
                    escape = e == table.escape
                    symbols[i, j] = table.symbol(e, self.bits.number() if escape else None)
                    entries.append(e)
                seen.append(entries)
        return symbols

    def check_end(self) -> None:
        """Check that nothing is left."""
        need(self.state == 0 and not self.words, "the coder does not end where an encoder begins")
        self.bits.check_end()


def decode_payload(payload: bytes, groups: Sequence[Group], k: int, n: int) -> np.ndarray:
    """Decode the symbols of n signals, (n, k) int64; those of latents in no group are 0."""
    coder = Coder(payload)
    symbols = coder.take(groups, k, n)
    coder.check_end()
    return symbols


def decode_column(payload: bytes, table: Table, n: int) -> np.ndarray:
    """Decode the symbols of n signals of one latent, (n,) int64."""
    return decode_payload(payload, [Group([0], [table])], 1, n)[:, 0]
