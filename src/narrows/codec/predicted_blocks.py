"""Windows of recordings and tiles of arrays, foretold by what is decoded, <-> blocks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from narrows.codec.archive import Block, Mode
from narrows.codec.prediction.bands import Places
from narrows.codec.prediction.bricks import cut_to_tiles
from narrows.codec.prediction.coefficients import (
    Coefficients,
    Numbers,
    pack_coefficients,
    unpack_coefficients,
)
from narrows.codec.prediction.prediction import Prediction
from narrows.codec.prediction.wavelets import Wavelets
from narrows.codec.prediction.windows import (
    Windows,
    in_turn,
    pack_windows,
    rebuild,
    unpack_windows,
)
from narrows.codec.transform import Frames, Transform
from narrows.errors import FormatError

if TYPE_CHECKING:
    from narrows.codec.prediction.native.windows import CompiledWindows

Integers = npt.NDArray[np.int64]


class PredictedBlocks:
    """Windows or wavelet coefficients <-> blocks, and blocks -> frames.

    Parameters
    ----------
    transform : Transform
    """

    def __init__(self, transform: Transform) -> None:
        self._transform = transform
        self._model = transform.model

    def pack(self, windows: Windows, quality: int) -> Block:
        """Code what stands for windows of a recording to a block."""
        payload = pack_windows(
            windows, self._prediction, quality, self._model.quality(quality).tables
        )
        return Block(Mode.PREDICTED, quality, len(windows.modes), payload)

    def pack_brick(
        self,
        coefficients: Coefficients,
        n_tiles: int,
        quality: int,
        known: Iterable[tuple[Places, Numbers]] | None = None,
    ) -> Block:
        """Code the wavelet coefficients of a brick that is cut to so many tiles to a block.

        `known` are the tables of all places, as `in_order` yields them, where they are known.
        """
        assert self._model.wavelets is not None
        payload = pack_coefficients(coefficients, self._model.wavelets, quality, known)
        return Block(Mode.PREDICTED, quality, n_tiles, payload)

    def decode(self, block: Block) -> Frames:
        """Decode windows of a recording, each of which needs those before it, or a brick."""
        if self._model.wavelets is not None:
            return self._unpack_brick(block, self._model.wavelets)
        return self.in_dtype(rebuild(*self._windows_of(block), self.compiled))

    def past_of(self, block: Block) -> tuple[Windows, Frames]:
        """Return what a PREDICTED block says, and the earlier parts that its windows are made from.

        A window that is not predicted stands for itself.
        """
        own = self._windows_of(block)
        parts = [(decoded if earlier is None else earlier).T for decoded, earlier in in_turn(*own)]
        return own[0], self.in_dtype(np.array(parts))

    def in_dtype(self, values: npt.NDArray[np.float64]) -> Frames:
        """Return whole numbers `(n, ...)` of the decoder's output as frames."""
        return self._model.normaliser.from_integers(values.reshape(-1, *self._model.frame_shape))

    def _windows_of(self, block: Block) -> tuple[Windows, Integers, Prediction, int]:
        quality, own = block.quality, self._prediction
        tables = self._model.quality_of_block(quality).tables
        windows = unpack_windows(block.payload, block.n_signals, own, quality, tables)
        return windows, self._transform.windows(windows.unpredicted, quality), own, quality

    def _unpack_brick(self, block: Block, own: Wavelets) -> Frames:
        """Decode the tiles of a part of an array."""
        self._model.quality_of_block(block.quality)
        shape, each = self._model.frame_shape, (own, block.quality)
        coefficients = unpack_coefficients(block.payload, block.n_signals, shape, *each)
        return self.tiles_of_brick(coefficients, block.quality)

    def tiles_of_brick(self, coefficients: Coefficients, quality: int) -> Frames:
        """Return the tiles that the wavelet coefficients of a brick stand for."""
        assert self._model.wavelets is not None
        values = self._model.wavelets.values(coefficients, quality)
        return self.in_dtype(cut_to_tiles(values, self._model.frame_shape).astype(np.float64))

    @property
    def compiled(self) -> CompiledWindows | None:
        """What decodes windows in numpy's place, where it can."""
        return self._transform.coders.windows(self._prediction)

    @property
    def _prediction(self) -> Prediction:
        if self._model.prediction is None:
            raise FormatError("block of predicted signals, but its model predicts nothing")
        return self._model.prediction
