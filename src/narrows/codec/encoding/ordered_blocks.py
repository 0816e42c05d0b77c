"""Blocks of signals whose order tells: windows of a recording, and bricks of tiles of an array."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import ceil, floor, fsum, log10
from typing import NamedTuple, Protocol

import numpy as np

from narrows.codec.archive import Block, Mode
from narrows.codec.archive.exact_values import ExactValues, Mask, patched
from narrows.codec.archive.raw_blocks import pack_raw
from narrows.codec.decoder import Decoder
from narrows.codec.encoding.adapted_blocks import adapted
from narrows.codec.encoding.brick_encoder import BrickEncoder
from narrows.codec.encoding.costs import errors, squared, squared_errors, with_known
from narrows.codec.encoding.kept import Kept, check_leaving_out
from narrows.codec.encoding.likeness import Likeness
from narrows.codec.encoding.objective import Known
from narrows.codec.encoding.requests import Budget, Request
from narrows.codec.encoding.symbol_encoder import SymbolEncoder
from narrows.codec.encoding.window_encoder import WindowEncoder
from narrows.codec.model.tradeoff import Tradeoff
from narrows.codec.networks.quantiser import MAX_QUALITIES
from narrows.codec.prediction.bricks import Brick, array_of, cut_to_tiles
from narrows.codec.prediction.prediction import NONE
from narrows.codec.transform import Frames
from narrows.errors import SettingError
from narrows.gaps import filled
from narrows.smooth_gaps import smoothly_filled

Part = Frames | Brick
THRIFTS = (3.0, 1.75, 1.0)
"""Times what a bit is worth: points of a quality that are tried for a target, few bytes first."""


def _no_other(adapts: bool) -> None:
    """Return that there is no other way to code signals."""


class Made(NamedTuple):
    """A block, and what returns the signals that a decoder makes of it.

    `alone` codes the same signals one by one, where that may be better, and may search them axes of
    their own.
    """

    block: Block
    decode: Callable[[], Frames]
    alone: Callable[[bool], Made | None] = _no_other


class Coder(Protocol):
    """Codes all signals of a block together."""

    def __call__(self, part: Part, known: Known, quality: int, effort: int, thrift: float) -> Made:
        """Code finite signals; where `known` is False, errors do not count.

        A bit is worth `thrift` times what is best for the quality.
        """
        ...


class OrderedBlocks:
    """Encodes signals in their order, and keeps exactly what is missing or unlike all training.

    Parameters
    ----------
    decoder : Decoder
    likeness : Likeness
    coder : Coder
    """

    def __init__(self, decoder: Decoder, likeness: Likeness, coder: Coder) -> None:
        self._decoder, self._likeness, self._coder = decoder, likeness, coder

    def block(self, part: Part, left_out: Mask | None, request: Request, kept: Kept) -> Block:
        """Code `(n, *frame_shape)` signals, but for elements left out.

        A budget is one of the whole block: its mean bytes a signal, or the PSNR of all its errors.

        Raises
        ------
        SettingError
            If a block cannot keep to the budget; it says what could be had.
        """
        own, x, known = self._decoder.model.normaliser, _frames_of(part), None
        channels, mean = own.n_channels is not None, np.array(own.offset)
        if isinstance(part, Brick):
            known = None if part.known.all() else part.known
            if left_out is not None:
                part = _without_gaps(part, left_out, float(mean.mean()))
                left_out = left_out & part.known  # beyond the end of an array nothing counts
                left_out = left_out if left_out.any() else None
        elif left_out is not None:
            part = filled(x, left_out, mean, has_channels=channels)
        if left_out is not None:
            known = ~left_out if known is None else known & ~left_out
        quality, effort = request.resolve(self._decoder.model)
        if request.budget is not None:
            block = self._within(request.budget, part, known, effort)
            return self._patched(block, x, left_out)
        made = self._best(part, known, quality, effort)
        block = made.block
        qualities = np.full(len(x), quality)
        unlike = self._likeness.of_decoded(_frames_of(part), known, made.decode(), qualities)
        if unlike.any():
            kept.unlike += int(unlike.sum())
            check_leaving_out(request, kept)
            left_out = np.zeros(x.shape, dtype=bool) if left_out is None else left_out
            left_out[unlike] = True
            if block.mode is not Mode.PREDICTED:  # which alone holds what is kept exactly, too
                known = ~left_out if known is None else known & ~left_out
                block = self._best(part, known, quality, effort).block
        return self._patched(block, x, left_out)

    def _best(self, part: Part, known: Known, quality: int, effort: int) -> Made:
        """Code signals in the way that costs least, in bits and what errors are worth."""
        made = self._coder(part, known, quality, effort, 1.0)
        tradeoff = self._decoder.model.quality(quality).tradeoff
        alone = None if tradeoff is None else made.alone(True)
        if tradeoff is None or alone is None:
            return made
        x = _frames_of(part)
        return min((made, alone), key=lambda way: _cost(way, x, known, tradeoff))

    def _within(self, budget: Budget, part: Part, known: Known, effort: int) -> Block:
        """Code signals that keep to a budget."""
        x = _frames_of(part)
        n_qualities = self._decoder.model.n_qualities
        points = [(q, thrift) for q in range(1, n_qualities + 1) for thrift in THRIFTS]
        low, high, measured = 0, len(points), 0.0
        found: Made | None = None
        while low < high:
            middle = (low + high) // 2
            quality, thrift = points[middle]
            made = self._coder(part, known, quality, effort, thrift)
            measured = self._measured(made, budget, x, known)
            keeps = measured <= self._most(budget, x, known)
            found = made if keeps else found
            if keeps == budget.of_bytes:
                low = middle + 1
            else:
                high = middle
        if found is None:
            raise SettingError(self._out_of_reach(budget, x, known, measured))
        alone = found.alone(False)
        return found.block if alone is None else self._better(budget, x, known, found, alone).block

    def _better(self, budget: Budget, x: Frames, known: Known, found: Made, other: Made) -> Made:
        """Return the other way if it keeps to a budget, too, and is better besides."""
        if self._measured(other, budget, x, known) > self._most(budget, x, known):
            return found
        if budget.of_bytes:
            e = [_error(with_known(way.decode(), x, known), x) for way in (found, other)]
            return other if e[1] < e[0] else found
        return min((found, other), key=lambda way: len(way.block.payload))

    def _measured(self, made: Made, budget: Budget, x: Frames, known: Known) -> float:
        """Return what the budget limits: a block's bytes, or its squared error."""
        if budget.of_bytes:
            return float(len(made.block.payload))
        return _error(with_known(made.decode(), x, known), x)

    def _most(self, budget: Budget, x: Frames, known: Known) -> float:
        if budget.target_bytes is not None:
            return budget.target_bytes * len(x)
        count = x.size if known is None else int(known.sum())
        return budget.largest_error(self._decoder.model.peak, count)

    def _out_of_reach(self, budget: Budget, x: Frames, known: Known, measured: float) -> str:
        """Say what signals have at the last point that was tried, rounded to where it is kept."""
        few = self._decoder.model.n_qualities < MAX_QUALITIES
        more = ", or more --qualities," if few else ""
        if budget.target_bytes is not None:
            least = ceil(10.0 * measured / len(x)) / 10.0
            return (
                f"target_bytes {budget.target_bytes:g} is out of reach: a block of {len(x):,} "
                f"signals takes {least:.1f} bytes a signal at least; give more, or another model: "
                f"one trained with --aim bytes:{budget.target_bytes:g} or less{more} comes nearer"
            )
        lack = 10.0 * log10(measured / self._most(budget, x, known))
        most = floor(10.0 * (float(budget.target_psnr or 0.0) - lack)) / 10.0
        return (
            f"target_psnr {budget.target_psnr:g} is out of reach: a block of {len(x):,} signals "
            f"can have {most:.1f} dB at most; give less, or another model: one trained with "
            f"--aim psnr:{budget.target_psnr:g} or more{more} comes nearer"
        )

    def _patched(self, block: Block, x: Frames, left_out: Mask | None) -> Block:
        """Return the block with elements that are kept exactly; a raw one where all are."""
        if left_out is None:
            return block
        if left_out.all():
            return pack_raw(x, block.quality)
        return patched(block, ExactValues(left_out, x[left_out]))


class WindowCoder:
    """Codes windows of a recording.

    Parameters
    ----------
    decoder : Decoder
    symbol_encoder : SymbolEncoder
        For what is not predicted.
    """

    def __init__(self, decoder: Decoder, symbol_encoder: SymbolEncoder) -> None:
        self._blocks, self._encoder = decoder.blocks, WindowEncoder(symbol_encoder)
        self._symbols = symbol_encoder

    def __call__(self, part: Part, known: Known, quality: int, effort: int, thrift: float) -> Made:
        """Code windows: see `Coder`."""
        windows, decoded = self._encoder.encode(_frames_of(part), quality, effort, known, thrift)
        block = self._blocks.predicted.pack(windows, quality)
        decode = partial(self._blocks.predicted.in_dtype, decoded)
        if 2 * int((windows.modes != NONE).sum()) >= len(windows.modes):
            return Made(block, decode)
        return Made(block, decode, partial(self._alone, _frames_of(part), known, quality, effort))

    def _alone(
        self, x: Frames, known: Known, quality: int, effort: int, adapts: bool
    ) -> Made | None:
        """Code windows one by one, as other models do; None if nothing is known of any."""
        rows = np.ones(len(x), dtype=bool)
        if known is not None:
            rows[:] = known.reshape(len(x), -1).any(axis=1)
        if not rows.any():
            return None
        own = None if known is None else known[rows]
        symbols = self._symbols.encode(x[rows], quality, effort, known=own).symbols
        coded = self._blocks.pack(symbols, np.full(len(symbols), quality))
        block = adapted(coded, x[rows], own, symbols, self._symbols, effort * adapts)
        frames = x.copy()
        frames[rows] = self._blocks.decode(block)
        return Made(block, lambda: frames)


class BrickCoder:
    """Codes bricks.

    Parameters
    ----------
    decoder : Decoder
    """

    def __init__(self, decoder: Decoder) -> None:
        self._blocks, self._encoder = decoder.blocks.predicted, BrickEncoder(decoder.transform)

    def __call__(self, part: Part, known: Known, quality: int, effort: int, thrift: float) -> Made:
        """Code a brick: see `Coder`. All efforts search alike."""
        assert isinstance(part, Brick)
        coded = self._encoder.encode(part, quality, thrift)
        block = self._blocks.pack_brick(coded.coefficients, len(part), quality, coded.numbers)
        return Made(block, partial(self._blocks.tiles_of_brick, coded.coefficients, quality))


def ordered_blocks_of(
    decoder: Decoder, symbol_encoder: SymbolEncoder, likeness: Likeness
) -> OrderedBlocks:
    """Return the encoder of what a model predicts: windows, or else bricks."""
    is_of_windows = decoder.model.prediction is not None
    coder = WindowCoder(decoder, symbol_encoder) if is_of_windows else BrickCoder(decoder)
    return OrderedBlocks(decoder, likeness, coder)


def _error(decoded: Frames, x: Frames) -> float:
    return fsum(squared_errors(decoded, x).tolist())


def _cost(made: Made, x: Frames, known: Known, tradeoff: Tradeoff) -> float:
    """Return the bits of a block, and what its errors are worth in bits."""
    e = squared(errors(with_known(made.decode(), x, known), x, tradeoff.units))
    return 8 * len(made.block.payload) + tradeoff.lambda_ * float(e.sum())


def _without_gaps(brick: Brick, left_out: Mask, mean: float) -> Brick:
    gaps = array_of(Brick(left_out, brick.shape))
    array = smoothly_filled(array_of(brick), gaps, mean)
    return Brick(cut_to_tiles(array, brick.frames.shape[1:]), brick.shape)


def _frames_of(part: Part) -> Frames:
    return part.frames if isinstance(part, Brick) else part
