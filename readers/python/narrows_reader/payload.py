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


def decode_payload(payload: bytes, groups: Sequence[Group], k: int, n: int) -> np.ndarray:
    """Decode the symbols of n signals, (n, k) int64; those of latents in no group are 0."""
    cursor = Cursor(payload)
    words = np.frombuffer(cursor.take(4 * cursor.varint()), "<u4").tolist()
    need(not words or words[-1], "the last word is 0")
    bits, state = Bits(cursor.rest()), 0
    symbols = np.zeros((n, k), np.int64)
    while words and state < 2**32:
        state = (state << 32) + words.pop()
    for group in groups:
        seen: Seen = []
        for j in group.order:
            entries = []
            for i, table in enumerate(group.tables_after(seen, n)):
                r = state % TOTAL
                e = bisect_right(table.starts, r) - 1
                state = (state >> 24) * table.weights[e] + r - table.starts[e]
                if words and state < 2**32:
                    state = (state << 32) + words.pop()
                symbols[i, j] = table.symbol(e, bits.number() if e == table.escape else None)
                entries.append(e)
            seen.append(entries)
    need(state == 0 and not words, "the coder does not end where an encoder begins")
    bits.check_end()
    return symbols


def decode_column(payload: bytes, table: Table, n: int) -> np.ndarray:
    """Decode the symbols of n signals of one latent, (n,) int64."""
    return decode_payload(payload, [Group([0], [table])], 1, n)[:, 0]
