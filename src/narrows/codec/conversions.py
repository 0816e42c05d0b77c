"""How other signals become a model's: advice that keeps their values, or says that none does."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.arrays import advice_on_dtype, holds_exactly
from narrows.element_types import ends_of

NEW_MODEL = "train a model on such data"


def way_to_dtype(
    dtype: np.dtype[Any],
    wanted: np.dtype[Any],
    peak: float,
    values: npt.NDArray[Any] | None = None,
) -> str:
    """Say how signals of one dtype become a model's.

    Parameters
    ----------
    dtype, wanted : numpy dtype
        Of the signals, and of the model.
    peak : float
        The model's value range.
    values : (n, ...), optional
        The signals; without them, as of a pipe, it is said what has to hold for them.
    """
    cast = f"astype({wanted.name!r})"
    if dtype.kind not in "biuf":
        return "give numbers" if values is None else advice_on_dtype(values)
    if values is None or (values.ndim and holds_exactly(values, wanted)):
        where = ", where that keeps every value," if values is None else ""
        return f"convert them with x.{cast}{where} or {NEW_MODEL}"
    return _way_with_rounding(values, wanted, peak)


def _way_with_rounding(values: npt.NDArray[Any], wanted: np.dtype[Any], peak: float) -> str:
    cast = f"astype({wanted.name!r})"
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    least, most = ends_of(wanted)
    lost = wanted.kind != "f" and finite.size < values.size
    if lost:
        return f"NaN and infinity do not fit in {wanted.name}: fill them in"
    if not least <= low <= high <= most:
        return f"values from {low:g} to {high:g} do not fit in {wanted.name}: {NEW_MODEL}"
    if wanted.kind == "f":
        return f"convert them with x.{cast}, which rounds them, or {NEW_MODEL}"
    scaled = f"np.rint({min(peak, most):g} * x).{cast}"
    fractions = f", where they are fractions of 1 with {scaled}" if max(-low, high) <= 1 else ""
    return f"convert them with np.rint(x).{cast}, which rounds them{fractions}, or {NEW_MODEL}"


def way_to_shape(shape: tuple[int, ...], frame_shape: tuple[int, ...]) -> str:
    """Say how signals of one shape become `(n, *frame_shape)`."""
    if shape[1:] != frame_shape and sorted(shape[1:]) == sorted(frame_shape):
        axes, left = [0], list(range(1, len(shape)))
        for wanted in frame_shape:
            axes.append(left.pop(next(i for i, axis in enumerate(left) if shape[axis] == wanted)))
        order = ", ".join(map(str, axes))
        return f"x.transpose({order}) puts their axes so, which no reshape does; or {NEW_MODEL}"
    same_size = math.prod(shape[1:]) == math.prod(frame_shape)
    if shape == frame_shape or (shape and same_size and 0 not in shape):
        return f"reshape them with x.reshape({', '.join(map(str, (-1, *frame_shape)))})"
    return f"no reshape makes such frames of them; cut them to this shape, or {NEW_MODEL}"
