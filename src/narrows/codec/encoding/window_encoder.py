"""Windows of a recording, in order, to what stands for them in a block."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import numpy.typing as npt

from narrows.codec.encoding.costs import SymbolCosts
from narrows.codec.encoding.native_windows import window_search
from narrows.codec.encoding.objective import Known
from narrows.codec.encoding.symbol_encoder import SymbolEncoder
from narrows.codec.encoding.window_search import WindowSearch
from narrows.codec.entropy.tables import Symbols
from narrows.codec.networks.normaliser import Normaliser
from narrows.codec.prediction.prediction import NONE
from narrows.codec.prediction.windows import Windows
from narrows.codec.transform import Frames
from narrows.errors import ModelError


class WindowEncoder:
    """Encodes windows with a model that predicts.

    Parameters
    ----------
    symbol_encoder : SymbolEncoder
        For what is not predicted.
    """

    def __init__(self, symbol_encoder: SymbolEncoder) -> None:
        self._symbol_encoder = symbol_encoder
        self._model = symbol_encoder.model

    def encode(
        self, x: Frames, quality: int, effort: int, known: Known = None, thrift: float = 1.0
    ) -> tuple[Windows, npt.NDArray[np.float64]]:
        """Encode `(n, *frame_shape)` frames, each behind the one before it.

        Where `known`, `(n, *frame_shape)`, is False, errors do not count. A bit is worth `thrift`
        times what is best for the quality. Beside what stands for the windows, return what a
        decoder makes of it, `(n, length, channels)` in units of its output.
        """
        targets, symbols, base, bits = self.beside(x, quality, effort, known)
        each = (targets[None], base[None], bits[None], np.array([quality]))
        weight = None if known is None else known.reshape(1, *base.shape)
        chosen = self._search.encode(*each, effort, known=weight, thrift=thrift)
        modes = chosen.modes[0]
        windows = Windows(
            modes, chosen.lags[0], chosen.gains[0],
            symbols[modes == NONE], chosen.symbols[0][modes != NONE],
        )  # fmt: skip
        assert chosen.decoded is not None
        return windows, chosen.decoded[0].swapaxes(1, 2) + 0.0  # no zero is negative

    def beside(
        self, x: Frames, quality: int, effort: int, known: Known = None
    ) -> tuple[npt.NDArray[np.int64], Symbols, npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """Return what prediction is compared with.

        Returns
        -------
        targets : (n, length, channels) int64
            The signals in units of the decoder's output.
        symbols : (n, latent_size) int32
            Without prediction.
        base : (n, length, channels) int64
            What these decode to.
        bits : (n,) float64
            What they cost.
        """
        symbols = self._symbol_encoder.encode(x, quality, effort, known=known).symbols
        base = self._symbol_encoder.transform.windows(symbols, quality)
        bits = SymbolCosts(self._model.quality(quality).tables).bits(symbols)
        targets = in_output_units(x, self._model.normaliser).reshape(base.shape)
        return targets, symbols, base, bits

    @cached_property
    def _search(self) -> WindowSearch:
        if self._model.prediction is None:
            raise ModelError(f"model {self._model.model_id.hex()} predicts no windows")
        coders = self._symbol_encoder.transform.coders
        return window_search(self._model.prediction, coders.windows(self._model.prediction))


def in_output_units(x: Frames, normaliser: Normaliser) -> npt.NDArray[np.int64]:
    """Return what a decoder would have to give for `(n, *frame_shape)` finite signals."""
    values = x.astype(np.float64)
    values -= np.array(normaliser.output_offset)
    values /= np.array(normaliser.slope)
    return np.rint(values).astype(np.int64)
