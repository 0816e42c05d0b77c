"""What is kept exactly and not coded, and why: what a model was not made for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.encoding.requests import Request
from narrows.codec.model.range import Range
from narrows.errors import DataError, SettingError

Mask = npt.NDArray[np.bool_]


@dataclass
class Kept:
    """Counts of what was kept exactly.

    Attributes
    ----------
    missing : int
        Values that are NaN or infinite, or stand for missing ones.
    outside : int
        Values outside the range that the model was made for.
    signals : int
        Signals with such a value.
    unlike : int
        Other signals, which the model cannot code: unlike those of its training.
    """

    missing: int = 0
    outside: int = 0
    signals: int = 0
    unlike: int = 0

    def include(self, other: Kept) -> None:
        """Add the counts of other blocks."""
        for name, count in vars(other).items():
            setattr(self, name, getattr(self, name) + count)

    def __bool__(self) -> bool:
        return self.signals + self.unlike > 0

    def add(self, x: npt.NDArray[Any], left_out: Mask, range_: Range) -> None:
        """Count the elements that are left out of a block, `(n, *frame_shape)`."""
        values = x[left_out]
        n = int(range_.is_missing(values).sum())
        self.missing += n
        self.outside += len(values) - n
        self.signals += int(left_out.reshape(len(x), -1).any(axis=1).sum())

    @property
    def told(self) -> str:
        """The counts in words."""
        kinds = {
            "of NaN, infinity or missing": self.missing,
            "outside the range of the training signals": self.outside,
        }
        values = " and ".join(f"{_some(n, 'value')} {kind}" for kind, n in kinds.items() if n)
        parts = [f"{values}, in {_some(self.signals, 'signal')}"] if values else []
        if self.unlike:
            parts.append(f"{_some(self.unlike, 'signal')} unlike those of the training")
        return "; ".join(parts)

    def __str__(self) -> str:
        return f"kept exactly: {self.told}"


def check_leaving_out(request: Request, kept: Kept) -> None:
    """Refuse what is asked for where something is kept exactly."""
    if request.strict:
        raise DataError(
            f"{kept.told}, refused by strict: replace them, or leave strict out to keep them "
            "exactly"
        )
    if request.budget is not None and request.budget.of_bytes:
        raise SettingError(
            f"{kept.told}, would be kept exactly, in more than target_bytes "
            f"{request.budget.target_bytes:g}; replace them, or give a quality"
        )


def _some(n: int, what: str) -> str:
    return f"{n:,} {what}{'s' * (n != 1)}"
