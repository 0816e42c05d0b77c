"""What puts compiled code in numpy's place for networks of levels, after it was tried."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import Protocol

from narrows.codec.levels.byte_levels import ByteLevels
from narrows.codec.levels.native.bytes import CompiledBytes
from narrows.codec.levels.native.check import codes_bytes, codes_numbers
from narrows.codec.levels.native.description import fits
from narrows.codec.levels.native.numbers import CompiledNumbers
from narrows.codec.levels.number_levels import NumberLevels
from narrows.codec.networks.native.extension import extension


class LevelsEngine(Protocol):
    """Makes of networks of levels what codes them; None where numpy is to."""

    def compile_bytes(self, levels: ByteLevels) -> CompiledBytes | None:
        """Prepare networks of bytes."""
        ...

    def compile_numbers(self, levels: NumberLevels) -> CompiledNumbers | None:
        """Prepare networks of other whole numbers."""
        ...

    def tried(self) -> LevelsEngine:
        """Return an engine for the same networks with other last layers."""
        ...


@dataclass(frozen=True)
class NativeLevels:
    """Compiled code for networks whose sums are proven to fit int32.

    Attributes
    ----------
    level : str
        One of those of this processor.
    is_tried : bool
        Whether such networks were coded by numpy too, and gave the same.
    """

    level: str
    is_tried: bool = False

    def compile_bytes(self, levels: ByteLevels) -> CompiledBytes | None:
        """Prepare networks of bytes, and compare them with numpy."""
        if not fits(levels):
            return None
        found = CompiledBytes(levels, extension()[0], self.level)
        return found if self.is_tried or self._is_alike(codes_bytes(found, levels)) else None

    def compile_numbers(self, levels: NumberLevels) -> CompiledNumbers | None:
        """Prepare networks of other whole numbers, and compare them with numpy."""
        if not fits(levels):
            return None
        found = CompiledNumbers(levels, extension()[0], self.level)
        return found if self.is_tried or self._is_alike(codes_numbers(found, levels)) else None

    def tried(self) -> NativeLevels:
        """Return the engine that compares nothing more."""
        return replace(self, is_tried=True)

    def _is_alike(self, is_alike: bool) -> bool:
        """Warn where compiled code differs from numpy."""
        if not is_alike:
            warnings.warn(
                f"the engine native-{self.level} does not code networks of levels as numpy does, "
                "so numpy codes them; please report this processor and compiler",
                RuntimeWarning,
                stacklevel=2,
            )
        return is_alike
