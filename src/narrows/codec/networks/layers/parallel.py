"""The parallel layer: a flat input is split in two, and the outputs of two chains are added."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy.typing as npt

from narrows.codec.checks import MAX_ELEMENTS, check_sizes
from narrows.codec.networks.backend import Array, Backend, Float, Shape
from narrows.codec.networks.layers.contract import (
    Layer,
    Settings,
    Step,
    Tensors,
    above,
    below,
    bounds_along,
    build_layers,
    check_kinds,
    compile_chain,
    describe,
    largest_array,
    name_tensors,
    shapes_along,
)
from narrows.codec.networks.layers.residual import INNER_KINDS, Residual
from narrows.errors import FormatError

BRANCH_KINDS: dict[str, type[Layer]] = {**INNER_KINDS, Residual.kind: Residual}
"""The kinds that a parallel layer may hold: all but itself."""


@dataclass(frozen=True, eq=False)
class Parallel(Layer):
    """`first(x[:n]) + second(x[n:])`, where `first` and `second` are chains of layers.

    Attributes
    ----------
    split : (int, int)
        The numbers of inputs of the two chains.
    first, second : tuple of Layer
        Chains whose outputs have the same shape, without parallel layers.
    """

    split: tuple[int, int]
    first: tuple[Layer, ...]
    second: tuple[Layer, ...]
    kind: ClassVar[str] = "parallel"

    def __post_init__(self) -> None:
        split = check_sizes(self.split, 2, 1, MAX_ELEMENTS, "split of a parallel layer")
        object.__setattr__(self, "split", split)
        check_kinds((*self.first, *self.second), BRANCH_KINDS, "parallel layer")

    @property
    def chains(self) -> list[tuple[tuple[Layer, ...], Shape]]:
        """Both chains, each with the shape of its input."""
        return [(self.first, self.split[:1]), (self.second, self.split[1:])]

    def output_shape(self, shape: Shape) -> Shape:
        if shape != (sum(self.split),):
            raise FormatError(f"parallel layer that splits {self.split} received {shape}")
        first, second = (shapes_along(*each)[-1] for each in self.chains)
        if first != second:
            raise FormatError(
                f"parallel layer whose chains make {first} and {second}; they must be the same"
            )
        return first

    def elements(self, shape: Shape) -> int:
        return max(largest_array(*each) for each in self.chains)

    def magnitudes(self, limit: int) -> tuple[int, int]:
        bounds = [bounds_along(chain, limit) for chain, _ in self.chains]
        total = sum(limits[-1] for _, limits in bounds)
        return max([total, *(peak for peaks, _ in bounds for peak in peaks)]), total

    def compile(self, backend: Backend, dtype: Float, limit: int) -> Step:
        first, second = (compile_chain(chain, limit, backend) for chain, _ in self.chains)
        return self.joined(first, second, backend, dtype)

    def joined(self, first: Step, second: Step, backend: Backend, dtype: Float) -> Step:
        """Return the function that computes the layer with functions that compute its chains."""
        n, n_second = self.split
        at_zero = second(backend.zeros((1, n_second), dtype))
        adds_at_zero = bool(at_zero.any())

        def parallel(x: Array) -> Array:
            y, rest = first(x[:, :n]), x[:, n:]
            if bool(rest.any()):
                return backend.cast(y, dtype) + second(rest)
            return backend.cast(y, dtype) + at_zero if adds_at_zero else y

        return parallel

    def settings(self) -> dict[str, Any]:
        chains = {"first": describe(self.first), "second": describe(self.second)}
        return {"split": list(self.split), **chains}

    def tensors(self) -> dict[str, npt.NDArray[Any]]:
        first, second = name_tensors(self.first), name_tensors(self.second)
        return above("first.", first) | above("second.", second)

    @classmethod
    def build(cls, settings: Settings, tensors: Tensors) -> Layer:
        def chain(name: str) -> tuple[Layer, ...]:
            own = below(f"{name}.", tensors)
            return tuple(build_layers(settings[name], own, BRANCH_KINDS, "in a parallel layer"))

        return cls(**{**settings, "first": chain("first"), "second": chain("second")})


KINDS: dict[str, type[Layer]] = {**BRANCH_KINDS, Parallel.kind: Parallel}
"""All kinds of layers of a model file, by name."""
