"""Training signals without what is missing or broken: found, filled in, and not learned from."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from narrows.errors import DataError
from narrows.gaps import filled, is_one_of, stand_ins
from narrows.signals.bricks import arrays_of
from narrows.signals.windows import Grid, cut
from narrows.smooth_gaps import smoothly_filled
from narrows.training.data import bulk
from narrows.training.data.frames import Rows, split
from narrows.training.data.scaling import Channels

LOG = logging.getLogger(__name__)
ROWS = 4096  # looked at at a time

Signals = npt.NDArray[Any]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Cleaned:
    """Signals `(n, *frame_shape)` of finite numbers, and which were filled in; None: none."""

    x: Signals
    missing: Mask | None = None

    def of_arrays(self, shapes: Sequence[tuple[int, ...]]) -> Cleaned:
        """Return them with gaps filled as those of arrays of these shapes, whose tiles they are."""
        if self.missing is None or not shapes:
            return self
        mean = float(self.x[~self.missing].mean(dtype=np.float64))
        both = zip(arrays_of(self.x, shapes), arrays_of(self.missing, shapes), strict=True)
        arrays = [smoothly_filled(array, gone, mean) for array, gone in both]
        lengths = self.x.shape[1:]
        tiles = [cut(array, Grid(array.shape, lengths, lengths)) for array in arrays]
        return Cleaned(np.concatenate(tiles), self.missing)


@dataclass(frozen=True)
class Cleaner:
    """What is left out of training: all but finite values of a range, and what stands for missing.

    Attributes
    ----------
    given : list of float
        Values that stand for missing ones, as the user says or as they look.
    low, high : (n_channels,) or None
        The range; None: that of the dtype.
    """

    channels: Channels
    given: list[float]
    low: npt.NDArray[np.float64] | None = None
    high: npt.NDArray[np.float64] | None = None

    @classmethod
    def of(cls, x: Signals, given: Sequence[float], channels: Channels) -> Cleaner:
        """Look at the values of each channel."""
        own = cls(channels, list(given))
        if x.dtype.itemsize == 1:  # pictures: all there is may be of use
            return own
        step = max(1, x.size // channels.count // bulk.MAX_VALUES)
        some = x[::step]
        finite = own._known(some)
        values = [
            bulk.sorted_sample(each[known])
            for each, known in zip(channels.of(some), channels.of(finite), strict=True)
        ]
        found: list[float] = []
        for each in filter(len, values):
            low, high = bulk.bulk_range(each)
            found += bulk.stand_ins(each[(each >= low) & (each <= high)])
        known = [each[~np.isin(each, found)] for each in values]
        ends = [bulk.bulk_range(each) if len(each) else (0.0, 0.0) for each in known]
        low_ends, high_ends = np.array(ends).T
        return cls(channels, [*own.given, *sorted(set(found) - set(given))], low_ends, high_ends)

    def clean(self, x: Signals, what: str, *, in_order: bool = False) -> Cleaned:
        """Fill what is left out of `(n, *frame_shape)` signals; drop those that are nothing else.

        None is dropped where the order counts, as of windows in a row and tiles of arrays.

        Raises
        ------
        DataError
            If nothing is left.
        """
        parts = [slice(start, start + ROWS) for start in range(0, len(x), ROWS)]
        if all(self._known(x[part]).all() for part in parts):
            return Cleaned(x)
        missing = np.concatenate([~self._known(x[part]) for part in parts])
        rows = np.flatnonzero(~missing.reshape(len(x), -1).all(axis=1))
        if len(rows) < 2:
            raise DataError(
                f"{what} with {len(rows)} signals that have values at all; the others are NaN, "
                "infinite or stand for missing values"
            )
        if in_order:
            rows = np.arange(len(x))
        self._tell(x, missing, len(x) - len(rows), what)
        if len(rows) < len(x):
            x, missing = x[rows], missing[rows]
        means = np.array([
            each[~gone].mean(dtype=np.float64) if not gone.all() else 0.0
            for each, gone in zip(self.channels.of(x), self.channels.of(missing), strict=True)
        ])  # fmt: skip
        mean = means if self.channels.count > 1 else float(means[0])
        own = {"has_channels": self.channels.count > 1}
        parts = [slice(start, start + ROWS) for start in range(0, len(x), ROWS)]
        out = np.empty_like(x)
        for part in parts:
            out[part] = filled(x[part], missing[part], mean, **own)
        return Cleaned(out, missing)

    def _known(self, x: Signals) -> Mask:
        known = np.isfinite(x)
        if self.low is not None and self.high is not None:
            known &= (x >= self.low) & (x <= self.high)
        missing = is_one_of(x, stand_ins(x.dtype, self.given))
        return known if missing is None else known & ~missing

    def _tell(self, x: Signals, missing: Mask, n_dropped: int, what: str) -> None:
        values = x[missing]
        gone = ~np.isfinite(values)
        stand = is_one_of(values, stand_ins(x.dtype, self.given))
        n_stand = 0 if stand is None else int(stand.sum())
        n_far = len(values) - int(gone.sum()) - n_stand
        shown = ", ".join(f"{value:g}" for value in self.given)
        kinds = {
            "NaN or infinite": int(gone.sum()),
            f"{shown}, for missing ones": n_stand,
            "far from all others": n_far,
        }
        told = ", ".join(f"{n:,} {kind}" for kind, n in kinds.items() if n)
        dropped = f"; {n_dropped:,} signals have no others" if n_dropped else ""
        LOG.info("values of the %s that training leaves out: %s%s", what, told, dropped)


def split_missing(
    whole: Cleaned, held_out: Cleaned | None, rows: tuple[Rows, Rows]
) -> tuple[Tensor | None, Tensor | None]:
    """Return which elements of training and of validation frames were filled in."""
    own = None if held_out is None else held_out.missing
    if whole.missing is None and own is None:
        return None, None
    masks = np.zeros(whole.x.shape, bool) if whole.missing is None else whole.missing
    if held_out is not None and own is None:
        own = np.zeros(held_out.x.shape, bool)
    train, validation = split(masks, own, rows)
    return torch.from_numpy(train), torch.from_numpy(np.ascontiguousarray(validation))
