"""Fully connected autoencoders, wide, narrow, wide."""

from __future__ import annotations

from functools import partial
from math import prod

import torch
from torch import nn

from narrows.errors import SettingError
from narrows.training.architectures.drawing import drawn_linear

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
