"""What symbols stand for at the qualities of their signals: so many steps, each so long."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.arrays import as_array
from narrows.codec.coders import Coders
from narrows.codec.entropy.tables import Symbols
from narrows.codec.model.model import Model
from narrows.errors import DataError, SettingError

Qualities = int | npt.NDArray[np.integer[Any]] | None
"""One of all signals, by default the model's; or that of each, `(n,)`."""


def levels_of(model: Model, coders: Coders, y: Symbols, quality: Qualities) -> npt.NDArray[Any]:
    """Return how many steps `(n, latent_size)` symbols stand for."""
    if not model.trellis:
        return y
    if not isinstance(quality, np.ndarray):
        return coders.levels_of(y, model.quality(quality))
    levels = np.empty(y.shape, dtype=np.int64)
    for number in np.unique(quality).tolist():
        rows = quality == number
        levels[rows] = coders.levels_of(y[rows], model.quality(number))
    return levels


def steps_of(model: Model, quality: Qualities, n: int) -> npt.NDArray[np.int32]:
    """Return the steps of a quality, or `(n, latent_size)` for the quality of each signal."""
    if not isinstance(quality, np.ndarray):
        return model.quality(quality).step
    if quality.shape != (n,):
        raise SettingError(f"qualities of shape {quality.shape}; give one, or one a signal: ({n},)")
    numbers, each = np.unique(quality, return_inverse=True)
    steps = [model.quality(number).step for number in numbers.tolist()]
    if len(steps) == 1:
        return steps[0]
    return np.array(steps).reshape(-1, model.latent_size)[each]


def check_latents(y: npt.NDArray[Any], latent_size: int) -> npt.NDArray[Any]:
    """Return integers of `(n, latent_size)` in the range of int32, or DataError."""
    y = as_array(y, "latents")
    if y.dtype.kind not in "iu" or y.shape[1:] != (latent_size,):
        raise DataError(
            f"latents of shape {y.shape} and dtype {y.dtype}; this model takes integers of "
            f"shape (n, {latent_size})"
        )
    if y.size and not -(2**31) <= int(y.min()) <= int(y.max()) < 2**31:
        raise DataError("latents outside the range of int32")
    return y
