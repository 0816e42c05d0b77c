"""What every float autoencoder is: two networks between scaled frames and latents."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn


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
