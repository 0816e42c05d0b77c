"""A byte by decisions: is it a value of its own head, which of them, or which grey level.

Grey levels have a mixture of three logistics (Salimans et al. 2017, PixelCNN++), cut to those that
are no atoms at either end. A level is found by eight halvings; the odds of each are the mass above
the middle against that below, so nothing has to be normalised.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.entropy.tables import TOTAL
from narrows.codec.levels.decisions import (
    SIGMOID_REACH,
    SIGMOID_UNIT,
    DecisionCoder,
    Integers,
    odds,
    sigmoid_table,
)
from narrows.codec.levels.lattice import Lattice

Bytes = npt.NDArray[np.uint8]

N_LOGISTICS = 3
N_SCALES = 32
LEAST_MEAN, GREATEST_MEAN = -256, 511
RATE_SHIFT = 6  # of differences times rates
FLOOR = 32  # of a mass of about 2**22: what each level has beside the logistics
ROWS_AT_ONCE = 1 << 13  # a part stays in the cache

# fmt: off
RATES = (
    146856, 115298, 90521, 71069, 55796, 43806, 34393, 27002, 21199, 16644, 13067, 10259, 8054,
    6324, 4965, 3898, 3060, 2403, 1886, 1481, 1163, 913, 717, 563, 442, 347, 272, 214, 168, 132,
    103, 81,
)
SHARES = (
    64, 56, 50, 44, 39, 34, 30, 27, 24, 21, 18, 16, 14, 13, 11, 10, 9, 8, 7, 6, 5, 5, 4, 4, 3, 3,
    2, 2, 2, 2, 2, 1, 1, 1,
)
# fmt: on
"""Rates of 32 scales s from exp(-1.5) to exp(6), evenly in their logarithms: round(2**15 / s), by
which twice a difference of levels is multiplied. Shares: the greater of 1 and round(64 exp(-x)) for
x in 8ths; without the 1, a mixture took 1 % more."""


@dataclass(frozen=True)
class ByteScale:
    """What coded bytes stand for: themselves, or the values of a lattice.

    Attributes
    ----------
    atoms : tuple of int
        Coded bytes that have a head of their own.
    lattice : Lattice or None
    """

    atoms: tuple[int, ...]
    lattice: Lattice | None = None

    @cached_property
    def values(self) -> Bytes:
        """What each byte stands for, `(256,)`."""
        numbers = np.arange(256)
        if self.lattice is None:
            return numbers.astype(np.uint8)
        return self.lattice.values(numbers)

    @cached_property
    def edges(self) -> npt.NDArray[np.int32]:
        """The least value that becomes each byte, and one beyond, from 0 to 256, `(257,)`."""
        edges = np.arange(257) * self.edge_step + self.first_edge
        return np.clip(edges, 0, 256).astype(np.int32)

    @property
    def first_edge(self) -> int:
        """The least value that becomes the byte 0, if it is at least 0."""
        return 0 if self.lattice is None else int(self.lattice.offset - self.lattice.bound)

    @property
    def edge_step(self) -> int:
        """How many values become one byte."""
        return 1 if self.lattice is None else int(self.lattice.step)

    @cached_property
    def grey(self) -> tuple[int, int]:
        """The lowest and the highest byte that some value becomes and that is no atom.

        0 and 255 where there is none.
        """
        rest = set(np.flatnonzero(np.diff(self.edges)).tolist()) - set(self.atoms)
        return min(rest, default=0), max(rest, default=255)


def code_bytes(
    outputs: Integers, scale: ByteScale, coder: DecisionCoder, truth: Bytes | None
) -> Bytes:
    """Code `(rows,)` bytes, and return them.

    Parameters
    ----------
    outputs : (len(atoms) + 9, rows) whole numbers
        Logits of the atoms in 64ths; logarithms of weights in 8ths, whole means less 128, and
        numbers of scales less 16, three each.
    scale : ByteScale
    coder : DecisionCoder
    truth : (rows,) uint8 or None
        The bytes, where they are known.
    """
    first, *others = scale.atoms
    values = np.full(outputs.shape[1], first, dtype=np.uint8)
    known = None if truth is None else truth == first
    left = np.flatnonzero(~coder.bits(odds(outputs[0]), known))
    column = 1
    if len(others) > 1:
        known = None if truth is None else np.isin(truth[left], others)
        is_other = coder.bits(odds(outputs[1, left]), known)
        left, grey, column = left[is_other], left[~is_other], 2
    for atom in others if len(others) == 1 else others[:-1]:
        known = None if truth is None else truth[left] == atom
        found = coder.bits(odds(outputs[column, left]), known)
        values[left[found]] = atom
        left, column = left[~found], column + 1
    if len(others) > 1:
        values[left] = others[-1]
    else:
        grey = left
    mixture = outputs[len(scale.atoms) :].take(grey, axis=1)
    values[grey] = code_grey(mixture, scale, coder, None if truth is None else truth[grey])
    return values


def code_grey(
    mixture: Integers, scale: ByteScale, coder: DecisionCoder, truth: Bytes | None
) -> Bytes:
    """Code `(rows,)` bytes by a `(9, rows)` mixture, and return them."""
    values = np.empty(mixture.shape[1], dtype=np.uint8)
    for start in range(0, len(values), ROWS_AT_ONCE):
        part = slice(start, start + ROWS_AT_ONCE)
        known = None if truth is None else truth[part].astype(np.int32)
        mass = MixtureMass(mixture[:, part])
        values[part] = _halved(mass, scale, coder, known)
    return values


def _halved(mass: MixtureMass, scale: ByteScale, coder: DecisionCoder, truth: Any) -> Integers:
    """Find levels by halvings of 0 .. 255, of which low .. high are possible."""
    low, high = scale.grey
    found = np.zeros(mass.n, dtype=np.int32)
    below, above = (
        mass.below(np.full(mass.n, scale.edges[level], np.int32)) for level in (low, high + 1)
    )
    for bit in (128, 64, 32, 16, 8, 4, 2, 1):
        middle = np.clip(found + bit, low, high + 1)
        at_middle = mass.below(scale.edges[middle])
        ones = (above - at_middle).astype(np.float64)
        ones *= TOTAL
        ones /= np.maximum(above - below, 1.0)
        np.floor(ones, out=ones)  # exact: the quotient is below 2**24, its divisor below 2**25
        np.clip(ones, 1, TOTAL - 1, out=ones)
        upper = coder.bits(ones, None if truth is None else (truth & bit) > 0)
        found[upper] += bit
        below, above = np.where(upper, at_middle, below), np.where(upper, above, at_middle)
    return found


class MixtureMass:
    """The mass of mixtures below a level: whole numbers below 2**24, exact in float32.

    Parameters
    ----------
    mixture : (9, rows) whole numbers
    """

    def __init__(self, mixture: Integers) -> None:
        self.n = mixture.shape[1]
        logs, means, scales = mixture.reshape(3, N_LOGISTICS, -1)
        behind = np.clip(logs.max(axis=0) - logs, 0, len(SHARES) - 1)
        self._shares = np.array(SHARES, dtype=np.float32)[behind.astype(np.intp)]
        scale = np.clip(scales + N_SCALES // 2, 0, N_SCALES - 1).astype(np.intp)
        self._rates = np.array(RATES, dtype=np.int32)[scale]
        middle = np.clip(means + 128, LEAST_MEAN, GREATEST_MEAN).astype(np.int32)
        self._starts = (2 * middle + 1) * self._rates
        self._starts -= SIGMOID_REACH * SIGMOID_UNIT << RATE_SHIFT

    def below(self, levels: npt.NDArray[np.int32]) -> npt.NDArray[np.float32]:
        """Return the mass below `(rows,)` levels of 0 to 256."""
        at = (2 * levels) * self._rates
        at -= self._starts
        at >>= RATE_SHIFT
        mass = sigmoid_table().take(at.astype(np.intp), mode="clip")
        mass *= self._shares
        total: npt.NDArray[np.float32] = mass[0] + mass[1]
        total += mass[2]
        total += (levels * FLOOR).astype(np.float32)
        return total
