"""The fully connected layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from narrows.codec.networks.backend import Array, Backend, Float, Shape
from narrows.codec.networks.layers.affine import Affine
from narrows.codec.networks.layers.contract import Step
from narrows.codec.networks.layers.product import Product
from narrows.errors import FormatError


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

    def _matrices(self) -> list[tuple[npt.NDArray[np.int16], int]]:
        return [(self.weight, 1)]

    def compile(self, backend: Backend, dtype: Float, limit: int) -> Step:
        multiply = Product(self.weight, self.shift, 1, limit, backend, dtype)
        finish = self._finish(backend, dtype)

        def dense(x: Array) -> Array:
            y = backend.empty((len(x), self.weight.shape[1]), dtype)
            return finish(multiply(backend.cast(x, multiply.input_dtype), y))

        return dense
