"""Which values a model is made for, and which it cannot code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.model.model import Model
from narrows.codec.networks.backend import EXACT_FLOAT64
from narrows.element_types import ends_of
from narrows.gaps import is_one_of, stand_ins

Mask = npt.NDArray[np.bool_]


class Range:
    """The values that a model's networks can see; an encoder keeps all others exactly.

    These are the values that the input end does not clip, but for those that stand for missing
    ones.

    Parameters
    ----------
    model : Model
    missing : sequence of float
        More values that stand for missing ones.
    """

    def __init__(self, model: Model, missing: Sequence[float] = ()) -> None:
        own, dtype = model.normaliser, model.dtype
        with np.errstate(over="ignore"):
            reach = own.limit / np.array(own.scale)
            low, high = np.array(own.offset) - reach, np.array(own.offset) + reach
        least, most = ends_of(dtype)
        self._is_whole = False
        if dtype.kind != "f":
            low, high = np.ceil(low), np.floor(high)
            self._is_whole = bool((low <= least).all() and (high >= most).all())
            least, most = max(least, -EXACT_FLOAT64), min(most, EXACT_FLOAT64)
        self._low, self._high = (
            np.broadcast_to(np.clip(end, least, most).astype(dtype), model.frame_shape)
            for end in (low, high)
        )
        known = () if model.fit is None else model.fit.missing
        self._missing = stand_ins(dtype, [*known, *missing])

    @property
    def ends(self) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        """The least and the greatest values inside, `(*frame_shape)` each."""
        return self._low, self._high

    def outside(self, x: npt.NDArray[Any]) -> Mask | None:
        """Return which elements of `(n, *frame_shape)` signals to leave out; None for none."""
        out = None
        if not self._is_whole:
            inside = (x >= self._low) & (x <= self._high)
            out = None if inside.all() else ~inside
        missing = is_one_of(x, self._missing)
        return missing if out is None else out if missing is None else out | missing

    def is_missing(self, values: npt.NDArray[Any]) -> Mask:
        """Return which of some values are NaN or infinite, or stand for missing ones."""
        stand = is_one_of(values, self._missing)
        gone = ~np.isfinite(values)
        return np.asarray(gone if stand is None else gone | stand)
