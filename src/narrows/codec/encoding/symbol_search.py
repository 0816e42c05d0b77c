"""The search for symbols that cost less, in bits and errors together, with the decoder as it is.

All of it is exact: errors and costs are whole numbers, the gradient's sums are exact in any order,
and what is left is separately rounded float64, number by number. So an effort gives the same
symbols on every machine, whatever the batch.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property, partial
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.encoding.adjoints import taped_chain
from narrows.codec.encoding.compiled_adjoints import Pull
from narrows.codec.encoding.costs import OUT_OF_REACH, MoveCosts, SymbolCosts
from narrows.codec.encoding.found import Best, Floats, Found, Rows
from narrows.codec.encoding.objective import Distortions, Known, Objective
from narrows.codec.encoding.requests import Effort
from narrows.codec.entropy.tables import Symbols
from narrows.codec.model.groups import CORRECTED
from narrows.codec.networks.backend import NUMPY
from narrows.codec.networks.engines import REFERENCE
from narrows.codec.transform import Frames, Transform
from narrows.errors import ModelError

DAMPING = 1.25  # factor of the curvature, as moves are made together; best of 1, 1.25, 1.5 and 2
HALVINGS = 3  # rounds try all promising moves, then the better half of them, then a quarter
ROUNDS_AFTER_FORCED_MOVE = 2
BATCH_ELEMENTS = 1 << 22  # values of all layers in a batch
BATCH_SIGNALS = 256


class SymbolSearch:
    """Searches symbols for frames at one quality of a model.

    Parameters
    ----------
    transform : Transform
        Of a model that has something to search by.
    quality : int
    """

    def __init__(self, transform: Transform, quality: int) -> None:
        model = transform.model
        own = model.quality(quality)
        if own.tradeoff is None:
            raise ModelError(f"model {transform.model_id} has nothing to search symbols by")
        self._model = model
        self._quality = own
        self._decode = transform.decode
        self._levels = partial(transform.coders.levels_of, quality=own)
        units = own.tradeoff.units
        self._distortions = Distortions(transform, quality, units)
        self._lambda = own.tradeoff.lambda_
        self._curvature = own.tradeoff.curvature.astype(np.float64)
        self._costs = SymbolCosts(own.tables, transform.coders.compiled(own))
        decoder = model.decoder
        self._engine = transform.engine if transform.backend is NUMPY else REFERENCE
        of_input = decoder.input_shape, decoder.input_limit
        self._decoder = taped_chain(decoder.layers, *of_input, self._engine)
        step = own.step.astype(np.float64)
        # Units of error in 1 at the output; channels differ in them by their weights alone.
        slopes = np.atleast_1d(units * np.array(model.normaliser.slope))  # (1 or n_channels,)
        slope = float(slopes.max())
        self._relative = slopes / slope
        self._slope = step * (2.0 * slope)
        self._corrected = model.columns(CORRECTED)
        if CORRECTED in model.groups:
            # The effect of their steps is known, and may be less than a whole unit.
            dense: Any = model.decoder.branches[1].layers[0]
            down = slope * 2.0**-dense.shift
            squares = squares_by_channel(dense.weight, self._relative)
            self._curvature[self._corrected] = np.square(step[self._corrected] * down) * squares

    def improve(
        self,
        x: Frames,
        symbols: Symbols,
        effort: Effort,
        weight: Floats | None = None,
        known: Known = None,
    ) -> Found:
        """Find `(n, latent_size)` symbols that cost no more than the given ones.

        Parameters
        ----------
        x : (n, *frame_shape)
            Frames of finite numbers.
        symbols : (n, latent_size) int32
            Where the search begins: what the encoder gives for them.
        effort : Effort
        weight : (n,), optional
            Factor of each frame's lambda.
        known : (n, *frame_shape) bool, optional
            Whose errors count; by default all.
        """
        if not effort.rounds or not len(x):
            return Found.rounded(symbols)
        objective = self._objective(x, weight, known)
        best = Best(symbols.copy(), np.full(len(x), np.inf))
        self._descend(objective, best, np.arange(len(x)), effort.rounds)
        if effort.trials:
            self._try_singly(objective, best, effort.trials)
        for number in range(effort.forced_moves):
            self._force_move(objective, best, number)
        # The cost is bits and lambda times the distortion, and bits are never less than none.
        with np.errstate(divide="ignore"):
            return Found(best.symbols, best.cost / objective.lambda_)

    def correct(self, x: Frames, symbols: Symbols, known: Known = None) -> Floats:
        """Compute the corrected latents, `(n, n_corrected)` in steps, that leave the least error.

        The output is linear in these latents, and the components are orthogonal, so one step of
        Newton's method finds them. Latents that the quality has no step for stay 0.

        Parameters
        ----------
        x : (n, *frame_shape)
        symbols : (n, latent_size) int32
            The corrected ones are 0.
        """
        objective = self._objective(x, None, known)
        decoded = self._decode(symbols, self._quality.number)
        e = self._distortions.errors(objective, decoded)
        gradient = self._pull_to_corrected(self._at_output(e)).astype(np.float64)
        gradient *= self._slope[self._corrected]
        twice = 2.0 * self._curvature[self._corrected]
        return np.where(twice > 0, -gradient / np.where(twice > 0, twice, 1.0), 0.0)

    @cached_property
    def _pull_to_corrected(self) -> Pull:
        """The way back from frames to the corrected latents alone: through one linear chain."""
        second = self._model.decoder.branches[1]
        of_input = second.input_shape, second.input_limit
        tape = taped_chain(second.layers, *of_input, self._engine)
        _, pull = tape(np.zeros((1, *second.input_shape)))
        return pull

    def cost(self, x: Frames, symbols: Symbols) -> Floats:
        """Compute `bits + lambda * distortion` of `(n, latent_size)` symbols for frames, `(n,)`."""
        return self._cost(self._objective(x), symbols)

    def _objective(self, x: Frames, weight: Floats | None = None, known: Known = None) -> Objective:
        lambdas = np.full(len(x), self._lambda)
        return Objective(x, lambdas if weight is None else lambdas * weight, known)

    def _cost(self, objective: Objective, symbols: Symbols) -> Floats:
        bits = self._costs.bits(symbols)
        return bits + objective.lambda_ * self._distortions.of_symbols(objective, symbols)  # (n,)

    def _descend(
        self,
        objective: Objective,
        best: Best,
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
            moves = self._move_costs(objective[rows], best.symbols[rows])
            best.cost[rows] = moves.cost
            if held is not None:
                moves.change[held[rows]] = OUT_OF_REACH
            rows = rows[self._move_together(objective, best, rows, moves)]
            if not len(rows):
                return

    def _move_together(
        self, objective: Objective, best: Best, rows: Rows, moves: MoveCosts
    ) -> npt.NDArray[np.bool_]:
        """Try all promising moves together, then the better half; return which rows gained."""
        change = moves.change.min(axis=2)  # (n, latent_size): of the better direction
        step = np.where(moves.change[..., 1] < moves.change[..., 0], 1, -1).astype(np.int32)
        rank = change.argsort(axis=1, kind="stable").argsort(axis=1, kind="stable")
        n_moves = (change < 0).sum(axis=1)  # (n,)
        gained = np.zeros(len(rows), dtype=bool)
        for _ in range(HALVINGS):
            left = np.flatnonzero(~gained & (n_moves > 0))  # (n_left,)
            if not len(left):
                break
            moved = rank[left] < n_moves[left, None]  # (n_left, latent_size)
            symbols = moves.symbols[left] + np.where(moved, step[left], 0).astype(np.int32)
            cost = self._cost(objective[rows[left]], symbols)  # (n_left,)
            gained[left] = best.take(rows[left], symbols, cost)
            n_moves //= 2
        return gained

    def _try_singly(self, objective: Objective, best: Best, trials: int) -> None:
        """Try moves of one latent, the most promising first."""
        moves = self._move_costs(objective, best.symbols)
        order = moves.order()
        for number in range(min(trials, order.shape[1])):
            rows, symbols = moves.moved(order[:, number], best.symbols)
            best.take(rows, symbols, self._cost(objective[rows], symbols))

    def _force_move(self, objective: Objective, best: Best, number: int) -> None:
        """Hold one move, though it may cost more, while other latents move; keep what gains."""
        moves = self._move_costs(objective, best.symbols)
        order = moves.order()  # (n, 2 * latent_size)
        column = order[:, number % order.shape[1]]  # (n,)
        rows, symbols = moves.moved(column, best.symbols)
        held = np.zeros(symbols.shape, dtype=bool)
        held[np.arange(len(rows)), column[rows] // 2] = True
        forced = Best(symbols, np.full(len(rows), np.inf))
        everyone = np.arange(len(rows))
        self._descend(objective[rows], forced, everyone, ROUNDS_AFTER_FORCED_MOVE, held)
        best.take(rows, forced.symbols, forced.cost)

    def _move_costs(self, objective: Objective, symbols: Symbols) -> MoveCosts:
        """Estimate how the cost changes with each move of one latent by one."""
        bits, change = self._costs.beside(symbols)  # (n,) and (n, latent_size, 2)
        distortion, gradient = np.empty(len(symbols)), np.empty(symbols.shape)
        for rows in self._batches(len(symbols)):
            distortion[rows], gradient[rows] = self._gradient(objective[rows], symbols[rows])
        curvature = DAMPING * self._curvature  # (latent_size,)
        lambda_ = objective.lambda_[:, None]  # (n, 1)
        change[..., 0] += lambda_ * (curvature - gradient)
        change[..., 1] += lambda_ * (curvature + gradient)
        return MoveCosts(symbols, bits + objective.lambda_ * distortion, change)

    def _gradient(self, objective: Objective, symbols: Symbols) -> tuple[Floats, Floats]:
        """Compute the distortion `(n,)`, and its gradient `(n, latent_size)` in symbols."""
        model, own = self._model, self._quality
        y, pull = self._decoder(model.quantiser.to_latents(self._levels(symbols), own.step))
        e, distortion = self._distortions.of_integers(objective, y)
        gradient = pull(self._at_output(e))
        return distortion, gradient.astype(np.float64) * self._slope

    def _at_output(self, e: Floats) -> Floats:
        """Return half the gradient at the output, `(n, *frame_shape)`, in the largest slope."""
        e = e.reshape(len(e), *self._model.frame_shape)
        return e if (self._relative == 1.0).all() else e * self._relative

    def _batches(self, n: int) -> Iterator[slice]:
        decoder = self._model.decoder
        elements = sum(map(prod, decoder.shapes)) + prod(decoder.input_shape)
        size = max(1, min(BATCH_SIGNALS, BATCH_ELEMENTS // elements))
        return (slice(i, i + size) for i in range(0, n, size))


def squares_by_channel(weight: npt.NDArray[Any], relative: Floats) -> Floats:
    """Sum the squares of `(n, size)` weights to `(n,)`, each times the square of its channel's."""
    parts = weight.astype(np.float64).reshape(len(weight), -1, len(relative))
    sums = np.square(parts).sum(axis=1)  # (n, n_channels), exact
    total = np.zeros(len(weight))
    for column, factor in zip(sums.T, relative.tolist(), strict=True):
        total += column * (factor * factor)
    return total
