"""The convolution: the product of patches of a frame and the weights."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from narrows.codec.checks import check_shape, check_sizes
from narrows.codec.networks.backend import Array, Backend, Float, Shape
from narrows.codec.networks.layers.contract import Step
from narrows.codec.networks.layers.sliding import Sliding, sliding_product, zeros_around
from narrows.errors import FormatError

Padding = tuple[tuple[int, int], ...]


@dataclass(frozen=True, eq=False)
class Conv(Sliding):
    """A convolution as networks have it: no flip of the kernel, zeros around the frame.

        sum[o] = sum over k of x[o * stride + k - before] @ weight[k]
        y = clip(floor((sum + bias) * 2**-shift))

    `o`, `k`, `stride` and `before` have one number a spatial axis. The output has
    `floor((size + before + after - kernel) / stride) + 1` positions along an axis.

    Attributes
    ----------
    weight : (*kernel, n_inputs, n_outputs) int16
    padding : tuple of (before, after)
        Zeros at both ends of each spatial axis, fewer than the kernel has taps.
    """

    padding: Padding
    kind: ClassVar[str] = "conv"

    def __post_init__(self) -> None:
        super().__post_init__()
        pairs = self.padding
        if not isinstance(pairs, tuple | list) or len(pairs) != self.n_axes:
            raise FormatError(
                f"padding of a conv layer is {repr(pairs)[:40]}; it must be {self.n_axes} pairs"
            )
        checked = tuple(
            check_sizes(pair, 2, 0, size - 1, "padding of a conv layer")
            for pair, size in zip(pairs, self.kernel, strict=True)
        )
        object.__setattr__(self, "padding", checked)

    def _padded(self, sizes: Shape) -> Shape:
        return tuple(n + sum(pair) for n, pair in zip(sizes, self.padding, strict=True))

    def _output_sizes(self, sizes: Shape) -> Shape:
        padded = self._padded(sizes)
        if any(n < size for n, size in zip(padded, self.kernel, strict=True)):
            raise FormatError(
                f"conv layer with a kernel of {self.kernel} for {padded} values, padding included"
            )
        check_shape((*padded, self.n_inputs), "padded input of a conv layer")
        return tuple(
            (n - size) // stride + 1
            for n, size, stride in zip(padded, self.kernel, self.stride, strict=True)
        )

    def _n_matrices(self, shape: Shape, output: Shape) -> int:
        return prod(output[:-1])

    def elements(self, shape: Shape) -> int:
        padded = prod(self._padded(shape[:-1])) * self.n_inputs
        return max(padded, prod(self.output_shape(shape)))

    def _matrices(self) -> list[tuple[npt.NDArray[np.int16], int]]:
        return [(self.weight.reshape(-1, self.n_outputs), self.kernel[-1] * self.n_inputs)]

    def compile(self, backend: Backend, dtype: Float, limit: int) -> Step:
        ((weight, _),) = self._matrices()
        multiply = sliding_product(
            self.kernel,
            self.stride,
            weight,
            self.shift,
            self._finish(backend, dtype),
            limit,
            backend,
            dtype,
        )
        before = tuple(pair[0] for pair in self.padding)

        def conv(x: Array) -> Array:
            spatial = tuple(x.shape[1:-1])
            padded = (*self._padded(spatial), self.n_inputs)
            return multiply(x, zeros_around(before, padded, backend), self._output_sizes(spatial))

        return conv

    def settings(self) -> dict[str, Any]:
        return {**super().settings(), "padding": [list(pair) for pair in self.padding]}
