"""The gradient of the squared error with respect to symbols: exact, like all else here."""

from __future__ import annotations

from narrows.codec.backend import NUMPY, Array
from narrows.codec.layers import Shape
from narrows.codec.network import IntegerNetwork


class GradientNetwork:
    """A network, and the way back through it.

    Parameters
    ----------
    network : IntegerNetwork
    """

    def __init__(self, network: IntegerNetwork) -> None:
        self._steps = network.compile(NUMPY).steps
        shapes: list[Shape] = [network.input_shape, *network.shapes]
        self._adjoints = [
            layer.adjoint(shape) for layer, shape in zip(network.layers, shapes, strict=False)
        ]

    def forward(self, x: Array) -> list[Array]:
        """Give the inputs of all layers, and the output, for `(n, *input_shape)`."""
        values = [x]
        for step in self._steps:
            values.append(step(values[-1]))
        return values

    def backward(self, values: list[Array], gradient: Array) -> Array:
        """Carry a gradient at the output back to the input, `(n, *input_shape)`."""
        for adjoint, seen in zip(reversed(self._adjoints), reversed(values[:-1]), strict=True):
            gradient = adjoint(gradient, seen)
        return gradient
