"""Symbols, and elements that are kept exactly, <-> the blocks of an archive."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from narrows.codec.archive import SEVERAL_QUALITIES, Block, Mode
from narrows.codec.archive.exact_values import ExactValues, unpack_patched
from narrows.codec.archive.modes import BY_NETWORKS
from narrows.codec.archive.quality_groups import pack_groups, unpack_groups
from narrows.codec.archive.raw_blocks import unpack_raw
from narrows.codec.entropy.ans import SymbolCoder
from narrows.codec.entropy.learned import LearnedCoder
from narrows.codec.entropy.tables import Symbols
from narrows.codec.transform import Frames, Transform
from narrows.errors import FormatError

if TYPE_CHECKING:
    from narrows.codec.predicted_blocks import PredictedBlocks

Qualities = npt.NDArray[np.intp]


class Unpacked(NamedTuple):
    """What a block holds: signals, or symbols with their qualities `(n,)` and exact values."""

    values: npt.NDArray[Any]
    qualities: Qualities | None
    exact: ExactValues | None = None

    def of_rows(self, rows: npt.NDArray[np.intp]) -> Unpacked:
        """Return what is of some of the signals."""
        qualities = None if self.qualities is None else self.qualities[rows]
        exact = None if self.exact is None else self.exact.of_rows(rows)
        return Unpacked(self.values[rows], qualities, exact)

    def among(self, rows: npt.NDArray[np.intp], n: int) -> Unpacked:
        """Return what is of n signals of which these are some; others get symbols of 0."""
        values = np.zeros((n, *self.values.shape[1:]), self.values.dtype)
        values[rows] = self.values
        if self.qualities is None:
            return Unpacked(values, None)
        qualities = np.ones(n, dtype=np.intp)
        qualities[rows] = self.qualities
        return Unpacked(values, qualities)


class BlockCoder:
    """Symbols <-> blocks, and blocks -> frames.

    Parameters
    ----------
    transform : Transform
    """

    def __init__(self, transform: Transform) -> None:
        self._transform = transform
        self._model = transform.model

    @cached_property
    def codes_compiled(self) -> bool:
        """Whether compiled code codes all symbols, and nothing predicts frames."""
        model, coders = self._model, self._transform.coders
        predicts = model.prediction is not None or model.wavelets is not None
        return not predicts and all(coders.compiled(each) is not None for each in model.qualities)

    def is_compiled(self, block: Block) -> bool:
        """Whether compiled code does most of the work of decoding a block: for threads."""
        if block.mode is Mode.LEVELS and block.payload[:1] in BY_NETWORKS:
            levels = self._transform.coders.levels(self._model)
            return levels is not None and levels.compiled is not None
        if block.mode is Mode.LEVELS:
            from narrows.codec.interpolation.native.choice import native_levels

            return native_levels() is not None
        return block.kind in {"coded", "patched"} and self.codes_compiled

    @cached_property
    def predicted(self) -> PredictedBlocks:
        """What codes recordings and arrays, imported for the models that have it alone."""
        from narrows.codec.predicted_blocks import PredictedBlocks

        return PredictedBlocks(self._transform)

    def pack(self, symbols: Symbols, qualities: Qualities) -> Block:
        """Code `(n, latent_size)` symbols, each signal's of its quality `(n,)`, to a block."""
        quality = int(qualities[0])
        if (qualities != quality).any():
            payload = pack_groups(symbols, qualities, self._model.n_qualities, self._coder)
            return Block(Mode.CODED, SEVERAL_QUALITIES, len(symbols), payload)
        return Block(Mode.CODED, quality, len(symbols), self._coder(quality).encode(symbols))

    def decode(self, block: Block) -> Frames:
        """Decode the signals of a block, `(n, *frame_shape)`; FormatError if it is not ours."""
        return self.frames(self.unpack(block))

    def frames(self, unpacked: Unpacked) -> Frames:
        """Return the signals, `(n, *frame_shape)`, of all that a block holds or a part of it."""
        values, qualities, exact = unpacked
        if qualities is None:
            return values
        frames = self._transform.decode(values, qualities)
        if exact is not None:
            exact.put_into(frames)
        return frames

    def unpack(self, block: Block) -> Unpacked:
        """Undo the entropy coding of a block."""
        model, n = self._model, block.n_signals
        if block.mode is Mode.PATCHED:
            return self._unpack_patched(block)
        if block.mode in {Mode.PREDICTED, Mode.LEVELS, Mode.ROTATED}:
            return Unpacked(self._unpack_frames(block), None)
        if block.mode not in {Mode.CODED, Mode.LEARNED}:
            return Unpacked(unpack_raw(block, model.dtype, model.frame_shape), None)
        if block.quality == SEVERAL_QUALITIES and block.mode is Mode.CODED:
            each = (model.latent_size, model.n_qualities, self._coder)
            return Unpacked(*unpack_groups(block.payload, n, *each))
        quality = model.quality_of_block(block.quality)
        is_learned = block.mode is Mode.LEARNED
        coder = (
            LearnedCoder(quality.tables)
            if is_learned
            else self._transform.coders.of_blocks(quality)
        )
        return Unpacked(coder.decode(block.payload, n), np.full(n, block.quality))

    def _unpack_frames(self, block: Block) -> Frames:
        """Decode a block that is more than symbols of the model's own latents."""
        if block.mode is Mode.PREDICTED:
            return self.predicted.decode(block)
        if block.mode is Mode.LEVELS:
            return self._unpack_levels(block)
        from narrows.codec.own_axes import decode_rotated  # few blocks are

        return decode_rotated(self._transform, block)

    def _unpack_levels(self, block: Block) -> Frames:
        """Decode a block of levels, which may be by networks of the model; few blocks are."""
        from narrows.codec.interpolation.blocks import unpack_levels
        from narrows.codec.levels.kinds import decode_levels

        model = self._model
        kind = (block.n_signals, model.frame_shape, model.dtype)
        if block.payload[:1] not in BY_NETWORKS:
            return unpack_levels(block.payload, *kind)
        levels = self._transform.coders.levels(model)
        if levels is None:
            raise FormatError("block by networks of levels, which its model does not have")
        return decode_levels(levels, block.payload, *kind)

    def _unpack_patched(self, block: Block) -> Unpacked:
        """Unpack exact values and what is coded behind them; whole signals get symbols of 0."""
        coded, exact = unpack_patched(block, self._model.frame_shape, self._model.dtype)
        found = self.unpack(coded)
        if coded.n_signals < block.n_signals:
            found = found.among(np.flatnonzero(~exact.whole), block.n_signals)
        if found.qualities is None:
            exact.put_into(found.values)
            return found
        return found._replace(exact=exact)

    def _coder(self, quality: int) -> SymbolCoder:
        return self._transform.coders.of_blocks(self._model.quality(quality))
