"""Fully connected autoencoders, and weights that are drawn by a generator of their own."""

from __future__ import annotations

import math
from functools import partial
from math import prod
from typing import Any

import torch
from torch import nn

from narrows.errors import SettingError


class _Undrawn(nn.Module):
    """Keeps a class of torch's behind it from drawing weights where it is made."""

    def reset_parameters(self) -> None:
        """Leave the weights as they are."""


def undrawn(kind: type[nn.Module], *arguments: Any, **options: Any) -> Any:
    """Make a layer of a kind, with weights that are yet to be set."""
    layer = type(kind.__name__, (_Undrawn, kind), {})(*arguments, **options)
    layer.__class__ = kind
    return layer


def drawn(layer: Any, generator: torch.Generator) -> Any:
    """Return a layer with weights and bias as torch draws them by itself."""
    nn.init.kaiming_uniform_(layer.weight, a=math.sqrt(5), generator=generator)
    bound = 1.0 / math.sqrt(layer.weight[0].numel())
    nn.init.uniform_(layer.bias, -bound, bound, generator=generator)
    return layer


def drawn_linear(generator: torch.Generator, n_inputs: int, n_outputs: int) -> nn.Linear:
    """Make a fully connected layer."""
    layer: nn.Linear = drawn(undrawn(nn.Linear, n_inputs, n_outputs), generator)
    return layer


MAX_WEIGHTS = 1 << 27  # half of what a model file may hold
UNITS_OF_LATENT = 2  # of a layer, at least: as many as pass a latent on unchanged
SLOPE = 1 / 8  # of LeakyReLU: a shift in integers


def dense(
    frame_shape: tuple[int, ...],
    latent_size: int,
    generator: torch.Generator,
    *,
    sigmoid_output: bool,
    width: float = 1.0,
) -> tuple[nn.Sequential, nn.Sequential]:
    """Build the classic fully connected autoencoder, wide, narrow, wide, for frames of any shape.

    Two hidden layers on either side (Hinton & Salakhutdinov 2006 used three), `width` times as
    wide as usual; `generator` draws the weights.
    """
    size, linear = prod(frame_shape), partial(drawn_linear, generator)
    hidden = max(round(hidden_width(size) * width), UNITS_OF_LATENT * latent_size)
    if 2 * hidden * (size + hidden + latent_size) > MAX_WEIGHTS:
        raise SettingError(
            f"frames of {size} elements are too large for a dense network, which would have "
            f"{2 * hidden * size} weights; cut them into smaller frames, or use linear"
        )
    encoder = nn.Sequential(
        nn.Flatten(),
        linear(size, hidden), nn.LeakyReLU(SLOPE),  # (n, hidden)
        linear(hidden, hidden), nn.LeakyReLU(SLOPE),  # (n, hidden)
        linear(hidden, latent_size),  # (n, latent_size)
    )  # fmt: skip
    decoder = nn.Sequential(
        linear(latent_size, hidden), nn.LeakyReLU(SLOPE),  # (n, hidden)
        linear(hidden, hidden), nn.LeakyReLU(SLOPE),  # (n, hidden)
        linear(hidden, size),  # (n, size)
        *([nn.Sigmoid()] if sigmoid_output else []),
        nn.Unflatten(1, frame_shape),
    )  # fmt: skip
    return encoder, decoder


def classic(
    frame_shape: tuple[int, ...],
    latent_size: int,
    generator: torch.Generator,
    latent_activation: str,
    output_activation: str,
) -> tuple[nn.Sequential, nn.Sequential]:
    """Build an autoencoder of one layer on either side, its weights as Keras draws them.

    Weights are Glorot-uniform (Glorot & Bengio 2010), biases zero.
    """
    size, linear = prod(frame_shape), partial(drawn_linear, generator)
    encoder = nn.Sequential(
        nn.Flatten(), linear(size, latent_size), ACTIVATIONS[latent_activation]()
    )
    decoder = nn.Sequential(
        linear(latent_size, size),
        ACTIVATIONS[output_activation](),
        nn.Unflatten(1, frame_shape),
    )
    for layer in (encoder[1], decoder[0]):
        assert isinstance(layer, nn.Linear)
        nn.init.xavier_uniform_(layer.weight, generator=generator)
        nn.init.zeros_(layer.bias)
    return encoder, decoder


ACTIVATIONS: dict[str, type[nn.Module]] = {
    "identity": nn.Identity, "relu": nn.ReLU, "elu": nn.ELU, "sigmoid": nn.Sigmoid,
}  # fmt: skip


def hidden_width(size: int) -> int:
    """Choose the width of hidden layers for frames of `size` elements."""
    return 128 if size < 32 else 256 if size < 384 else 512
