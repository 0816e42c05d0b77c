"""What codes the symbols of a model's qualities: compiled code where it can, otherwise Python."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from narrows.codec.entropy.ans import SymbolCoder
from narrows.codec.entropy.native.tables import CompiledTables
from narrows.codec.entropy.tables import Frequencies, Symbols, frequencies_of
from narrows.codec.model.quality import Quality
from narrows.codec.networks.engines import Engine

if TYPE_CHECKING:
    from narrows.codec.levels.kinds import Levels
    from narrows.codec.model.model import Model
    from narrows.codec.prediction.native.windows import CompiledWindows
    from narrows.codec.prediction.prediction import Prediction


class Coders:
    """The coders of one model, of all its qualities, made when they are first asked for.

    Parameters
    ----------
    engine : Engine
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._levels: Levels | None = None
        self._windows: CompiledWindows | None = None
        self._has_windows = False
        self._compiled = dict[int, CompiledTables | None]()

    def levels(self, model: Model) -> Levels | None:
        """Return a model's networks of levels, which compiled code codes where it can."""
        if self._levels is None and model.levels is not None:
            self._levels = self._engine.compile_levels(model.levels)
        return self._levels

    def windows(self, prediction: Prediction) -> CompiledWindows | None:
        """Return what decodes a model's predicted windows in numpy's place; None where it does."""
        if not self._has_windows:
            self._windows = self._engine.compile_windows(prediction)
            self._has_windows = True
        return self._windows

    def compiled(self, quality: Quality) -> CompiledTables | None:
        """Return the tables of a quality in compiled code; None where Python is to code."""
        if quality.number not in self._compiled:
            self._compiled[quality.number] = self._engine.compile_tables(quality.tables)
        return self._compiled[quality.number]

    def of_blocks(self, quality: Quality) -> SymbolCoder:
        """Return what codes the symbols of many signals."""
        return SymbolCoder(quality.tables, compiled=self.compiled(quality))

    def levels_of(self, symbols: Symbols, quality: Quality) -> npt.NDArray[Any]:
        """Return how many steps `(n, latent_size)` symbols stand for."""
        compiled = None if quality.trellis is None else self.compiled(quality)
        return quality.levels(symbols) if compiled is None else compiled.levels(symbols)

    def frequencies(self, symbols: Symbols, quality: Quality) -> Iterator[Frequencies]:
        """Yield the frequencies of `(n, latent_size)` symbols, place by place."""
        compiled = self.compiled(quality)
        if compiled is None:
            return frequencies_of(symbols, quality.tables)
        return compiled.frequencies(symbols)

    def give_back(self, symbols: Symbols, quality: Quality) -> bool:
        """Return whether compiled code decodes what it has coded, and agrees with Python.

        Python codes what compiled code refuses, so that both must give the same frequencies.
        """
        compiled = self.compiled(quality)
        if compiled is None:
            return True
        if not np.array_equal(self.levels_of(symbols, quality), quality.levels(symbols)):
            return False
        if quality.context is not None:
            both = compiled.frequencies(symbols), frequencies_of(symbols, quality.tables)
            if not all(np.array_equal(*each) for each in zip(*both, strict=True)):
                return False
        return compiled.gives_back(symbols)
