"""The search for symbols of a trellis: the path of least cost, latent by latent.

At given symbols the decoder's gradient and the curvatures of latents say what a change of each
costs in errors, and the tables say what it costs in bits. The algorithm of Viterbi (1967) finds the
symbols for which both together are least. Where the decoder is linear and nothing is clipped, that
is the best there is, but for curvatures between latents. It is as exact as `SymbolSearch`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from narrows.codec.encoding.costs import code_lengths
from narrows.codec.encoding.found import Best, Floats, Found, Rows
from narrows.codec.encoding.objective import Known, Objective
from narrows.codec.encoding.requests import Effort
from narrows.codec.encoding.symbol_search import SymbolSearch
from narrows.codec.entropy.tables import FrequencyTable, Symbols
from narrows.codec.entropy.trellis import N_STATES, NEXT_STATES, TrellisTables
from narrows.codec.transform import Frames, Transform

CANDIDATES = np.array([0.0, 1.0, -1.0, -2.0])[:, None]
"""Symbols that are tried: the nearest, one further from 0, and one and two nearer to it."""
QUANTISERS = np.arange(2.0)[:, None, None]
_INTO = [[at for at in range(2 * N_STATES) if NEXT_STATES[at] == s] for s in range(N_STATES)]
FROM, PARITY = np.divmod(np.array(_INTO), 2)
"""The two ways into each state, `(4, 2)`: from which state, by which parity."""
SIGNALS, LATENTS = 512, 8  # at a time: what they have in candidates stays in a core's cache


@dataclass(frozen=True)
class Costs:
    """What the entries of k latents cost with both quantisers, as arrays of k tables.

    Attributes
    ----------
    low, high : (k, 1, 1, 1)
        The symbols that tables have.
    bits : (k, 2, size)
        Of symbols from `low` on, by quantiser. Behind them, where a latent has fewer, the escape's.
    """

    low: Floats
    high: Floats
    bits: Floats

    @classmethod
    def of(cls, trellis: TrellisTables) -> Costs:
        """Compute those of a trellis's tables."""
        size = max(table.weights.size for table in trellis.row)
        both = zip(trellis.row, trellis.second, strict=True)
        bits = [[_lengths(table, size) for table in each] for each in both]
        low, high = ([getattr(table, end) for table in trellis.row] for end in ("low", "high"))
        return cls(_upright(low), _upright(high), np.array(bits, dtype=np.float64))

    @cached_property
    def flat(self) -> Floats:
        """The bits of entries alone, latent by latent, with the first and the second quantiser."""
        sizes = (self.high - self.low).astype(int).ravel() + 2
        each = zip(self.bits, sizes.tolist(), strict=True)
        return np.concatenate([bits[:, :size].ravel() for bits, size in each])

    def of_entries(self, symbols: Floats) -> Floats:
        """Return the bits of `(k, 2, m, n)` symbols, those of the escape where there are none."""
        k, _, size = self.bits.shape
        last = size - 1.0
        entries = symbols - self.low
        entries = np.where(entries < 0.0, last, np.minimum(entries, last)).astype(np.intp)
        entries += size * np.arange(2 * k).reshape(k, 2, 1, 1)
        return np.asarray(self.bits.ravel()[entries])

    def some(self, latents: slice) -> Costs:
        """Return those of some latents."""
        return Costs(self.low[latents], self.high[latents], self.bits[latents])


def _lengths(table: FrequencyTable, size: int) -> Floats:
    """Return the bits of so many entries: of the escape, where the table has fewer."""
    bits = code_lengths(table.weights.astype(np.float64))
    return np.append(bits, np.full(size - bits.size, bits[-1]))


def _upright(numbers: list[int]) -> Floats:
    return np.array(numbers, dtype=np.float64)[:, None, None, None]


class TrellisSearch(SymbolSearch):
    """Searches symbols of a trellis for frames at one quality of a model.

    Parameters
    ----------
    transform : Transform
        Of a model with a trellis and something to search by.
    quality : int
    """

    def __init__(self, transform: Transform, quality: int) -> None:
        super().__init__(transform, quality)
        self._is_float = transform.model.dtype.kind == "f"  # nothing of which is clipped
        self._compiled = transform.coders.compiled(self._quality)

    @cached_property
    def _entries(self) -> Costs:
        trellis = self._quality.trellis
        assert trellis is not None
        return Costs.of(trellis)

    def improve(
        self,
        x: Frames,
        symbols: Symbols,
        effort: Effort,
        weight: Floats | None = None,
        known: Known = None,
    ) -> Found:
        """Find `(n, latent_size)` symbols that cost no more than the given ones, at any effort.

        One round finds the best there is for floats. Whole numbers are clipped and rounded; they
        have as many rounds as the effort has, and at least one.
        """
        if not len(x):
            return Found.rounded(symbols)
        objective, rows = self._objective(x, weight, known), np.arange(len(x))
        best = Best(symbols.copy(), self._cost(objective, symbols))
        for _ in range(1 if self._is_float else max(1, effort.rounds)):
            found = self._paths(objective[rows], best.symbols[rows])
            rows = rows[best.take(rows, found, self._cost(objective[rows], found))]
            if not len(rows):
                break
        with np.errstate(divide="ignore"):
            return Found(best.symbols, best.cost / objective.lambda_)

    def _paths(self, objective: Objective, symbols: Symbols) -> Symbols:
        """Return the symbols of the paths that should cost least, from where symbols are."""
        gradient = np.empty(symbols.shape)
        for rows in self._batches(len(symbols)):
            _, gradient[rows] = self._gradient(objective[rows], symbols[rows])
        twice = 2.0 * self._curvature
        away = np.where(twice > 0, gradient / np.where(twice > 0, twice, 1.0), 0.0)
        target = self._levels(symbols) - away
        price = objective.lambda_[:, None] * self._curvature
        if self._compiled is not None:
            return self._compiled.paths(target, price, self._entries.flat)
        found = np.empty_like(symbols)
        for start in range(0, len(symbols), SIGNALS):
            rows = slice(start, start + SIGNALS)
            found[rows] = cheapest_paths(target[rows].T, price[rows].T, self._entries)
        return found


def cheapest_paths(target: Floats, price: Floats, entries: Costs) -> Symbols:
    """Find the symbols, `(n, latent_size)`, of least cost.

    Parameters
    ----------
    target : (latent_size, n)
        Where the error of each latent is least, in steps.
    price : (latent_size, n)
        Bits that an error of one step is worth.
    entries : Costs
    """
    k, n = target.shape
    cost = np.full((N_STATES, n), np.inf)
    cost[0] = 0.0
    chosen = np.empty((k, 2, 2, n), dtype=np.int32)  # by parity and quantiser
    came = np.empty((k, N_STATES, n), dtype=np.int8)
    for start in range(0, k, LATENTS):
        latents = slice(start, start + LATENTS)
        chosen[latents], own = _best_symbols(target[latents], price[latents], entries.some(latents))
        for j, each in enumerate(own, start):  # (2, 2, n)
            ways = cost[FROM] + each[PARITY, FROM >> 1]  # (4, 2, n)
            came[j] = ways[:, 1] < ways[:, 0]
            cost = np.minimum(ways[:, 0], ways[:, 1])
    return _traced_back(cost.argmin(axis=0), chosen, came)


def _best_symbols(target: Floats, price: Floats, own: Costs) -> tuple[Symbols, Floats]:
    """Return the best even and odd symbol of each quantiser, and its cost: both `(k, 2, 2, n)`."""
    target, price = target[:, None, None], price[:, None, None]  # (k, 1, 1, n)
    sign = np.sign(target)
    symbols = np.floor(0.5 * (target + QUANTISERS * sign) + 0.5)  # (k, 2, 1, n)
    symbols = np.clip(symbols + CANDIDATES * sign, -(2.0**31), 2.0**31 - 1)  # (k, 2, 4, n)
    cost = 2.0 * symbols
    cost -= QUANTISERS * np.sign(symbols)
    cost -= target
    cost *= cost
    cost *= price
    inside = (symbols >= own.low) & (symbols <= own.high)
    cost += own.of_entries(symbols)
    if not inside.all():
        cost += np.where(inside, 0.0, _escape_bits(symbols, own))
    odd = (symbols - 2.0 * np.floor(0.5 * symbols) > 0.0) & inside  # escaped ones count as even
    by_parity = np.stack([np.where(odd, np.inf, cost), np.where(odd, cost, np.inf)], axis=1)
    best = by_parity.argmin(axis=3)[:, :, :, None]  # (k, 2, 2, 1, n)
    values = np.take_along_axis(symbols[:, None], best, axis=3)[:, :, :, 0]
    return values.astype(np.int32), np.take_along_axis(by_parity, best, axis=3)[:, :, :, 0]


def _escape_bits(symbols: Floats, own: Costs) -> Floats:
    """Return the bits of symbols outside tables, beside those of their entry."""
    beyond = np.maximum(symbols - own.high, own.low - symbols)
    _, digits = np.frexp(np.maximum(2.0 * beyond, 1.0))
    return np.asarray(2.0 * digits - 1.0)


def _traced_back(state: Rows, chosen: Symbols, came: npt.NDArray[np.int8]) -> Symbols:
    """Follow the way back from the last `(n,)` states to symbols, `(n, latent_size)`."""
    k, n = came.shape[0], len(state)
    each, symbols = np.arange(n), np.empty((n, k), dtype=np.int32)
    for j in reversed(range(k)):
        way = came[j, state, each]
        before = FROM[state, way]
        symbols[:, j] = chosen[j, PARITY[state, way], before >> 1, each]
        state = before
    return symbols
