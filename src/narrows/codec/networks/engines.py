"""What computes networks and codes symbols: numpy, or engines that take what they can prove.

An engine makes a CompiledNetwork of an IntegerNetwork. All give the same bits; NARROWS_ENGINE
chooses one: `numpy`, `native`, or `native-` and a level of this processor, such as `native-avx2`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Protocol

from narrows.codec.entropy.native.tables import CompiledTables, fits
from narrows.codec.entropy.tables import CodingTables
from narrows.codec.networks.backend import NUMPY, Backend, Float, Shape
from narrows.codec.networks.layers import Layer, Step
from narrows.codec.networks.native.chains import compile_native, piece_of, placed
from narrows.codec.networks.native.extension import ENGINE_VARIABLE, extension, levels
from narrows.codec.networks.native.frames import CompiledFrames
from narrows.codec.networks.native.frames import fits as fits_frames
from narrows.codec.networks.network import CompiledNetwork, IntegerNetwork
from narrows.codec.networks.normaliser import Normaliser
from narrows.errors import SettingError

if TYPE_CHECKING:
    from narrows.codec.levels.kinds import Levels
    from narrows.codec.prediction.native.windows import CompiledWindows
    from narrows.codec.prediction.prediction import Prediction

SLOW_LEVELS = ("plain",)
"""Levels that no one has measured to be faster than numpy: used where they are asked for."""


class Engine(Protocol):
    """Makes of a network what computes it."""

    @property
    def name(self) -> str:
        """As NARROWS_ENGINE takes it."""
        ...

    @property
    def backend(self) -> Backend:
        """The library whose arrays go in and come out."""
        ...

    def compile(self, network: IntegerNetwork) -> CompiledNetwork:
        """Prepare a network."""
        ...

    def compile_layer(self, layer: Layer, shape: Shape, dtype: Float, limit: int) -> Step:
        """Prepare one layer for inputs of `shape`; `dtype` and `limit` as for `Layer.compile`."""
        ...

    def compile_frames(self, normaliser: Normaliser, shape: Shape) -> CompiledFrames | None:
        """Prepare the way from a decoder's integers to frames; None where numpy is to go it."""
        ...

    def compile_tables(self, tables: CodingTables) -> CompiledTables | None:
        """Prepare coding tables; None where numpy is to make their frequencies."""
        ...

    def compile_levels(self, levels: Levels) -> Levels:
        """Prepare networks of levels."""
        ...

    def compile_windows(self, prediction: Prediction) -> CompiledWindows | None:
        """Prepare predicted windows; None where numpy is to decode them."""
        ...


@dataclass(frozen=True)
class LibraryEngine:
    """A library computes every layer: numpy, which is the reference, or torch."""

    backend: Backend = NUMPY

    @property
    def name(self) -> str:
        """Return the name of the library."""
        return str(self.backend.xp.__name__)

    def compile(self, network: IntegerNetwork) -> CompiledNetwork:
        """Prepare a network for the library."""
        return network.compile(self.backend)

    def compile_layer(self, layer: Layer, shape: Shape, dtype: Float, limit: int) -> Step:
        """Prepare a layer for the library."""
        return layer.compile(self.backend, dtype, limit)

    def compile_frames(self, normaliser: Normaliser, shape: Shape) -> None:
        """Leave frames to the library."""

    def compile_tables(self, tables: CodingTables) -> None:
        """Leave coding tables to numpy."""

    def compile_levels(self, levels: Levels) -> Levels:
        """Leave networks of levels to numpy."""
        return levels

    def compile_windows(self, prediction: Prediction) -> None:
        """Leave predicted windows to numpy."""


REFERENCE = LibraryEngine()


@dataclass(frozen=True)
class NativeEngine:
    """Compiled code computes the layers that fit int16 and int32, numpy the others.

    Attributes
    ----------
    level : str
        One of those of this processor.
    """

    level: str
    backend: Backend = NUMPY

    @property
    def name(self) -> str:
        """Return `native-` and the level."""
        return f"native-{self.level}"

    def compile(self, network: IntegerNetwork) -> CompiledNetwork:
        """Prepare a network, layer by layer."""
        native, _ = extension()
        of_input = network.input_shape, network.input_limit
        return CompiledNetwork(
            network, compile_native(network.layers, *of_input, native, self.level)
        )

    def compile_layer(self, layer: Layer, shape: Shape, dtype: Float, limit: int) -> Step:
        """Prepare a layer, for numpy where it does not fit."""
        native, _ = extension()
        piece = piece_of(placed([layer], shape, limit))
        return (
            piece.compile(native, self.level, dtype)
            if piece
            else layer.compile(self.backend, dtype, limit)
        )

    def compile_frames(self, normaliser: Normaliser, shape: Shape) -> CompiledFrames | None:
        """Prepare frames, of the types that compiled code has."""
        native, _ = extension()
        if not fits_frames(normaliser):
            return None
        return CompiledFrames(normaliser, shape, native, self.level)

    def compile_tables(self, tables: CodingTables) -> CompiledTables | None:
        """Prepare coding tables, where they fit."""
        native, _ = extension()
        return CompiledTables(tables, native, self.level) if fits(tables) else None

    def compile_levels(self, levels: Levels) -> Levels:
        """Prepare networks of levels, where they fit, and code as numpy does."""
        from narrows.codec.levels.native.engine import NativeLevels

        own: Levels = replace(levels, engine=NativeLevels(self.level))
        return levels if own.compiled is None else own

    def compile_windows(self, prediction: Prediction) -> CompiledWindows | None:
        """Prepare predicted windows, where they fit, and are decoded as numpy decodes them."""
        from narrows.codec.prediction.native.engine import compile_windows

        return compile_windows(prediction, self.level)


def engine_for(backend: Backend | None = None) -> Engine:
    """Return the engine of a backend; None is the fastest here, or that of NARROWS_ENGINE.

    Raises
    ------
    SettingError
        If NARROWS_ENGINE names one that is not on this machine.
    """
    if backend is not None:
        return LibraryEngine(backend)
    asked, here = os.environ.get(ENGINE_VARIABLE, ""), levels()
    if asked == "numpy":
        return REFERENCE
    if not asked:
        fast = [level for level in here if level not in SLOW_LEVELS]
        return NativeEngine(fast[0]) if fast else REFERENCE
    if here and asked == "native":
        return NativeEngine(here[0])
    kind, _, level = asked.partition("-")
    if kind == "native" and level in here:
        return NativeEngine(level)
    names = ["numpy", *["native"][: len(here)], *(f"native-{each}" for each in here)]
    _, why = extension()
    raise SettingError(
        f"{ENGINE_VARIABLE}={asked}; this machine has {', '.join(names)}"
        + (why and f": native is {why}")
    )


@dataclass(frozen=True)
class Standing:
    """Whether an engine runs on this machine, and why it does, or does not."""

    name: str
    runs: bool
    is_default: bool
    reason: str


def standings() -> list[Standing]:
    """Tell of each engine whether it runs on this machine."""
    used, (_, why) = engine_for().name, extension()
    found = [Standing("numpy", True, used == "numpy", "the reference, always there")]
    for level in levels():
        name, slow = f"native-{level}", level in SLOW_LEVELS
        reason = (
            "where it is asked for: no faster than numpy" if slow else "compiled: what is proven"
        )
        found.append(Standing(name, True, used == name, reason))
    if why:
        found.append(Standing("native", False, False, why))
    has_torch = find_spec("torch") is not None
    where = "where --device, or backend=TorchBackend(device), asks for it"
    reason = where if has_torch else "not installed"
    return [*found, Standing("torch", has_torch, False, reason)]
