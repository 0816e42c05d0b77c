"""Activations written out for numpy: forward in place, and the factor of the gradient."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from torch import nn

Array = npt.NDArray[np.float32]

LOWEST_LOGIT = -80.0  # exp(80) is finite in float32


class Activation:
    """An elementwise function and its derivative; this one is the identity.

    Parameters
    ----------
    shape : (n, width)
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape

    def forward(self, z: Array) -> Array:
        """Replace `(n, width)` sums by the function of them."""
        return z

    def backward(self, gradient: Array, output: Array) -> Array:
        """Turn the gradient of the output, in place, into that of the sums."""
        return gradient


class ReLU(Activation):
    """max(z, 0)."""

    def forward(self, z: Array) -> Array:
        """See Activation."""
        return np.maximum(z, 0.0, out=z)

    def backward(self, gradient: Array, output: Array) -> Array:
        """See Activation."""
        return np.multiply(gradient, output > 0.0, out=gradient)


class ELU(Activation):
    """z where it is positive, else exp(z) - 1 (Clevert, Unterthiner & Hochreiter 2016)."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__(shape)
        self._slope: Array = np.empty(shape, dtype=np.float32)
        self._below: Array = np.empty(shape, dtype=np.float32)

    def forward(self, z: Array) -> Array:
        """See Activation."""
        slope = np.minimum(z, 0.0, out=self._slope)
        np.exp(slope, out=slope)  # 1 where z is positive: also the derivative
        below = np.subtract(slope, 1.0, out=self._below)
        return np.maximum(z, below, out=z)  # exp(z) - 1 is never below z

    def backward(self, gradient: Array, output: Array) -> Array:
        """See Activation."""
        return np.multiply(gradient, self._slope, out=gradient)


class Sigmoid(Activation):
    """1 / (1 + exp(-z))."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__(shape)
        self.logits: Array = np.empty(shape, dtype=np.float32)

    def forward(self, z: Array) -> Array:
        """See Activation."""
        np.maximum(z, LOWEST_LOGIT, out=self.logits)
        np.negative(self.logits, out=z)
        np.exp(z, out=z)
        z += 1.0
        return np.reciprocal(z, out=z)

    def backward(self, gradient: Array, output: Array) -> Array:
        """See Activation."""
        gradient *= output
        gradient *= 1.0 - output
        return gradient


ACTIVATIONS: dict[type[nn.Module], type[Activation]] = {
    nn.ReLU: ReLU, nn.ELU: ELU, nn.Sigmoid: Sigmoid, nn.Identity: Activation,
}  # fmt: skip
