"""Blocks that adapt to their signals: tables that learn, and axes of a block's own.

A block as the model codes it is what others are compared with: by their bytes and what errors are
worth in these, as the search for symbols counts them.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from narrows.codec.archive import Block, Mode
from narrows.codec.encoding.axis_choice import choose_rotations, in_substeps, with_tables
from narrows.codec.encoding.learned_blocks import (
    LEAST_GAIN,
    is_learnable,
    learned_rows,
    with_learned_tables,
)
from narrows.codec.encoding.objective import Distortions, Known, Objective
from narrows.codec.encoding.rotated_model import along_longest, rotated_codec
from narrows.codec.encoding.symbol_encoder import SymbolEncoder
from narrows.codec.entropy.learned import LearnedCoder
from narrows.codec.entropy.tables import FrequencyTable, Symbols
from narrows.codec.model.model import Model
from narrows.codec.own_axes import has_axes, pack_axes
from narrows.codec.transform import Frames
from narrows.errors import UnprovenModelError

LEAST_SIGNALS = 128  # of fewer, no rotation pays for itself


def adapted(
    block: Block, x: Frames, known: Known, symbols: Symbols, encoder: SymbolEncoder, effort: int
) -> Block:
    """Return a block of the same signals that costs less, or the same one.

    Parameters
    ----------
    block : Block
        As a model codes it.
    x, known : (n, *frame_shape)
        Where `known` is False, errors do not count.
    symbols : (n, latent_size)
        Of the block.
    encoder : SymbolEncoder
    effort : int
        At effort 0 symbols stay as they are.
    """
    if not is_learnable(block, symbols):
        return block
    quality = encoder.model.quality(block.quality)
    learned = with_learned_tables(block, symbols, quality.tables)
    if not effort or quality.tradeoff is None or not has_axes(encoder.model):
        return learned
    return _Adapting(encoder, x, known, block.quality, effort).best(learned, symbols)


class _Adapting:
    """Searches symbols of a block anew, for tables that learn and for other axes."""

    def __init__(
        self, encoder: SymbolEncoder, x: Frames, known: Known, number: int, effort: int
    ) -> None:
        self._encoder, self._x, self._known, self._effort = encoder, x, known, effort
        self._model, self._quality = encoder.model, encoder.model.quality(number)

    def best(self, block: Block, symbols: Symbols) -> Block:
        """Return the block that costs least: the given one, or one of symbols searched anew."""
        ways = [(self._cost(block, self._encoder, symbols, self._quality.number), block)]
        if block.mode is Mode.LEARNED:
            ways.append(self._searched(block, self._encoder, symbols, self._quality.number))
        rotated = self._rotated(block)
        if rotated is not None:
            ways.append(rotated)
        return min(ways, key=lambda way: way[0])[1]

    def _rotated(self, block: Block) -> tuple[float, Block] | None:
        """Code along axes of the block's own, if these seem to save anything."""
        substeps = self._substeps()
        apart = 2 if self._model.trellis else 1
        rotations, saved = choose_rotations(substeps, apart)
        if len(substeps) < LEAST_SIGNALS or saved < LEAST_GAIN * 8 * len(block.payload):
            return None
        row = self._model.tables[self._quality.number - 1]
        axes = with_tables(rotations, substeps, row, apart)
        try:
            own = self._encoder_of(rotated_codec(self._model, self._quality, axes))
        except UnprovenModelError:  # of an encoder that leaves no room
            return None
        symbols = own.encode(self._x, 1, self._effort, known=self._known).symbols
        start = replace(block, mode=Mode.ROTATED, payload=pack_axes(axes))
        return self._searched(start, own, symbols, 1, start.payload)

    def _substeps(self) -> np.ndarray:
        transform, quality, model = self._encoder.transform, self._quality, self._model
        substeps = np.empty((len(self._x), model.latent_size))
        factor = along_longest(model, quality)
        for rows, latents in transform.encoded(self._x):
            levels = model.quantiser.in_steps(latents, quality.gain, transform.backend)
            substeps[rows] = in_substeps(transform.backend.to_numpy(levels) * factor)
        return substeps

    def _searched(
        self, block: Block, own: SymbolEncoder, symbols: Symbols, number: int, start: bytes = b""
    ) -> tuple[float, Block]:
        """Search symbols for the tables that those given lead to, and code them."""
        model = own.model
        rows = learned_rows(symbols, model.quality(number).tables)
        by_learned = self._encoder_of(_with_rows(model, number, rows))
        found = by_learned.improve(
            self._x, symbols, number, self._effort, known=self._known
        ).symbols
        payload = start + LearnedCoder(model.quality(number).tables).encode(found)
        block = replace(block, payload=payload)
        return self._cost(block, own, found, number), block

    def _cost(self, block: Block, own: SymbolEncoder, symbols: Symbols, number: int) -> float:
        """Return the bits of a block, and what its errors are worth in bits."""
        tradeoff = own.model.quality(number).tradeoff
        assert tradeoff is not None
        distortions = Distortions(own.transform, number, tradeoff.units)
        objective = Objective(self._x, np.full(len(symbols), tradeoff.lambda_), self._known)
        errors = distortions.of_symbols(objective, symbols)
        return 8 * len(block.payload) + tradeoff.lambda_ * float(errors.sum())

    def _encoder_of(self, model: Model) -> SymbolEncoder:
        return SymbolEncoder(self._encoder.transform.serving(model))


def _with_rows(model: Model, number: int, rows: list[list[FrequencyTable]]) -> Model:
    """Return a model with other tables at a quality, and no context model."""
    both = [list(model.tables), list(model.trellis)]
    for of_model, row in zip(both, rows, strict=False):  # of a trellis if there is one
        of_model[number - 1] = row
    return replace(
        model,
        tables=both[0],
        trellis=both[1],
        contexts=[None] * model.n_qualities,
        prediction=None,
        wavelets=None,
        known_answers=None,
        levels=None,
    )
