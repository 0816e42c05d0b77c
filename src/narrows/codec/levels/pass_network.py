"""The exact network of a pass: one hidden layer, biases of each place, signals in columns."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.networks.backend import EXACT_FLOAT32, EXACT_FLOAT64
from narrows.errors import FormatError, UnprovenModelError

FIRST_SHIFT = 7  # inputs in 128ths, weights in 256ths; hidden values come in 256ths
SECOND_SHIFT = 11
HIDDEN_LIMIT = 4095  # of a hidden value: 16
COLUMNS_AT_ONCE = 1 << 13  # their hidden values stay in the cache

Columns = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class PassNetwork:
    """`(inputs, rows)` integers to `(outputs, rows)` integers, exactly.

        hidden = clip(leaky(floor(first @ x * 2**-7) + bias of the place), -4095 .. 4095)
        output = floor((second @ hidden + second_bias) * 2**-11)

    with leaky(h) the greater of h and floor(h / 8).

    Attributes
    ----------
    first : (units, inputs) int16
    bias : (places, units) int32
        Of one place, it is that of all.
    second : (outputs, units) int16
    second_bias : (outputs,) int32
    input_limit : int
        The largest absolute value of an input.

    Raises
    ------
    FormatError
        If the tensors do not fit together.
    UnprovenModelError
        If a value of 2**53 or more could occur.
    """

    first: npt.NDArray[np.int16]
    bias: npt.NDArray[np.int32]
    second: npt.NDArray[np.int16]
    second_bias: npt.NDArray[np.int32]
    input_limit: int

    def __post_init__(self) -> None:
        tensors = (self.first, self.bias, self.second, self.second_bias)
        kinds = [(t.dtype.name, t.ndim) for t in tensors]
        if kinds != [("int16", 2), ("int32", 2), ("int16", 2), ("int32", 1)]:
            raise FormatError(f"network of a pass whose tensors are {kinds}")
        units, outputs = len(self.first), len(self.second)
        if self.bias.shape[1] != units or self.second.shape[1] != units:
            raise FormatError(f"network of a pass of {units} units, with others in its tensors")
        if len(self.second_bias) != outputs or not units or not outputs or not self.first.size:
            raise FormatError(f"network of a pass with {outputs} outputs of {units} units")
        if max(self.peaks) >= EXACT_FLOAT64:
            raise UnprovenModelError("a network of a pass could reach 2**53; the model is refused")

    def answer(self) -> npt.NDArray[np.int64]:
        """Return what three inputs give that are all over their range, `(3, outputs)`."""
        size, limit = self.first.shape[1], self.input_limit
        number = np.arange(3) * 40503 + np.arange(size)[:, None] * 2654435761
        x = (number % (2 * limit + 1) - limit).astype(np.float64)
        return np.asarray(self(x, np.array([3]), 0).T.astype(np.int64))

    def tensors(self) -> dict[str, npt.NDArray[Any]]:
        """Return the tensors by name."""
        names = ("first", "bias", "second", "second_bias")
        return {name: getattr(self, name) for name in names}

    @cached_property
    def peaks(self) -> tuple[int, int]:
        """Bounds of all values in the first and in the second product."""
        first = _row_sums(self.first) * self.input_limit + _largest(self.bias)
        second = _row_sums(self.second) * HIDDEN_LIMIT + _largest(self.second_bias)
        return first, second

    @cached_property
    def _compiled(self) -> tuple[Columns, Columns, Columns, Columns]:
        """Both weights and both biases, in types in which all is exact, shifts included."""
        types = [np.float32 if peak < EXACT_FLOAT32 else np.float64 for peak in self.peaks]
        down = 2.0**-SECOND_SHIFT
        return (
            (self.first * 2.0**-FIRST_SHIFT).astype(types[0]),
            np.ascontiguousarray(self.bias.T, types[0]),
            (self.second * down).astype(types[1]),
            (self.second_bias * down).astype(types[1])[:, None],
        )

    @np.errstate(invalid="ignore")  # some BLAS kernels set the flag for lanes that they discard
    def __call__(self, x: Columns, counts: npt.NDArray[np.intp], start: int) -> Columns:
        """Return `(outputs, rows)` integers in floating point.

        Parameters
        ----------
        x : (inputs, rows)
        counts : (m,) int
            How many rows each place has, one place after the other.
        start : int
            The first of these places.
        """
        _, _, second, second_bias = self._compiled
        outputs: Columns = np.empty((len(second), x.shape[1]), second.dtype)
        ends = np.cumsum(counts)
        for at in range(0, x.shape[1], COLUMNS_AT_ONCE):
            stop = min(at + COLUMNS_AT_ONCE, x.shape[1])
            few = np.asarray(np.diff(np.clip(ends, at, stop), prepend=at), np.intp)
            hidden = self.hidden(x[:, at:stop], few, start).astype(second.dtype, copy=False)
            np.matmul(second, hidden, out=outputs[:, at:stop])
        outputs += second_bias
        np.floor(outputs, out=outputs)
        return outputs

    @np.errstate(invalid="ignore")
    def hidden(self, x: Columns, counts: npt.NDArray[np.intp], start: int) -> Columns:
        """Return the `(units, rows)` hidden values; see `__call__`."""
        first, bias, _, _ = self._compiled
        hidden: Columns = first @ x.astype(first.dtype, copy=False)
        np.floor(hidden, out=hidden)
        if bias.shape[1] == 1:
            hidden += bias
        else:
            hidden += np.repeat(bias[:, start : start + len(counts)], counts, axis=1)
        low = hidden * first.dtype.type(0.125)
        np.floor(low, out=low)
        np.maximum(hidden, low, out=hidden)
        np.clip(hidden, -HIDDEN_LIMIT, HIDDEN_LIMIT, out=hidden)
        return hidden


def _row_sums(weights: npt.NDArray[np.int16]) -> int:
    """Return the largest sum of absolute weights of an output."""
    return int(np.abs(weights.astype(np.int64)).sum(axis=1).max())


def _largest(x: npt.NDArray[np.int32]) -> int:
    return int(np.abs(x.astype(np.int64)).max(initial=0))
