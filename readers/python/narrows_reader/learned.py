"""FORMAT.md, "Tables that learn": coded blocks whose tables learn from the symbols before."""

from collections.abc import Iterator, Sequence

import numpy as np

from .conventions import need
from .model import Model
from .payload import Coder, Group
from .tables import TOTAL, Table, make_table

SEEN, FIRST, LEAST_PART = 2**10, 100 * 2**10, 16


def read_learned(payload: bytes, quality: int, model: Model, n: int) -> np.ndarray:
    """Decode n signals from symbols of one quality, with tables that learn."""
    need(1 <= quality <= len(model.codings), "the model has no such quality")
    symbols = decode_learned(payload, model.codings[quality - 1], model.k, n)
    return model.decode(symbols, quality)


def decode_learned(payload: bytes, groups: Sequence[Group], k: int, n: int) -> np.ndarray:
    """Decode the symbols of n signals, (n, k) int64; those of latents in no group are 0."""
    need(all(type(group) is Group for group in groups), "tables that learn, of a context model")
    coder, symbols = Coder(payload), np.zeros((n, k), np.int64)
    for group in groups:
        for j in group.order:
            first = group.tables[j]
            counts = [1 + (weight * FIRST >> 24) for weight in first.weights]
            for start, stop in parts_of(n):
                own = learned(first, counts)
                symbols[start:stop, j] = coder.take([Group([0], [own])], 1, stop - start)[:, 0]
                for symbol in symbols[start:stop, j].tolist():
                    counts[first.entry(symbol)[0]] += SEEN
    coder.check_end()
    return symbols


def learned(first: Table, counts: Sequence[int]) -> Table:
    """Return the table of counts."""
    total, room = sum(counts), TOTAL - len(counts)
    weights = [1 + count * room // total for count in counts]
    weights[counts.index(max(counts))] += TOTAL - sum(weights)
    return make_table(first.low, weights)


def parts_of(n: int) -> Iterator[tuple[int, int]]:
    """Cut n signals into parts."""
    start = 0
    while start < n:
        stop = min(n, start + max(LEAST_PART, start // 4))
        yield start, stop
        start = stop
