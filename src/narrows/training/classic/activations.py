"""Activations written out: forward in place, and the factor of the gradient.

numpy computes what is exact; torch's exponentials take half the time of numpy's.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

Array = npt.NDArray[np.float32]

LOWEST_LOGIT = -80.0  # exp(80) is finite in float32


def scratch(n: int, width: int, *, by_column: bool = False) -> tuple[Array, Tensor]:
    """Make zeros `(n, width)` for numpy, and a contiguous tensor that shares them.

    torch's memory is aligned to the vectors of the processor, numpy's is not. By column, the
    array is the tensor transposed, so that all but its last columns are one contiguous piece.
    """
    tensor = torch.zeros((width, n) if by_column else (n, width))
    return tensor.numpy().T if by_column else tensor.numpy(), tensor


class Activation:
    """An elementwise function and its derivative; this one is the identity.

    Parameters
    ----------
    n, width : int
        Shape of what it is applied to.
    by_column : bool
        Whether that is kept by column.
    """

    def __init__(self, n: int, width: int, *, by_column: bool) -> None:
        self.shape, self.by_column = (n, width), by_column

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

    def __init__(self, n: int, width: int, *, by_column: bool) -> None:
        super().__init__(n, width, by_column=by_column)
        self._slope, self._slope_tensor = scratch(n, width, by_column=by_column)
        self._below, _ = scratch(n, width, by_column=by_column)
        self._zeros, _ = scratch(n, width, by_column=by_column)  # quicker than the scalar

    def forward(self, z: Array) -> Array:
        """See Activation."""
        np.minimum(z, self._zeros, out=self._slope)
        torch.exp(self._slope_tensor, out=self._slope_tensor)  # 1 above 0: also the derivative
        below = np.subtract(self._slope, 1.0, out=self._below)
        return np.maximum(z, below, out=z)  # exp(z) - 1 is never below z

    def backward(self, gradient: Array, output: Array) -> Array:
        """See Activation."""
        return np.multiply(gradient, self._slope, out=gradient)


class Sigmoid(Activation):
    """1 / (1 + exp(-z))."""

    def __init__(self, n: int, width: int, *, by_column: bool) -> None:
        super().__init__(n, width, by_column=by_column)
        self.logits, self._logit_tensor = scratch(n, width, by_column=by_column)

    def forward(self, z: Array) -> Array:
        """See Activation."""
        np.maximum(z, LOWEST_LOGIT, out=self.logits)
        torch.sigmoid(self._logit_tensor, out=torch.from_numpy(z.T if self.by_column else z))
        return z

    def backward(self, gradient: Array, output: Array) -> Array:
        """See Activation."""
        gradient *= output
        gradient *= 1.0 - output
        return gradient


ACTIVATIONS: dict[type[nn.Module], type[Activation]] = {
    nn.ReLU: ReLU, nn.ELU: ELU, nn.Sigmoid: Sigmoid, nn.Identity: Activation,
}  # fmt: skip
