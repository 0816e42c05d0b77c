"""The maps between signals and networks, chosen from the training signals, channel by channel."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.element_types import ends_of
from narrows.errors import SettingError
from narrows.signals.channels import by_channel, n_channels
from narrows.training.architectures import Scaling
from narrows.training.settings import parse_weights

PICTURE_RANGE = 255.0  # of uint8 signals that use more than half of it; otherwise the data's own
INFINITE = (-float("inf"), float("inf"))
ROWS = 4096

Signals = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


class Channels:
    """The channels that have an offset and a scale of their own, and what their errors count.

    Parameters
    ----------
    asked : str
        "last": each place on the last axis; "none": one channel; "auto": as `n_channels` counts.
    weights : str or None
        What squared errors of each channel count, such as "1,1,4,1"; by default all the same.
    frame_shape : tuple of int

    Raises
    ------
    SettingError
        If there are weights for other than as many channels.
    """

    def __init__(self, asked: str, weights: str | None, frame_shape: tuple[int, ...]) -> None:
        last = frame_shape[-1] if frame_shape else 1
        self.count = {"last": last, "none": 1, "auto": n_channels(frame_shape)}[asked]
        self.weights = np.ones(self.count)
        if weights is None:
            return
        given = np.array(parse_weights(weights))
        if len(given) != self.count or self.count == 1:
            raise SettingError(
                f"weights {weights} are of {len(given)} channels; frames of shape {frame_shape} "
                f"have {self.count}: give one number for each, or channels last, which makes each "
                f"of the {last} places on the last axis a channel"
            )
        self.weights = given / given.mean()

    def of(self, x: Signals) -> list[Signals]:
        """Return the channels of `(n, *frame_shape)` signals, each `(n, ...)`."""
        return [x] if self.count == 1 else [x[..., number] for number in range(self.count)]


ALIKE = Channels("none", None, ())
"""One scale for all elements."""


def scaling_of(
    x: Signals, loss: str, channels: Channels = ALIKE, missing: Mask | None = None
) -> Scaling:
    """Standardise: in the networks' units every channel has one deviation, but for its weight.

    What is `missing`, `(n, *frame_shape)`, counts in no mean and no deviation.
    """
    each, known = channels.of(x), _known_of(channels, missing)
    ranges = [range_of(channel) for channel in each]
    means = [mean_of(*both) for both in zip(each, known, strict=True)]
    deviations = np.array([deviation_of(*all_) for all_ in zip(each, means, known, strict=True)])
    if is_picture(x):  # its channels have one unit, and one range
        deviations[:] = math.sqrt(float(np.square(deviations).mean()))
    deviations = np.where(deviations > 0, deviations, 1.0)
    scale = 1.0 / deviations * np.sqrt(channels.weights)
    offset = np.floor(np.array(means) + 0.5) if x.dtype.kind != "f" else np.array(means)
    low, extent = np.array(ranges).T
    output = (low, extent) if loss == "bce" else (offset, 1.0 / scale)
    return _scaling(x, (offset, scale, *output), extent)


def scaling_like(
    x: Signals, ends: Scaling, channels: Channels, missing: Mask | None = None
) -> Scaling:
    """Return the maps of a finished model in units in which signals have a deviation of 1.

    `ends` are those of the model in any units: offsets, the ratios of its channels' scales, their
    weights and the peak stay as they are.
    """
    each, known = channels.of(x), _known_of(channels, missing)
    offsets = np.broadcast_to(ends.offset, len(each)).tolist()
    deviations = np.array([deviation_of(*all_) for all_ in zip(each, offsets, known, strict=True)])
    size = math.sqrt(float(np.square(deviations * ends.scale).mean())) or 1.0
    return replace(ends, scale=ends.scale / size, output_scale=ends.output_scale * size)


def unit_scaling_of(x: Signals, channels: Channels = ALIKE) -> Scaling:
    """Return the maps of a plain autoencoder: each channel's range is 0 .. 1 on both ends."""
    low, extent = np.array([range_of(channel) for channel in channels.of(x)]).T
    return _scaling(x, (low, 1.0 / extent, low, extent), extent)


def _scaling(x: Signals, ends: tuple[Floats, ...], extent: Floats) -> Scaling:
    """Make the maps of `(n_channels,)` numbers; errors count in deviations, on the peak's scale."""
    _, peak = range_of(x)
    low, high = _bounds(x.dtype)
    integer, weight = x.dtype.kind != "f", np.ones(1)
    if len(extent) > 1:
        output_scale = ends[3]
        weight = peak / output_scale / math.sqrt(float(np.square(extent / output_scale).mean()))
    offset, scale, out_offset, out_scale, each = (
        values if len(values) > 1 else float(values[0]) for values in (*ends, weight)
    )
    return Scaling(offset, scale, out_offset, out_scale, low, high, peak, integer, each)


def _known_of(channels: Channels, missing: Mask | None) -> list[Mask | None]:
    """Return which elements of each channel are known; None where all are, or none."""
    if missing is None:
        return [None] * channels.count
    return [~gone if 0 < gone.sum() < gone.size else None for gone in channels.of(missing)]


def mean_of(x: Signals, known: Mask | None = None) -> float:
    """Compute the mean in float64, of what is known."""
    return float(x.mean(dtype=np.float64, where=True if known is None else known))


def deviation_of(x: Signals, mean: float, known: Mask | None = None) -> float:
    """Compute the standard deviation in float64, part by part: ten times as fast as numpy's."""
    total = 0.0
    for start in range(0, len(x), ROWS):
        part = slice(start, start + ROWS)
        centred = np.subtract(x[part], mean, dtype=np.float64).ravel()
        if known is not None:
            centred *= known[part].ravel()
        total += float(centred @ centred)
    return math.sqrt(total / (x.size if known is None else int(known.sum())))


def range_of(x: Signals) -> tuple[float, float]:
    """Return the low end and the extent of the signals' range."""
    if is_picture(x):
        return 0.0, PICTURE_RANGE
    low, high = float(x.min()), float(x.max())
    return low, (high - low) or 1.0


def ranges_of(x: npt.NDArray[Any]) -> list[list[float]]:
    """Return the lowest and the highest value of each channel of `(n, *frame_shape)` signals."""
    values = by_channel(x)
    low, high = values.min(axis=(0, 1)), values.max(axis=(0, 1))
    return [[float(a), float(b)] for a, b in zip(low, high, strict=True)]


def is_picture(x: Signals) -> bool:
    """Return whether the range is that of uint8 pictures, whatever the signals use of it."""
    return x.dtype == np.uint8 and float(x.max()) > PICTURE_RANGE / 2


def _bounds(dtype: np.dtype[Any]) -> tuple[float, float]:
    """Return the ends of a dtype's range, where decoding clips."""
    if dtype.kind == "f":
        return INFINITE
    least, most = ends_of(dtype)
    return float(least), float(most)
