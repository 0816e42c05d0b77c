"""Layers without weights: activations, exact functions of one integer, and the reshape layer."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from narrows.codec.checks import check_shape, check_whole
from narrows.codec.networks.backend import Array, Backend, Float, Shape
from narrows.codec.networks.layers.contract import Layer, Settings, Step, Tensors
from narrows.errors import FormatError

MAX_TABLE_ENTRIES = 2**17  # a 16-bit activation has 2**16 values; one more bit of room


class Activation(Layer):
    """A function of one integer; unless it says otherwise, its outputs are at most its inputs."""

    def output_shape(self, shape: Shape) -> Shape:
        return shape

    def magnitudes(self, limit: int) -> tuple[int, int]:
        return limit, limit


@dataclass(frozen=True)
class LeakyReLU(Activation):
    """`x` where x is at least 0, `floor(x / 8)` below: slope 1/8 is a shift."""

    kind: ClassVar[str] = "leaky_relu"

    def compile(self, backend: Backend, dtype: Float, limit: int) -> Step:
        xp = backend.xp

        def leaky_relu(x: Array) -> Array:
            x = backend.cast(x, dtype)
            y = xp.empty_like(x)
            step = max(1, backend.part_elements // (4 * max(1, prod(x.shape[1:]))))
            for start in range(0, len(x), step):  # each part stays in the cache
                part, found = x[start : start + step], y[start : start + step]
                xp.multiply(part, 0.125, out=found)
                xp.floor(found, out=found)
                xp.maximum(part, found, out=found)
            return y

        return leaky_relu


@dataclass(frozen=True)
class ReLU(Activation):
    """`max(x, 0)`."""

    kind: ClassVar[str] = "relu"

    def compile(self, backend: Backend, dtype: Float, limit: int) -> Step:
        xp = backend.xp
        return lambda x: xp.clip(backend.cast(x, dtype), 0, None)


@dataclass(frozen=True, eq=False)
class Table(Activation):
    """A table of an integer function: ELU, sigmoid, tanh, GELU or any other.

    `values[x - low]` inside the table; its first value below. Above, its last value, or x itself
    where `identity_above` is set, as for ELU and GELU.

    Attributes
    ----------
    values : (n,) int32
        The outputs for inputs low .. low + n - 1.
    low : int
    identity_above : bool
    """

    values: npt.NDArray[np.int32]
    low: int
    identity_above: bool
    kind: ClassVar[str] = "table"

    def __post_init__(self) -> None:
        check_whole(self.low, -(2**31), 2**31 - 1, "low end of an activation table")
        if not isinstance(self.identity_above, bool):
            raise FormatError(f"activation table with identity_above {self.identity_above!r}")
        size_fits = 1 <= self.values.size <= MAX_TABLE_ENTRIES
        if self.values.dtype != np.int32 or self.values.ndim != 1 or not size_fits:
            raise FormatError(
                f"activation table of {self.values.dtype} {self.values.shape}; expected one "
                f"dimension of 1 to {MAX_TABLE_ENTRIES} int32"
            )

    def magnitudes(self, limit: int) -> tuple[int, int]:
        largest = int(np.abs(self.values.astype(np.int64)).max())
        peak = max(limit, largest) + abs(self.low) + self.values.size
        return peak, max(largest, limit) if self.identity_above else largest

    def compile(self, backend: Backend, dtype: Float, limit: int) -> Step:
        xp = backend.xp
        values = backend.constant(self.values, dtype)
        low, high = self.low, self.low + self.values.size - 1

        def look_up(x: Array) -> Array:
            x = backend.cast(x, dtype)
            y = backend.take(values, xp.clip(x, low, high) - low)
            return xp.where(x > high, x, y) if self.identity_above else y

        return look_up

    def settings(self) -> dict[str, Any]:
        return {"low": self.low, "identity_above": self.identity_above}

    def tensors(self) -> dict[str, npt.NDArray[Any]]:
        return {"values": self.values}


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
