"""Frames of whole numbers, pass by pass, in compiled code."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.levels.native.decided import CompiledDecisions
from narrows.codec.levels.native.description import describe_numbers
from narrows.codec.levels.number_inputs import Surroundings
from narrows.codec.levels.number_levels import (
    MAX_NUMBER,
    ROWS_AT_ONCE,
    NumberLevels,
    Starts,
    Wanted,
    steps_to,
)

Integers = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.float64]

Seen = tuple[npt.NDArray[np.int16], Integers, Integers]

NOTHING = np.zeros(0, np.int64)


class CompiledNumbers:
    """The coder of whole numbers of one level of this processor.

    Parameters
    ----------
    levels : NumberLevels
        That `fits` accepts.
    native : module
        `narrows.codec._native`.
    level : str

    Attributes
    ----------
    native : module
    level : str
    """

    def __init__(self, levels: NumberLevels, native: Any, level: str) -> None:
        self._levels, self.native, self.level = levels, native, level
        self._made = native.make_levels(level, *describe_numbers(levels))

    def encode(self, frames: Wanted, starts: Starts) -> tuple[CompiledDecisions, Integers]:
        """Code `(n, size)` frames, and return also what comes back."""
        decisions = CompiledDecisions(self.native)
        return decisions, self._code(decisions.kept, len(frames), starts, frames)

    def decode(self, words: bytes, n: int, starts: Starts) -> Integers | None:
        """Return the `(n, size)` frames of words; None of those that no encoder wrote."""
        if words.endswith(bytes(4)):
            return None
        return self._read(self.native.make_decisions(words), n, starts)

    def decode_string(self, string: bytes, starts: Starts) -> Integers | None:
        """Return the `(1, size)` frame of a packet; None of a string that no encoder wrote."""
        return self._read(self.native.read_string(string), 1, starts)

    def _read(self, reader: Any, n: int, starts: Starts) -> Integers | None:
        found = self._code(reader, n, starts, None)
        return found if self.native.are_decided(reader) else None

    def _code(self, decisions: Any, n: int, starts: Starts, frames: Wanted | None) -> Integers:
        order = self._levels.order
        values = np.zeros((order.size, n))
        for each in order.passes:
            if each.is_start:
                places = order.places(each)
                known = None if frames is None else frames[:, places].reshape(-1)
                found = self.code_start(decisions, starts.classes[each.channel], values, places,
                                        known)  # fmt: skip
                values[places] = found.reshape(n, len(places)).T
        wanted, is_float = NOTHING.astype(np.float64), False
        if frames is not None:
            wanted, is_float = frames.T.astype(np.float64, order="C"), frames.dtype.kind == "f"
        for number, around in enumerate(self._levels.surroundings):
            for part in around.parts(ROWS_AT_ONCE, n):
                self.code_part(decisions, number, part, values, wanted, is_float=is_float)
        return np.ascontiguousarray(values.T.astype(np.int64))

    def code_start(
        self, decisions: Any, number: int, values: Numbers, places: npt.NDArray[np.intp],
        known: Wanted | None,
    ) -> Integers:  # fmt: skip
        """Code start places, frame by frame; return their numbers in that order."""
        step = self._levels.step
        distances = np.zeros(len(places) * values.shape[1], np.int64)
        if known is not None:
            distances = np.diff(steps_to(known, step), prepend=0)
        self.native.code_starts(self._made, decisions, number, distances)
        return np.asarray(np.clip(np.cumsum(distances) * step, -MAX_NUMBER, MAX_NUMBER))

    def code_part(
        self, decisions: Any, number: int, part: slice, values: Numbers, wanted: Numbers, *,
        is_float: bool,
    ) -> None:  # fmt: skip
        """Code some places of a pass of all frames, into `(size, n)` values; `wanted` alike."""
        around = self._levels.surroundings[number]
        arrays = (*_near(around), around.places, wanted, values)
        self.native.code_numbers(
            self._made, decisions, number, arrays, part.start, part.stop,
            around.middle_bits, around.sees_place, is_float,
        )  # fmt: skip

    def see(self, number: int, values: Numbers) -> tuple[Seen, int]:
        """Return what the network of a pass makes of all its places, and its `middle_bits`.

        Hidden values `(units, rows)`, and the middles and spreads that `Inputs` has.
        """
        around, network = self._levels.surroundings[number], self._levels.networks[number]
        m = len(around.places)
        rows, units = m * values.shape[1], len(network.first)
        seen = np.empty((units, rows), np.int16), np.empty(rows, np.int64), np.empty(rows, np.int64)
        arrays = (*_near(around), around.places, values)
        kind = around.middle_bits, around.sees_place
        self.native.see_numbers(self._made, number, arrays, 0, m, *kind, seen)
        return seen, around.middle_bits


def _near(around: Surroundings) -> tuple[npt.NDArray[Any], ...]:
    """Return the indices of what is around places, and the flags of the nearest."""
    others = (NOTHING if each is None else each for each in (around.other, around.wide))
    return (around.own, *others, around.flags)
