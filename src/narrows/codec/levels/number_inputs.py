"""What the network of a pass over whole numbers sees of the known places around each element."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from narrows.codec.levels.parts import parts_of
from narrows.codec.levels.passes import Indices, Offsets, Pass, PassOrder

Integers = npt.NDArray[np.int64]

ONE = 128  # what 1 is in an input
REACH = 1024  # distances are cut at eight spreads
N_OWN, N_OTHER = 12, 9  # neighbours along one axis, of the own channel and of another
N_AROUND, N_OTHER_AROUND = 22, 9  # with more axes
N_SPREAD = 8  # neighbours whose mean distance is the spread
N_FLAGS = 4  # of the nearest, whether they lie inside
WIDE = 12  # known places on either side, for the noise around; along one axis alone


class Inputs(NamedTuple):
    """Inputs of a network, and what its outputs are relative to.

    Attributes
    ----------
    x : (inputs, rows) float32
        Whole numbers from -1024 to 1024.
    middle : (rows,) int64
        The middle c, times 2**middle_bits.
    spread : (rows,) int64
        The spread s, times 2**(middle_bits + 3).
    middle_bits : int
    """

    x: npt.NDArray[np.float32]
    middle: Integers
    spread: Integers
    middle_bits: int


class Surroundings:
    """The known places around those of a pass: of its own channel, of another, and far along.

    The other channel is the one before it, or of the first channel the last.

    Parameters
    ----------
    order : PassOrder
    of : Pass
        None of the start.
    least : int, default 1
        The least spread.
    """

    def __init__(self, order: PassOrder, of: Pass, least: int = 1) -> None:
        self.least = least
        self.places = order.places(of)
        along = len(order.shape) == 1
        own = _odd(N_OWN) if along else order.offsets(of, N_AROUND)
        self.own, inside = _of(order, of, own, of.channel)
        self.flags = np.ascontiguousarray(inside[:, :N_FLAGS].T)
        self.middle_bits = _nearest_bits(own)
        self.other: Indices | None = None
        self.sees_place = of.channel > 0
        if order.n_channels > 1:
            channel = (of.channel or order.n_channels) - 1
            if along:
                offsets = _all(N_OTHER) if self.sees_place else _odd(N_OTHER - 1)
            else:
                offsets = order.offsets(of, N_OTHER_AROUND, channel)
            self.other, _ = _of(order, of, offsets, channel)
        self.wide = _of(order, of, _odd(2 * WIDE), of.channel)[0] if along else None

    @property
    def n_inputs(self) -> int:
        """Inputs of the network of the pass."""
        n = len(self.own) + len(self.flags) + 1
        if self.other is not None:
            n += len(self.other) + 1 + self.sees_place
        return n + (2 if self.wide is not None else 0)

    def parts(self, rows_at_once: int, n: int) -> Iterator[slice]:
        """Cut the places of n frames into parts of few rows."""
        return parts_of(len(self.places), n, rows_at_once)

    def inputs(self, values: Integers, part: slice) -> Inputs:
        """Return the inputs of some places of all frames, from `(size, n)` values."""
        own = _rows(values, self.own, part)
        middle = own[: 1 << self.middle_bits].sum(axis=0)
        distances = (own << self.middle_bits) - middle
        spread = np.abs(distances[:N_SPREAD]).sum(axis=0)
        np.maximum(spread, self.least * N_SPREAD << self.middle_bits, out=spread)
        shape = (self.n_inputs, own.shape[1])
        x, at = np.empty(shape, dtype=np.float32), len(own)
        _ratios(distances, spread, x[:at])
        x[at] = _logs(spread, self.middle_bits + 3)
        flags = np.repeat(self.flags[:, part], values.shape[1], axis=1)
        x[at + 1 : at + 1 + len(flags)] = np.where(flags, ONE, 0)
        at += 1 + len(flags)
        if self.other is not None:
            at = self._other(values, part, spread, x, at)
        if self.wide is not None:
            _noise(_rows(values, self.wide, part), x[at:])
        return Inputs(x, middle, spread, self.middle_bits)

    def _other(
        self, values: Integers, part: slice, spread: Integers, x: npt.NDArray[Any], at: int
    ) -> int:
        """Write the inputs of the other channel; return where they end."""
        assert self.other is not None
        other = _rows(values, self.other, part)
        first = 1 if self.sees_place else 0  # the nearest two on either side are its middle
        distances = 2 * other - (other[first] + other[first + 1])
        own_spread = np.abs(distances[first:N_SPREAD]).sum(axis=0)
        np.maximum(own_spread, 2 * N_SPREAD * self.least, out=own_spread)
        _ratios(distances, own_spread, x[at : at + len(other)])
        at += len(other)
        x[at] = _logs(own_spread, 4)
        if self.sees_place:
            move = distances[:1] << self.middle_bits >> 1
            _ratios(move, spread, x[at + 1 : at + 2])
        return at + 1 + self.sees_place


def _ratios(distances: Integers, spread: Integers, out: npt.NDArray[Any]) -> None:
    """Write 1024 times distances by spreads, cut at 1024 either way."""
    cut = np.clip(distances, -spread, spread).astype(np.float64)
    cut *= REACH
    cut /= spread
    np.floor(cut, out=cut)  # exact: the quotient is below 2**11, its divisor below 2**42
    out[...] = cut


def _logs(values: Integers, shift: int) -> Integers:
    """Return a half of the logarithm of `(rows,)` values by 2**shift, in inputs' units.

    In 16ths of an octave, straight between powers of two; values are at least 1.
    """
    exponent = np.frexp(values.astype(np.float64))[1].astype(np.int64) - 1
    mantissa = (values << 4 >> exponent) & 15
    logs = ((exponent - shift) << 4) + mantissa
    return np.asarray(np.clip(4 * logs - ONE, -REACH, REACH))


def _noise(wide: Integers, out: npt.NDArray[Any]) -> None:
    """Write logarithms of mean absolute second differences: of all, and of the nearest."""
    before, after = wide[0::2], wide[1::2]
    second = np.abs(before[2:] - 2 * before[1:-1] + before[:-2])
    second += np.abs(after[2:] - 2 * after[1:-1] + after[:-2])
    near = second[:4].sum(axis=0)
    out[0] = _logs(second.sum(axis=0) + 10, 4)
    out[1] = _logs(near + 4, 3)


def _rows(values: Integers, near: Indices, part: slice) -> Integers:
    """Return the `(k, rows)` values of neighbours."""
    return values[near[:, part]].reshape(len(near), -1)


def _of(
    order: PassOrder, of: Pass, offsets: Offsets, channel: int
) -> tuple[Indices, npt.NDArray[np.bool_]]:
    near, inside = order.neighbours(of, offsets, channel)
    return np.ascontiguousarray(near.T), inside


def _odd(k: int) -> Offsets:
    """Return the k offsets -1, 1, -3, 3 and so on, along one axis."""
    return np.array([[sign * step] for step in range(1, k, 2) for sign in (-1, 1)], dtype=np.intp)


def _all(k: int) -> Offsets:
    """Return the k offsets 0, -1, 1, -2, 2 and so on, along one axis."""
    steps = [0, *(sign * step for step in range(1, k // 2 + 1) for sign in (-1, 1))]
    return np.array(steps, dtype=np.intp)[:, None]


def _nearest_bits(offsets: Offsets) -> int:
    """Return the logarithm of how many of the nearest make the middle: 1, 2, 4 or 8."""
    squares = (offsets**2).sum(axis=1)
    n = int((squares == squares[0]).sum())
    return min(3, n.bit_length() - 1)
