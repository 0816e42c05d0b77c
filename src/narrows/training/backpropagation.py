"""Updates of small dense networks, written out: arrays made once, and no graph to record.

At batches of 32 a framework spends its time between the operations. Here an update is a dozen
numpy calls and one fused step of Adam (Kingma & Ba 2015), with the mathematics of a plain loop:
the gradients are compared with autograd's in the tests.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.optim.adam import adam

Array = npt.NDArray[np.float32]

BETAS = (0.9, 0.999)
EPSILON = 1e-7  # Keras's, where torch has 1e-8
LOWEST_LOGIT = -80.0  # exp(80) is finite in float32


class Activation:
    """An elementwise function and its derivative; this one is the identity."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self.output: Array = np.empty(shape, dtype=np.float32)

    def forward(self, z: Array) -> Array:
        """Apply it to `(n, width)` sums, which may be overwritten."""
        self.output = z
        return z

    def backward(self, gradient: Array) -> Array:
        """Turn the gradient of the output, in place, into that of the sums."""
        return gradient


class ReLU(Activation):
    """max(z, 0)."""

    def forward(self, z: Array) -> Array:
        """See Activation."""
        return np.maximum(z, 0.0, out=self.output)

    def backward(self, gradient: Array) -> Array:
        """See Activation."""
        return np.multiply(gradient, self.output > 0.0, out=gradient)


class ELU(Activation):
    """z where it is positive, else exp(z) - 1 (Clevert, Unterthiner & Hochreiter 2016)."""

    def __init__(self, shape: tuple[int, int]) -> None:
        super().__init__(shape)
        self._slope: Array = np.empty(shape, dtype=np.float32)

    def forward(self, z: Array) -> Array:
        """See Activation."""
        slope = np.minimum(z, 0.0, out=self._slope)
        np.exp(slope, out=slope)  # 1 where z is positive: also the derivative
        np.subtract(slope, 1.0, out=self.output)
        # exp(z) - 1 is never below z.
        return np.maximum(z, self.output, out=self.output)

    def backward(self, gradient: Array) -> Array:
        """See Activation."""
        return np.multiply(gradient, self._slope, out=gradient)


class Sigmoid(Activation):
    """1 / (1 + exp(-z))."""

    def forward(self, z: Array) -> Array:
        """See Activation."""
        np.maximum(z, LOWEST_LOGIT, out=z)
        s = np.negative(z, out=self.output)
        np.exp(s, out=s)
        s += 1.0
        return np.reciprocal(s, out=s)

    def backward(self, gradient: Array) -> Array:
        """See Activation."""
        gradient *= self.output
        gradient *= 1.0 - self.output
        return gradient


ACTIVATIONS = {nn.ReLU: ReLU, nn.ELU: ELU, nn.Sigmoid: Sigmoid, nn.Identity: Activation}


class DenseLayer:
    """`a = activation(x W^T + b)`, and its gradients.

    Parameters
    ----------
    weight, bias : (n_outputs, n_inputs), (n_outputs,)
        Views of the network's parameters.
    d_weight, d_bias : arrays of the same shapes
        Where their gradients go.
    activation : Activation
    batch_size : int
    """

    def __init__(
        self, weight: Array, bias: Array, d_weight: Array, d_bias: Array,
        activation: Activation, batch_size: int,
    ) -> None:  # fmt: skip
        self.weight, self.bias = weight, bias
        self.d_weight, self.d_bias = d_weight, d_bias
        self.activation = activation
        n_outputs, n_inputs = weight.shape
        self.sums: Array = np.empty((batch_size, n_outputs), dtype=np.float32)
        self._d_input: Array = np.empty((batch_size, n_inputs), dtype=np.float32)
        self._ones: Array = np.ones(batch_size, dtype=np.float32)

    def forward(self, x: Array) -> Array:
        """Give `(n, n_outputs)` of `(n, n_inputs)`."""
        self._input = x
        np.matmul(x, self.weight.T, out=self.sums)
        self.sums += self.bias
        return self.activation.forward(self.sums)

    def backward(self, gradient: Array, *, is_first: bool) -> Array:
        """From the gradient of the output, which is overwritten, to that of the input."""
        gradient = self.activation.backward(gradient)
        return self.backward_from_sums(gradient, is_first=is_first)

    def backward_from_sums(self, gradient: Array, *, is_first: bool = False) -> Array:
        """From the gradient before the activation."""
        np.matmul(gradient.T, self._input, out=self.d_weight)
        np.matmul(self._ones, gradient, out=self.d_bias)
        if is_first:
            return gradient  # nobody asks for the gradient of the signals
        return np.matmul(gradient, self.weight, out=self._d_input)


class DenseSteps:
    """Updates of a plain dense autoencoder on the CPU.

    Parameters
    ----------
    encoder, decoder : nn.Module
        Linear layers and the activations of ACTIVATIONS, beside Flatten and Unflatten. Their
        parameters become views of one array and change with every update.
    loss : str
        "mse" or "bce" (then the decoder must end in a sigmoid), the mean over the elements.
    batch_size : int
    sparse : float
        Weight of the sum of a frame's absolute latents.
    """

    def __init__(
        self, encoder: nn.Module, decoder: nn.Module, loss: str, batch_size: int, sparse: float
    ) -> None:
        modules = [m for m in (*encoder.modules(), *decoder.modules()) if is_layer(m)]
        linear = [m for m in modules if isinstance(m, nn.Linear)]
        self.parameters = flatten_parameters(_parameters(linear))
        self.gradient = torch.zeros_like(self.parameters)
        self.moments = [torch.zeros_like(self.parameters) for _ in range(2)]
        self.n_updates = torch.zeros(())
        self.layers = _layers(modules, self.parameters, self.gradient, batch_size)
        self._n_encoder = sum(isinstance(m, nn.Linear) for m in encoder.modules())
        self._loss, self._sparse = loss, sparse
        size = linear[-1].out_features
        self._error: Array = np.empty((batch_size, size), dtype=np.float32)
        self._scale = 1.0 / (batch_size * size)

    def update(self, x: Tensor, seen: Tensor, learning_rate: float) -> float:
        """Change the weights once by `(batch_size, size)` frames, and give the loss."""
        loss = self.backpropagate(x.numpy(), seen.numpy())
        adam(
            [self.parameters], [self.gradient], [self.moments[0]], [self.moments[1]], [],
            [self.n_updates], fused=True, amsgrad=False, beta1=BETAS[0], beta2=BETAS[1],
            lr=learning_rate, weight_decay=0.0, eps=EPSILON, maximize=False,
        )  # fmt: skip
        return loss

    def backpropagate(self, x: Array, seen: Array) -> float:
        """Write the gradient of the loss of `(batch_size, size)` frames, and give the loss."""
        a, penalty = seen, 0.0
        for number, layer in enumerate(self.layers, 1):
            a = layer.forward(a)
            if number == self._n_encoder:
                latents = a
        if self._sparse:
            penalty = self._sparse / len(x) * float(np.abs(latents).sum())
        loss, gradient = self._from_output(x, a)
        for number in range(len(self.layers) - 1, 0, -1):
            if self._sparse and number == self._n_encoder:
                gradient += self._sparse / len(x) * np.sign(latents)
            gradient = self.layers[number - 1].backward(gradient, is_first=number == 1)
        return loss + penalty

    def _from_output(self, x: Array, output: Array) -> tuple[float, Array]:
        """Give the loss of `(n, size)` outputs, and the gradient of the last layer's input."""
        last, error = self.layers[-1], self._error
        if self._loss == "bce":
            # -log(output) + (1 - x) * logit; its derivative by the logit is output - x.
            loss = float(np.vdot(np.subtract(1.0, x, out=error), last.sums))
            loss -= float(np.log(output, out=error).sum())
            np.subtract(output, x, out=error)
            error *= self._scale
            return loss * self._scale, last.backward_from_sums(error)
        np.subtract(output, x, out=error)
        loss = float(np.vdot(error, error)) * self._scale
        error *= 2.0 * self._scale
        return loss, last.backward(error, is_first=False)


def is_layer(module: nn.Module) -> bool:
    """Tell whether a module computes: a linear layer, or an activation that is written out."""
    return isinstance(module, (nn.Linear, *ACTIVATIONS))


def flatten_parameters(parameters: Sequence[Tensor]) -> Tensor:
    """Move parameters into one flat tensor, of which they become views, and give it."""
    flat = torch.cat([p.detach().reshape(-1) for p in parameters])
    for parameter, part in zip(parameters, _split(flat, parameters), strict=True):
        parameter.data = part
    return flat


def _parameters(layers: Sequence[nn.Linear]) -> list[Tensor]:
    return [parameter for layer in layers for parameter in (layer.weight, layer.bias)]


def _split(flat: Tensor, like: Sequence[Tensor]) -> list[Tensor]:
    parts = torch.split(flat, [p.numel() for p in like])
    return [part.view(p.shape) for part, p in zip(parts, like, strict=True)]


def _layers(
    modules: Sequence[nn.Module], flat: Tensor, gradient: Tensor, batch_size: int
) -> list[DenseLayer]:
    linear = [m for m in modules if isinstance(m, nn.Linear)]
    parameters = _parameters(linear)
    values, gradients = (iter(_split(t, parameters)) for t in (flat, gradient))
    layers = []
    for number, module in enumerate(modules):
        if not isinstance(module, nn.Linear):
            continue
        following: Any = modules[number + 1] if number + 1 < len(modules) else nn.Identity()
        kind = ACTIVATIONS.get(type(following), Activation)
        activation = kind((batch_size, module.out_features))
        weight, bias = next(values).numpy(), next(values).numpy()
        d_weight, d_bias = next(gradients).numpy(), next(gradients).numpy()
        layers.append(DenseLayer(weight, bias, d_weight, d_bias, activation, batch_size))
    return layers
