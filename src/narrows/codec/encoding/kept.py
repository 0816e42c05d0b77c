"""What is kept exactly and not coded, and why: elements that a network must not see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.model.model import Model

Mask = npt.NDArray[np.bool_]


@dataclass
class Kept:
    """Counts of what was kept exactly.

    Attributes
    ----------
    missing : int
        Values that are NaN or infinite.
    outside : int
        Values outside the range that the model was made for.
    signals : int
        Signals with such a value.
    """

    missing: int = 0
    outside: int = 0
    signals: int = 0

    def add(self, x: npt.NDArray[Any], left_out: Mask) -> None:
        """Count the elements that are left out of a block, `(n, *frame_shape)`."""
        values = x[left_out]
        finite = int(np.isfinite(values).sum())
        self.missing += len(values) - finite
        self.outside += finite
        self.signals += int(left_out.reshape(len(x), -1).any(axis=1).sum())

    def __bool__(self) -> bool:
        return self.signals > 0

    @property
    def told(self) -> str:
        """The counts in words."""
        kinds = {
            "of NaN or infinity": self.missing,
            "outside the range of the training signals": self.outside,
        }
        told = " and ".join(f"{n:,} value{'s' * (n > 1)} {kind}" for kind, n in kinds.items() if n)
        return f"{told}, in {self.signals:,} signal{'s' * (self.signals > 1)}"

    def __str__(self) -> str:
        return f"kept exactly: {self.told}"


class Range:
    """The values that a model's networks can see; all others are kept exactly.

    These are the values that the input end does not clip.

    Parameters
    ----------
    model : Model
    """

    def __init__(self, model: Model) -> None:
        own, dtype = model.normaliser, model.dtype
        with np.errstate(over="ignore"):
            reach = own.limit / np.array(own.scale)
            low, high = np.array(own.offset) - reach, np.array(own.offset) + reach
        bounds: Any = np.finfo(dtype) if dtype.kind == "f" else np.iinfo(dtype)
        self._is_whole = False
        if dtype.kind != "f":
            low, high = np.ceil(low), np.floor(high)
            self._is_whole = bool((low <= bounds.min).all() and (high >= bounds.max).all())
        self._low, self._high = (
            np.broadcast_to(np.clip(end, bounds.min, bounds.max).astype(dtype), model.frame_shape)
            for end in (low, high)
        )

    def outside(self, x: npt.NDArray[Any]) -> Mask | None:
        """Return which elements of `(n, *frame_shape)` signals to leave out; None for none."""
        if self._is_whole:
            return None
        inside = (x >= self._low) & (x <= self._high)
        return None if inside.all() else ~inside
