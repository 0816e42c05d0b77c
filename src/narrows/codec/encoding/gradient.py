"""The gradient of the squared error with respect to symbols: exact, like all else here."""

from __future__ import annotations

import numpy as np

from narrows.codec.networks.backend import NUMPY, Array
from narrows.codec.networks.network import IntegerNetwork


class GradientNetwork:
    """A network, and the way back through it.

    Parameters
    ----------
    network : IntegerNetwork
    """

    def __init__(self, network: IntegerNetwork) -> None:
        self._compiled = network.compile(NUMPY)
        shapes = network.layer_shapes
        self._adjoints = [
            layer.adjoint(shape) for layer, shape in zip(network.layers, shapes, strict=False)
        ]
        correction = network.correction
        self._correction = (
            None if correction is None else correction.adjoint((network.n_corrected,))
        )

    def forward(self, x: Array) -> list[Array]:
        """Give the inputs of all layers, and the output, for `(n, *input_shape)`."""
        y, rest = self._compiled.parted(x)
        values = [y]
        for step in self._compiled.steps:
            values.append(step(values[-1]))
        return [*values[:-1], self._compiled.corrected(values[-1], rest)]

    def backward(self, values: list[Array], gradient: Array) -> Array:
        """Carry a gradient at the output back to the input, `(n, *input_shape)`."""
        of_layers = gradient
        for adjoint, seen in zip(reversed(self._adjoints), reversed(values[:-1]), strict=True):
            of_layers = adjoint(of_layers, seen)
        if self._correction is None:
            return of_layers
        return np.concatenate([of_layers, self.through_correction(gradient)], axis=1)

    def through_correction(self, gradient: Array) -> Array:
        """Carry a gradient at the output back to the inputs of the correction alone."""
        assert self._correction is not None
        flat = gradient.reshape(len(gradient), -1)
        return self._correction(flat, flat)
