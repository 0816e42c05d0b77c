"""Frames to symbols that keep to a budget: each signal at the quality that it can have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import log10, prod

import numpy as np
import numpy.typing as npt

from narrows.codec.encoding.bit_costs import SymbolCosts
from narrows.codec.encoding.budget import Flags, Ladder, Qualities, Symbols, climb
from narrows.codec.encoding.distortion import squared_errors
from narrows.codec.encoding.efforts import MAX_EFFORT
from narrows.codec.encoding.requests import Budget
from narrows.codec.encoding.symbol_encoder import SymbolEncoder
from narrows.codec.entropy.ans import escape_bits
from narrows.codec.transform import Frames
from narrows.errors import SettingError

Rows = npt.NDArray[np.intp]
Floats = npt.NDArray[np.float64]
PacketSize = Callable[[Symbols, int], int]


@dataclass(frozen=True, eq=False)
class _Best:
    """The best try so far of each of n signals; quality 0 where none has kept to the budget."""

    symbols: Symbols
    quality: Qualities
    left: Floats  # what the budget does not limit, and is to be small

    @classmethod
    def of(cls, x: Frames, latent_size: int) -> _Best:
        n = len(x)
        symbols = np.zeros((n, latent_size), dtype=np.int32)
        return cls(symbols, np.zeros(n, dtype=np.intp), np.full(n, np.inf))

    def offer(self, rows: Rows, symbols: Symbols, quality: int, left: Floats) -> None:
        """Take what is better than the best so far of the signals in some rows."""
        better = (left < self.left[rows]) | (self.quality[rows] == 0)
        taken = rows[better]
        self.symbols[taken], self.left[taken] = symbols[better], left[better]
        self.quality[taken] = quality


class BudgetSearch:
    """Chooses quality and symbols of each signal.

    Parameters
    ----------
    encoder : SymbolEncoder
    budget : Budget
    effort : int
        Of every try: from 1 on, the rungs between qualities are tried as well.
    packet_size : callable, optional
        Gives the bytes of `(latent_size,)` symbols at a quality. Without it a signal's size is
        the ideal length of its symbols.
    """

    def __init__(
        self,
        encoder: SymbolEncoder,
        budget: Budget,
        effort: int,
        packet_size: PacketSize | None = None,
    ) -> None:
        model = encoder.model
        self._encoder, self._budget, self._effort = encoder, budget, effort
        self._ladder = Ladder.of(model.n_qualities, searches=effort > 0)
        self._costs = [SymbolCosts(tables) for tables in model.coding_tables]
        self._packet_size = packet_size
        self._largest_error = budget.largest_error(model.peak, prod(model.frame_shape))

    def encode(self, x: Frames) -> tuple[Symbols, Qualities]:
        """Give the symbols `(n, latent_size)` and the qualities `(n,)` of frames.

        Raises
        ------
        SettingError
            If a signal cannot keep to the budget; it says what could be had.
        """
        rounded = self._encoder.encode_at_all_qualities(x)
        plain = self._rungs(self._ladder.plain_rungs())
        best = _Best.of(x, rounded.shape[-1])
        start = self._start(x, rounded, plain, best)

        def keeps(rows: Rows, steps: npt.NDArray[np.intp]) -> Flags:
            """Try rungs; a quality's next try goes on where its last one ended."""
            kept, rungs = np.zeros(len(rows), dtype=bool), self._rungs(steps)
            qualities, weights = self._ladder.quality[rungs], self._ladder.weight[rungs]
            for quality in np.unique(qualities).tolist():
                own = np.flatnonzero(qualities == quality)
                last, frames = rounded[quality - 1, rows[own]], x[rows[own]]
                tried = self._encoder.improve(frames, last, quality, self._effort, weights[own])
                rounded[quality - 1, rows[own]] = tried
                kept[own] = self._offer(best, rows[own], frames, tried, quality)
            return kept

        climb(np.maximum(start, plain.min()), len(self._ladder.quality), keeps)
        # What a search finds may take more bits than what it began with, or err more. Where only
        # rounding keeps to the budget, that is taken: no effort refuses what effort 0 gives.
        lost = np.flatnonzero(best.quality == 0)
        if len(lost):
            quality = int(self._ladder.quality[self._rungs(np.zeros(1, dtype=np.intp))][0])
            raise SettingError(self._out_of_reach(x[lost], rounded[quality - 1, lost], quality))
        return best.symbols, best.quality

    def _rungs(self, steps: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
        """Count rungs from the end where a signal is to take few bytes."""
        return steps if self._budget.of_bytes else len(self._ladder.quality) - 1 - steps

    def _start(
        self, x: Frames, rounded: Symbols, plain: npt.NDArray[np.intp], best: _Best
    ) -> npt.NDArray[np.intp]:
        """Give each signal the last of the qualities' steps where rounding keeps, or -1."""
        start, rows = np.full(len(x), -1), np.arange(len(x))
        for number in plain.argsort():
            kept = self._offer(best, rows, x, rounded[number], int(number) + 1)
            start[kept] = plain[number]
        return start

    def _offer(self, best: _Best, rows: Rows, x: Frames, symbols: Symbols, quality: int) -> Flags:
        """Tell which `(n, latent_size)` symbols for frames keep to the budget, and note those.

        Of two that keep to a number of bytes the one with the smaller error is better, of two
        that keep to a PSNR the one with fewer bytes.
        """
        if self._budget.of_bytes:
            kept = self._bytes(symbols, quality) <= float(self._budget.target_bytes or 0.0)
            own = np.flatnonzero(kept)
            left = self._errors(x[own], symbols[own], quality)
        else:
            kept = self._errors(x, symbols, quality) <= self._largest_error
            own = np.flatnonzero(kept)
            left = self._bytes(symbols[own], quality)
        best.offer(rows[own], symbols[own], quality, left)
        return kept

    def _errors(self, x: Frames, symbols: Symbols, quality: int) -> Floats:
        return squared_errors(self._encoder.transform.decode(symbols, quality), x)

    def _bytes(self, symbols: Symbols, quality: int) -> Floats:
        """Give the size of each signal's symbols, `(n,)`."""
        if self._packet_size is not None:
            return np.array([float(self._packet_size(each, quality)) for each in symbols])
        costs = self._costs[quality - 1]
        return (costs.bits(symbols) + escape_bits(symbols, costs.tables.row)) / 8.0

    def _out_of_reach(self, x: Frames, symbols: Symbols, quality: int) -> str:
        """Tell what signals that cannot keep to the budget have on the last rung."""
        effort, model = self._effort, self._encoder.model
        searches = model.exchange is not None and effort < MAX_EFFORT
        more = "a higher effort" if searches else "another model"
        # Both figures are rounded to the side where they can be asked for.
        if self._budget.of_bytes:
            least = np.ceil(10.0 * self._bytes(symbols, quality).max()) / 10.0
            return (
                f"target_bytes {self._budget.target_bytes:g} is out of reach: at effort {effort} "
                f"there is a signal that takes {least:.1f} bytes at least; give more, or {more}"
            )
        error = float(self._errors(x, symbols, quality).max())
        most = 20.0 * log10(model.peak) + 10.0 * (log10(prod(model.frame_shape)) - log10(error))
        return (
            f"target_psnr {self._budget.target_psnr:g} is out of reach: at effort {effort} there "
            f"is a signal that can have {np.floor(10.0 * most) / 10.0:.1f} dB at most; give less, "
            f"or {more}"
        )
