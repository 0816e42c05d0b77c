"""A frozen codec with a levels coder besides, trained on the same signals."""

from __future__ import annotations

import logging
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.codec import Codec
from narrows.codec.levels.byte_levels import MAX_PLACES
from narrows.codec.levels.kinds import Levels
from narrows.codec.levels.passes import MAX_AXES, PassOrder, stride_over
from narrows.codec.model.model import Model
from narrows.codec.transform import Transform
from narrows.element_types import ends_of
from narrows.errors import SettingError
from narrows.training.freeze.levels import ORIGIN, START_STRIDE, train_byte_levels
from narrows.training.freeze.number_levels import train_number_levels

LOG = logging.getLogger(__name__)
MANY_ELEMENTS = 1 << 23  # from so many on, networks have more units
UNITS, UNITS_OF_MANY = 28, 64
BYTE_UPDATES, MAX_BYTE_EPOCHS = 3000, 60
NUMBER_UPDATES = 2500
FRAMES_AN_UPDATE = 64
MAX_CHANNELS = 4  # of a last axis that nobody has said to be one of channels
MAX_SAID_CHANNELS = 16  # each has passes of its own
LARGEST = 1 << 38  # of whole numbers: predictions from such stay exact
MAX_BYTES = 1 << 28  # of frames that are looked at


def check_levels_for(dtype: np.dtype[Any], frame_shape: tuple[int, ...]) -> None:
    """Raise SettingError for signals that no levels coder is trained for."""
    if dtype.kind not in "iu" or not frame_shape or prod(frame_shape) > MAX_PLACES:
        raise SettingError(
            f"levels for signals {frame_shape} of {dtype}; they are trained for signals of up to "
            f"{MAX_PLACES:,} whole numbers: leave levels out, without which lossless works too"
        )


def with_levels(codec: Codec, frames: npt.NDArray[Any], seed: int, *, augment: bool) -> Codec:
    """Train a levels coder on `(n, *frame_shape)` frames and return the codec that has it."""
    LOG.debug("training levels")
    model = codec.model
    flat = frames[: max(1, MAX_BYTES // max(1, frames[0].nbytes))].reshape(len(frames), -1)
    own = replace(model, levels=_trained(model, flat, seed, augment=augment))
    if own.known_answers is not None:
        own = replace(own, known_answers=Transform(own).answer(own.known_answers.symbols))
    return type(codec)(own)


def _trained(model: Model, flat: npt.NDArray[Any], seed: int, *, augment: bool) -> Levels:
    check_levels_for(model.dtype, model.frame_shape)
    units = UNITS_OF_MANY if flat.size >= MANY_ELEMENTS else UNITS
    shape, n_channels = grid_of(model.frame_shape, model.normaliser.n_channels)
    if model.dtype == np.uint8:
        stride = min(START_STRIDE, stride_over(shape))
        order = PassOrder(shape, n_channels, stride, min(ORIGIN, stride - 1, min(shape) - 1))
        per_epoch = max(1, len(flat) // FRAMES_AN_UPDATE)
        epochs = min(float(MAX_BYTE_EPOCHS), BYTE_UPDATES / per_epoch)
        return train_byte_levels(np.ascontiguousarray(flat), order, units, epochs, seed)
    order, (least, most) = PassOrder(shape, n_channels, stride_over(shape)), ends_of(model.dtype)
    numbers = np.clip(flat, -min(LARGEST, -int(least)), min(LARGEST, int(most))).astype(np.int64)
    return train_number_levels(numbers, order, UNITS, NUMBER_UPDATES, seed, augment=augment)


def grid_of(frame_shape: tuple[int, ...], n_channels: int | None) -> tuple[tuple[int, ...], int]:
    """Return the axes of the grid and the channels of frames; more axes than three become one."""
    *axes, last = frame_shape
    if axes and last <= (MAX_CHANNELS if n_channels is None else MAX_SAID_CHANNELS):
        axes, channels = list(axes), last
    else:
        axes, channels = [*axes, last], 1
    while len(axes) > MAX_AXES:
        axes = [axes[0] * axes[1], *axes[2:]]
    return tuple(axes), channels
