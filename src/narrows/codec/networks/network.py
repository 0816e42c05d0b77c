"""Exact integer networks: the same bits on every CPU, BLAS, thread count, batch size and GPU.

Weights and activations are integers, held in float64, and every value that can occur stays below
2**53. Sums of such integers are exact in any order, so nothing about the machine can change a
result. A layer proven to stay below 2**24 runs in float32 instead: same bits, twice the speed.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from math import prod
from typing import Any

import numpy as np

from narrows.codec.checks import check_shape, check_whole
from narrows.codec.networks.backend import (
    EXACT_FLOAT64,
    NUMPY,
    Array,
    Backend,
    Float,
)
from narrows.codec.networks.layers import KINDS, Layer, Parallel, Shape, Step, Tensors
from narrows.codec.networks.layers.contract import (
    bounds_along,
    build_layers,
    describe,
    largest_array,
    name_tensors,
    planned,
    shapes_along,
)
from narrows.errors import UnprovenModelError


class IntegerNetwork:
    """A chain of integer layers with a proof that float64 computes it exactly.

        (n, *input_shape) integers ──layer──► ... ──layer──► (n, *output_shape) integers

    Parameters
    ----------
    layers : sequence of Layer
    input_shape : tuple of int
        Shape of one input, without the batch axis.
    input_limit : int
        The largest absolute value of an input.

    Raises
    ------
    UnprovenModelError
        If a value of 2**53 or more could occur.
    FormatError
        If the layers' shapes do not fit together.
    """

    def __init__(self, layers: Sequence[Layer], input_shape: Shape, input_limit: int) -> None:
        self.layers = tuple(layers)
        self.input_shape = check_shape(input_shape, "input shape of a network")
        self.input_limit = check_whole(input_limit, 1, EXACT_FLOAT64, "input_limit of a network")
        self.elements = largest_array(self.layers, self.input_shape)
        _, *self.shapes = shapes_along(self.layers, self.input_shape)
        self.peaks, limits = bounds_along(self.layers, self.input_limit)
        for number, (layer, peak) in enumerate(zip(self.layers, self.peaks, strict=True)):
            _check_peak(peak, f"layer {number} ({layer.kind})")
        *self.limits, self.output_limit = limits  # of each layer's input, and of the output
        self.output_shape = self.shapes[-1] if self.shapes else self.input_shape

    @cached_property
    def branches(self) -> tuple[IntegerNetwork, ...]:
        """The networks whose outputs are added: the chains of one parallel layer, or this one."""
        if len(self.layers) != 1 or not isinstance(self.layers[0], Parallel):
            return (self,)
        chains = self.layers[0].chains
        return tuple(IntegerNetwork(chain, shape, self.input_limit) for chain, shape in chains)

    def compile(self, backend: Backend = NUMPY) -> CompiledNetwork:
        """Prepare the network for a backend, numpy by default; see `engines` for other ways."""
        plan = list(planned(self.layers, self.input_limit, backend))
        steps = [layer.compile(backend, dtype, limit) for layer, dtype, limit in plan]
        return CompiledNetwork(self, steps, [dtype for _, dtype, _ in plan])

    @property
    def n_parameters(self) -> int:
        """The number of integers in all tensors."""
        return sum(layer.n_parameters for layer in self.layers)

    def settings(self) -> dict[str, Any]:
        """Return all of the network but its tensors, as canonical JSON values."""
        return {
            "input_shape": list(self.input_shape),
            "input_limit": self.input_limit,
            "layers": describe(self.layers),
        }

    def tensors(self) -> dict[str, np.ndarray]:
        """Return all tensors, named `<layer number>.<name>`."""
        return name_tensors(self.layers)

    @classmethod
    def build(cls, settings: dict[str, Any], tensors: Tensors) -> IntegerNetwork:
        """Build a network from `settings()` and `tensors()`: their inverse."""
        layers = build_layers(settings["layers"], tensors, KINDS, "to this version")
        return cls(layers, tuple(settings["input_shape"]), settings["input_limit"])


def _check_peak(peak: int, what: str) -> None:
    if peak >= EXACT_FLOAT64:
        raise UnprovenModelError(
            f"{what} could reach 2**{peak.bit_length()}, but float64 is exact below 2**53 only; "
            "the model is refused: freeze it with fewer bits"
        )


class CompiledNetwork:
    """A network, ready to be called on `(n, *input_shape)` integers.

    Parameters
    ----------
    network : IntegerNetwork
    steps : sequence of callables
        That compute it, one after the other.
    dtypes : sequence of numpy float types, optional
        In which each layer is exact, where each is a step.
    """

    def __init__(
        self, network: IntegerNetwork, steps: Sequence[Step], dtypes: Sequence[Float] = ()
    ) -> None:
        self.network = network
        self.steps = list(steps)
        self.dtypes = list(dtypes)

    def answer(self) -> np.ndarray:
        """Return what three inputs give that are all over their range, `(3, *output_shape)`."""
        size, limit = prod(self.network.input_shape), self.network.input_limit
        number = np.arange(3)[:, None] * 40503 + np.arange(size) * 2654435761
        inputs = (number % (2 * limit + 1) - limit).astype(np.float64)
        return np.asarray(self(inputs.reshape(3, *self.network.input_shape))).astype(np.int64)

    @np.errstate(invalid="ignore")  # some BLAS kernels set the flag for lanes that they discard
    def __call__(self, x: Array) -> Array:
        """Compute `(n, *output_shape)` integers from `(n, *input_shape)` integers."""
        for step in self.steps:
            x = step(x)
        return x
