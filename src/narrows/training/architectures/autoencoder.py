"""What every float autoencoder is: two networks between scaled frames and latents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

Quality = int | Tensor
Numbers = float | npt.NDArray[np.float64]
"""One number for all elements, or one for each channel: each place on the last axis, `(C,)`."""


@dataclass(frozen=True, eq=False)
class Scaling:
    """Affine maps between the signals' units and those of the networks.

    The encoder sees `(x - offset) * scale`; the decoder's output stands for
    `output * output_scale + output_offset`.
    """

    offset: Numbers  # whole for integer signals
    scale: Numbers
    output_offset: Numbers
    output_scale: Numbers
    low: float  # the ends of the dtype's range, where decoding clips; infinite for float signals
    high: float
    peak: float  # the range that PSNR refers to; distortion is measured where it is 1
    integer: bool  # whether the signals are whole numbers
    weight: Numbers = 1.0  # what an error of a channel counts

    def target(self, scaled: Tensor) -> Tensor:
        """Return the output that would reconstruct `(n, *frame_shape)` scaled frames exactly."""
        factor, shift = self.scale * self.output_scale, self.offset - self.output_offset
        if np.all(factor == 1.0) and np.all(shift == 0.0):
            return scaled
        target: Tensor = scaled / like(scaled, factor) + like(scaled, shift / self.output_scale)
        return target

    @property
    def extent(self) -> float:
        """The range of the signals in the encoder's units; of several channels, about the mean."""
        return float(np.mean(self.peak * self.scale / self.weight))


class Autoencoder(nn.Module):
    """Encoder and decoder between scaled frames and latents in units of the rounding step.

        scaled frames (n, *frame_shape) ─► encoder ─► latents (n, k) ─► round ─► decoder ─► output

    Where there are several qualities, each has a gain and a step a latent, in place of networks of
    its own (Cui et al. 2021); both are learned. `quality` counts from 0 here, and may be a
    tensor `(n,)` with one for each frame.

    Parameters
    ----------
    encoder, decoder : nn.Sequential
        `(n, *frame_shape)` to `(n, k)` and back.
    scaling : Scaling
    latent_scale : float
        Steps per unit of the encoder's output, where the gain is 1.
    log_gain, log_step : (n_qualities, k) tensors, optional
        Logarithms of what latents are multiplied by before rounding, and after it; by default 0.
    """

    def __init__(
        self,
        encoder: nn.Sequential,
        decoder: nn.Sequential,
        scaling: Scaling,
        latent_scale: float,
        log_gain: Tensor | None = None,
        log_step: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder
        self.scaling = scaling
        self.latent_scale = latent_scale
        self.log_gain = None if log_gain is None else nn.Parameter(log_gain)
        self.log_step = None if log_step is None else nn.Parameter(log_step)

    @property
    def n_qualities(self) -> int:
        """The number of qualities."""
        return 1 if self.log_gain is None else len(self.log_gain)

    def latents(self, scaled: Tensor, quality: Quality = 0) -> Tensor:
        """Encode `(n, *frame_shape)` scaled frames to `(n, k)` unrounded latents.

        With `(m * n,)` qualities to `(m * n, k)`: all frames at the first n, then at the next.
        """
        latents: Tensor = self.encoder(scaled) * self.latent_scale
        if self.log_gain is None:
            return latents
        gain = self.log_gain[quality].exp()
        return gain * (latents if gain.ndim == 1 else repeated(latents, len(gain)))

    def output(self, latents: Tensor, quality: Quality = 0) -> Tensor:
        """Decode `(n, k)` latents to the decoder's output, `(n, *frame_shape)`."""
        if self.log_step is not None:
            latents = latents * self.log_step[quality].exp()
        output: Tensor = self.decoder(latents / self.latent_scale)
        return output

    @property
    def _unit(self) -> Numbers:
        """What decoded frames are in: whole numbers as they are; floats so that float32 holds them.

        Channels of these count by their weights.
        """
        return 1.0 if self.scaling.integer else self.scaling.peak / self.scaling.weight

    def decoded(self, scaled: Tensor, quality: Quality = 0, *, rounded: bool = True) -> Tensor:
        """Encode `(n, *frame_shape)` scaled frames and decode them, clipped to their range.

        Relative to the offset, so that float32 keeps the digits that matter.
        """
        scaling, unit = self.scaling, self._unit
        latents = self.latents(scaled, quality)
        decoded = self.output(torch.round(latents) if rounded else latents, quality)
        decoded = decoded * like(decoded, scaling.output_scale / unit)
        decoded = decoded + like(decoded, (scaling.output_offset - scaling.offset) / unit)
        ends = (like(decoded, (end - scaling.offset) / unit) for end in (scaling.low, scaling.high))
        return torch.clamp(decoded, *ends)

    @torch.no_grad()
    def squared_distance(self, decoded: Tensor, other: Tensor) -> float:
        """Sum the squares between two results of `decoded`, in units of the peak."""
        away = decoded - other
        if self.scaling.integer:
            away = away * like(away, self.scaling.weight / self.scaling.peak)
        return float(away.double().square().sum())

    @torch.no_grad()
    def squared_error(
        self,
        scaled: Tensor,
        quality: Quality = 0,
        *,
        rounded: bool = True,
        missing: Tensor | None = None,
    ) -> float:
        """Sum the squared error of `(n, *frame_shape)` frames, as decoding would give them.

        Latents are `rounded`, the result is clipped and, for integer signals, rounded; the errors
        are in units of the peak, channels counting by their weights. Elements that are `missing`,
        `(n, *frame_shape)`, do not count.
        """
        decoded, scaling = self.decoded(scaled, quality, rounded=rounded), self.scaling
        unit = self._unit
        original = scaled / like(scaled, scaling.scale * unit)
        if missing is not None:
            original = torch.where(missing, decoded, original)
        if not scaling.integer:
            return float((decoded - original).double().square().sum())
        error = torch.floor(decoded + 0.5) - torch.round(original)
        error = error * like(decoded, scaling.weight)
        return float(error.double().square().sum()) / scaling.peak**2


def like(x: Tensor, values: Numbers) -> Any:
    """Return numbers as operands of a tensor `(n, *frame_shape)`: its type, on its device."""
    if isinstance(values, np.ndarray):
        return torch.as_tensor(values, dtype=x.dtype, device=x.device)
    return values


def repeated(x: Tensor, n: int) -> Tensor:
    """Repeat `(m, ...)` rows, all of them in turn, until there are n."""
    return x if len(x) == n else x.repeat(n // len(x), *[1] * (x.ndim - 1))
