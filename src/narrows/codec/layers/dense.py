"""The fully connected layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from narrows.codec.backend import Array, Backend, Float
from narrows.codec.layers.affine import Affine, absolute
from narrows.codec.layers.contract import Shape, Step
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

    def _largest_sum(self) -> int:
        return int(absolute(self.weight).sum(axis=0).max())

    def compile(self, backend: Backend, dtype: Float) -> Step:
        weight = self._scaled_weight(self.weight, backend, dtype)
        finish = self._finish(backend, dtype)

        def dense(x: Array) -> Array:
            return finish(backend.cast(x, dtype) @ weight)  # (n, n_outputs)

        return dense
