"""What a PSNR refers to: the peak, where it comes from, and whether these signals reach it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from narrows.codec.model.model import Model
from narrows.evaluation.fidelity import Spread
from narrows.words import percent, quantity

OF_SIGNALS = "the range of these signals"
OF_DTYPE, OF_TRAINING = "the range of uint8", "the training signals' range"
SMALLER, LARGER = 0.25, 2.0
"""A range below or above so many times that of the training signals is another one."""
IN_JSON = ("peak", "peak_is", "value_range", "training_range", "range_remark")
MARGIN = 0.5
"""Of the training signals' range: what lies farther outside of it does so by far."""


Range = tuple[float, float]


@dataclass(frozen=True)
class Reference:
    """The peak of a PSNR, and the range of the signals that were measured."""

    peak: float  # in the signals' units
    peak_is: str
    value_ranges: tuple[Range, ...]  # of these signals, by channel; finite values alone count
    training_ranges: tuple[Range, ...]  # by channel; none where the model does not say it

    @classmethod
    def of(cls, model: Model, spread: Spread) -> Self:
        """Set the signals beside what the model was trained on."""
        return cls(
            peak=model.peak,
            peak_is=peak_is(model),
            value_ranges=tuple(zip(spread.low.tolist(), spread.high.tolist(), strict=True)),
            training_ranges=tuple((a, b) for a, b in model.training.get("value_ranges", ())),
        )

    @classmethod
    def of_signals(cls, dtype: np.dtype[Any], spread: Spread) -> Self:
        """Set the signals beside themselves, where no model says a peak."""
        ranges = tuple(zip(spread.low.tolist(), spread.high.tolist(), strict=True))
        found = whole(ranges)
        width = 0.0 if found is None else found[1] - found[0]
        if dtype == np.uint8:
            return cls(255.0, OF_DTYPE, ranges, ())
        return cls(width if 0 < width < math.inf else 1.0, OF_SIGNALS, ranges, ())

    @property
    def peak_in_words(self) -> str:
        """The peak, and what it is."""
        return f"{quantity(self.peak)}, {self.peak_is}"

    @property
    def remark(self) -> str | None:
        """Say so where these signals have another range than the training signals: or None."""
        here, there = whole(self.value_ranges), whole(self.training_ranges)
        remark = _remark("these signals", here, there, self.peak)
        if remark is None and len(self.value_ranges) == len(self.training_ranges):
            both = zip(self.value_ranges, self.training_ranges, strict=True)
            remarks = (_remark(f"channel {c}", *pair) for c, pair in enumerate(both))
            return next((each for each in remarks if each is not None), None)
        return remark

    def as_json(self) -> dict[str, Any]:
        """Return the fields, the ranges of all channels together, and the remark."""
        ranges = whole(self.value_ranges), whole(self.training_ranges)
        return dict(zip(IN_JSON, (self.peak, self.peak_is, *ranges, self.remark), strict=True))


def whole(ranges: tuple[Range, ...]) -> Range | None:
    """Return the range over all channels; None where nothing is known."""
    low = min((low for low, _ in ranges), default=math.inf)
    high = max((high for _, high in ranges), default=-math.inf)
    return (low, high) if low <= high else None


def _remark(name: str, here: Range | None, there: Range | None, peak: float = 0.0) -> str | None:
    """Say how a range is unlike that of the training signals, if it is; with the peak, if given."""
    if here is None or not all(map(math.isfinite, here)):
        return None
    extent = peak if there is None else there[1] - there[0]
    told = f"over a range of {_value(peak)}" if there is None else _ends(there)
    text = f"{name} reach{'' if name.endswith('s') else 'es'} {_ends(here)}, in training {told}"
    away = MARGIN * extent
    if there is not None and (here[0] < there[0] - away or here[1] > there[1] + away):
        return f"{text}: not of the kind that the model was trained on"
    if here[0] == here[1]:
        return f"{text}: SNR says nothing of what is constant" if extent else None
    times = (here[1] - here[0]) / (peak or extent)
    if SMALLER <= times <= LARGER:
        return None
    of = f"{quantity(1 / times, 3)} times" if times < 1 else f"{percent(1 / times)} of"
    return f"{text}: PSNR has a peak of {of} this range; see SNR" if peak else text


def _ends(of: Range) -> str:
    return f"from {_value(of[0])} to {_value(of[1])}"


def _value(value: float) -> str:
    return quantity(value, 6)


def peak_is(model: Model) -> str:
    """Return what the peak of a model is, in words."""
    return OF_DTYPE if model.dtype == np.uint8 and model.peak == 255.0 else OF_TRAINING
