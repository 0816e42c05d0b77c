"""Updates of a plain autoencoder by autograd, on a GPU recorded once and replayed.

The kernels of a small network take less time than their launching: a CUDA graph launches all of
an update at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from narrows.training.classic.backpropagation import BETAS, EPSILON

PLAIN_LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "mse": functional.mse_loss,
    "bce": functional.binary_cross_entropy,
}
"""The mean over elements whose range is 0 .. 1."""
WARM_UP_UPDATES = 3  # libraries need them before recording; they are undone afterwards


class GraphedSteps:
    """The counterpart of DenseSteps for any plain autoencoder and device.

    Parameters
    ----------
    encoder, decoder : nn.Module
    loss : str
        "mse" or "bce", the mean over the elements.
    batch_size : int
    sparse : float
        Weight of the sum of a frame's absolute latents.
    """

    def __init__(
        self, encoder: nn.Module, decoder: nn.Module, loss: str, batch_size: int, sparse: float
    ) -> None:
        self._encoder, self._decoder = encoder, decoder
        self._loss, self._sparse = PLAIN_LOSSES[loss], sparse
        parameters = [*encoder.parameters(), *decoder.parameters()]
        self.parameters = flatten_parameters(parameters)
        self.gradient = torch.zeros_like(self.parameters)
        self.moments = [torch.zeros_like(self.parameters) for _ in range(2)]
        device = self.parameters.device
        self.n_updates = torch.zeros((), device=device)
        self._rate = torch.zeros((), device=device)
        self._leaves = parameters
        self._graph: torch.cuda.CUDAGraph | None = None
        self._batch_size = batch_size

    def update(self, x: Tensor, seen: Tensor, learning_rate: float) -> float:
        """Change the weights once by `(batch_size, size)` frames, and return the loss."""
        self._rate.fill_(learning_rate)
        if self.parameters.device.type != "cuda":
            return float(self._step(x, seen))
        if self._graph is None:
            self._record(x, seen)
        assert self._graph is not None
        self._x.copy_(x)
        self._seen.copy_(seen)
        self._graph.replay()
        return float(self._result)

    def backpropagate(self, x: Tensor, seen: Tensor) -> Tensor:
        """Write the gradient of the loss of `(batch_size, size)` frames, and return the loss."""
        latents = self._encoder(seen)
        loss = self._loss(self._decoder(latents).flatten(1), x)
        if self._sparse:
            loss = loss + self._sparse * latents.abs().sum(1).mean()
        gradients = torch.autograd.grad(loss, self._leaves)
        torch.cat([g.reshape(-1) for g in gradients], out=self.gradient)
        return loss.detach()

    def _step(self, x: Tensor, seen: Tensor) -> Tensor:
        """Do one update of Adam in place, without a value that the host must wait for."""
        loss = self.backpropagate(x, seen)
        first, second = self.moments
        self.n_updates += 1
        first.lerp_(self.gradient, 1.0 - BETAS[0])
        second.mul_(BETAS[1]).addcmul_(self.gradient, self.gradient, value=1.0 - BETAS[1])
        correction_1 = 1.0 - BETAS[0] ** self.n_updates
        correction_2 = 1.0 - BETAS[1] ** self.n_updates
        divisor = (second / correction_2).sqrt_().add_(EPSILON)
        self.parameters.sub_(first / divisor * (self._rate / correction_1))
        return loss

    def _record(self, x: Tensor, seen: Tensor) -> None:
        """Record an update on arrays of its own; the weights stay what they were."""
        self._x, self._seen = x.clone(), seen.clone()
        state = (self.parameters, *self.moments, self.n_updates)
        before = [tensor.clone() for tensor in state]
        stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(WARM_UP_UPDATES):
                self._step(self._x, self._seen)
        torch.cuda.current_stream().wait_stream(stream)
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            self._result = self._step(self._x, self._seen)
        for tensor, value in zip(state, before, strict=True):
            tensor.copy_(value)


def flatten_parameters(parameters: Sequence[nn.Parameter]) -> Tensor:
    """Move parameters into one flat tensor, and return it; they become views of it."""
    flat = torch.cat([p.detach().reshape(-1) for p in parameters])
    for parameter, part in zip(
        parameters, torch.split(flat, [p.numel() for p in parameters]), strict=True
    ):
        parameter.data = part.view(parameter.shape)
    return flat
