"""An encoder trained for a target: what an autoencoder's latents are compared with.

    signals ─► the same layers as the codec's encoder ─► latents (n, k) ─► linear ─► class scores

Nothing is reconstructed: the loss is the cross-entropy of the classes alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from narrows.errors import SettingError
from narrows.training.adam import Adam, Group
from narrows.training.architectures import SLOPE, conv
from narrows.training.architectures.conv import HIDDEN
from narrows.training.architectures.dense import drawn_linear
from narrows.training.torch_modes import usual_modes

EPOCHS = 20
"""8,000 MNIST images, 15 s on one core: 95.8 % after 10 epochs, 96.2 % after 20 and after 30."""
MIN_UPDATES = 500
"""Small sets have more epochs."""
BATCH = 128
LEARNING_RATE = 1e-3  # of AdamW, falling to 0 along a line
WEIGHT_DECAY = 0.05  # Loshchilov & Hutter 2019

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "leaky_relu": lambda: nn.LeakyReLU(SLOPE),
    "relu": nn.ReLU,
}
"""The activations an encoder may be rebuilt with, by the name of their exact layers."""


@dataclass(frozen=True)
class SupervisedEncoder:
    """A float encoder that was trained to tell classes apart.

    Attributes
    ----------
    network : nn.Sequential
        `(n, size)` standardised frames to `(n, k)` latents.
    offset, scale : float
        The network sees `(x - offset) * scale`.
    """

    network: nn.Sequential
    offset: float
    scale: float

    @torch.no_grad()
    def latents(self, x: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """Encode `(n, *frame_shape)` signals to `(n, k)` latents."""
        parts = torch.split(self.scaled(x), 4096)
        return torch.cat([self.network(part) for part in parts]).double().numpy()

    def scaled(self, x: npt.NDArray[Any]) -> Tensor:
        """Return `(n, *frame_shape)` signals as the network sees them, `(n, size)` float32."""
        flat = x.reshape(len(x), -1).astype(np.float64)
        return torch.from_numpy((flat - self.offset) * self.scale).float()


@usual_modes()
def train_supervised(
    x: npt.NDArray[Any],
    classes: npt.NDArray[np.int64],
    layers: Sequence[int | str],
    seed: int = 0,
) -> SupervisedEncoder:
    """Train an encoder, with a linear classifier on top of its latents.

    Parameters
    ----------
    x : (n, *frame_shape)
        Finite numbers.
    classes : (n,)
        Counted from 0.
    layers : sequence of int and str
        The encoder from input to latents: the width of a dense layer, or the name of an
        activation, as `[512, "leaky_relu", 32]`. `["conv", 256, 32]` is that of the conv
        architecture with 256 hidden units.
    seed : int, default 0
        Same seed, machine, torch and number of threads: the same encoder.
    """
    deviation = float(x.std(dtype=np.float64))
    generator = torch.Generator().manual_seed(seed)
    network = _network(x.shape[1:], layers, generator)
    head = drawn_linear(generator, _latent_size(layers), int(classes.max()) + 1)
    encoder = SupervisedEncoder(network, float(x.mean(dtype=np.float64)), 1.0 / (deviation or 1.0))
    _fit(nn.Sequential(network, head), encoder.scaled(x), torch.from_numpy(classes), seed)
    return encoder


def _network(
    frame_shape: tuple[int, ...], layers: Sequence[int | str], generator: torch.Generator
) -> nn.Sequential:
    if layers[0] == "conv":
        width = int(layers[1]) / HIDDEN
        k = _latent_size(layers)
        return conv(frame_shape, k, generator, sigmoid_output=False, width=width)[0]
    size = prod(frame_shape)
    modules: list[nn.Module] = []
    for layer in layers:
        if isinstance(layer, int):
            modules.append(drawn_linear(generator, size, layer))
            size = layer
        elif layer in ACTIVATIONS:
            modules.append(ACTIVATIONS[layer]())
        else:
            raise SettingError(
                f"a supervised encoder with a layer {layer!r}; it can be rebuilt of dense layers "
                f"and the activations {', '.join(ACTIVATIONS)} alone"
            )
    return nn.Sequential(*modules)


def _latent_size(layers: Sequence[int | str]) -> int:
    return next(layer for layer in reversed(layers) if isinstance(layer, int))


def _fit(model: nn.Sequential, x: Tensor, classes: Tensor, seed: int) -> None:
    """Minimise the cross-entropy of `(n,)` classes of `(n, size)` inputs."""
    epochs = max(EPOCHS, math.ceil(MIN_UPDATES / math.ceil(len(x) / BATCH)))
    generator = torch.Generator().manual_seed(seed)
    group = Group(list(model.parameters()), LEARNING_RATE, WEIGHT_DECAY)
    optimiser = Adam([group])
    for epoch in range(epochs):
        group.rate = LEARNING_RATE * (1.0 - epoch / epochs)
        for rows in torch.split(torch.randperm(len(x), generator=generator), BATCH):
            loss = functional.cross_entropy(model(x[rows]), classes[rows])
            optimiser.forget_gradients()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
