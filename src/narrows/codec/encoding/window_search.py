"""Which modes, lags, gains and symbols stand for the windows of recordings, in closed loop."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from narrows.codec.encoding.lag_search import WIDTHS, LagSearch, Told, Width, fewer_samples
from narrows.codec.encoding.window_costs import LARGEST, Costs
from narrows.codec.encoding.window_ways import Residuals, Tried, ways_of
from narrows.codec.prediction.past import Match, Past
from narrows.codec.prediction.prediction import MERGE, NEW, NONE, Prediction

if TYPE_CHECKING:
    from narrows.codec.encoding.native_windows import CompiledSearch

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
LAMBDA = 0.12  # squared steps that a bit is worth


@dataclass(eq=False)
class Chosen:
    """What was decided for recordings side by side, `(n_recordings, n_windows)` each.

    Attributes
    ----------
    modes, lags : as above
    gains : (n_recordings, n_windows, channels)
    symbols : (n_recordings, n_windows, n_latents)
    errors : as above
        Squared, summed over a window.
    decoded : (n_recordings, n_windows, channels, length)
        What a decoder makes of it all.
    mismatches : (n_recordings, n_windows, border, channels)
        What training learns from, where it was asked for: of each window's best match.
    unmatched : (n_recordings, n_windows, length, channels)
        The window less this match.
    """

    modes: npt.NDArray[np.int32]
    lags: Integers
    gains: Integers
    symbols: npt.NDArray[np.int32]
    errors: Floats
    decoded: Floats | None = None
    mismatches: Floats | None = None
    unmatched: Floats | None = None


class WindowSearch:
    """Encodes windows of recordings in closed loop: it predicts from what a decoder has.

    Parameters
    ----------
    prediction : Prediction
    compiled : CompiledSearch, optional
        Of the prediction: what searches single recordings in numpy's place, where it can.
    """

    def __init__(self, prediction: Prediction, compiled: CompiledSearch | None = None) -> None:
        self.prediction, self.compiled = prediction, compiled
        self.costs: Costs = Costs(prediction) if compiled is None else compiled.costs

    @cached_property
    def analysis(self) -> Floats:
        """From a window to its latents, `(channels * length, n_latents)`: the synthesis turned.

        The residual's basis is orthonormal but for its rounding to whole numbers.
        """
        own, layer = self.prediction, self.prediction.residual.layers[0]
        weight = np.asarray(layer.tensors()["weight"], dtype=np.float64)
        turned = weight.reshape(len(weight), own.length, own.n_channels).swapaxes(1, 2)
        return np.ascontiguousarray(turned.reshape(len(weight), -1).T)

    @cached_property
    def unit(self) -> float:
        """What a basis vector's length is, times that of the basis as real numbers."""
        return float(2.0 ** self.prediction.residual.layers[0].settings()["shift"])

    def encode(
        self,
        x: Integers,
        base: Integers,
        base_bits: Floats,
        qualities: npt.NDArray[np.intp],
        effort: int,
        keep: bool = False,
        known: npt.NDArray[np.bool_] | None = None,
        thrift: float = 1.0,
    ) -> Chosen:
        """Decide for all windows.

        Parameters
        ----------
        x : (n_recordings, n_windows, length, channels)
            In units of the decoder's output.
        base : like x
            What the networks decode of each window.
        base_bits : (n_recordings, n_windows)
        qualities : (n_recordings,)
            Counted from 1.
        effort : int
        keep : bool
            Fill in what training learns from.
        known : like x, optional
            Where errors count; by default everywhere.
        thrift : float
            How many times as much as usual a bit is worth.
        """
        search = _Run(self, x, base, base_bits, qualities - 1, WIDTHS[effort], keep)
        search.price *= thrift
        search.known = None if known is None else _by_channel(known)
        search.errors = search.all_errors()
        search.run(effort)
        search.chosen.errors = search.all_errors()
        return search.chosen


class _Run:
    """One pass over recordings side by side."""

    def __init__(
        self, search: WindowSearch, x: Integers, base: Integers, base_bits: Floats,
        quality: npt.NDArray[np.intp], width: Width, keep: bool,
    ) -> None:  # fmt: skip
        own = search.prediction
        m, n = x.shape[:2]
        self.own, self.costs, self.search = own, search.costs, search
        self.x, self.base, self.base_bits = _by_channel(x), _by_channel(base.copy()), base_bits
        self.q, self.step = quality, own.step[quality].astype(np.float64)
        self.price = LAMBDA * self.step * self.step
        self.known: Floats | None = None  # 1 where errors count, and 0
        self.errors = np.zeros((m, n))  # of what is not predicted
        costs = search.costs
        self.told = costs.near[quality], costs.far[quality], costs.gains[quality]
        self.past = Past(own, m)
        largest = np.abs(self.x).reshape(m, -1).max(axis=1)
        self.lags = LagSearch(own, largest, width, fewer_samples(self.x, width))
        self.all = np.arange(m)
        self.mode, self.lag = np.zeros(m, np.int32), np.zeros(m, np.int64)
        self.gain = np.zeros((m, own.n_channels), np.int64)
        k = own.residual.input_shape[0]
        self.chosen = Chosen(
            np.zeros((m, n), np.int32), np.zeros((m, n), np.int64),
            np.zeros((m, n, own.n_channels), np.int64), np.zeros((m, n, k), np.int32),
            np.zeros((m, n)), self.base,
        )  # fmt: skip
        self.keep = keep
        if keep:
            self.chosen.mismatches = np.zeros((m, n, own.border_length, own.n_channels))
            self.chosen.unmatched = np.zeros(x.shape)

    def run(self, effort: int) -> None:
        """Decide for all windows; compiled code for one recording."""
        compiled = self.search.compiled if len(self.x) == 1 and not self.keep else None
        given = self.x, self.chosen, self.errors, self.base_bits
        rest = float(self.price[0]), int(self.q[0]), effort, self.known
        if compiled is None or not compiled.searched(*given, *rest):
            for i in range(self.x.shape[1]):
                self.window(i)

    def window(self, i: int) -> None:
        """Decide for the next window of all recordings."""
        x, modes = self.x[:, i], self.costs.modes[self.q, self.mode]
        decoded = self.base[:, i].copy()
        smoothed = decoded.copy()
        best = self.errors[:, i] + self.price * (self.base_bits[:, i] + modes[:, NONE])
        mode = np.full_like(self.mode, NONE)
        tried = self._tried(x, modes)
        if tried is not None:
            match = self.past.match(tried.recording, tried.lag, tried.gain)
            border = self.own.borders(match.mismatch)
            rest = x[tried.recording] - match.inside - border
            if self.known is not None:
                rest *= self.known[tried.recording, i]
            residual = self._residuals(rest, tried)
            by_try = residual.cost.reshape(-1, len(x))
            if self.keep:
                self._keep(i, x, match, by_try)
            better = np.flatnonzero(by_try.min(axis=0) < best)
            if better.size:
                at = by_try.argmin(axis=0)[better] * len(x) + better
                symbols = residual.symbols_of(at)
                coded = border[at] + self.own.residuals(symbols, self.q[better] + 1)
                decoded[better], smoothed[better] = match.of_rows(at).joined(coded)
                mode[better], self.lag[better] = tried.kind[at], tried.lag[at]
                self.gain[better] = tried.gain[at]
                self.chosen.symbols[better, i] = symbols
                self.chosen.lags[better, i], self.chosen.gains[better, i] = (
                    tried.lag[at], tried.gain[at],
                )  # fmt: skip
        self.past.append(decoded, smoothed)
        self.lags.append(smoothed)
        self.base[:, i] = decoded  # in its place: it is not needed any more
        self.mode, self.chosen.modes[:, i] = mode, mode

    def all_errors(self) -> Floats:
        """Return the squared errors of what stands for windows by now, `(n_recordings, n)`."""
        e = self.x - self.base
        if self.known is not None:
            e *= self.known
        return _squares(e.reshape(-1, *e.shape[2:])).reshape(e.shape[:2])

    def _tried(self, x: Floats, modes: Floats) -> Tried | None:
        """Return the ways to predict windows that are tried; None where there are none."""
        q, costs, m = self.q, self.costs, len(x)
        found = self.lags.best(x, Told(self.lag, *self.told, self.price))
        if found is None:
            return None
        gains = found.gains
        bits = modes[:, NEW] + found.bits
        for channel in range(gains.shape[2]):
            bits += costs.gains[q, channel, gains[:, :, channel]]
        has_past = self.lag > 0
        last = np.where(has_past, self.lag, self.own.length)
        merge = np.where(has_past, modes[:, MERGE], np.inf)
        return Tried(
            *ways_of(len(gains), m),
            np.append(found.lags, last),
            np.concatenate([*gains, self.gain]),
            np.append(bits, merge),
        )

    def _residuals(self, rest: Floats, tried: Tried) -> Residuals:
        """Choose the symbols of what matches and borders leave over, `(n, channels, length)`.

        Nearly all latents are less than half a step: their symbols are 0.
        """
        q = self.q[tried.recording]
        step, price = self.step[tried.recording], self.price[tried.recording]
        latents = rest.reshape(len(rest), -1) @ self.search.analysis  # exact: below 2**53
        latents /= self.search.unit
        in_steps = latents / step[:, None]
        rows, k = (np.abs(in_steps) > 0.5).nonzero()
        rounded = np.rint(in_steps[rows, k])
        np.minimum(rounded, LARGEST, out=rounded)
        nearest = np.maximum(rounded, -LARGEST, out=rounded).astype(np.int64)
        own, own_step, own_price = latents[rows, k], step[rows], price[rows]
        tables, of = self.costs.symbols, q[rows]
        unbroken, bits_of_zero = np.rint(np.square(own)), tables[of, k, LARGEST]
        symbols, bits, error = np.zeros_like(nearest), bits_of_zero, unbroken
        least = error + own_price * bits
        for other in (nearest - np.sign(nearest), nearest):
            its_bits = tables[of, k, other + LARGEST]
            its_error = np.rint(np.square(own - other * own_step))
            cost = its_error + own_price * its_bits
            better = cost <= least
            least = np.where(better, cost, least)
            symbols, bits = np.where(better, other, symbols), np.where(better, its_bits, bits)
            error = np.where(better, its_error, error)
        n = len(rest)
        error = _squares(rest) + np.bincount(rows, error - unbroken, n)
        bits = self.costs.at_zero[q] + np.bincount(rows, bits - bits_of_zero, n) + tried.bits
        return Residuals(error + price * bits, rows, k, symbols, latents.shape[1])

    def _keep(self, i: int, x: Floats, match: Match, by_try: Floats) -> None:
        at = by_try.argmin(axis=0) * len(x) + self.all
        assert self.chosen.mismatches is not None
        assert self.chosen.unmatched is not None
        self.chosen.mismatches[:, i] = match.mismatch[at].swapaxes(1, 2)
        self.chosen.unmatched[:, i] = (x - match.inside[at]).swapaxes(1, 2)


def _by_channel(windows: npt.NDArray[Any]) -> Floats:
    """Return windows `(..., length, channels)` as `(..., channels, length)` float64."""
    return np.ascontiguousarray(windows.swapaxes(-1, -2), dtype=np.float64)


def _squares(e: Floats) -> Floats:
    flat = e.reshape(len(e), -1)
    return np.asarray(np.einsum("ij,ij->i", flat, flat))
