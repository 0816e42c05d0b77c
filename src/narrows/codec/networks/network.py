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

from narrows.codec.checks import check_shape, check_whole
from narrows.codec.networks.backend import (
    EXACT_FLOAT64,
    NUMPY,
    Array,
    Backend,
)
from narrows.codec.networks.layers import KINDS, Dense, Layer, Shape, Tensors
from narrows.codec.networks.layers.chain import (
    bounds_along,
    build_layers,
    describe,
    largest_array,
    name_tensors,
    planned,
    shapes_along,
)
from narrows.errors import FormatError, UnprovenModelError


class IntegerNetwork:
    """A chain of integer layers with a proof that float64 computes it exactly.

        (n, *input_shape) integers ──layer──► ... ──layer──► (n, *output_shape) integers

    With a correction, the last inputs go through it, the others through the layers, and the two
    outputs are added.

    Parameters
    ----------
    layers : sequence of Layer
    input_shape : tuple of int
        Shape of one input, without the batch axis.
    input_limit : int
        The largest absolute value of an input.
    correction : Dense, optional
        From the last `n_corrected` of `(n_inputs,)` inputs to all outputs, in row-major order.

    Raises
    ------
    UnprovenModelError
        If a value of 2**53 or more could occur.
    FormatError
        If the layers' shapes do not fit together.
    """

    def __init__(
        self,
        layers: Sequence[Layer],
        input_shape: Shape,
        input_limit: int,
        correction: Dense | None = None,
    ) -> None:
        self.layers = tuple(layers)
        self.correction = correction
        self.input_shape = check_shape(input_shape, "input shape of a network")
        self.input_limit = check_whole(input_limit, 1, EXACT_FLOAT64, "input_limit of a network")
        shape = self._shape_of_layers()
        self.elements = largest_array(self.layers, shape)
        self.shapes = shapes_along(self.layers, shape)[1:]
        self.peaks, limits = bounds_along(self.layers, self.input_limit)
        for number, (layer, peak) in enumerate(zip(self.layers, self.peaks, strict=True)):
            _check_peak(peak, f"layer {number} ({layer.kind})")
        *self.limits, limit = limits  # of each layer's input, and of the output
        self.output_shape = self.shapes[-1] if self.shapes else shape
        self.output_limit = limit + self._correction_limit()

    @property
    def n_corrected(self) -> int:
        """The number of inputs that go through the correction."""
        return 0 if self.correction is None else len(self.correction.weight)

    def _shape_of_layers(self) -> Shape:
        """Give the shape of what the layers receive."""
        if self.correction is None:
            return self.input_shape
        if len(self.input_shape) != 1 or self.input_shape[0] <= self.n_corrected:
            raise FormatError(
                f"network for {self.input_shape} with a correction of {self.n_corrected} inputs"
            )
        return (self.input_shape[0] - self.n_corrected,)

    def _correction_limit(self) -> int:
        if self.correction is None:
            return 0
        if (self.correction.bias >> self.correction.shift).any():
            raise FormatError("correction that does not give 0 for 0")
        n_outputs = self.correction.weight.shape[1]
        if n_outputs != prod(self.output_shape):
            raise FormatError(f"correction of {n_outputs} outputs for {self.output_shape}")
        peak, limit = self.correction.magnitudes(self.input_limit)
        _check_peak(peak, "the correction")
        return limit

    def compile(self, backend: Backend = NUMPY) -> CompiledNetwork:
        """Prepare the network for a backend, numpy by default."""
        return CompiledNetwork(self, backend)

    @property
    def n_parameters(self) -> int:
        """The number of integers in all tensors."""
        own = 0 if self.correction is None else self.correction.n_parameters
        return own + sum(layer.n_parameters for layer in self.layers)

    def settings(self) -> dict[str, Any]:
        """Describe the network without its tensors, as canonical JSON values."""
        return {
            "input_shape": list(self.input_shape),
            "input_limit": self.input_limit,
            "layers": describe(self.layers),
            **({} if self.correction is None else {"correction": self.correction.settings()}),
        }

    def tensors(self) -> dict[str, np.ndarray]:
        """Give all tensors, named `<layer number>.<name>`, or `correction.<name>`."""
        own = {} if self.correction is None else self.correction.tensors()
        return name_tensors(self.layers) | {f"correction.{name}": t for name, t in own.items()}

    @classmethod
    def build(cls, settings: dict[str, Any], tensors: Tensors) -> IntegerNetwork:
        """Make a network from `settings()` and `tensors()`: their inverse."""
        layers = build_layers(settings["layers"], tensors, KINDS, "to this version")
        correction = None
        if "correction" in settings:
            correction = Dense(
                tensors["correction.weight"], tensors["correction.bias"], **settings["correction"]
            )
        return cls(layers, tuple(settings["input_shape"]), settings["input_limit"], correction)


def _check_peak(peak: int, what: str) -> None:
    if peak >= EXACT_FLOAT64:
        raise UnprovenModelError(
            f"{what} could reach 2**{peak.bit_length()}, but float64 is exact below 2**53 only; "
            "the model is refused: freeze it with fewer bits"
        )


class CompiledNetwork:
    """A network with its constants carried to one backend; call it on `(n, *input_shape)`."""

    def __init__(self, network: IntegerNetwork, backend: Backend) -> None:
        self.network = network
        self.backend = backend
        plan = list(planned(network.layers, network.input_limit, backend))
        self.dtypes = [dtype for _, dtype, _ in plan]
        self.steps = [layer.compile(backend, dtype, limit) for layer, dtype, limit in plan]
        correction, limit = network.correction, network.input_limit
        self._correction = (
            None if correction is None else correction.compile(backend, np.float64, limit)
        )

    def __call__(self, x: Array) -> Array:
        """Compute `(n, *output_shape)` integers from `(n, *input_shape)` integers."""
        y, rest = self.parted(x)
        for step in self.steps:
            y = step(y)
        return self.corrected(y, rest)

    def parted(self, x: Array) -> tuple[Array, Array | None]:
        """Give what the layers receive, and what the correction does, if there is one."""
        if self._correction is None:
            return x, None
        n_uncorrected = x.shape[1] - self.network.n_corrected
        return x[:, :n_uncorrected], x[:, n_uncorrected:]

    def corrected(self, y: Array, rest: Array | None) -> Array:
        """Add the correction of `(n, n_corrected)` inputs to what the layers give."""
        if rest is None or self._correction is None or not bool(rest.any()):
            return y
        correction = self._correction(rest).reshape(y.shape)
        return correction + self.backend.cast(y, np.float64)
