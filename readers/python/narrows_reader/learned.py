"""FORMAT.md, "Tables that learn": coded blocks whose tables learn from the symbols before."""

from collections.abc import Iterator, Sequence

import numpy as np

from .conventions import need
from .model import Model
from .payload import Coder, Group, Seen
from .tables import TOTAL, Table, make_table
from .trellis import Trellis

SEEN, FIRST, LEAST_PART = 2**10, 100 * 2**10, 16


def read_learned(payload: bytes, quality: int, model: Model, n: int) -> np.ndarray:
    """Decode n signals from symbols of one quality, with tables that learn."""
    need(1 <= quality <= len(model.codings), "the model has no such quality")
    symbols = decode_learned(payload, model.codings[quality - 1], model.k, n)
    return model.decode(symbols, quality)


def decode_learned(payload: bytes, groups: Sequence[Group], k: int, n: int) -> np.ndarray:
    """Decode the symbols of n signals, (n, k) int64; those of latents in no group are 0."""
    coder, symbols = Coder(payload), np.zeros((n, k), np.int64)
    for group in groups:
        seen: Seen = []
        for j in group.order:
            column, second = symbols[:, j], np.zeros(n, np.int64)
            if isinstance(group, Trellis):
                second = np.array(group.states_after(seen, n), np.int64) // 2
            tables = group.both if isinstance(group, Trellis) else [group.tables]
            decode_column(coder, column, second, [row[j] for row in tables])
            seen.append([group.tables[j].entry(symbol)[0] for symbol in column.tolist()])
    coder.check_end()
    return symbols


def decode_column(
    coder: Coder, column: np.ndarray, second: np.ndarray, tables: Sequence[Table]
) -> None:
    """Decode the symbols of a latent, (n,), each with the first or the second of its tables."""
    counts = [[1 + (weight * FIRST >> 24) for weight in table.weights] for table in tables]
    for start, stop in parts_of(len(column), 4 // len(tables)):
        for number, table in enumerate(tables):
            rows = start + np.flatnonzero(second[start:stop] == number)
            own = learned(table, counts[number])
            column[rows] = coder.take([Group([0], [own])], 1, len(rows))[:, 0]
            for symbol in column[rows].tolist():
                counts[number][table.entry(symbol)[0]] += SEEN


def learned(first: Table, counts: Sequence[int]) -> Table:
    """Return the table of counts."""
    total, room = sum(counts), TOTAL - len(counts)
    weights = [1 + count * room // total for count in counts]
    weights[counts.index(max(counts))] += TOTAL - sum(weights)
    return make_table(first.low, weights)


def parts_of(n: int, before: int) -> Iterator[tuple[int, int]]:
    """Cut n signals into parts; `before` of the size of one are before it."""
    start = 0
    while start < n:
        stop = min(n, start + max(LEAST_PART, start // before))
        yield start, stop
        start = stop
