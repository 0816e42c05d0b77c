"""What a step of fitting a last layer adds up over rows, and the equations it solves.

Sums are of whole numbers below 2**53, so that no order of adding changes them; equations are solved
by elimination in the order of their unknowns, each operation rounded as IEEE 754 says.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from narrows.codec.levels.decisions import SIGMOID_REACH, SIGMOID_UNIT, sigmoid_table
from narrows.codec.levels.native.numbers import CompiledNumbers
from narrows.codec.levels.number_inputs import Inputs
from narrows.codec.levels.number_levels import mean_and_class
from narrows.codec.levels.number_tables import N_CLASSES, RATES, low_bits_of
from narrows.codec.levels.pass_network import SECOND_SHIFT, PassNetwork

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Sums = tuple[Floats, Floats, Floats]
"""Squares of hidden values by what rows tell of means, and how rows pull at means and scales."""

MOST_PER_SCALE = 127  # spreads in 8ths of a scale: their squares, times 2**38, are exact
BIAS_VALUE = 256.0  # the hidden value that stands for the bias
RIDGE = 2.0**-12


class Equations(Protocol):
    """Symmetric equations, with a ridge."""

    def solved(self, right: Floats) -> Floats:
        """Return the `(n,)` unknowns for right sides."""
        ...


class Rows(Protocol):
    """Rows that a last layer is fitted to.

    Attributes
    ----------
    square : (units + 1, units + 1) float64
        Of their hidden values.
    """

    square: Floats

    def sums(self, weights: Floats) -> Sums:
        """Return what `(2, units + 1)` whole weights leave to do."""
        ...

    def equations(self, square: Floats) -> Equations:
        """Prepare equations."""
        ...


def inverse_scales(step: int) -> Floats:
    """Return 1 / scale of each class, in numbers."""
    low_bits = low_bits_of(np.arange(N_CLASSES))
    rates = np.array(RATES)[np.arange(N_CLASSES) - 3 * low_bits]
    return np.asarray(rates * 2.0 ** -(low_bits + 18) / step)


def _with_ridge(square: Floats) -> Floats:
    """Return `(n, n + 1)` equations whose right sides are still to come."""
    n = len(square)
    a = np.zeros((n, n + 1))
    a[:, :n] = square
    ridge = max(0.0, float(square.diagonal().max()))
    a[np.arange(n), np.arange(n)] += RIDGE * ridge + 1e-9
    return a


# ---------------------------------------------------------------- numpy


class NumpyRows:
    """Rows whose sums numpy makes.

    Parameters
    ----------
    network : PassNetwork
    inputs : Inputs
    truth : (rows,) int64
    step : int
        How far apart numbers are that come back.
    """

    def __init__(self, network: PassNetwork, inputs: Inputs, truth: Integers, step: int) -> None:
        hidden = network.hidden(inputs.x, np.zeros(0, np.intp), 0).astype(np.float64)
        self._hidden = np.vstack([hidden, np.full((1, hidden.shape[1]), BIAS_VALUE)])
        self._inputs, self._eighths, self._inverse = inputs, truth << 3, inverse_scales(step)
        self.square = self._hidden @ self._hidden.T

    def sums(self, weights: Floats) -> Sums:
        """Return what `(2, units + 1)` whole weights leave to do."""
        hidden, inputs = self._hidden, self._inputs
        outputs = np.floor(weights @ hidden * 2.0**-SECOND_SHIFT)
        mean, classes = mean_and_class(outputs, inputs)
        inverse = self._inverse[classes]
        distance = np.floor((self._eighths - mean) * (inverse * (SIGMOID_UNIT / 8)))
        reach = SIGMOID_REACH * SIGMOID_UNIT
        np.clip(distance, -reach, reach, out=distance)  # in 1024ths of a scale
        pull = 2.0 * sigmoid_table().take((distance + reach).astype(np.intp)) - 2.0**16
        one = 2.0 ** (inputs.middle_bits + 3)
        per_scale = np.floor(inputs.spread * inverse * (8 / one))
        told = np.minimum(per_scale, MOST_PER_SCALE)
        told *= told
        share = np.floor(told / np.maximum(per_scale, 1.0))  # rows beyond the cap count less
        excess = np.floor(distance * pull * 2.0**-16) - SIGMOID_UNIT
        return (hidden * told) @ hidden.T, hidden @ (share * pull), hidden @ excess

    def equations(self, square: Floats) -> NumpyEquations:
        """Prepare equations."""
        return NumpyEquations(square)


class NumpyEquations:
    """Equations whose matrix is eliminated once, for all right sides.

    Parameters
    ----------
    square : (n, n) float64
    """

    def __init__(self, square: Floats) -> None:
        n, a = len(square), _with_ridge(square)
        self._pivots, self._factors = np.empty(n), np.empty((n, n))
        for i in range(n):
            self._pivots[i] = a[i, i]
            a[i, i:] /= self._pivots[i]
            factors = self._factors[i]
            factors[:] = a[:, i]
            factors[i] = 0.0
            a[:, i:] -= factors[:, None] * a[i, i:]

    def solved(self, right: Floats) -> Floats:
        """Return the `(n,)` unknowns for right sides."""
        right = right.copy()
        for i, (pivot, factors) in enumerate(zip(self._pivots, self._factors, strict=True)):
            right[i] /= pivot
            right -= factors * right[i]
        return right


# ---------------------------------------------------------------- compiled code


class CompiledRows:
    """Rows whose sums compiled code makes, the same.

    Parameters
    ----------
    compiled : CompiledNumbers
    number : int
        Of the pass.
    values : (size, n) int64
    truth : (rows,) int64
    step : int
    """

    def __init__(
        self, compiled: CompiledNumbers, number: int, values: Integers, truth: Integers, step: int
    ) -> None:
        self._compiled, self._inverse = compiled, inverse_scales(step)
        self._seen, self._middle_bits = compiled.see(number, values.astype(np.float64, order="C"))
        self._truth, self._sigmoid = truth, sigmoid_table().astype(np.int32)
        hidden = self._seen[0].astype(np.float64)
        hidden = np.vstack([hidden, np.full((1, hidden.shape[1]), BIAS_VALUE)])
        self.square = hidden @ hidden.T

    def sums(self, weights: Floats) -> Sums:
        """Return what `(2, units + 1)` whole weights leave to do."""
        n = weights.shape[1]
        half, pulls = np.zeros((n, n)), np.zeros((2, n))
        given = (*self._seen, self._truth, weights, self._inverse, self._sigmoid)
        own = self._compiled
        own.native.add_fit(own.level, self._middle_bits, given, (half, pulls))
        return half + np.tril(half, -1).T, pulls[0], pulls[1]

    def equations(self, square: Floats) -> CompiledEquations:
        """Prepare equations."""
        return CompiledEquations(square, self._compiled.native)


class CompiledEquations:
    """Equations that compiled code solves, by the same operations.

    Parameters
    ----------
    square : (n, n) float64
    native : module
        `narrows.codec._native`.
    """

    def __init__(self, square: Floats, native: Any) -> None:
        self._equations, self._native = _with_ridge(square), native

    def solved(self, right: Floats) -> Floats:
        """Return the `(n,)` unknowns for right sides."""
        a = self._equations.copy()
        a[:, -1] = right
        self._native.solve_equations(a)
        return a[:, -1]
