"""Exact integer networks: the same bits on every CPU, BLAS, thread count, batch size and GPU.

Weights and activations are integers, held in float64, and every value that can occur stays below
2**53. Sums of such integers are exact in any order, so nothing about the machine can change a
result. A layer proven to stay below 2**24 runs in float32 instead: same bits, twice the speed.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from narrows.codec.backend import (
    EXACT_FLOAT32,
    EXACT_FLOAT64,
    NUMPY,
    Array,
    Backend,
    Float,
)
from narrows.codec.checks import check_shape, check_whole
from narrows.codec.layers import (
    KINDS,
    Layer,
    Shape,
    Tensors,
    build_layers,
    describe,
    name_tensors,
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
        self.shapes: list[Shape] = []
        self.peaks: list[int] = []
        self.limits: list[int] = []  # of each layer's input
        self.elements = prod(self.input_shape)  # of the largest array that one input needs
        shape, limit = self.input_shape, self.input_limit
        for number, layer in enumerate(self.layers):
            self.elements = max(self.elements, layer.elements(shape))
            shape = layer.output_shape(shape)
            self.limits.append(limit)
            peak, limit = layer.magnitudes(limit)
            if peak >= EXACT_FLOAT64:
                raise UnprovenModelError(
                    f"layer {number} ({layer.kind}) could reach 2**{peak.bit_length()}, but "
                    "float64 is exact below 2**53 only; the model is refused: freeze it with "
                    "fewer bits"
                )
            self.shapes.append(shape)
            self.peaks.append(peak)
        self.output_shape = shape
        self.output_limit = limit

    def compile(self, backend: Backend = NUMPY) -> CompiledNetwork:
        """Prepare the network for a backend, numpy by default."""
        return CompiledNetwork(self, backend)

    @property
    def n_parameters(self) -> int:
        """The number of integers in all tensors."""
        return sum(layer.n_parameters for layer in self.layers)

    def settings(self) -> dict[str, Any]:
        """Describe the network without its tensors, as canonical JSON values."""
        return {
            "input_shape": list(self.input_shape),
            "input_limit": self.input_limit,
            "layers": describe(self.layers),
        }

    def tensors(self) -> dict[str, np.ndarray]:
        """Give all tensors, named `<layer number>.<name>`."""
        return name_tensors(self.layers)

    @classmethod
    def build(cls, settings: dict[str, Any], tensors: Tensors) -> IntegerNetwork:
        """Make a network from `settings()` and `tensors()`: their inverse."""
        layers = build_layers(settings["layers"], tensors, KINDS, "to this version")
        return cls(layers, tuple(settings["input_shape"]), settings["input_limit"])


class CompiledNetwork:
    """A network with its constants carried to one backend; call it on `(n, *input_shape)`."""

    def __init__(self, network: IntegerNetwork, backend: Backend) -> None:
        self.network = network
        self.backend = backend
        self.dtypes: list[Float] = [
            np.float32 if backend.float32_is_exact and peak < EXACT_FLOAT32 else np.float64
            for peak in network.peaks
        ]
        self.steps = [
            layer.compile(backend, dtype, limit)
            for layer, dtype, limit in zip(network.layers, self.dtypes, network.limits, strict=True)
        ]

    def __call__(self, x: Array) -> Array:
        """Compute `(n, *output_shape)` integers from `(n, *input_shape)` integers."""
        for step in self.steps:
            x = step(x)
        return x
