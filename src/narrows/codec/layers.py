"""The layers of an exact integer network, one small class a kind.

Every value is an integer held in floating point. A layer says what it does to shapes, proves how
large its values can become, and compiles itself for a backend. No layer writes into its input.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from narrows.codec.backend import Array, Backend, Float
from narrows.codec.checks import check_shape, check_whole
from narrows.errors import FormatError

Shape = tuple[int, ...]
Step = Callable[[Array], Array]
Tensors = Mapping[str, npt.NDArray[Any]]
Settings = Mapping[str, Any]

MAX_SHIFT = 52  # 2**-52 times an integer below 2**53 is exact in float64
MAX_TABLE_ENTRIES = 2**17  # a 16-bit activation has 2**16 values; one bit of room


class Layer(ABC):
    """One operation on integers; a frozen dataclass in every concrete kind."""

    kind: ClassVar[str]

    @abstractmethod
    def output_shape(self, shape: Shape) -> Shape:
        """Give the shape of one output, without the batch axis; FormatError if it cannot be."""

    @abstractmethod
    def magnitudes(self, limit: int) -> tuple[int, int]:
        """Bound the layer for inputs of at most `limit` in absolute value.

        Returns
        -------
        peak, output : int
            The largest absolute value of any intermediate result, partial sums in any order
            included, and that of the output.
        """

    @abstractmethod
    def compile(self, backend: Backend, dtype: Float) -> Step:
        """Make the function that computes the layer on `backend` in `dtype`."""

    def settings(self) -> dict[str, Any]:
        """Give what describes the layer besides its tensors, as canonical JSON values."""
        return {}

    def tensors(self) -> dict[str, npt.NDArray[Any]]:
        """Give the integer arrays of the layer by name."""
        return {}

    @classmethod
    def build(cls, settings: Settings, tensors: Tensors) -> Layer:
        """Make the layer from its settings and tensors: the inverse of those two methods."""
        return cls(**settings, **tensors)

    @property
    def n_parameters(self) -> int:
        """The number of integers in the layer's tensors."""
        return sum(t.size for t in self.tensors().values())


@dataclass(frozen=True, eq=False)
class Dense(Layer):
    """`clip(floor((x @ weight + bias) * 2**-shift))`.

    Attributes
    ----------
    weight : (n_inputs, n_outputs) int16
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
    kind: ClassVar[str] = "dense"

    def __post_init__(self) -> None:
        if self.weight.dtype != np.int16 or self.bias.dtype != np.int64:
            raise FormatError(f"dense layer of {self.weight.dtype} and {self.bias.dtype}")
        if self.weight.ndim != 2 or self.bias.shape != self.weight.shape[1:]:
            raise FormatError(
                f"dense layer with weight {self.weight.shape} and bias {self.bias.shape}; "
                "expected (n_inputs, n_outputs) and (n_outputs,)"
            )
        check_shape(self.weight.shape, "weight of a dense layer")
        check_whole(self.shift, 0, MAX_SHIFT, "shift of a dense layer")
        if self.limit is not None:
            check_whole(self.limit, 1, 2**53 - 1, "limit of a dense layer")

    def output_shape(self, shape: Shape) -> Shape:
        if shape != self.weight.shape[:1]:
            raise FormatError(f"dense layer for {self.weight.shape[:1]} received {shape}")
        return self.weight.shape[1:]

    def magnitudes(self, limit: int) -> tuple[int, int]:
        sums = np.abs(self.weight.astype(np.int64)).sum(axis=0)
        bias = int(max(abs(int(self.bias.max())), abs(int(self.bias.min()))))
        peak = int(sums.max()) * limit + bias
        output = -(-peak >> self.shift)
        return peak, output if self.limit is None else min(output, self.limit)

    def compile(self, backend: Backend, dtype: Float) -> Step:
        xp, limit = backend.xp, self.limit
        weight = backend.constant(self.weight, dtype)
        bias = backend.constant(self.bias, dtype)
        power = 2.0**-self.shift

        def dense(x: Array) -> Array:
            y = backend.cast(x, dtype) @ weight  # (n, n_outputs)
            y += bias
            if self.shift:
                y *= power
                xp.floor(y, out=y)
            return y if limit is None else xp.clip(y, -limit, limit, out=y)

        return dense

    def settings(self) -> dict[str, Any]:
        return {"shift": self.shift, "limit": self.limit}

    def tensors(self) -> dict[str, npt.NDArray[Any]]:
        return {"weight": self.weight, "bias": self.bias}


@dataclass(frozen=True)
class LeakyReLU(Layer):
    """`x` where x is at least 0, `floor(x / 8)` below: slope 1/8 is a shift."""

    kind: ClassVar[str] = "leaky_relu"

    def output_shape(self, shape: Shape) -> Shape:
        return shape

    def magnitudes(self, limit: int) -> tuple[int, int]:
        return limit, limit

    def compile(self, backend: Backend, dtype: Float) -> Step:
        xp = backend.xp

        def leaky_relu(x: Array) -> Array:
            x = backend.cast(x, dtype)
            y = x * 0.125
            xp.floor(y, out=y)
            return xp.maximum(x, y, out=y)

        return leaky_relu


@dataclass(frozen=True)
class ReLU(Layer):
    """`max(x, 0)`."""

    kind: ClassVar[str] = "relu"

    def output_shape(self, shape: Shape) -> Shape:
        return shape

    def magnitudes(self, limit: int) -> tuple[int, int]:
        return limit, limit

    def compile(self, backend: Backend, dtype: Float) -> Step:
        xp = backend.xp
        return lambda x: xp.clip(backend.cast(x, dtype), 0, None)


@dataclass(frozen=True, eq=False)
class Table(Layer):
    """Look-up of an integer function: ELU, sigmoid, tanh, GELU or any other.

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

    def output_shape(self, shape: Shape) -> Shape:
        return shape

    def magnitudes(self, limit: int) -> tuple[int, int]:
        largest = int(np.abs(self.values.astype(np.int64)).max())
        peak = max(limit, largest) + abs(self.low) + self.values.size
        return peak, max(largest, limit) if self.identity_above else largest

    def compile(self, backend: Backend, dtype: Float) -> Step:
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

    def compile(self, backend: Backend, dtype: Float) -> Step:
        return lambda x: x.reshape(len(x), *self.shape)

    def settings(self) -> dict[str, Any]:
        return {"shape": list(self.shape)}

    @classmethod
    def build(cls, settings: Settings, tensors: Tensors) -> Layer:
        return cls(**{**settings, "shape": tuple(settings["shape"])})


KINDS: dict[str, type[Layer]] = {
    layer.kind: layer for layer in (Dense, LeakyReLU, ReLU, Table, Reshape)
}
"""The layers a model file can hold, by the name they have there."""
