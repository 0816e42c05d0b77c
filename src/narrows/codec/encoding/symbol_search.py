"""The search for symbols that cost less, in bits and errors together, with the decoder as it is.

All of it is exact: errors and costs are whole numbers, the gradient's sums are exact in any order,
and what is left is separately rounded float64, number by number. So an effort gives the same
symbols on every machine, whatever the batch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

import numpy as np
import numpy.typing as npt

from narrows.codec.encoding.adjoints import taped_correction, taped_network
from narrows.codec.encoding.bit_costs import OUT_OF_REACH, SymbolCosts
from narrows.codec.encoding.distortion import errors, squared
from narrows.codec.encoding.efforts import Effort
from narrows.codec.model.tradeoff import Exchange
from narrows.codec.transform import Frames, Symbols, Transform

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.intp]

DAMPING = 1.25  # times the curvature: moves are made together; measured best of 1, 1.25, 1.5 and 2
HALVINGS = 3  # all moves, the better half of them, a quarter of them
REPAIRS = 2  # rounds after a leap
BATCH_ELEMENTS = 1 << 22  # of all layers' values of a batch
BATCH_SIGNALS = 256


@dataclass
class Found:
    """The best symbols so far, `(n, latent_size)`, and what they cost, `(n,)` in bits."""

    symbols: Symbols
    cost: Floats

    def take(self, rows: Rows, symbols: Symbols, cost: Floats) -> npt.NDArray[np.bool_]:
        """Keep the symbols of those rows that cost less than what is there; tell which."""
        better = cost < self.cost[rows]
        chosen = rows[better]
        self.symbols[chosen], self.cost[chosen] = symbols[better], cost[better]
        return better


@dataclass(frozen=True)
class Wanted:
    """Frames `(n, *frame_shape)`, and the lambda of each, `(n,)`: bits per unit of distortion."""

    x: Frames
    lambda_: Floats

    def __getitem__(self, rows: Rows) -> Wanted:
        return Wanted(self.x[rows], self.lambda_[rows])


class SymbolSearch:
    """Searches symbols for frames at one quality of a model.

    Parameters
    ----------
    transform : Transform
        Of a model with an Exchange.
    quality : int
    """

    def __init__(self, transform: Transform, quality: int) -> None:
        model = transform.model
        assert model.exchange is not None
        exchange: Exchange = model.exchange
        self._model, self._quality, self._decode = model, quality, transform.decode
        self._unit, self._lambda = exchange.unit, exchange.lambda_[quality - 1]
        self._curvature = exchange.curvature[quality - 1].astype(np.float64)
        self._costs = SymbolCosts(model.coding_tables[quality - 1])
        self._decoder = taped_network(model.decoder)
        normaliser, step = model.normaliser, model.quantiser.step[quality - 1].astype(np.float64)
        if model.dtype.kind == "f":
            slope = normaliser.output_scale
        else:
            slope = normaliser.output_multiplier * 2.0**-normaliser.output_shift
        self._slope = step * (2.0 * self._unit * slope)
        correction = model.decoder.correction
        if correction is not None:
            # What a step of it makes is known, and may be less than a whole unit.
            n, down = model.n_encoded, self._unit * slope * 2.0**-correction.shift
            squares = np.square(correction.weight.astype(np.float64)).sum(axis=1)
            self._curvature[n:] = np.square(step[n:] * down) * squares

    def improve(
        self, x: Frames, symbols: Symbols, effort: Effort, weight: Floats | None = None
    ) -> Symbols:
        """Give `(n, latent_size)` symbols that cost no more than the given ones.

        Parameters
        ----------
        x : (n, *frame_shape)
            The frames, all of finite numbers.
        symbols : (n, latent_size) int32
            What the encoder gives for them.
        effort : Effort
        weight : (n,), optional
            Of each frame's errors: what its lambda is multiplied by.
        """
        if not effort.rounds or not len(x):
            return symbols
        everyone, wanted = np.arange(len(x)), self._wanted(x, weight)
        found = Found(symbols.copy(), np.full(len(x), np.inf))
        self._descend(wanted, found, everyone, effort.rounds)
        if effort.trials:
            self._try_singly(wanted, found, effort.trials)
        for number in range(effort.leaps):
            self._leap(wanted, found, number)
        return found.symbols

    def correct(self, x: Frames, symbols: Symbols) -> Floats:
        """Give what a correction lacks, `(n, n_corrected)` in steps, so that errors are least.

        The output is linear in these latents, so one step of Newton's method finds it; those that
        the quality has no step for stay 0. Steps of components at right angles to one another,
        which a correction's are, do not disturb each other.

        Parameters
        ----------
        x : (n, *frame_shape)
        symbols : (n, latent_size) int32
            Those of the correction are 0.
        """
        e = errors(self._decode(symbols, self._quality), x, self._unit)
        n = self._model.n_encoded
        decoder = self._model.decoder
        _, pull = taped_correction(decoder)(np.zeros((len(x), decoder.n_corrected)))
        gradient = pull(e.reshape(len(x), -1)).astype(np.float64) * self._slope[n:]
        twice = 2.0 * self._curvature[n:]
        return np.where(twice > 0, -gradient / np.where(twice > 0, twice, 1.0), 0.0)

    def cost(self, x: Frames, symbols: Symbols) -> Floats:
        """Give `bits + lambda * distortion` of `(n, latent_size)` symbols for frames, `(n,)`."""
        return self._cost(self._wanted(x), symbols)

    def _wanted(self, x: Frames, weight: Floats | None = None) -> Wanted:
        lambdas = np.full(len(x), self._lambda)
        return Wanted(x, lambdas if weight is None else lambdas * weight)

    def _cost(self, wanted: Wanted, symbols: Symbols) -> Floats:
        e = errors(self._decode(symbols, self._quality), wanted.x, self._unit)
        return self._costs.bits(symbols) + wanted.lambda_ * squared(e)

    def _descend(
        self,
        wanted: Wanted,
        found: Found,
        rows: Rows,
        rounds: int,
        held: npt.NDArray[np.bool_] | None = None,
    ) -> None:
        """Make rounds of moves, for the signals of `rows` and as long as one finds anything.

        Parameters
        ----------
        held : (n, latent_size) bool, optional
            Latents that stay.
        """
        for _ in range(rounds):
            outlook = self._outlook(wanted[rows], found.symbols[rows])
            found.cost[rows] = outlook.cost
            if held is not None:
                outlook.change[held[rows]] = OUT_OF_REACH
            rows = rows[self._move_together(wanted, found, rows, outlook)]
            if not len(rows):
                return

    def _move_together(
        self, wanted: Wanted, found: Found, rows: Rows, outlook: Outlook
    ) -> npt.NDArray[np.bool_]:
        """Try all moves that promise something, then the better half of them; tell who gained."""
        change = outlook.change.min(axis=2)
        step = np.where(outlook.change[..., 1] < outlook.change[..., 0], 1, -1).astype(np.int32)
        rank = change.argsort(axis=1, kind="stable").argsort(axis=1, kind="stable")
        n_moves = (change < 0).sum(axis=1)
        gained = np.zeros(len(rows), dtype=bool)
        for _ in range(HALVINGS):
            still = np.flatnonzero(~gained & (n_moves > 0))
            if not len(still):
                break
            symbols = outlook.symbols[still]
            moved = rank[still] < n_moves[still, None]
            symbols = symbols + np.where(moved, step[still], 0).astype(np.int32)
            cost = self._cost(wanted[rows[still]], symbols)
            gained[still] = found.take(rows[still], symbols, cost)
            n_moves //= 2
        return gained

    def _try_singly(self, wanted: Wanted, found: Found, trials: int) -> None:
        """Try moves of one latent, in the order of what they promise."""
        outlook = self._outlook(wanted, found.symbols)
        order = outlook.order()
        for number in range(min(trials, order.shape[1])):
            rows, symbols = outlook.moved(order[:, number], found.symbols)
            found.take(rows, symbols, self._cost(wanted[rows], symbols))

    def _leap(self, wanted: Wanted, found: Found, number: int) -> None:
        """Make one move though it costs more, see what the other latents make of it; or go back."""
        outlook = self._outlook(wanted, found.symbols)
        order = outlook.order()
        column = order[:, number % order.shape[1]]
        rows, symbols = outlook.moved(column, found.symbols)
        held = np.zeros((len(rows), symbols.shape[1]), dtype=bool)
        held[np.arange(len(rows)), column[rows] // 2] = True
        leapt = Found(symbols, np.full(len(rows), np.inf))
        self._descend(wanted[rows], leapt, np.arange(len(rows)), REPAIRS, held)
        found.take(rows, leapt.symbols, leapt.cost)

    def _outlook(self, wanted: Wanted, symbols: Symbols) -> Outlook:
        """Estimate what each move of one latent by one would change."""
        bits, change = self._costs.beside(symbols)
        distortion, gradient = np.empty(len(symbols)), np.empty(symbols.shape)
        for rows in self._batches(len(symbols)):
            distortion[rows], gradient[rows] = self._gradient(wanted.x[rows], symbols[rows])
        curved, lambda_ = DAMPING * self._curvature, wanted.lambda_[:, None]
        change[..., 0] += lambda_ * (curved - gradient)
        change[..., 1] += lambda_ * (curved + gradient)
        return Outlook(symbols, bits + wanted.lambda_ * distortion, change)

    def _gradient(self, x: Frames, symbols: Symbols) -> tuple[Floats, Floats]:
        """Give the distortion `(n,)`, and its gradient with respect to symbols."""
        model = self._model
        y, pull = self._decoder(model.quantiser.to_latents(symbols, self._quality - 1))
        e = errors(model.normaliser.from_integers(y), x, self._unit)
        gradient = pull(e.reshape(x.shape))
        return squared(e), gradient.astype(np.float64) * self._slope

    def _batches(self, n: int) -> Iterator[slice]:
        decoder = self._model.decoder
        elements = sum(map(prod, decoder.shapes)) + prod(decoder.input_shape)
        size = max(1, min(BATCH_SIGNALS, BATCH_ELEMENTS // elements))
        return (slice(i, i + size) for i in range(0, n, size))


@dataclass
class Outlook:
    """What moves of one latent by one promise.

    Attributes
    ----------
    symbols : (n, latent_size) int32
        From where they are made.
    cost : (n,)
        Of these symbols, in bits.
    change : (n, latent_size, 2)
        What it would become more, by an estimate, with one less and with one more.
    """

    symbols: Symbols
    cost: Floats
    change: Floats

    def order(self) -> npt.NDArray[np.intp]:
        """Number the moves of each signal, `2 * latent + (0 or 1)`, the most promising first."""
        return self.change.reshape(len(self.change), -1).argsort(axis=1, kind="stable")

    def moved(self, column: npt.NDArray[np.intp], symbols: Symbols) -> tuple[Rows, Symbols]:
        """Make one move a signal, `(n,)`, on other symbols; leave out those that are no table's."""
        everyone = np.arange(len(column))
        latent, up = column // 2, column % 2
        rows = everyone[self.change[everyone, latent, up] < OUT_OF_REACH]
        symbols = symbols[rows]
        symbols[np.arange(len(rows)), latent[rows]] += (2 * up[rows] - 1).astype(np.int32)
        return rows, symbols
