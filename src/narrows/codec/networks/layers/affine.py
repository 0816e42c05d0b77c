"""Weighted sums of integers, shifted and clipped: what dense layers and convolutions share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from narrows.codec.checks import check_shape, check_whole
from narrows.codec.networks.backend import Array, Backend, Float, Shape
from narrows.codec.networks.layers.contract import Layer, Step
from narrows.codec.networks.layers.product import Product, largest_sums
from narrows.errors import FormatError

MAX_SHIFT = 52  # 2**-52 times an integer below 2**53 is exact in float64
MAX_LIMIT = 2**53 - 1  # no exact value is larger
FEW_CHANNELS = 4  # up to so many, one channel at a time was faster


@dataclass(frozen=True, eq=False)
class Affine(Layer):
    """`clip(floor((weights on x + bias) * 2**-shift))`.

    Attributes
    ----------
    weight : (..., n_inputs, n_outputs) int16
    bias : (n_outputs,) int64
        In units of the products; it carries the one half that makes `floor` round.
    shift : int
        0 to 52.
    limit : int or None
        The result is clipped to -limit .. limit; None leaves it as it is.
    """

    weight: npt.NDArray[np.int16]
    bias: npt.NDArray[np.int64]
    shift: int
    limit: int | None
    expected: ClassVar[str]

    def __post_init__(self) -> None:
        name = self.name
        if self.weight.dtype != np.int16 or self.bias.dtype != np.int64:
            raise FormatError(f"{name} layer of {self.weight.dtype} and {self.bias.dtype}")
        if not self._fits(self.weight.ndim) or self.bias.shape != self.weight.shape[-1:]:
            raise FormatError(
                f"{name} layer with weight {self.weight.shape} and bias {self.bias.shape}; "
                f"expected {self.expected} and (n_outputs,)"
            )
        check_shape(self.weight.shape, f"weight of a {name} layer")
        check_whole(self.shift, 0, MAX_SHIFT, f"shift of a {name} layer")
        check_limit(self.limit, f"limit of a {name} layer")

    @property
    def name(self) -> str:
        """The kind, in words."""
        return self.kind.replace("_", " ")

    @abstractmethod
    def _fits(self, n_dimensions: int) -> bool:
        """Return whether a weight may have so many dimensions."""

    @abstractmethod
    def matrices(self) -> Iterable[tuple[npt.NDArray[np.int16], int]]:
        """Return the matrices `(n_inputs, n_outputs)` of the layer's products.

        With each, the length of runs of inputs that a product in parts keeps together.
        """

    @cached_property
    def largest_sums(self) -> list[int]:
        """The greatest sums of absolute weights in one output.

        For inputs of a product cut into one part, into two, and so on.
        """
        each = [largest_sums(weight, line) for weight, line in self.matrices()]
        return [
            max(sums[min(i, len(sums) - 1)] for sums in each) for i in range(max(map(len, each)))
        ]

    def magnitudes(self, limit: int) -> tuple[int, int]:
        bias = max(abs(int(self.bias.max())), abs(int(self.bias.min())))
        peak = self.largest_sums[0] * limit + bias
        output = -(-peak >> self.shift)
        return peak, output if self.limit is None else min(output, self.limit)

    def _finish(self, backend: Backend, dtype: Float, repeats: int = 1) -> Step:
        """Return the step from scaled sums `(..., repeats * n_outputs)` to outputs, in place."""
        biases = np.tile(self.bias * 2.0**-self.shift, repeats)
        xp, limit, channels = backend.xp, self.limit, channel_parts(len(biases))
        bias = backend.constant(biases, dtype)

        def finish(y: Array) -> Array:
            for channel in channels:
                y[..., channel] += bias[channel]
            if self.shift:
                xp.floor(y, out=y)
            return y if limit is None else xp.clip(y, -limit, limit, out=y)

        return finish

    def settings(self) -> dict[str, Any]:
        return {"shift": self.shift, "limit": self.limit}

    def tensors(self) -> dict[str, npt.NDArray[Any]]:
        return {"weight": self.weight, "bias": self.bias}


def check_limit(limit: int | None, what: str) -> None:
    """Raise FormatError for a limit that is neither None nor in its range."""
    if limit is not None:
        check_whole(limit, 1, MAX_LIMIT, what)


def channel_parts(n: int) -> list[slice]:
    """Return slices of all channels at once, or of one at a time where they are few.

    Numpy's inner loop is then over positions, of which there are many.
    """
    step = 1 if n <= FEW_CHANNELS else n
    return [slice(start, start + step) for start in range(0, n, step)]


@dataclass(frozen=True, eq=False)
class Dense(Affine):
    """`clip(floor((x @ weight + bias) * 2**-shift))`; weight is `(n_inputs, n_outputs)`."""

    kind: ClassVar[str] = "dense"
    expected: ClassVar[str] = "(n_inputs, n_outputs)"

    def _fits(self, n_dimensions: int) -> bool:
        return n_dimensions == 2

    def output_shape(self, shape: Shape) -> Shape:
        if shape != self.weight.shape[:1]:
            raise FormatError(f"dense layer for {self.weight.shape[:1]} received {shape}")
        return self.weight.shape[1:]

    def matrices(self) -> list[tuple[npt.NDArray[np.int16], int]]:
        return [(self.weight, 1)]

    def compile(self, backend: Backend, dtype: Float, limit: int) -> Step:
        multiply = Product(self.weight, self.shift, 1, limit, backend, dtype)
        finish = self._finish(backend, dtype)

        def dense(x: Array) -> Array:
            y = backend.empty((len(x), self.weight.shape[1]), dtype)
            return finish(multiply(backend.cast(x, multiply.input_dtype), y))

        return dense
