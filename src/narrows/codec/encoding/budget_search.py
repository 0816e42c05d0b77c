"""Frames to symbols that keep to a budget: each signal at the operating point that it can have.

What is looked for is the last point that a signal's bytes allow, or the first that is good enough;
what a signal gets is the best of all that was tried. Everything that is compared is exact, so the
same is found on every machine.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from math import log10, prod
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.block_coder import Qualities
from narrows.codec.encoding.costs import SymbolCosts, squared_errors, with_known
from narrows.codec.encoding.objective import Known
from narrows.codec.encoding.operating_points import Flags, OperatingPoints, last_kept
from narrows.codec.encoding.requests import MAX_EFFORT, Budget, Progress, unseen
from narrows.codec.encoding.symbol_encoder import SymbolEncoder
from narrows.codec.entropy.ans import escape_bits
from narrows.codec.entropy.tables import Symbols
from narrows.codec.networks.quantiser import MAX_QUALITIES
from narrows.codec.transform import Frames
from narrows.errors import SettingError

LOG = logging.getLogger(__name__)
MAX_TRIED = 16  # signals on which the highest effort is tried, before it is recommended
MIN_USED = 0.8  # of target_bytes: where less is used, it is said

Rows = npt.NDArray[np.intp]
Floats = npt.NDArray[np.float64]
PacketSize = Callable[[Symbols, int], int]


@dataclass
class _Best:
    """The best try of each of n signals so far; quality 0 where none has kept to the budget.

    Attributes
    ----------
    symbols : (n, latent_size) int32
    quality : (n,)
    minimised : (n,)
        What the budget does not limit: the squared error, or the bytes.
    """

    symbols: Symbols
    quality: Qualities
    minimised: Floats

    def offer(self, rows: Rows, symbols: Symbols, quality: int, minimised: Floats) -> None:
        """Take what is better than the best so far of the signals in some rows."""
        better = (minimised < self.minimised[rows]) | (self.quality[rows] == 0)
        taken = rows[better]
        self.symbols[taken], self.minimised[taken] = symbols[better], minimised[better]
        self.quality[taken] = quality


class _Tries:
    """Counts tries of points, and tells of so many signals as they are usually enough for."""

    def __init__(self, n_signals: int, n_points: int, progress: Progress) -> None:
        self.told = 0
        self._n_signals, self._progress = n_signals, progress
        self._tries, self._per_signal = 0, n_points.bit_length()

    def add(self, n_tries: int) -> None:
        """Count tries, each of one signal."""
        self._tries += n_tries
        done = min(self._tries // self._per_signal, self._n_signals)
        self._progress(done - self.told)
        self.told = done


@dataclass(frozen=True)
class Originals:
    """Frames `(n, *frame_shape)`, and which of their elements count; None: all."""

    frames: Frames
    known: Known

    def __getitem__(self, rows: Any) -> Originals:
        return Originals(self.frames[rows], None if self.known is None else self.known[rows])

    @property
    def known_share(self) -> float | Floats:
        """The share of each frame's elements that count, `(n,)`, above 0; or 1."""
        if self.known is None:
            return 1.0
        flat = self.known.reshape(len(self.known), -1)
        return np.asarray(flat.sum(axis=1) / flat.shape[1])


class BudgetSearch:
    """Chooses quality and symbols of each signal.

    Parameters
    ----------
    encoder : SymbolEncoder
    budget : Budget
    effort : int
        Of every try: from 1 on, the points between qualities are tried as well.
    packet_size : callable, optional
        Returns the bytes of `(latent_size,)` symbols at a quality. Without it a signal's size is
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
        self._encoder = encoder
        self._budget = budget
        self._effort = effort
        self._points = OperatingPoints.of(model.n_qualities, searches=effort > 0)
        self._packet_size = packet_size
        self._largest_error = budget.largest_error(model.peak, prod(model.frame_shape))

    def encode(
        self, frames: Frames, progress: Progress = unseen, known: Known = None
    ) -> tuple[Symbols, Qualities]:
        """Return the symbols `(n, latent_size)` and the qualities `(n,)` of frames.

        Where `known`, `(n, *frame_shape)`, is False, errors do not count. Progress is an estimate,
        as nobody knows how many points a signal will have to try.

        Raises
        ------
        SettingError
            If a signal cannot keep to the budget; it says what could be had.
        """
        n, x = len(frames), Originals(frames, known)
        tried = self._encoder.encode_at_all_qualities(
            frames, known
        )  # (n, latent_size) of each quality
        best = _Best(np.zeros_like(tried[1]), np.zeros(n, dtype=np.intp), np.full(n, np.inf))
        start = self._offer_rounded(x, tried, best)
        tries = _Tries(n, len(self._points.quality), progress)

        def keeps(rows: Rows, numbers: Rows) -> Flags:
            """Try points; a quality's next try continues where its last one ended."""
            kept, points = np.zeros(len(rows), dtype=bool), self._from_few_bytes(numbers)
            qualities, weights = self._points.quality[points], self._points.weight[points]
            for quality in np.unique(qualities).tolist():
                own = np.flatnonzero(qualities == quality)
                last, some = tried[quality][rows[own]], x[rows[own]]
                symbols = self._encoder.improve(
                    some.frames, last, quality, self._effort, weights[own], tries.add, some.known
                ).symbols
                tried[quality][rows[own]] = symbols
                kept[own] = self._offer(best, rows[own], some, symbols, quality)
            return kept

        found = last_kept(start, len(self._points.quality), keeps)
        progress(n - tries.told)
        # What a search finds may take more bits than what it began with, or err more. Where only
        # rounding keeps to the budget, that is taken: no effort refuses what effort 0 gives.
        lost = np.flatnonzero(best.quality == 0)
        if len(lost):
            quality = 1 if self._budget.of_bytes else self._encoder.model.n_qualities
            raise SettingError(self._out_of_reach(x[lost], tried[quality][lost], quality))
        if self._budget.of_bytes:
            self._tell_of_slack(best, np.flatnonzero(found == len(self._points.quality) - 1))
        return best.symbols, best.quality

    def _tell_of_slack(self, best: _Best, last: Rows) -> None:
        """Log where most signals are at the last point, and bytes are left that none can use."""
        target, at_last = float(self._budget.target_bytes or 0.0), 0.0
        if 2 * len(last) <= len(best.quality):
            return
        for quality in np.unique(best.quality[last]).tolist():
            own = last[best.quality[last] == quality]
            at_last = max(at_last, float(self._bytes(best.symbols[own], quality).max()))
        if at_last < MIN_USED * target:
            model, searches = self._encoder.model, self._effort > 0
            better = (
                ""
                if searches or model.quality().tradeoff is None
                else "an effort of 1 or more, or "
            )
            _tell_once(
                f"target_bytes {target:g} is more than model {model.model_id.hex()[:8]} can use: "
                f"at its best it takes {np.ceil(10.0 * at_last) / 10.0:.1f} bytes a signal; nearer "
                f"to the signals comes {better}a model trained with "
                f"{'more --qualities or ' * self._has_few}--aim bytes:{target:g}"
            )

    def _from_few_bytes(self, numbers: Rows) -> Rows:
        """Number points from the end where a signal is sure to keep to the budget, and back."""
        return numbers if self._budget.of_bytes else len(self._points.quality) - 1 - numbers

    def _offer_rounded(self, x: Originals, rounded: dict[int, Symbols], best: _Best) -> Rows:
        """Offer each quality's rounded symbols; return where each signal's search begins, `(n,)`.

        That is the last point of weight 1 at which rounding keeps to the budget, or the first.
        """
        numbers = np.sort(self._from_few_bytes(self._points.of_weight_1()))
        qualities = self._points.quality[self._from_few_bytes(numbers)]
        n = len(x.frames)
        start, rows = np.full(n, numbers[0]), np.arange(n)
        for number, quality in zip(numbers, qualities.tolist(), strict=True):
            start[self._offer(best, rows, x, rounded[quality], quality)] = number
        return start

    def _offer(
        self, best: _Best, rows: Rows, x: Originals, symbols: Symbols, quality: int
    ) -> Flags:
        """Offer those of `(n, latent_size)` symbols that keep to the budget; return which do.

        Of two that keep to a number of bytes the one with the smaller error is better, of two
        that keep to a PSNR the one with fewer bytes.
        """
        if self._budget.of_bytes:
            kept = self._bytes(symbols, quality) <= float(self._budget.target_bytes or 0.0)
            own = np.flatnonzero(kept)
            minimised = self._errors(x[own], symbols[own], quality)
        else:
            kept = self._errors(x, symbols, quality) <= self._largest_error * x.known_share
            own = np.flatnonzero(kept)
            minimised = self._bytes(symbols[own], quality)
        best.offer(rows[own], symbols[own], quality, minimised)
        return kept

    def _errors(self, x: Originals, symbols: Symbols, quality: int) -> Floats:
        decoded = self._encoder.transform.decode(symbols, quality)
        return squared_errors(with_known(decoded, x.frames, x.known), x.frames)

    def _bytes(self, symbols: Symbols, quality: int) -> Floats:
        """Compute the size of each signal's symbols, `(n,)`."""
        if self._packet_size is not None:
            return np.array([float(self._packet_size(each, quality)) for each in symbols])
        own = self._encoder.model.quality(quality)
        costs = SymbolCosts(own.tables, self._encoder.transform.coders.compiled(own))
        return (costs.bits(symbols) + escape_bits(symbols, own.tables.row)) / 8.0

    def _out_of_reach(self, x: Originals, symbols: Symbols, quality: int) -> str:
        """Say what signals that cannot keep to the budget have at the first point."""
        effort, model = self._effort, self._encoder.model
        # Both figures are rounded to the side where they can be asked for.
        if self._budget.of_bytes:
            taken = self._bytes(symbols, quality)
            least = np.ceil(10.0 * taken.max()) / 10.0
            other = f"--aim bytes:{self._budget.target_bytes:g} or less"
            other += ", or more --qualities," * self._has_few
            return (
                f"target_bytes {self._budget.target_bytes:g} is out of reach: at effort {effort} "
                f"there is a signal that takes {least:.1f} bytes at least; give more, or "
                f"{self._way_to_reach(x[np.argsort(-taken)], other)}"
            )
        errors = self._errors(x, symbols, quality) / x.known_share
        error = float(errors.max())
        most = 20.0 * log10(model.peak) + 10.0 * (log10(prod(model.frame_shape)) - log10(error))
        other = f"--aim psnr:{self._budget.target_psnr:g} or more"
        other += ", or more --qualities," * self._has_few
        return (
            f"target_psnr {self._budget.target_psnr:g} is out of reach: at effort {effort} there "
            f"is a signal that can have {np.floor(10.0 * most) / 10.0:.1f} dB at most; give less, "
            f"or {self._way_to_reach(x[np.argsort(-errors)], other)}"
        )

    @property
    def _has_few(self) -> bool:
        return self._encoder.model.n_qualities < MAX_QUALITIES

    def _way_to_reach(self, x: Originals, other: str) -> str:
        """Say what reaches the budget, after trying the highest effort on the first of `x`."""
        if self._effort < MAX_EFFORT and self._encoder.model.tradeoffs is not None:
            best = BudgetSearch(self._encoder, self._budget, MAX_EFFORT, self._packet_size)
            try:
                best.encode(x.frames[:MAX_TRIED], known=x[:MAX_TRIED].known)
            except SettingError:
                pass
            else:
                return f"effort {MAX_EFFORT}, which reaches it"
        return f"another model: one trained with {other} comes nearer"


@lru_cache(maxsize=64)
def _tell_once(message: str) -> None:
    """Log a message, and not again for the next block or packet."""
    LOG.warning(message)
