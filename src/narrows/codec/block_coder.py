"""Symbols, and elements that are kept exactly, <-> the blocks of an archive."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from narrows.codec.archive import SEVERAL_QUALITIES, Block, Mode
from narrows.codec.archive.exact_values import ExactValues, pack_exact, unpack_exact
from narrows.codec.archive.modes import NETWORKS
from narrows.codec.archive.quality_groups import pack_groups, unpack_groups
from narrows.codec.archive.raw_blocks import unpack_raw
from narrows.codec.entropy.ans import SymbolCoder
from narrows.codec.entropy.tables import Symbols
from narrows.codec.interpolation.blocks import unpack_levels
from narrows.codec.levels.kinds import decode_levels
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

Qualities = npt.NDArray[np.intp]
Integers = npt.NDArray[np.int64]


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


class BlockCoder:
    """Symbols <-> blocks, and blocks -> frames.

    Parameters
    ----------
    transform : Transform
    """

    def __init__(self, transform: Transform) -> None:
        self._transform = transform
        self._model = transform.model

    def pack(
        self, symbols: Symbols, qualities: Qualities, exact: ExactValues | None = None
    ) -> Block:
        """Code `(n, latent_size)` symbols, each signal's of its quality `(n,)`, to a block.

        Exact values are those of more signals, where some are whole: these have no symbols.
        """
        if exact is not None:
            return self.patched(self.pack(symbols, qualities), exact)
        quality = int(qualities[0])
        if (qualities != quality).any():
            payload = pack_groups(symbols, qualities, self._model.n_qualities, self._coder)
            return Block(Mode.CODED, SEVERAL_QUALITIES, len(symbols), payload)
        return Block(Mode.CODED, quality, len(symbols), self._coder(quality).encode(symbols))

    def pack_predicted(self, windows: Windows, quality: int) -> Block:
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

    @staticmethod
    def patched(block: Block, exact: ExactValues) -> Block:
        """Return a block with some elements beside it that are kept exactly."""
        mode = Mode.PREDICTED_PATCHED if block.mode is Mode.PREDICTED else Mode.PATCHED
        payload = pack_exact(exact) + block.payload
        return replace(block, mode=mode, n_signals=len(exact.mask), payload=payload)

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
        if block.mode.is_patched:
            return self._unpack_patched(block)
        if block.mode is Mode.PREDICTED:
            return Unpacked(self._unpack_predicted(block), None)
        if block.mode is Mode.LEVELS:
            return Unpacked(self._unpack_levels(block), None)
        if block.mode is not Mode.CODED:
            return Unpacked(unpack_raw(block, model.dtype, model.frame_shape), None)
        if block.quality == SEVERAL_QUALITIES:
            each = (model.latent_size, model.n_qualities, self._coder)
            return Unpacked(*unpack_groups(block.payload, n, *each))
        self._check_quality(block.quality)
        symbols = self._coder(block.quality).decode(block.payload, n)
        return Unpacked(symbols, np.full(n, block.quality))

    def _unpack_levels(self, block: Block) -> Frames:
        """Decode a block of levels, which may be by networks of the model."""
        model = self._model
        kind = (block.n_signals, model.frame_shape, model.dtype)
        if block.payload[:1] != NETWORKS:
            return unpack_levels(block.payload, *kind)
        if model.levels is None:
            raise FormatError("block by networks of levels, which its model does not have")
        return decode_levels(model.levels, block.payload[1:], *kind)

    def _unpack_patched(self, block: Block) -> Unpacked:
        """Unpack exact values and what is coded behind them; whole signals get symbols of 0."""
        model, shape = self._model, (block.n_signals, *self._model.frame_shape)
        exact, end = unpack_exact(block.payload, shape, model.dtype)
        coded = np.flatnonzero(~exact.whole)
        if not len(coded):
            raise FormatError("block that holds nothing but exact values, and is not raw")
        if block.mode is Mode.PREDICTED_PATCHED:
            rest = replace(block, mode=Mode.PREDICTED, payload=block.payload[end:])
            frames = self._unpack_predicted(rest)
            exact.put_into(frames)
            return Unpacked(frames, None)
        rest = replace(block, mode=Mode.CODED, n_signals=len(coded), payload=block.payload[end:])
        values, of_each, _ = self.unpack(rest)
        symbols = np.zeros((block.n_signals, model.latent_size), values.dtype)
        qualities = np.ones(block.n_signals, dtype=np.intp)
        symbols[coded], qualities[coded] = values, np.asarray(of_each)
        return Unpacked(symbols, qualities, exact)

    def _unpack_predicted(self, block: Block) -> Frames:
        """Decode windows of a recording, each of which needs those before it, or a brick."""
        if self._model.wavelets is not None:
            return self._unpack_brick(block, self._model.wavelets)
        return self._in_dtype(rebuild(*self._windows_of(block)))

    def past_of(self, block: Block) -> tuple[Windows, Frames]:
        """Return what a PREDICTED block says, and the earlier parts that its windows are made from.

        A window that is not predicted stands for itself.
        """
        own = self._windows_of(block)
        parts = [(decoded if earlier is None else earlier).T for decoded, earlier in in_turn(*own)]
        return own[0], self._in_dtype(np.array(parts))

    def _windows_of(self, block: Block) -> tuple[Windows, Integers, Prediction, int]:
        quality, own = block.quality, self._prediction
        self._check_quality(quality)
        tables = self._model.quality(quality).tables
        windows = unpack_windows(block.payload, block.n_signals, own, quality, tables)
        return windows, self._transform.windows(windows.unpredicted, quality), own, quality

    def _in_dtype(self, values: npt.NDArray[np.float64]) -> Frames:
        return self._model.normaliser.from_integers(values.reshape(-1, *self._model.frame_shape))

    def _unpack_brick(self, block: Block, own: Wavelets) -> Frames:
        """Decode the tiles of a part of an array."""
        self._check_quality(block.quality)
        shape, each = self._model.frame_shape, (own, block.quality)
        coefficients = unpack_coefficients(block.payload, block.n_signals, shape, *each)
        return self.tiles_of_brick(coefficients, block.quality)

    def tiles_of_brick(self, coefficients: Coefficients, quality: int) -> Frames:
        """Return the tiles that the wavelet coefficients of a brick stand for."""
        assert self._model.wavelets is not None
        values = self._model.wavelets.values(coefficients, quality)
        return self._in_dtype(cut_to_tiles(values, self._model.frame_shape).astype(np.float64))

    @property
    def _prediction(self) -> Prediction:
        if self._model.prediction is None:
            raise FormatError("block of predicted signals, but its model predicts nothing")
        return self._model.prediction

    def _check_quality(self, quality: int) -> None:
        if not 1 <= quality <= self._model.n_qualities:
            raise FormatError(f"block of quality {quality}, which the model does not have")

    def _coder(self, quality: int) -> SymbolCoder:
        return self._model.quality(quality).coder
