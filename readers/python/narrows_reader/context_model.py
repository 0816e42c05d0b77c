"""format/context-models.md, "Context models": frequencies from what is decoded before."""

import math
from collections.abc import Sequence
from copy import copy
from itertools import accumulate

import numpy as np

from .conventions import need
from .forms import Settings, integer
from .payload import Group, Seen
from .tables import TOTAL, Table, make_table
from .tensors import Tensors

SETTINGS = {name: integer(0, 40) for name in ("hidden_shift", "output_shift", "row_shift")}
SETTINGS |= {name: integer(1, 2**24) for name in ("hidden_limit", "output_limit")}


class ContextModel(Group):
    """A group of latents whose frequencies follow from the entries before them in the signal."""

    def __init__(
        self, settings: Settings, tables: Sequence[Table], tensors: Tensors, bases: int = 1
    ) -> None:
        """Read the context model of a quality; `tables` are those of the latents in the group.

        In a trellis a position has two bases.
        """
        k, self.settings = len(tables), settings
        need(k >= 2, "a context model of one latent")
        super().__init__(tensors.unpack("order", "int32", k).tolist(), tables)
        need(sorted(self.order) == list(range(k)), "an order that is none of the latents")
        self.sizes = sizes = self.sizes_of(tables)
        b, c = (tensors.unpack(name, "int32", None) for name in ("hidden_bias", "output_bias"))
        u, m = len(b) // (k - 1), len(c) // k
        need(1 <= u <= 1024 and 1 <= m <= 32, "no hidden units or outputs, or too many")
        need(len(b) == u * (k - 1) and len(c) == m * k, "biases of another length")
        self.b, self.c = b.reshape(k - 1, u), c.reshape(k, m)  # b[p] of FORMAT.md is b[p - 1] here
        self.w = cut(tensors, "hidden_weight", "int16", [(p, u) for p in range(1, k)])
        self.v = cut(tensors, "output_weight", "int16", [(u, k - p, m) for p in range(1, k)])
        self.basis = cut(tensors, "basis", "int16", [(bases, m, size) for size in sizes])
        self.base = cut(tensors, "base", "int32", [(bases, size) for size in sizes])
        self.prove()

    def sizes_of(self, tables: Sequence[Table]) -> list[int]:
        """Return the number of entries of the table at each position."""
        return [len(tables[j].weights) for j in self.order]

    def for_tables(self, tables: Sequence[Table]) -> "ContextModel":
        """Return the same context model for the tables of another quality."""
        need(self.sizes_of(tables) == self.sizes, "a context model for tables of other sizes")
        other = copy(self)
        other.tables = tables
        return other

    def tables_after(self, seen: Seen, n: int) -> list[Table]:
        """Return the table of each of n signals at the position behind the entries seen."""
        return self.tables_with(seen, [0] * n)

    def tables_with(self, seen: Seen, quantisers: Sequence[int]) -> list[Table]:
        """Return the table of each signal, with the base of its quantiser."""
        low = self.tables[self.order[len(seen)]].low
        rows = self.frequencies(np.array(seen, np.int64).reshape(-1, len(quantisers)), quantisers)
        return [make_table(low, row) for row in rows]

    def frequencies(self, seen: np.ndarray, quantisers: Sequence[int]) -> list[list[int]]:
        """Return the frequencies of n signals, a list each, behind the entries seen, (p, n)."""
        p, shift, limit = len(seen), *self.of("output")
        x = seen.T - np.array(self.halves[:p], np.int64)  # (n, p)
        sums = np.tile(self.c[p], (len(x), 1))  # (n, m)
        for q in range(1, p + 1):
            sums += self.hidden(x, q) @ self.v[q - 1][:, p - q]
        y = np.clip(sums >> shift, -limit, limit)
        own = self.basis[p], self.base[p]
        logs = [
            (row @ own[0][number] + own[1][number]) >> self.settings["row_shift"]
            for row, number in zip(y, quantisers, strict=True)
        ]
        return [shared_out(row.tolist()) for row in logs]

    def hidden(self, x: np.ndarray, q: int) -> np.ndarray:
        """Return the hidden units of position q, (n, u)."""
        shift, limit = self.of("hidden")
        h = np.clip((x[:, :q] @ self.w[q - 1] + self.b[q - 1]) >> shift, -limit, limit)
        return np.maximum(h, h >> 3)

    def of(self, part: str) -> tuple[int, int]:
        """Return the shift and the limit of the hidden units or of the outputs."""
        return self.settings[f"{part}_shift"], self.settings[f"{part}_limit"]

    @property
    def halves(self) -> list[int]:
        """What is taken from the entry at each position."""
        return [size // 2 for size in self.sizes]

    def prove(self) -> None:
        """Check that every sum stays below 2**53."""
        halves = np.array(self.halves)
        hidden = max(largest(halves[: len(w)] @ np.abs(w)) for w in self.w)
        sums = np.zeros_like(self.c)
        for q, v in enumerate(self.v, 1):
            sums[q:] += np.abs(v).sum(axis=0)
        output = largest(sums) * self.of("hidden")[1]
        log = max(largest(np.abs(a).sum(axis=1)) for a in self.basis) * self.of("output")[1]
        log = 2 * (log + max(map(largest, self.base))) + 4640 * 2 ** self.settings["row_shift"]
        most = max(hidden + largest(self.b), output + largest(self.c), log)
        need(most < 2**53, "a context model could reach 2**53")


def cut(tensors: Tensors, name: str, kind: str, shapes: list[tuple[int, ...]]) -> list[np.ndarray]:
    """Unpack a flat tensor and cut it into its parts."""
    counts = [math.prod(shape) for shape in shapes]
    parts = np.split(tensors.unpack(name, kind, sum(counts)), list(accumulate(counts))[:-1])
    return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]


def largest(x: np.ndarray) -> int:
    """Return the largest absolute value."""
    return int(np.abs(x).max())


def shared_out(logs: list[int]) -> list[int]:
    """Share the total out by the logarithms of a table's entries, the escape's last."""
    greatest, size = max(logs), len(logs)
    parts = [part_of(log - greatest) for log in logs]
    room, bits = TOTAL - size, 12 if size <= 63 else 24
    unit = room * 2**bits // sum(parts)
    weights = [1 + part * unit // 2**bits for part in parts]
    weights[-1] += TOTAL - sum(weights)
    return weights


def part_of(difference: int) -> int:
    """Return the part of an entry whose logarithm is that far from the greatest, 0 or less."""
    octave, rest = divmod(max(416 + difference, 0), 32)
    return (32 + rest) * 2**octave
