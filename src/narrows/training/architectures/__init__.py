"""The float autoencoders: encoder and decoder as torch modules that can be frozen."""

from collections.abc import Callable

from torch import nn

from narrows.training.architectures.autoencoder import (
    Autoencoder,
    Numbers,
    Quality,
    Scaling,
    like,
    repeated,
)
from narrows.training.architectures.conv import DECODERS, conv
from narrows.training.architectures.dense import SLOPE, classic, dense, undrawn
from narrows.training.architectures.layers import (
    FromChannels,
    ToChannels,
    convolution,
    transposed_convolution,
)

__all__ = [
    "BUILDERS",
    "DECODERS",
    "SLOPE",
    "Autoencoder",
    "FromChannels",
    "Numbers",
    "Quality",
    "Scaling",
    "ToChannels",
    "classic",
    "conv",
    "convolution",
    "dense",
    "like",
    "repeated",
    "transposed_convolution",
    "undrawn",
]

Builder = Callable[..., tuple[nn.Sequential, nn.Sequential]]
BUILDERS: dict[str, Builder] = {"dense": dense, "conv": conv}
"""The architectures trained by gradients; `linear` is solved in closed form."""
