"""format/trellis.md, "Trellis": two quantisers that take turns, and the tables of both."""

from collections.abc import Sequence
from itertools import accumulate

import numpy as np

from .context_model import ContextModel
from .conventions import need
from .forms import Settings
from .groups import read_codings, read_contexts
from .payload import Group, Seen
from .tables import Table, make_table
from .tensors import Tensors

NEXT_STATES = ((0, 2), (2, 0), (1, 3), (3, 1))


class Trellis(Group):
    """All latents of a quality: the states of each signal choose between two tables."""

    def __init__(
        self, first: Sequence[Table], second: Sequence[Table], context: ContextModel | None
    ) -> None:
        """Keep the tables of both quantisers, and the context model where there is one."""
        super().__init__(range(len(first)), first)
        self.both, self.context = (first, second), context
        in_order = context is None or list(context.order) == list(self.order)
        need(in_order, "a context model in a trellis with another order")

    def states_after(self, seen: Seen, n: int) -> list[int]:
        """Return the state of each of n signals behind the entries seen."""
        states = [0] * n
        for table, entries in zip(self.tables, seen, strict=False):
            odd = [e != table.escape and (table.low + e) % 2 == 1 for e in entries]
            states = [NEXT_STATES[s][is_odd] for s, is_odd in zip(states, odd, strict=True)]
        return states

    def tables_after(self, seen: Seen, n: int) -> list[Table]:
        """Return the table of each of n signals at the position behind the entries seen."""
        quantisers = [state // 2 for state in self.states_after(seen, n)]
        if self.context is not None:
            return self.context.tables_with(seen, quantisers)
        return [self.both[quantiser][len(seen)] for quantiser in quantisers]

    def levels(self, symbols: np.ndarray) -> np.ndarray:
        """Return how many steps symbols, (n, k), stand for."""
        seen: Seen = []
        levels = 2 * symbols
        for j, table in enumerate(self.tables):
            second = np.array(self.states_after(seen, len(symbols)), np.int64) // 2
            levels[:, j] -= np.sign(symbols[:, j]) * second
            seen.append([table.entry(symbol)[0] for symbol in symbols[:, j].tolist()])
        return levels


def read_second(tensors: Tensors, first: list[list[Table]]) -> list[list[Table]]:
    """Read the tables of the second quantiser, for each quality those of its latents."""
    sizes = [len(table.weights) for row in first for table in row]
    weights = tensors.unpack("weights", "int32", sum(sizes)).tolist()
    ends = iter(accumulate(sizes))
    return [[of_same_symbols(table, weights, next(ends)) for table in row] for row in first]


def of_same_symbols(table: Table, weights: list[int], end: int) -> Table:
    """Make a table with the symbols of another, of weights that end there."""
    return make_table(table.low, weights[end - len(table.weights) : end])


def levels_of(symbols: np.ndarray, groups: Sequence[Group]) -> np.ndarray:
    """Return how many steps symbols, (n, k), of a quality stand for: mostly as many as they say."""
    return groups[0].levels(symbols) if isinstance(groups[0], Trellis) else symbols


def read_all_codings(
    tensors: Tensors, decoding: Settings, tables: list[list[Table]], steps: np.ndarray, a: int
) -> list[list[Group]]:
    """Read what each quality is coded with: a trellis, or the groups of latents, `a` encoded."""
    if "trellis" not in decoding:
        return read_codings(tensors, decoding["contexts"], tables, steps, a)
    others = {"groups", "prediction", "wavelets"} & decoding.keys()
    need(not others, "a trellis beside groups of latents or a prediction")
    contexts = read_contexts(tensors, decoding["contexts"], tables, bases=2)
    second = read_second(tensors.under("trellis."), tables)
    return [[Trellis(*each)] for each in zip(tables, second, contexts, strict=True)]
