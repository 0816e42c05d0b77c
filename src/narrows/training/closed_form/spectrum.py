"""The spectrum of training signals: how many numbers and bits they take at which quality."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from narrows.training.aims import Aim
from narrows.training.closed_form.pca import scatter_matrix
from narrows.training.data.frames import scaled
from narrows.training.data.scaling import ALIKE, Channels, Mask, scaling_of
from narrows.training.water_filling import Spectrum

MAX_SIGNALS = 4096  # that are looked at
MIN_VARIANCE = 1e-9  # of the mean one: below it are rounding errors
FINEST_OF_FLOATS = 80.0
"""In dB; the runtime's integers hold no more."""


def spectrum_of(
    x: npt.NDArray[Any],
    channels: Channels = ALIKE,
    aim: Aim | None = None,
    missing: Mask | None = None,
) -> Spectrum:
    """Compute the spectrum of `(n, *frame_shape)` signals, from a sample of them.

    Of an aim by channel it says what that comes to, by the weights of the channels. What is
    `missing` is coded as it was filled, and so has a part in components, but none in the unit.
    """
    every = -(-len(x) // MAX_SIGNALS)
    sample, gone = x[::every], None if missing is None else missing[::every]
    scaling = scaling_of(sample, "mse", channels, gone)
    flat = scaled(sample, scaling).flatten(1)  # of mean 0; the mean variance is 1
    squares = flat.square()
    known = squares if gone is None or gone.all() else squares[~torch.from_numpy(gone).flatten(1)]
    unit = float(known.mean()) or 1.0
    few = len(flat) < flat.shape[1]
    rows = flat - flat.mean(0) if few else flat
    scatter = rows @ rows.T if few else scatter_matrix(flat, flat.double().mean(0))
    found = torch.linalg.eigvalsh(scatter.double()).flip(0).numpy() / (len(flat) * unit)
    variances = np.full(flat.shape[1], MIN_VARIANCE)
    variances[: len(found)] = np.maximum(found, MIN_VARIANCE)
    squared_scale = np.square(scaling.scale)  # (), or of each channel
    finest = FINEST_OF_FLOATS
    if scaling.integer:  # rounding to whole numbers
        finest = min(finest, 10.0 * math.log10(12.0 * unit / float(np.mean(squared_scale))))
    mean_variance = float(np.mean(unit / squared_scale))
    psnr_of_mean = 10.0 * math.log10(scaling.peak**2 / mean_variance)
    weighed = None
    if aim is not None and aim.is_by_channel:
        errors = channels.weights @ 10.0 ** (-np.array(aim.values) / 10.0)
        weighed = 10.0 * math.log10(float(channels.weights.sum() / errors))
    known_values = sample if gone is None or gone.all() else sample[~gone]
    energy = float(np.square(known_values.astype(np.float64)).mean())
    snr_of_zero = 10.0 * math.log10(mean_variance / energy) if energy else 0.0
    return Spectrum(variances, psnr_of_mean, finest, snr_of_zero, weighed)


def weights_for(
    x: npt.NDArray[Any], snrs: Sequence[float], missing: Mask | None = None
) -> list[float]:
    """Return what squared errors of channels count such that each comes to an SNR of its own.

    Of a codec for the weighed mean squared error all components that are coded have the same of
    it, and those that are not have less: so each channel's weight is one over its water level.

    Parameters
    ----------
    x : (n, *frame_shape)
        Channels on the last axis.
    snrs : sequence of float
        In dB, of each channel.
    missing : (n, *frame_shape) bool, optional
    """
    levels = []
    for number, snr in enumerate(snrs):
        own = (..., slice(number, number + 1))
        gone = None if missing is None else missing[own]
        levels.append(spectrum_of(x[own], missing=gone).level_at(snr))
    return [min(levels) / level for level in levels]
