"""Symbols <-> the blocks of an archive."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from narrows.codec.archive import SEVERAL_QUALITIES, Block, Mode
from narrows.codec.archive.quality_groups import pack_groups, unpack_groups
from narrows.codec.archive.raw_blocks import unpack_raw
from narrows.codec.entropy.ans import SymbolCoder
from narrows.codec.entropy.tables import Symbols
from narrows.codec.transform import Frames, Transform
from narrows.errors import FormatError

Qualities = npt.NDArray[np.intp]


class Unpacked(NamedTuple):
    """What a block holds: signals, or symbols with their qualities `(n,)`."""

    values: npt.NDArray[Any]
    qualities: Qualities | None


class BlockCoder:
    """Symbols <-> blocks, and blocks -> frames.

    Parameters
    ----------
    transform : Transform
    """

    def __init__(self, transform: Transform) -> None:
        self._transform = transform
        self._model = transform.model

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
        values, qualities = unpacked
        return values if qualities is None else self._transform.decode(values, qualities)

    def unpack(self, block: Block) -> Unpacked:
        """Undo the entropy coding of a block."""
        model, n = self._model, block.n_signals
        if block.mode is not Mode.CODED:
            return Unpacked(unpack_raw(block, model.dtype, model.frame_shape), None)
        if block.quality == SEVERAL_QUALITIES:
            each = (model.latent_size, model.n_qualities, self._coder)
            return Unpacked(*unpack_groups(block.payload, n, *each))
        if block.quality > model.n_qualities:
            raise FormatError(f"block of quality {block.quality}, which the model does not have")
        symbols = self._coder(block.quality).decode(block.payload, n)
        return Unpacked(symbols, np.full(n, block.quality))

    def _coder(self, quality: int) -> SymbolCoder:
        return self._model.quality(quality).coder
