"""Frames of bytes, pass by pass, in compiled code."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.levels.byte_heads import Bytes
from narrows.codec.levels.byte_levels import ByteLevels
from narrows.codec.levels.native.decided import CompiledDecisions
from narrows.codec.levels.native.description import describe_bytes


class CompiledBytes:
    """The coder of bytes of one level of this processor.

    Parameters
    ----------
    levels : ByteLevels
        That `fits` accepts.
    native : module
        `narrows.codec._native`.
    level : str

    Attributes
    ----------
    native : module
    """

    def __init__(self, levels: ByteLevels, native: Any, level: str) -> None:
        self._levels, self.native = levels, native
        self._made = native.make_levels(level, *describe_bytes(levels))

    def encode(self, frames: Bytes) -> CompiledDecisions:
        """Code `(n, size)` frames without loss."""
        decisions = CompiledDecisions(self.native)
        values = self._outside(len(frames))
        values[:-1] = frames.T
        self._code(decisions.kept, values)
        return decisions

    def decode(self, words: bytes, n: int) -> Bytes | None:
        """Return the `(n, size)` frames of words; None of those that no encoder wrote."""
        if words.endswith(bytes(4)):
            return None
        return self._read(self.native.make_decisions(words), n)

    def decode_string(self, string: bytes) -> Bytes | None:
        """Return the `(1, size)` frame of a packet; None of a string that no encoder wrote."""
        return self._read(self.native.read_string(string), 1)

    def _read(self, reader: Any, n: int) -> Bytes | None:
        values = self._outside(n)
        self._code(reader, values)
        return np.ascontiguousarray(values[:-1].T) if self.native.are_decided(reader) else None

    def _outside(self, n: int) -> Bytes:
        """Return frames of which nothing is known, `(size + 1, n)`; the last row is outside."""
        return np.full((self._levels.order.size + 1, n), self._levels.atoms[0], dtype=np.uint8)

    def _code(self, decisions: Any, values: npt.NDArray[np.uint8]) -> None:
        for number in range(len(self._levels.near)):
            for part in self._levels.parts(number, values.shape[1]):
                self.code_part(decisions, number, part, values)

    def code_part(
        self, decisions: Any, number: int, part: slice, values: npt.NDArray[np.uint8]
    ) -> None:
        """Code some places of a pass of all frames, into `(size + 1, n)` values or from them."""
        each, ends = self._levels.near[number], (part.start, part.stop)
        arrays = each.near, each.places, values
        self.native.code_bytes(self._made, decisions, number, each.skips, *arrays, *ends)
