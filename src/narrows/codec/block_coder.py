"""Frames <-> the blocks of an archive, in whichever mode takes the fewest bytes."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from narrows.codec.archive import Block, Mode
from narrows.codec.archive import raw_blocks as blocks
from narrows.codec.archive.quality_groups import pack_mixed, unpack_mixed
from narrows.codec.encoding.budget import Request
from narrows.codec.encoding.budget_search import BudgetSearch
from narrows.codec.entropy.ans import SymbolCoder
from narrows.codec.transform import Frames, Transform
from narrows.errors import FormatError, SettingError

Qualities = npt.NDArray[np.intp]
MIXED_QUALITY = 0  # that a block of several qualities says


class Unpacked(NamedTuple):
    """What a block holds: signals, or symbols with their qualities `(n,)`."""

    values: npt.NDArray[Any]
    qualities: Qualities | None


class BlockCoder:
    """Frames <-> blocks.

    Parameters
    ----------
    transform : Transform
    """

    def __init__(self, transform: Transform) -> None:
        self._transform = transform
        self._model = transform.model
        self._coders: dict[int, SymbolCoder] = {}

    def pack(self, x: Frames, request: Request) -> Block:
        """Code a block in the mode that takes the fewest bytes; never more than stored."""
        if x.dtype.kind == "f" and not np.isfinite(x).all():
            if request.budget is not None and request.budget.of_bytes:
                raise SettingError(
                    "signals with NaN or infinity are kept as they are, in more than target_bytes "
                    f"{request.budget.target_bytes:g}; replace them, or give a quality"
                )
            # The network has no NaN or infinity; until the residual stage, such a block is kept.
            return blocks.pack_raw(x, request.quality)
        block = self._coded(x, request)
        if len(block.payload) * blocks.DEFLATE_WORTH_TRYING > x.nbytes:
            raw = blocks.pack_raw(x, request.quality)
            if len(raw.payload) <= len(block.payload):
                return raw
        return block

    def _coded(self, x: Frames, request: Request) -> Block:
        quality = request.quality
        if request.budget is None:
            symbols = self._transform.encode(x, quality, request.effort)
        else:
            search = BudgetSearch(self._transform, request.budget, request.effort)
            symbols, qualities = search.encode(x)
            quality = int(qualities[0])
            if (qualities != quality).any():
                payload = pack_mixed(symbols, qualities, self._model.n_qualities, self._coder)
                return Block(Mode.MIXED, MIXED_QUALITY, len(x), payload)
        return Block(Mode.CODED, quality, len(x), self._coder(quality).encode(symbols))

    def decode(self, block: Block) -> Frames:
        """Decode the signals of a block, `(n, *frame_shape)`; FormatError if it is not ours."""
        return self.frames(self.unpack(block))

    def frames(self, unpacked: Unpacked) -> Frames:
        """Give the signals, `(n, *frame_shape)`, of all that a block holds or of a part of it."""
        values, qualities = unpacked
        return values if qualities is None else self._transform.decode(values, qualities)

    def unpack(self, block: Block) -> Unpacked:
        """Undo the entropy coding of a block."""
        model, n = self._model, block.n_signals
        if block.mode is Mode.MIXED:
            if block.quality != MIXED_QUALITY:
                raise FormatError(f"block of several qualities that names quality {block.quality}")
            each = (model.latent_size, model.n_qualities, self._coder)
            return Unpacked(*unpack_mixed(block.payload, n, *each))
        if block.mode is not Mode.CODED:
            return Unpacked(blocks.unpack_raw(block, model.dtype, model.frame_shape), None)
        if not 1 <= block.quality <= model.n_qualities:
            raise FormatError(f"block of quality {block.quality}, which the model does not have")
        symbols = self._coder(block.quality).decode(block.payload, n)
        return Unpacked(symbols, np.full(n, block.quality))

    def _coder(self, quality: int) -> SymbolCoder:
        if quality not in self._coders:
            self._coders[quality] = SymbolCoder(self._model.coding_tables[quality - 1])
        return self._coders[quality]
