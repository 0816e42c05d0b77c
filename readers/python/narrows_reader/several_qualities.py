"""FORMAT.md, "Blocks of several qualities"."""

from collections.abc import Sequence

import numpy as np

from .conventions import Cursor, need
from .payload import Group, decode_column, decode_payload
from .tables import TOTAL, make_table


def decode_groups(
    payload: bytes, codings: Sequence[Sequence[Group]], k: int, n: int
) -> list[tuple[int, np.ndarray, np.ndarray]]:
    """Decode a block of n signals: for each quality its number, its signals and their symbols."""
    cursor = Cursor(payload)
    counts = [cursor.varint() for _ in codings]
    need(sum(counts) == n, "the counts of qualities are those of another number of signals")
    qualities = read_list(cursor, counts, n)
    parts = []
    for quality, (count, groups) in enumerate(zip(counts, codings, strict=True), 1):
        signals = np.flatnonzero(qualities == quality)
        need(len(signals) == count, "a quality stands in the list more or less often than it must")
        if count:
            part = cursor.take(cursor.varint())
            parts.append((quality, signals, decode_payload(part, groups, k, count)))
    need(not cursor.rest(), "bytes are left over behind the last quality")
    return parts


def read_list(cursor: Cursor, counts: Sequence[int], n: int) -> np.ndarray:
    """Read the quality of each signal, (n,); its table follows from the counts."""
    room = TOTAL - len(counts) - 1
    weights = [1 + count * room // n for count in counts]
    table = make_table(1, [*weights, TOTAL - sum(weights)])
    return decode_column(cursor.take(cursor.varint()), table, n)
