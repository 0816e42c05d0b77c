"""Exact matrix products: in float32, whole or in parts, where that is proven; else in float64."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.networks.backend import EXACT_FLOAT32, Array, Backend, Float

MAX_PARTS = 4  # with more, float64 is as fast


def parts_of(n_lines: int, line: int, count: int) -> list[slice]:
    """Cut `n_lines` lines of `line` rows into `count` parts of nearly equal size."""
    ends = [line * (n_lines * i // count) for i in range(count + 1)]
    return [slice(a, b) for a, b in pairwise(ends)]


def largest_sums(weight: npt.NDArray[np.int16], line: int) -> list[int]:
    """Return the greatest sum of absolute weights in one output of one part.

    Parameters
    ----------
    weight : (n_inputs, n_outputs) int16
    line : int
        Length of runs of inputs that are kept together.

    Returns
    -------
    list of int
        For inputs cut into one part, into two, and so on up to MAX_PARTS.
    """
    absolute = np.abs(weight.astype(np.int64)).reshape(-1, line, weight.shape[1]).sum(axis=1)
    n_lines = len(absolute)
    return [
        max(int(absolute[part].sum(axis=0).max()) for part in parts_of(n_lines, 1, count))
        for count in range(1, min(MAX_PARTS, n_lines) + 1)
    ]


class Product:
    """`x @ weight * 2**-shift` of integers, exactly.

    Parameters
    ----------
    weight : (n_inputs, n_outputs) int16
    shift : int
    line : int
        Length of runs of inputs that are kept together.
    limit : int
        The largest absolute value of an input.
    backend : Backend
    dtype : numpy float type
        One in which the whole sums are exact: the type of the output.
    """

    def __init__(
        self,
        weight: npt.NDArray[np.int16],
        shift: int,
        line: int,
        limit: int,
        backend: Backend,
        dtype: Float,
    ) -> None:
        self.backend, self.dtype = backend, dtype
        self.input_dtype: Float = dtype
        count = 1
        if dtype is np.float64 and backend.float32_is_exact:
            sums: Sequence[int] = largest_sums(weight, line)
            found = [c for c, s in enumerate(sums, 1) if s * limit < EXACT_FLOAT32]
            if found:
                count, self.input_dtype = found[0], np.float32
        self.parts = parts_of(len(weight) // line, line, count)
        scaled = weight * 2.0**-shift  # a power of two: products and sums stay exact
        self.weights = [backend.constant(scaled[part], self.input_dtype) for part in self.parts]

    @property
    def shape(self) -> tuple[Any, ...]:
        """`(n_inputs, n_outputs)`."""
        return sum(map(len, self.weights)), self.weights[0].shape[1]

    def __call__(self, x: Array, out: Array) -> Array:
        """Write the product of `(n, n_inputs)` in `input_dtype` to `out`, `(n, n_outputs)`."""
        matmul = self.backend.xp.matmul
        if self.input_dtype is self.dtype:
            return matmul(x, self.weights[0], out=out)
        out[...] = matmul(x[:, self.parts[0]], self.weights[0])
        for part, weight in zip(self.parts[1:], self.weights[1:], strict=True):
            out += matmul(x[:, part], weight)
        return out
