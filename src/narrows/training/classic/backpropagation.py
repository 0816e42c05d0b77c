"""Updates of small dense networks, written out: arrays made once, and no graph to record.

At batches of 32 a framework spends its time between the operations. Here an update is a dozen
numpy calls and one fused step of Adam (Kingma & Ba 2015), with the mathematics of a plain loop:
the gradients are compared with autograd's in the tests.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from narrows.training.classic.activations import ACTIVATIONS, Activation, Array, Sigmoid, scratch

BETAS = (0.9, 0.999)
EPSILON = 1e-7  # Keras's, where torch has 1e-8


class DenseLayer:
    """`a = activation(x W^T + b)`, and its gradients, on parameters laid out to be multiplied.

    A layer that widens keeps W^T with b as its last row: its input has a column of ones, so that
    the bias and its gradient are part of the products. One that narrows keeps W and b. What feeds
    a widening layer is kept by column, so that all but the ones is one contiguous piece.

    Parameters
    ----------
    linear : nn.Linear
        Its parameters become views of `values`.
    activation : type of Activation
    batch_size : int
    values, gradients : (n_outputs * (n_inputs + 1),) tensors
        Where its parameters, and their gradients, are kept.
    widens : bool
    feeds_widening : bool
        Whether the next layer widens, and the output needs a column of ones.
    """

    def __init__(
        self, linear: nn.Linear, activation: type[Activation], batch_size: int,
        values: Tensor, gradients: Tensor, *, widens: bool, feeds_widening: bool,
    ) -> None:  # fmt: skip
        n_outputs, n_inputs = linear.weight.shape
        weight, bias = _views(values, n_inputs, n_outputs, widens)
        weight.copy_(linear.weight.detach())
        bias.copy_(linear.bias.detach())
        linear.weight.data, linear.bias.data = weight, bias
        d_weight, d_bias = _views(gradients, n_inputs, n_outputs, widens)
        self.widens = widens
        self.weight: Array = weight.numpy()  # (n_outputs, n_inputs)
        self.bias: Array = bias.numpy()
        self.matrix: Array = values.view(-1, n_outputs).numpy() if widens else self.weight.T
        self._d_weight: Array = d_weight.numpy()
        self._d_bias: Array = d_bias.numpy()
        self._d_matrix: Array = gradients.view(-1, n_outputs).numpy() if widens else self._d_weight
        width = n_outputs + int(feeds_widening)
        self.fed_on, _ = scratch(batch_size, width, by_column=feeds_widening)
        self.fed_on[...] = 1.0
        self.output = self.fed_on[:, :n_outputs]
        self.activation = activation(batch_size, n_outputs, by_column=feeds_widening)
        self._d_input, _ = scratch(batch_size, n_inputs, by_column=widens)
        self._scaled_input, _ = scratch(batch_size, n_inputs + int(widens), by_column=widens)
        self._ones: Array = np.ones(batch_size, dtype=np.float32)

    def forward(self, x: Array) -> None:
        """Compute `output` of `(n, n_inputs)`, which has a column of ones if this widens."""
        self._input = x
        np.matmul(x, self.matrix, out=self.output)  # (n, n_outputs)
        if not self.widens:
            self.output += self.bias
        self.activation.forward(self.output)

    def backward(self, gradient: Array, *, is_first: bool) -> Array:
        """Return the gradient of the input from that of the output, which is overwritten."""
        gradient = self.activation.backward(gradient, self.output)
        return self.backward_from_sums(gradient, 1.0, is_first=is_first)

    def backward_from_sums(self, gradient: Array, scale: float, *, is_first: bool) -> Array:
        """Return the gradient of the input from that before the activation, times `scale`."""
        if self.widens:
            # The smaller matrices are scaled.
            x = self._input if scale == 1.0 else np.multiply(
                self._input, scale, out=self._scaled_input
            )  # fmt: skip
            np.matmul(x.T, gradient, out=self._d_matrix)  # (n_inputs + 1, n_outputs)
        else:
            if scale != 1.0:
                gradient *= scale
                scale = 1.0
            np.matmul(gradient.T, self._input, out=self._d_matrix)  # (n_outputs, n_inputs)
            np.matmul(self._ones, gradient, out=self._d_bias)  # (n_outputs,)
        if is_first:
            return gradient  # that of the signals is not needed
        np.matmul(gradient, self.weight, out=self._d_input)  # (n, n_inputs)
        if scale != 1.0:
            self._d_input *= scale
        return self._d_input


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
        sizes = [m.weight.numel() + m.bias.numel() for m in modules if isinstance(m, nn.Linear)]
        self.parameters = torch.zeros(sum(sizes))
        self.gradient = torch.zeros_like(self.parameters)
        self.moments = [torch.zeros_like(self.parameters) for _ in range(2)]
        self.n_updates = torch.zeros(())
        parts = zip(
            torch.split(self.parameters, sizes), torch.split(self.gradient, sizes), strict=True
        )
        self.layers = _layers(modules, list(parts), batch_size)
        self._n_encoder = sum(isinstance(m, nn.Linear) for m in encoder.modules())
        self._loss, self._sparse = loss, sparse
        self._error, _ = scratch(*self.layers[-1].output.shape)
        self._scale = 1.0 / self._error.size

    def update(self, x: Tensor, seen: Tensor, learning_rate: float) -> float:
        """Change the weights once by `(batch_size, size)` frames, and return the loss."""
        frames = x.numpy()
        loss = self.backpropagate(frames, frames if seen is x else seen.numpy())
        # What torch.optim.Adam(fused=True) calls, without the 24 us that it spends before.
        torch._fused_adam_(
            [self.parameters], [self.gradient], [self.moments[0]], [self.moments[1]], [],
            [self.n_updates.add_(1.0)], amsgrad=False, beta1=BETAS[0], beta2=BETAS[1],
            lr=learning_rate, weight_decay=0.0, eps=EPSILON, maximize=False,
        )  # fmt: skip
        return loss

    def backpropagate(self, x: Array, seen: Array) -> float:
        """Write the gradient of the loss of `(batch_size, size)` frames, and return the loss."""
        a, layers = seen, self.layers
        for layer in layers:
            layer.forward(a)
            a = layer.fed_on
        loss, gradient = self._from_output(x, a)
        latents = layers[self._n_encoder - 1].output
        if self._sparse:
            loss += self._sparse / len(x) * float(np.abs(latents).sum())
        for number in range(len(layers) - 1, 0, -1):
            if self._sparse and number == self._n_encoder:
                gradient += self._sparse / len(x) * np.sign(latents)
            gradient = layers[number - 1].backward(gradient, is_first=number == 1)
        return loss

    def _from_output(self, x: Array, output: Array) -> tuple[float, Array]:
        """Return the loss of `(n, size)` outputs, and the gradient of the last layer's input."""
        last, error = self.layers[-1], self._error
        if self._loss == "bce":
            assert isinstance(last.activation, Sigmoid)
            # -log(output) + (1 - x) * logit; its derivative by the logit is output - x.
            loss = float(np.vdot(np.subtract(1.0, x, out=error), last.activation.logits))
            loss -= float(np.log(output, out=error).sum())
            np.subtract(output, x, out=error)
            gradient = last.backward_from_sums(error, self._scale, is_first=False)
            return loss * self._scale, gradient
        np.subtract(output, x, out=error)
        loss = float(np.vdot(error, error)) * self._scale
        error = last.activation.backward(error, output)
        return loss, last.backward_from_sums(error, 2.0 * self._scale, is_first=False)


def is_layer(module: nn.Module) -> bool:
    """Return whether a module computes: a linear layer, or an activation that is written out."""
    return isinstance(module, (nn.Linear, *ACTIVATIONS))


def _views(flat: Tensor, n_inputs: int, n_outputs: int, widens: bool) -> tuple[Tensor, Tensor]:
    """Return weight `(n_outputs, n_inputs)` and bias `(n_outputs,)` as views of a flat tensor."""
    if widens:
        matrix = flat.view(n_inputs + 1, n_outputs)
        return matrix[:n_inputs].T, matrix[n_inputs]
    weight, bias = torch.split(flat, [n_outputs * n_inputs, n_outputs])
    return weight.view(n_outputs, n_inputs), bias


def _layers(
    modules: list[nn.Module], parts: Sequence[tuple[Tensor, Tensor]], batch_size: int
) -> list[DenseLayer]:
    linear = [m for m in modules if isinstance(m, nn.Linear)]
    following = [type(m) for m in (*modules[1:], nn.Identity())]
    kinds = [
        ACTIVATIONS.get(after, Activation)
        for module, after in zip(modules, following, strict=True)
        if isinstance(module, nn.Linear)
    ]
    widens = [False, *(m.out_features > m.in_features for m in linear[1:]), False]
    return [
        DenseLayer(
            layer, kinds[n], batch_size, *parts[n], widens=widens[n], feeds_widening=widens[n + 1]
        )
        for n, layer in enumerate(linear)
    ]
