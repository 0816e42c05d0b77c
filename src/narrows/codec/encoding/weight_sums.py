"""Sums over a sample that weights are fitted to: whole numbers, the same in numpy and compiled."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from narrows.codec.interpolation.adaptive import ONE, Integers

Floats = npt.NDArray[np.float64]
HINT_PARTS = 16  # in a step, or in what is left on average
TRUST = 1 << 20  # by the square of what is expected to be left, the weight of a place in sums
LOG_PARTS = 256  # in a bit


class Sums(Protocol):
    """What adds up the hints of a sample, `(rows, n)` in parts, and what is left, `(rows,)`."""

    def bits(self, left: Integers, step: int) -> int:
        """Estimate the bits of what is left, up to a constant, in 256ths."""
        ...

    def laplacian(self, hints: Integers, left: Integers, shares: Integers) -> int:
        """Estimate the bits of what is left where shares of hints tell it, in 256ths."""
        ...

    def moments(self, hints: Integers, left: Integers, shares: Integers) -> tuple[Floats, Floats]:
        """Return products of hints, `(n, n)`, and of hints and what is left, by trust in places."""
        ...


class NumpySums:
    """The reference."""

    def bits(self, left: Integers, step: int) -> int:
        """Estimate the bits of what is left, up to a constant, in 256ths."""
        return int(_log2(np.abs(left) * HINT_PARTS // step + HINT_PARTS // 3).sum())

    def laplacian(self, hints: Integers, left: Integers, shares: Integers) -> int:
        """Estimate the bits of what is left where shares of hints tell it, in 256ths."""
        scale = _scale(hints, shares)
        return int((_log2(scale) + left * (LOG_PARTS * 1443 // 1000) // scale).sum())

    def moments(self, hints: Integers, left: Integers, shares: Integers) -> tuple[Floats, Floats]:
        """Return products of hints, `(n, n)`, and of hints and what is left, by trust in places."""
        scale = _scale(hints, shares)
        trust = np.maximum(1, TRUST // (scale * scale))
        exact = hints.astype(np.float64)  # sums below 2**53
        weighted = (hints * trust[:, None]).astype(np.float64)
        return exact.T @ weighted, weighted.T @ left.astype(np.float64)


class CompiledSums:
    """The same sums by `narrows.codec._native`, the module."""

    def __init__(self, native: Any) -> None:
        self._native = native

    def bits(self, left: Integers, step: int) -> int:
        """Estimate the bits of what is left, up to a constant, in 256ths."""
        return int(self._native.free_bits(np.ascontiguousarray(left), step))

    def laplacian(self, hints: Integers, left: Integers, shares: Integers) -> int:
        """Estimate the bits of what is left where shares of hints tell it, in 256ths."""
        return int(self._native.free_laplacian(*_laid(hints, left, shares)))

    def moments(self, hints: Integers, left: Integers, shares: Integers) -> tuple[Floats, Floats]:
        """Return products of hints, `(n, n)`, and of hints and what is left, by trust in places."""
        n = hints.shape[1]
        products, moments = np.zeros((n, n), np.int64), np.zeros(n, np.int64)
        self._native.free_moments(*_laid(hints, left, shares), products, moments)
        return products.astype(np.float64), moments.astype(np.float64)


def _laid(*arrays: Integers) -> list[Integers]:
    return [np.ascontiguousarray(each, np.int64) for each in arrays]


def _scale(hints: Integers, shares: Integers) -> Integers:
    """Return how far off places are expected to be, in parts."""
    return np.asarray((hints * shares).sum(axis=1) // ONE + HINT_PARTS // 4)


def _log2(values: Integers) -> Integers:
    """Return the logarithms of whole numbers above 0 in 256ths, between powers of two linear."""
    mantissa, exponent = np.frexp(values.astype(np.float64))
    return np.asarray(exponent * LOG_PARTS + np.floor((2 * mantissa - 2) * LOG_PARTS)).astype(
        np.int64
    )
