"""The reshape layer."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar

from narrows.codec.checks import check_shape
from narrows.codec.networks.backend import Backend, Float, Shape
from narrows.codec.networks.layers.contract import Layer, Settings, Step, Tensors
from narrows.errors import FormatError


@dataclass(frozen=True)
class Reshape(Layer):
    """A new shape for the same numbers, row-major."""

    shape: Shape
    kind: ClassVar[str] = "reshape"

    def __post_init__(self) -> None:
        check_shape(self.shape, "shape of a reshape layer")

    def output_shape(self, shape: Shape) -> Shape:
        if prod(shape) != prod(self.shape):
            raise FormatError(f"cannot reshape {shape} to {self.shape}: other numbers of elements")
        return self.shape

    def magnitudes(self, limit: int) -> tuple[int, int]:
        return limit, limit

    def compile(self, backend: Backend, dtype: Float, limit: int) -> Step:
        return lambda x: x.reshape(len(x), *self.shape)

    def settings(self) -> dict[str, Any]:
        return {"shape": list(self.shape)}

    @classmethod
    def build(cls, settings: Settings, tensors: Tensors) -> Layer:
        return cls(**{**settings, "shape": tuple(settings["shape"])})
