"""The residual layer: its input, plus what a chain of layers makes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from narrows.codec.networks.backend import NUMPY, Array, Backend, Float
from narrows.codec.networks.layers.activations import LeakyReLU, ReLU, Table
from narrows.codec.networks.layers.affine import check_limit
from narrows.codec.networks.layers.chain import build_layers, describe, name_tensors
from narrows.codec.networks.layers.contract import Adjoint, Layer, Settings, Shape, Step, Tensors
from narrows.codec.networks.layers.convolution import Conv
from narrows.codec.networks.layers.dense import Dense
from narrows.codec.networks.layers.shapes import Reshape
from narrows.codec.networks.layers.transposed import TransposedConv
from narrows.errors import FormatError

INNER_KINDS: dict[str, type[Layer]] = {
    layer.kind: layer for layer in (Dense, Conv, TransposedConv, LeakyReLU, ReLU, Table, Reshape)
}
"""The layers that a residual layer can hold: all but itself."""


@dataclass(frozen=True, eq=False)
class Residual(Layer):
    """`clip(x + inner(x))`, where `inner` is a chain of layers that keeps the shape.

    Attributes
    ----------
    layers : tuple of Layer
        The inner chain, without residual layers.
    limit : int or None
        The sum is clipped to -limit .. limit; None leaves it as it is.
    """

    layers: tuple[Layer, ...]
    limit: int | None
    kind: ClassVar[str] = "residual"

    def __post_init__(self) -> None:
        check_limit(self.limit, "limit of a residual layer")
        for layer in self.layers:
            if layer.kind not in INNER_KINDS:
                raise FormatError(
                    f"residual layer that holds a {layer.kind} layer; it may hold "
                    f"{', '.join(INNER_KINDS)}"
                )

    def _inner_shapes(self, shape: Shape) -> list[Shape]:
        """Give the shapes before, between and after the inner layers."""
        shapes = [shape]
        for layer in self.layers:
            shapes.append(layer.output_shape(shapes[-1]))
        return shapes

    def output_shape(self, shape: Shape) -> Shape:
        last = self._inner_shapes(shape)[-1]
        if last != shape:
            raise FormatError(
                f"residual layer whose inner layers make {last} of {shape}; they must keep it"
            )
        return shape

    def elements(self, shape: Shape) -> int:
        shapes = self._inner_shapes(shape)
        inner = (layer.elements(s) for layer, s in zip(self.layers, shapes, strict=False))
        return max(super().elements(shape), *inner, 0)

    def magnitudes(self, limit: int) -> tuple[int, int]:
        peak, inner = limit, limit
        for layer in self.layers:
            inner_peak, inner = layer.magnitudes(inner)
            peak = max(peak, inner_peak)
        total = limit + inner
        return max(peak, total), total if self.limit is None else min(total, self.limit)

    def compile(self, backend: Backend, dtype: Float, limit: int | None = None) -> Step:
        xp, most = backend.xp, self.limit
        steps, inner = [], limit
        for layer in self.layers:
            steps.append(layer.compile(backend, dtype, inner))
            inner = None if inner is None else layer.magnitudes(inner)[1]

        def residual(x: Array) -> Array:
            x = y = backend.cast(x, dtype)
            for step in steps:
                y = step(y)
            y = x + y
            return y if most is None else xp.clip(y, -most, most, out=y)

        return residual

    def adjoint(self, shape: Shape) -> Adjoint:
        steps = [layer.compile(NUMPY, np.float64) for layer in self.layers]
        pulls = [
            layer.adjoint(inner)
            for layer, inner in zip(self.layers, self._inner_shapes(shape), strict=False)
        ]

        def pull_back(g: Array, x: Array) -> Array:
            values = [x]
            for step in steps:
                values.append(step(values[-1]))
            through = g
            for pull, seen in zip(reversed(pulls), reversed(values[:-1]), strict=True):
                through = pull(through, seen)
            return g + through

        return pull_back

    def settings(self) -> dict[str, Any]:
        return {"limit": self.limit, "layers": describe(self.layers)}

    def tensors(self) -> dict[str, npt.NDArray[Any]]:
        return name_tensors(self.layers)

    @classmethod
    def build(cls, settings: Settings, tensors: Tensors) -> Layer:
        place = "in a residual layer"
        layers = build_layers(settings["layers"], tensors, INNER_KINDS, place)
        return cls(**{**settings, "layers": tuple(layers)})
