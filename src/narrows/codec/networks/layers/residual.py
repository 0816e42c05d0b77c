"""The residual layer: its input plus the output of a chain of layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy.typing as npt

from narrows.codec.networks.backend import Array, Backend, Float, Shape
from narrows.codec.networks.layers.activations import LeakyReLU, ReLU, Reshape, Table
from narrows.codec.networks.layers.affine import Dense, check_limit
from narrows.codec.networks.layers.contract import (
    Layer,
    Settings,
    Step,
    Tensors,
    bounds_along,
    build_layers,
    check_kinds,
    compile_chain,
    describe,
    largest_array,
    name_tensors,
    shapes_along,
)
from narrows.codec.networks.layers.convolution import Conv, TransposedConv
from narrows.errors import FormatError

INNER_KINDS: dict[str, type[Layer]] = {
    layer.kind: layer for layer in (Dense, Conv, TransposedConv, LeakyReLU, ReLU, Table, Reshape)
}
"""The kinds that a residual layer may hold: all that hold no layers themselves."""


@dataclass(frozen=True, eq=False)
class Residual(Layer):
    """`clip(x + inner(x))`, where `inner` is a chain of layers that keeps the shape.

    Attributes
    ----------
    layers : tuple of Layer
        The inner chain.
    limit : int or None
        The sum is clipped to -limit .. limit; None leaves it as it is.
    """

    layers: tuple[Layer, ...]
    limit: int | None
    kind: ClassVar[str] = "residual"

    def __post_init__(self) -> None:
        check_limit(self.limit, "limit of a residual layer")
        check_kinds(self.layers, INNER_KINDS, "residual layer")

    def output_shape(self, shape: Shape) -> Shape:
        last = shapes_along(self.layers, shape)[-1]
        if last != shape:
            raise FormatError(
                f"residual layer whose inner layers make {last} of {shape}; they must keep it"
            )
        return shape

    def elements(self, shape: Shape) -> int:
        return largest_array(self.layers, shape)

    def magnitudes(self, limit: int) -> tuple[int, int]:
        peaks, limits = bounds_along(self.layers, limit)
        total = limit + limits[-1]
        return max([total, *peaks]), total if self.limit is None else min(total, self.limit)

    def compile(self, backend: Backend, dtype: Float, limit: int) -> Step:
        inner = compile_chain(self.layers, limit, backend)
        return lambda x: self.joined(x, inner(x), backend, dtype)

    def joined(self, x: Array, y: Array, backend: Backend, dtype: Float) -> Array:
        """Return the output for inputs `x`, of which the inner layers make `y`."""
        total = backend.cast(x, dtype) + y
        if self.limit is None:
            return total
        return backend.xp.clip(total, -self.limit, self.limit, out=total)

    def settings(self) -> dict[str, Any]:
        return {"limit": self.limit, "layers": describe(self.layers)}

    def tensors(self) -> dict[str, npt.NDArray[Any]]:
        return name_tensors(self.layers)

    @classmethod
    def build(cls, settings: Settings, tensors: Tensors) -> Layer:
        place = "in a residual layer"
        layers = build_layers(settings["layers"], tensors, INNER_KINDS, place)
        return cls(**{**settings, "layers": tuple(layers)})
