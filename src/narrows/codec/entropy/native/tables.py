"""Coding tables in compiled code, which makes the same frequencies and the same bytes as numpy.

    CodingTables ──description──► numbers ──_native.make_tables──► CompiledTables

A table, or a context model whose sums are not proven to fit int32, is left to numpy.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.entropy.context_model import ContextModel
from narrows.codec.entropy.context_tables import ContextTables
from narrows.codec.entropy.context_trellis import ContextTrellis
from narrows.codec.entropy.tables import (
    CodingTables,
    FixedTables,
    FrequencyTable,
    Symbols,
    TablesInTurn,
)
from narrows.codec.entropy.trellis import TrellisTables

MAX_INT16, MAX_INT32, MAX_SHIFT = 2**15 - 1, 2**31 - 1, 31
MAX_ROW_SHIFT = 18
MAX_PLACES, MAX_CONTEXTS = 1 << 20, 1 << 14
"""Latents that are coded, and those of a context model: more are left to numpy."""
HEAD = 16
FIXED, IN_CONTEXT, IN_TRELLIS, IN_BOTH = range(4)
"""What makes the frequencies of a place, as `native/symbols.h` numbers it."""
Arrays = tuple[npt.NDArray[np.int64], npt.NDArray[np.int16], npt.NDArray[np.int32]]


class CompiledTables:
    """Coding tables of one level of this processor.

    Parameters
    ----------
    tables : CodingTables
        That `fits` accepts.
    native : module
        `narrows.codec._native`.
    level : str
    """

    def __init__(self, tables: CodingTables, native: Any, level: str) -> None:
        self._native = native
        self._latents, self._order = len(tables.row), list(tables.order)
        self._is_fixed = [each == FIXED for each in _kinds(tables)]
        self._sizes = [tables.row[j].weights.size for j in tables.order]
        self._tables = native.make_tables(level, *description(tables))

    def frequencies(self, symbols: Symbols) -> Iterator[npt.NDArray[np.int32]]:
        """Yield the frequencies of `(n, latent_size)` symbols, n at least 1, place by place.

        `(n, size)`, or `(size,)` where they are alike for all signals: as numpy has them.
        """
        symbols, n = self._taken(symbols), len(symbols)
        flat = np.empty(n * sum(self._sizes), np.int32)
        self._native.frequencies(self._tables, symbols, flat)
        ends = np.cumsum([n * size for size in self._sizes])
        parts = zip(self._sizes, self._is_fixed, np.split(flat, ends[:-1]), strict=True)
        for size, is_fixed, part in parts:
            yield part[:size] if is_fixed else part.reshape(n, size)

    def pack(self, model_id: bytes, quality: int, symbols: Symbols) -> list[bytes]:
        """Encode `(n, latent_size)` symbols to packets without checksums."""
        packets: list[bytes]
        packets = self._native.pack(self._tables, model_id, quality, self._taken(symbols), 0)
        return packets

    def pack_to(
        self, model_id: bytes, quality: int, symbols: Symbols, size: int
    ) -> list[bytes | None]:
        """Encode symbols to packets of `size` bytes, without checksums; None where one has none."""
        packets: list[bytes | None]
        packets = self._native.pack(self._tables, model_id, quality, self._taken(symbols), size)
        return packets

    def unpack(
        self, model_id: bytes, packets: Sequence[bytes]
    ) -> tuple[Symbols, npt.NDArray[np.bool_]]:
        """Decode packets of one quality, without checksums.

        Returns
        -------
        symbols : (n, latent_size) int32
        is_ours : (n,) bool
            Whether a packet is exactly what `pack` or `pack_to` writes; where not, symbols mean
            nothing.
        """
        symbols = np.empty((len(packets), self._latents), np.int32)
        is_ours = np.empty(len(packets), np.bool_)
        self._native.unpack(self._tables, model_id, tuple(packets), symbols, is_ours)
        return symbols, is_ours

    def push(self, symbols: Symbols) -> tuple[bytes, bytes]:
        """Encode a block of `(n, latent_size)` symbols; return its words, and the escapes' bits."""
        both: tuple[bytes, bytes] = self._native.push(self._tables, self._taken(symbols))
        return both

    def pop(self, words: memoryview, bits: memoryview, n: int) -> Symbols | None:
        """Undo `push` for n signals; None for what it does not write."""
        symbols = np.zeros((n, self._latents), np.int32)
        is_ours = self._native.pop(self._tables, words, bits, symbols)
        return symbols if is_ours else None

    def lengths(
        self, symbols: Symbols, logs: npt.NDArray[np.int32], change: npt.NDArray[np.float64]
    ) -> npt.NDArray[np.float64]:
        """Compute the bits of `(n, latent_size)` symbols, `(n,)`; escaped ones cost their entry.

        Parameters
        ----------
        symbols : (n, latent_size) int32
        logs : (2**11,) int32
            Logarithms of mantissas, in parts of 2**-12 of a bit; see `encoding.costs`.
        change : (n, latent_size, 2) float64, or nothing
            Where to write how bits change with one less and one more, where the table has it.
        """
        total = np.empty(len(symbols))
        self._native.lengths(self._tables, logs, self._taken(symbols), total, change)
        return total

    def levels(self, symbols: Symbols) -> npt.NDArray[np.int64]:
        """Return how many steps `(n, latent_size)` symbols of a trellis stand for."""
        to = np.empty(symbols.shape, np.int64)
        self._native.trellis_levels(self._tables, self._taken(symbols), to)
        return to

    def paths(
        self,
        target: npt.NDArray[np.float64],
        price: npt.NDArray[np.float64],
        bits: npt.NDArray[np.float64],
    ) -> Symbols:
        """Find the `(n, latent_size)` symbols of a trellis that cost least.

        Parameters
        ----------
        target, price : (n, latent_size)
            Where the error of each latent is least, in steps, and what one of a step is worth.
        bits : (sum of both tables' sizes,)
            Of the entries of each latent, with the first quantiser and with the second.
        """
        symbols = np.empty(target.shape, np.int32)
        given = map(np.ascontiguousarray, (target, price, bits))
        self._native.trellis_paths(self._tables, *given, symbols)
        return symbols

    def gives_back(self, symbols: Symbols) -> bool:
        """Return whether packets and a block of `(n, latent_size)` symbols hold these."""
        packets = self.pack(bytes(16), 1, symbols)
        found, is_ours = self.unpack(bytes(16), packets)
        words, bits = self.push(symbols)
        again = self.pop(memoryview(words), memoryview(bits), len(symbols))
        if again is None or not is_ours.all():
            return False
        coded = symbols[:, self._order]
        return all(np.array_equal(each[:, self._order], coded) for each in (found, again))

    def _taken(self, symbols: Symbols) -> Symbols:
        return np.ascontiguousarray(symbols, np.int32)


def fits(tables: CodingTables) -> bool:
    """Return whether compiled code can hold coding tables: the others are left to numpy."""
    groups = groups_of(tables)
    contexts = _contexts(groups)
    known = all(isinstance(group, ContextTables | FixedTables | TrellisTables) for group in groups)
    in_trellis = any(isinstance(each, TrellisTables) for each in groups)
    known = known and (not contexts or not in_trellis or len(groups) == 1)
    few = len(tables.order) <= MAX_PLACES and len(tables.row) <= MAX_PLACES
    return known and few and len(contexts) <= 1 and all(map(_is_proven, contexts))


def _is_proven(context: ContextModel) -> bool:
    """Return whether all that a context model computes fits int32, and its factors int16."""
    hidden, output, _ = context.peaks
    factors = (
        (context.hidden_limit, hidden >> context.hidden_shift),
        (context.output_limit, output >> context.output_shift),
    )
    narrow = all(min(limit, peak + 1) <= MAX_INT16 for limit, peak in factors)
    small = context.row_shift <= MAX_ROW_SHIFT and max(context.peaks) <= MAX_INT32
    return narrow and small and context.k <= MAX_CONTEXTS


def groups_of(tables: CodingTables) -> Sequence[CodingTables]:
    """Return the groups of latents that have tables of their own."""
    return tables.groups if isinstance(tables, TablesInTurn) else [tables]


def _kinds(tables: CodingTables) -> list[int]:
    """Return of each place what makes its frequencies."""
    return [_kind(group) for group in groups_of(tables) for _ in group.order]


def _contexts(groups: Sequence[CodingTables]) -> list[ContextModel]:
    return [group.context for group in groups if isinstance(group, ContextTables | ContextTrellis)]


def _kind(group: CodingTables) -> int:
    if isinstance(group, ContextTrellis):
        return IN_BOTH
    if isinstance(group, TrellisTables):
        return IN_TRELLIS
    return IN_CONTEXT if isinstance(group, ContextTables) else FIXED


def _fixed(tables: CodingTables) -> Iterator[FrequencyTable]:
    """Yield the fixed tables, place by place; in a trellis a place has two."""
    for group in groups_of(tables):
        if isinstance(group, ContextTables | ContextTrellis):
            continue
        for j in group.order:
            yield group.row[j]
            if isinstance(group, TrellisTables):
                yield group.second[j]


def description(tables: CodingTables) -> Arrays:
    """Describe coding tables as `native/tables.c` reads them."""
    contexts = _contexts(groups_of(tables))
    places = [
        [j, tables.row[j].low, tables.row[j].weights.size, kind]
        for j, kind in zip(tables.order, _kinds(tables), strict=True)
    ]
    head = [len(tables.row), len(places), 0]
    weights, numbers = list[npt.NDArray[Any]](), list[npt.NDArray[Any]]()
    for context in contexts:
        head[2:] = [context.k, context.n_units, context.n_outputs, *_ends(context)]
        weights = [context.hidden_weight, context.output_weight, context.basis]
        numbers = [context.hidden_bias, context.output_bias, context.base]
    numbers += [table.weights for table in _fixed(tables)]
    fields = [*head, *[0] * (HEAD - len(head)), *(each for place in places for each in place)]
    joined = [np.concatenate([np.zeros(0, int), *each]) for each in (weights, numbers)]
    return np.array(fields, np.int64), joined[0].astype(np.int16), joined[1].astype(np.int32)


def _ends(context: ContextModel) -> list[int]:
    """Return shifts and limits in their order; what is larger than fits changes nothing."""
    return [
        min(context.hidden_shift, MAX_SHIFT),
        min(context.hidden_limit, MAX_INT16),
        min(context.output_shift, MAX_SHIFT),
        min(context.output_limit, MAX_INT16),
        context.row_shift,
    ]
