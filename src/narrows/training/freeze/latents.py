"""Ends and latents of the networks as integers: normalisers, and the gains and steps."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from narrows.codec.networks.normaliser import Normaliser
from narrows.codec.networks.quantiser import Quantiser
from narrows.element_types import ends_of
from narrows.training.architectures import Autoencoder, Numbers, Scaling

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


INPUT_LIMIT = 2**15 - 1  # for signals other than whole numbers of at most 16 bits
INPUT_HEADROOM = 2.0


@dataclass(frozen=True, eq=False)
class InputGrid:
    """The encoder's input integers: `floor((x - offset) * scale + 0.5)`, at most `limit`.

    The scales of channels have the ratios that those of the float maps have, so that an integer
    stands for the same in all of them.
    """

    offset: Numbers
    scale: Numbers
    limit: int


def input_grid(
    dtype: np.dtype[Any], scaling: Scaling, signals: tuple[npt.NDArray[Any], ...]
) -> InputGrid:
    """Choose the grid from the range of the signals, with room for as much again."""
    offset, scale = scaling.offset, np.array(scaling.scale)
    integer, relative = scaling.integer, scale / scale.min()  # (n_channels,) or of no dimensions
    axes = tuple(range(signals[0].ndim - scale.ndim))
    ends = np.array([end(x, axis=axes) for x in signals for end in (np.max, np.min)], np.float64)
    largest = float(np.max(np.abs(ends - offset) * relative))
    if integer and dtype.itemsize <= 2 and float(relative.max()) == 1.0:
        least, most = ends_of(dtype)
        limit = np.max([most - np.array(offset), np.array(offset) - least])
        if dtype.itemsize == 2:  # all of its values are seldom of one kind
            limit = min(limit, math.ceil(INPUT_HEADROOM * max(largest, 1.0)))
        return InputGrid(offset, _plain(relative), int(limit))
    if integer and largest <= INPUT_LIMIT and scale.ndim == 0:
        return InputGrid(offset, 1.0, INPUT_LIMIT)
    factor = INPUT_LIMIT / (INPUT_HEADROOM * (largest or 1.0))
    return InputGrid(offset, _plain(relative * factor), INPUT_LIMIT)


def _plain(values: npt.NDArray[np.float64]) -> Numbers:
    return values if values.ndim else float(values)


def normaliser_of(
    dtype: np.dtype[Any], grid: InputGrid, scaling: Scaling, output_unit: float
) -> Normaliser:
    """Make the normaliser of a decoder whose output is in units of `output_unit`."""
    scales = output_unit * np.atleast_1d(scaling.output_scale)
    rows = [(*fixed_point(each), 1.0) if scaling.integer else (1, 0, each) for each in scales]
    multipliers, shifts, output_scales = zip(*rows, strict=True)

    def numbers(values: Any) -> Any:
        whole = np.atleast_1d(values).tolist()
        return tuple(whole) if np.ndim(scaling.scale) else whole[0]

    return Normaliser(
        dtype=dtype,
        offset=numbers(grid.offset),
        scale=numbers(grid.scale),
        limit=grid.limit,
        output_multiplier=numbers(multipliers),
        output_shift=numbers(shifts),
        output_scale=numbers(output_scales),
        output_offset=numbers(scaling.output_offset),
    )
