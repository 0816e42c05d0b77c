"""Gains and steps of the latents as integers, for every quality."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from narrows.codec.networks.quantiser import Quantiser
from narrows.training.architectures import Autoencoder

HEADROOM = 8.0  # ratio of the clipping limit to the largest latent seen
SMALLEST_STEP = 64  # as an integer, where steps differ: rounding changes them by 1 % at most
LARGEST_STEP = 2**21 - 1  # the format's limit,
LARGEST_LIMIT = 2**31 - 1  # and that of the bound


@dataclass(frozen=True, eq=False)
class FrozenLatents:
    """The latents between the frozen encoder and decoder.

    Attributes
    ----------
    gain : (n_qualities, k) float64
        Of latents whose unit is `1 / latent_scale`, before rounding.
    step : (n_qualities, k) int32
        What symbols are multiplied by for the decoder.
    unit : float
        The float value of 1 at the decoder's input.
    limit : int
        Bound of the decoder's input.
    """

    gain: npt.NDArray[np.float64]
    step: npt.NDArray[np.int32]
    unit: float
    limit: int

    def quantiser(self, latent_unit: float) -> Quantiser:
        """Return the quantiser for the encoder's integers, whose unit is `latent_unit` latents."""
        largest = float(self.gain.max())
        multiplier, shift = fixed_point(latent_unit * largest)
        gain = np.round(self.gain / largest * multiplier).astype(np.int32)
        return Quantiser(gain, shift, self.step, self.limit)


@torch.no_grad()
def freeze_latents(autoencoder: Autoencoder, largest: Tensor) -> FrozenLatents:
    """Return the integer gains and steps; `largest`, `(n_qualities, k)`, is of the symbols."""
    shape = tuple(largest.shape)
    gain, step = (
        np.ones(shape) if log is None else log.double().exp().numpy()
        for log in (autoencoder.log_gain, autoencoder.log_step)
    )
    fine = 1.0 if autoencoder.log_step is None else finest(step)
    whole_steps = np.round(step * fine).astype(np.int32)
    unit = frozen_unit(autoencoder)
    integers = largest.double().numpy() * whole_steps
    limit = 1 << max(8, int(float(integers.max()) * HEADROOM).bit_length())
    return FrozenLatents(gain, whole_steps, unit, min(limit, LARGEST_LIMIT))


def frozen_unit(autoencoder: Autoencoder) -> float:
    """Return the float value of 1 at the frozen decoder's input."""
    fine = 1.0
    if autoencoder.log_step is not None:
        fine = finest(autoencoder.log_step.detach().double().exp().numpy())
    return 1.0 / (autoencoder.latent_scale * fine)


def finest(step: npt.NDArray[np.float64]) -> float:
    """Return the factor from steps to integers, by which the smallest becomes a whole number."""
    smallest = float(step.min())
    most = math.floor(LARGEST_STEP * smallest / float(step.max()))
    return min(SMALLEST_STEP, max(1, most)) / smallest


def fixed_point(factor: float) -> tuple[int, int]:
    """Return a multiplier of 15 bits and a shift: `factor` is `multiplier * 2**-shift`."""
    shift = 14 - math.floor(math.log2(factor))
    return round(math.ldexp(factor, shift)), shift
