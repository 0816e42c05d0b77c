"""The float autoencoders: encoder and decoder as torch modules that can be frozen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor, nn

from narrows.errors import SettingError

MOST_WEIGHTS = 1 << 27  # half of what a model file may hold
SLOPE = 1 / 8  # of LeakyReLU: a shift in integers


@dataclass(frozen=True)
class Scaling:
    """Affine maps between the signals' units and those of the networks.

    Attributes
    ----------
    offset, scale : float
        The encoder sees `(x - offset) * scale`. A whole offset for integer signals.
    output_offset, output_scale : float
        The decoder's output stands for `output * output_scale + output_offset`.
    low, high : float
        The ends of the dtype's range, where decoding clips; infinite for float signals.
    peak : float
        The range that PSNR refers to; distortion is measured on the scale where it is 1.
    integer : bool
        Whether the signals are whole numbers.
    """

    offset: float
    scale: float
    output_offset: float
    output_scale: float
    low: float
    high: float
    peak: float
    integer: bool

    def target(self, scaled: Tensor) -> Tensor:
        """Give the output that would reconstruct `(n, *frame_shape)` scaled frames exactly."""
        if (self.output_offset, self.output_scale * self.scale) == (self.offset, 1.0):
            return scaled
        shift = (self.offset - self.output_offset) / self.output_scale
        return scaled / (self.scale * self.output_scale) + shift


class Autoencoder(nn.Module):
    """Encoder and decoder between scaled frames and latents in units of the rounding step.

        scaled frames (n, *frame_shape) ─► encoder ─► latents (n, k) ─► round ─► decoder ─► output

    Parameters
    ----------
    encoder, decoder : nn.Sequential
        `(n, *frame_shape)` to `(n, k)` and back.
    scaling : Scaling
    latent_scale : float
        Steps per unit of the encoder's output.
    latent_gain : (k,) tensor, optional
        Finer steps for some latents, as factors of `latent_scale`; by default ones. The decoder
        expects its latents multiplied by them.
    """

    def __init__(
        self,
        encoder: nn.Sequential,
        decoder: nn.Sequential,
        scaling: Scaling,
        latent_scale: float,
        latent_gain: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder
        self.scaling = scaling
        self.latent_scale = latent_scale
        self.latent_gain = latent_gain

    def latents(self, scaled: Tensor) -> Tensor:
        """Encode `(n, *frame_shape)` scaled frames to `(n, k)` unrounded latents."""
        latents: Tensor = self.encoder(scaled) * self.latent_scale
        return latents if self.latent_gain is None else latents * self.latent_gain

    def output(self, latents: Tensor) -> Tensor:
        """Decode `(n, k)` latents to the decoder's output, `(n, *frame_shape)`."""
        output: Tensor = self.decoder(latents / self.latent_scale)
        return output

    @torch.no_grad()
    def squared_error(self, scaled: Tensor, *, rounded: bool = True) -> float:
        """Sum the squared error of `(n, *frame_shape)` frames, as decoding would give them.

        Latents are `rounded`, the result is clipped and, for integer signals, rounded; in squared
        units of the signals.
        """
        scaling = self.scaling
        latents = self.latents(scaled)
        decoded = self.output(torch.round(latents) if rounded else latents)
        # Relative to the offset, so that float32 keeps the digits that matter.
        decoded = decoded * scaling.output_scale + (scaling.output_offset - scaling.offset)
        decoded = decoded.clamp(scaling.low - scaling.offset, scaling.high - scaling.offset)
        original = scaled / scaling.scale
        if scaling.integer:
            decoded, original = torch.floor(decoded + 0.5), torch.round(original)
        return float((decoded - original).double().square().sum())


def dense(
    frame_shape: tuple[int, ...], latent_size: int, *, sigmoid_output: bool
) -> tuple[nn.Sequential, nn.Sequential]:
    """Build the classic fully connected autoencoder, wide, narrow, wide, for frames of any shape.

    Two hidden layers on either side (Hinton & Salakhutdinov 2006 used three).
    """
    size = prod(frame_shape)
    width = hidden_width(size)
    if 2 * width * (size + width + latent_size) > MOST_WEIGHTS:
        raise SettingError(
            f"frames of {size} elements are too large for a dense network, which would have "
            f"{2 * width * size} weights; cut them into smaller frames, or use linear"
        )
    encoder = nn.Sequential(
        nn.Flatten(),
        nn.Linear(size, width), nn.LeakyReLU(SLOPE),  # (n, width)
        nn.Linear(width, width), nn.LeakyReLU(SLOPE),  # (n, width)
        nn.Linear(width, latent_size),  # (n, latent_size)
    )  # fmt: skip
    decoder = nn.Sequential(
        nn.Linear(latent_size, width), nn.LeakyReLU(SLOPE),  # (n, width)
        nn.Linear(width, width), nn.LeakyReLU(SLOPE),  # (n, width)
        nn.Linear(width, size),  # (n, size)
        *([nn.Sigmoid()] if sigmoid_output else []),
        nn.Unflatten(1, frame_shape),
    )  # fmt: skip
    return encoder, decoder


def classic(
    frame_shape: tuple[int, ...], latent_size: int, latent_activation: str, output_activation: str
) -> tuple[nn.Sequential, nn.Sequential]:
    """Build an autoencoder of one layer on either side, its weights as Keras draws them.

    Weights are Glorot-uniform (Glorot & Bengio 2010), biases zero.
    """
    size = prod(frame_shape)
    encoder = nn.Sequential(
        nn.Flatten(), nn.Linear(size, latent_size), ACTIVATIONS[latent_activation]()
    )
    decoder = nn.Sequential(
        nn.Linear(latent_size, size),
        ACTIVATIONS[output_activation](),
        nn.Unflatten(1, frame_shape),
    )
    for layer in (encoder[1], decoder[0]):
        assert isinstance(layer, nn.Linear)
        nn.init.xavier_uniform_(layer.weight)
        nn.init.zeros_(layer.bias)
    return encoder, decoder


ACTIVATIONS: dict[str, type[nn.Module]] = {
    "identity": nn.Identity, "relu": nn.ReLU, "elu": nn.ELU, "sigmoid": nn.Sigmoid,
}  # fmt: skip


def hidden_width(size: int) -> int:
    """Choose the width of hidden layers for frames of `size` elements."""
    return 128 if size < 32 else 256 if size < 384 else 512


Builder = Callable[..., tuple[nn.Sequential, nn.Sequential]]
BUILDERS: dict[str, Builder] = {"dense": dense}
"""The architectures trained by gradients; `linear` is solved in closed form."""
