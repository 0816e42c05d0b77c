"""What a model needs beside its networks to code arrays by their wavelets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.checks import check_whole
from narrows.codec.entropy.tables import FrequencyTable, pack_tables, unpack_tables
from narrows.codec.networks.layers.contract import Settings, Tensors, above, below
from narrows.codec.prediction.bands import Phase, n_features
from narrows.codec.prediction.lifting import synthesised
from narrows.errors import FormatError

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

MAX_AXES = 3
MAX_VALUE_LIMIT = (1 << 30) - 1
MAX_FINER = 16
MAX_STEP = (1 << 30) - 1
MAX_WEIGHT = (1 << 20) - 1
WEIGHT_BITS = 16  # fraction bits of weights
MAX_SCALE = 1 << 12
SCALES_PER_OCTAVE, SCALES_PER_TABLE = 32, 16
ANSWERED = (11, 10, 9)  # lengths of the array of known answers


@dataclass(frozen=True, eq=False)
class Wavelets:
    """How the coefficients of arrays are coded, and what they stand for.

    Attributes
    ----------
    groups : sequence of sequence of int
        All axes, each in one group. Those of a group are halved together.
    limit : int
        Bound of decoded values, in the units of the decoder's output.
    mean : int
        What is added to all of them.
    finer : int
        Coefficients are in units finer by 2**finer.
    step : (n_qualities,) int32
        Of all coefficients.
    weights : (n_qualities, kinds, phases, features + 1) int32
        From sums of known magnitudes to the magnitude that is expected, in parts of 2**16; the
        last one is what is added. See `bands.Phase`.
    tables : sequence of FrequencyTable
        Each for magnitudes of half an octave.
    first : int
        The logarithm of the magnitude for which the first table is, in 1/32 octaves.

    Raises
    ------
    FormatError
        If the parts do not fit together.
    """

    groups: Sequence[Sequence[int]]
    limit: int
    mean: int
    finer: int
    step: npt.NDArray[np.int32]
    weights: npt.NDArray[np.int32]
    tables: Sequence[FrequencyTable]
    first: int

    def __post_init__(self) -> None:
        axes = [axis for group in self.groups for axis in group]
        if not 1 <= len(axes) <= MAX_AXES or not all(self.groups):
            raise FormatError(f"wavelets along {len(axes)} axes; 1 to {MAX_AXES}")
        for axis in axes:
            check_whole(axis, 0, len(axes) - 1, "axis of wavelets")
        if sorted(axes) != list(range(len(axes))) or any(list(g) != sorted(g) for g in self.groups):
            raise FormatError(f"wavelets whose groups of axes are {self.groups}")
        check_whole(self.limit, 1, MAX_VALUE_LIMIT, "limit of values")
        check_whole(self.mean, -self.limit, self.limit, "mean of values")
        check_whole(self.finer, 0, MAX_FINER, "fineness of coefficients")
        check_whole(self.first, -MAX_SCALE, MAX_SCALE, "first scale of magnitudes")
        if self.step.dtype != np.int32 or self.step.ndim != 1 or not self.step.size:
            raise FormatError(f"steps of coefficients of {self.step.dtype}")
        if not 1 <= int(self.step.min()) <= int(self.step.max()) <= MAX_STEP:
            raise FormatError(f"steps of coefficients beyond 1 to {MAX_STEP}")
        n_axes, n_groups = len(axes), len(self.groups)
        right = (
            len(self.step), 1 << (n_axes + n_groups), 1 << n_axes,
            n_features(n_axes, n_groups) + 1,
        )  # fmt: skip
        if self.weights.dtype != np.int32 or self.weights.shape != right:
            raise FormatError(f"weights of magnitudes of shape {self.weights.shape}, not {right}")
        if not 0 <= int(self.weights.min()) <= int(self.weights.max()) <= MAX_WEIGHT:
            raise FormatError(f"weights of magnitudes beyond 0 to {MAX_WEIGHT}")

    @property
    def n_axes(self) -> int:
        """Axes of a tile."""
        return sum(map(len, self.groups))

    def number(self, phase: Phase, quality: int) -> npt.NDArray[np.intp]:
        """Return which table each coefficient of a phase has, at a quality counted from 1."""
        *weights, more = self.weights[quality - 1, phase.kind, phase.phase].tolist()
        expected = np.full(phase.features[0].shape, float(max(more, 1)))
        for weight, feature in zip(weights, phase.features, strict=True):
            if weight:
                expected += weight * feature  # exact: whole numbers, all together below 2**53
        return self.number_of(expected)

    def number_of(self, expected: Floats) -> npt.NDArray[np.intp]:
        """Return which tables serve expected magnitudes, in parts of 2**16."""
        near = (logarithm(expected) - self.first + SCALES_PER_TABLE // 2) // SCALES_PER_TABLE
        return np.asarray(np.clip(near, 0, len(self.tables) - 1), dtype=np.intp)

    def values(self, coefficients: npt.NDArray[np.int32], quality: int) -> Integers:
        """Return the array that coefficients stand for, in units of the decoder's output."""
        whole = synthesised(
            coefficients.astype(np.int64) * int(self.step[quality - 1]), self.groups
        )
        half = (1 << self.finer) >> 1
        values = ((whole + half) >> self.finer) + self.mean
        return np.asarray(np.clip(values, -self.limit, self.limit))

    def answers(self) -> list[Integers]:
        """Return what is decoded from coefficients that are all over their range."""
        shape = ANSWERED[: self.n_axes]
        count = np.arange(int(np.prod(shape))).reshape(shape)
        coefficients = (40503 * count % 2001 - 1000).astype(np.int32)
        return [self.values(coefficients, quality) for quality in range(1, len(self.step) + 1)]

    def settings(self) -> dict[str, Any]:
        """Return all but the tensors, as canonical JSON values."""
        names = ("limit", "mean", "finer", "first")
        groups = [list(group) for group in self.groups]
        return {"groups": groups, **{name: getattr(self, name) for name in names}}

    def tensors(self) -> dict[str, npt.NDArray[Any]]:
        """Return all tensors by name."""
        tables = above("tables.", pack_tables([self.tables]))
        return {"step": self.step, "weights": self.weights, **tables}

    @classmethod
    def build(cls, settings: Settings, tensors: Tensors) -> Wavelets:
        """Build it from `settings()` and `tensors()`: their inverse."""
        tables = unpack_tables(below("tables.", tensors))
        if len(tables) != 1:
            raise FormatError(f"wavelets with {len(tables)} rows of tables")
        names = ("limit", "mean", "finer", "first")
        own = {name: settings[name] for name in names}
        return cls(
            settings["groups"], step=tensors["step"], weights=tensors["weights"],
            tables=tables[0], **own,
        )  # fmt: skip


def logarithm(values: Floats) -> Integers:
    """Return about 32 times the logarithm to base 2 of whole numbers from 1 up: exact integers."""
    mantissa, exponent = np.frexp(values)  # 1/2 <= mantissa < 1
    within = np.floor(mantissa * (2 * SCALES_PER_OCTAVE)).astype(np.int64) - SCALES_PER_OCTAVE
    return np.asarray(SCALES_PER_OCTAVE * (exponent.astype(np.int64) - 1) + within)
