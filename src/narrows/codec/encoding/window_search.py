"""Which modes, lags, gains and symbols stand for the windows of recordings, in closed loop."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from narrows.codec.encoding.bit_costs import code_lengths
from narrows.codec.encoding.lag_search import LagSearch
from narrows.codec.entropy.ans import fold_escape
from narrows.codec.entropy.tables import FrequencyTable
from narrows.codec.prediction.past import Match, Past
from narrows.codec.prediction.prediction import (
    DIGIT_BITS,
    FAR,
    MAX_GAIN,
    MERGE,
    NEAR,
    NEW,
    NONE,
    Prediction,
)

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
LARGEST = 1023  # symbol that is tried for a residual
LAMBDA = 0.12  # squared steps that a bit is worth
CANDIDATES = 3


def bits_of(table: FrequencyTable, low: int, high: int) -> Floats:
    """Return what each symbol from low to high costs."""
    symbols = np.arange(low, high + 1)
    entries = table.indices(symbols)
    bits = code_lengths(table.weights[entries].astype(np.float64))
    for i in np.flatnonzero(entries == table.escape):
        bits[i] += 2 * (fold_escape(int(symbols[i]), table) + 1).bit_length() - 1
    return bits


class Costs:
    """The bits of all that is told of a predicted window, by quality from 0.

    Attributes
    ----------
    modes : (n_qualities, 3, 3)
        After each mode.
    near : (n_qualities, 2 * NEAR + 1)
    far : (n_qualities, memory + 1)
    gains : (n_qualities, channels, MAX_GAIN + 1)
    symbols : (n_qualities, n_latents, 2 * LARGEST + 1)
    """

    def __init__(self, prediction: Prediction) -> None:
        side = prediction.side
        self.modes = np.array([[bits_of(t, 0, MERGE) for t in each.modes] for each in side])
        steps = np.array([bits_of(each.lag[0], -NEAR, FAR) for each in side])
        self.near = steps[:, :-1]
        digits = np.maximum(np.arange(prediction.memory + 1) - prediction.length, 0)
        high, low = digits >> DIGIT_BITS, digits & ((1 << DIGIT_BITS) - 1)
        self.far = np.array([
            cost[-1] + bits_of(each.lag[1], 0, int(high.max()))[high]
            + bits_of(each.lag[2], 0, int(low.max()))[low]
            for each, cost in zip(side, steps, strict=True)
        ])  # fmt: skip
        self.gains = np.array([[bits_of(t, 0, MAX_GAIN) for t in each.gains] for each in side])
        of_shapes = np.array([bits_of(t, -LARGEST, LARGEST) for t in prediction.shapes])
        self.symbols = of_shapes[prediction.shape_of]


@dataclass(eq=False)
class Chosen:
    """What was decided for recordings side by side, `(n_recordings, n_windows)` each.

    `seen` is what training learns from, where it was asked for: of each window's best match the
    mismatch, and the window less the match.
    """

    modes: npt.NDArray[np.int32]
    lags: Integers
    gains: Integers
    symbols: npt.NDArray[np.int32]
    mismatches: Integers | None = None
    unmatched: Integers | None = None
    errors: Floats = field(default_factory=lambda: np.zeros(0))


class WindowSearch:
    """Encodes windows of recordings in closed loop: it predicts from what a decoder has.

    Parameters
    ----------
    prediction : Prediction
    """

    def __init__(self, prediction: Prediction) -> None:
        self.prediction = prediction
        self.costs = Costs(prediction)

    @cached_property
    def _analysis(self) -> Floats:
        """From a window to its latents, `(length * channels, n_latents)`: the synthesis turned.

        The residual's basis is orthonormal but for its rounding to whole numbers.
        """
        layer = self.prediction.residual.layers[0]
        weight = np.asarray(layer.tensors()["weight"], dtype=np.float64)
        return np.ascontiguousarray(weight.T)

    @cached_property
    def _unit(self) -> float:
        return float(2.0 ** self.prediction.residual.layers[0].settings()["shift"])

    def encode(
        self,
        x: Integers,
        base: Integers,
        base_bits: Floats,
        qualities: npt.NDArray[np.intp],
        keep: bool = False,
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
        keep : bool
            Fill in what training learns from.
        """
        search = _Run(self, x, base, base_bits, qualities - 1, keep)
        for i in range(x.shape[1]):
            search.window(i)
        return search.chosen


class _Run:
    """One pass over recordings side by side."""

    def __init__(
        self, search: WindowSearch, x: Integers, base: Integers, base_bits: Floats,
        quality: npt.NDArray[np.intp], keep: bool,
    ) -> None:  # fmt: skip
        own = search.prediction
        m, n = x.shape[:2]
        self.own, self.costs, self.search = own, search.costs, search
        self.x, self.base, self.base_bits = x, base, base_bits
        self.q, self.step = quality, own.step[quality].astype(np.float64)
        self.price = LAMBDA * self.step * self.step
        self.past, self.lags = Past(own, m, n), LagSearch(own, m, n)
        self.all = np.arange(m)
        self.mode, self.lag = np.zeros(m, np.int32), np.zeros(m, np.int64)
        self.gain = np.zeros((m, own.n_channels), np.int64)
        k = own.residual.input_shape[0]
        self.chosen = Chosen(
            np.zeros((m, n), np.int32), np.zeros((m, n), np.int64),
            np.zeros((m, n, own.n_channels), np.int64), np.zeros((m, n, k), np.int32),
        )  # fmt: skip
        self.chosen.errors = np.zeros((m, n))
        self.keep = keep
        if keep:
            shape = (m, n, own.border_length, own.n_channels)
            self.chosen.mismatches = np.zeros(shape, np.int64)
            self.chosen.unmatched = np.zeros(x.shape, np.int64)

    def window(self, i: int) -> None:
        """Decide for the next window of all recordings."""
        x, q, own, price = self.x[:, i], self.q, self.all, self.price
        modes = self.costs.modes[q, self.mode]
        lag_bits = self.costs.far[q].copy()
        has_past = self.lag > 0
        for step in range(-NEAR, NEAR + 1):
            at = self.lag + step
            ok = np.flatnonzero(has_past & (at >= self.own.length) & (at <= self.own.memory))
            lag_bits[ok, at[ok]] = self.costs.near[q[ok], step + NEAR]
        best = self._squares(x - self.base[:, i]) + price * (self.base_bits[:, i] + modes[:, NONE])
        decoded, smoothed = self.base[:, i].copy(), self.base[:, i].copy()
        mode, lag, gain = np.zeros_like(self.mode), self.lag.copy(), self.gain.copy()
        symbols = np.zeros_like(self.chosen.symbols[:, i])
        tried = [
            (NEW, each.lag, each.gain)
            for each in self.lags.best(x, lag_bits, self.costs.gains[q], price, CANDIDATES)
        ]
        if has_past.any():
            usable = np.where(has_past, self.lag, self.own.length)
            tried.append((MERGE, usable, self.gain))
        least = np.full(len(x), np.inf)
        for kind, its_lag, its_gain in tried:
            match = self.past.match(own, its_lag, its_gain)
            bits = modes[:, kind].copy()
            if kind == NEW:
                bits += lag_bits[own, its_lag]
                for c in range(its_gain.shape[1]):
                    bits += self.costs.gains[q, c, its_gain[:, c]]
            else:
                bits[~has_past] = np.inf
            coded, its_symbols, cost = self._residual(x, match, bits)
            if self.keep:
                least = self._keep(i, x, match, cost, least)
            better = cost < best
            new_decoded, new_smoothed = match.joined(coded)
            best[better], mode[better] = cost[better], kind
            lag[better], gain[better] = its_lag[better], its_gain[better]
            symbols[better] = its_symbols[better]
            decoded[better], smoothed[better] = new_decoded[better], new_smoothed[better]
        self.past.append(decoded, smoothed)
        rows = slice(i * self.own.length, (i + 1) * self.own.length)
        self.lags.append(self.past.smoothed[:, rows])
        self.chosen.errors[:, i] = self._squares(x - self.past.decoded[:, rows])
        self.mode, self.lag, self.gain = mode, lag, gain
        is_predicted = mode != NONE
        self.chosen.modes[:, i], self.chosen.symbols[:, i] = mode, symbols
        self.chosen.lags[:, i] = np.where(is_predicted, lag, 0)
        self.chosen.gains[:, i] = np.where(is_predicted[:, None], gain, 0)

    def _residual(
        self, x: Integers, match: Match, bits: Floats
    ) -> tuple[Integers, npt.NDArray[np.int32], Floats]:
        """Return what is coded of windows beside a match, its symbols, and the whole cost."""
        border = self.own.borders(match.mismatch)
        rest = (x - match.inside - border).astype(np.float64)
        flat = rest.reshape(len(rest), -1)
        latents = flat @ self.search._analysis  # exact: whole numbers below 2**53
        latents /= self.search._unit
        step, price = self.step[:, None], self.price[:, None]
        in_steps = latents / step
        nearest = np.clip(np.rint(in_steps), -LARGEST, LARGEST).astype(np.int64)
        best = None
        k = np.arange(nearest.shape[1])
        for symbols in (nearest, nearest - np.sign(nearest), np.zeros_like(nearest)):
            cost_bits = self.costs.symbols[self.q[:, None], k, symbols + LARGEST]
            error = np.rint(np.square(latents - symbols * step))
            cost = error + price * cost_bits
            if best is None:
                best = [cost, symbols, cost_bits, error]
            else:
                better = cost < best[0]
                each = zip((cost, symbols, cost_bits, error), best, strict=True)
                best = [np.where(better, new, old) for new, old in each]
        assert best is not None
        _, chosen, cost_bits, error = best
        left_out = self._squares(rest) - np.rint(np.square(latents)).sum(axis=1)
        total = error.sum(axis=1) + left_out + self.price * (bits + cost_bits.sum(axis=1))
        chosen = chosen.astype(np.int32)
        return border + self.own.residuals(chosen, self.q + 1), chosen, total

    def _keep(self, i: int, x: Integers, match: Match, cost: Floats, least: Floats) -> Floats:
        better = cost < least
        assert self.chosen.mismatches is not None
        assert self.chosen.unmatched is not None
        self.chosen.mismatches[better, i] = match.mismatch[better]
        self.chosen.unmatched[better, i] = (x - match.inside)[better]
        return np.minimum(cost, least)

    @staticmethod
    def _squares(e: npt.NDArray[np.generic]) -> Floats:
        flat = e.reshape(len(e), -1).astype(np.float64)
        return np.asarray(np.einsum("ij,ij->i", flat, flat))
