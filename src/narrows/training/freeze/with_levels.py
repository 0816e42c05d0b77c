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
from narrows.codec.levels.lattice import LARGEST, MAX_BOUND, MAX_OFFSET, Lattice
from narrows.codec.levels.passes import MAX_AXES, PassOrder, stride_over
from narrows.codec.model.model import Model
from narrows.codec.transform import Transform
from narrows.element_types import ends_of
from narrows.errors import SettingError
from narrows.training.freeze.levels import ORIGIN, START_STRIDE, train_byte_levels
from narrows.training.freeze.number_levels import train_number_levels

Signals = npt.NDArray[Any]
LOG = logging.getLogger(__name__)
MANY_ELEMENTS = 1 << 23  # from so many on, networks have more units
UNITS, UNITS_OF_MANY = 28, 64
BYTE_UPDATES, MAX_BYTE_EPOCHS = 3000, 60
NUMBER_UPDATES = 2500
FRAMES_AN_UPDATE = 64
MAX_CHANNELS = 4  # of a last axis that nobody has said to be one of channels
MAX_SAID_CHANNELS = 16  # each has passes of its own
LOOKED_AT = 1 << 22  # elements, for the most frequent value
WITHIN = 1 - 2.0**-20  # a step is so much less than twice the bound that rounding does not count
MAX_BYTES = 1 << 28  # of frames that are looked at


def check_levels_for(frames: Signals, max_error: float | None) -> None:
    """Raise SettingError for frames that no levels coder is trained for, within such a bound."""
    dtype, frame_shape = frames.dtype, frames.shape[1:]
    if dtype.kind not in "iuf" or not frame_shape or prod(frame_shape) > MAX_PLACES:
        raise SettingError(
            f"levels for signals {frame_shape} of {dtype}; they are trained for signals of up to "
            f"{MAX_PLACES:,} numbers: leave levels out, without which bounds and lossless work too"
        )
    if dtype.kind == "f" and max_error is None:
        raise SettingError(
            f"levels for signals of {dtype}, of which they code none without loss; give max_error "
            "(--max-error), a bound in units of the signals, or leave levels out"
        )
    if dtype.kind != "f" and max_error is not None and max_error < 1:
        raise SettingError(
            f"max_error {max_error:g} is below the resolution of {dtype}, 1; leave it out: levels "
            "then lose nothing"
        )
    if max_error is not None:
        lattice_for(frames, max_error)


def with_levels(
    codec: Codec, frames: Signals, seed: int, max_error: float | None = None, *, augment: bool
) -> Codec:
    """Train a levels coder on `(n, *frame_shape)` frames and return the codec that has it.

    It codes without loss, or with `max_error` within that.
    """
    LOG.debug("training levels")
    model = codec.model
    frames = frames[: max(1, MAX_BYTES // max(1, frames[0].nbytes))]
    lattice = None if max_error is None else lattice_for(frames, max_error)
    flat = frames.reshape(len(frames), -1)
    own = replace(model, levels=_trained(model, flat, lattice, seed, augment=augment))
    if own.known_answers is not None:
        own = replace(own, known_answers=Transform(own).answer(own.known_answers.symbols))
    return type(codec)(own)


def _trained(
    model: Model, flat: Signals, lattice: Lattice | None, seed: int, *, augment: bool
) -> Levels:
    units = UNITS_OF_MANY if flat.size >= MANY_ELEMENTS else UNITS
    shape, n_channels = grid_of(model.frame_shape, model.normaliser.n_channels)
    if model.dtype == np.uint8:
        stride = min(START_STRIDE, stride_over(shape))
        order = PassOrder(shape, n_channels, stride, min(ORIGIN, stride - 1, min(shape) - 1))
        per_epoch = max(1, len(flat) // FRAMES_AN_UPDATE)
        epochs = min(float(MAX_BYTE_EPOCHS), BYTE_UPDATES / per_epoch)
        coded = np.ascontiguousarray(flat)
        if lattice is not None:
            coded = lattice.numbers(np.arange(256, dtype=np.uint8)).astype(np.uint8)[coded]
        return train_byte_levels(coded, order, units, epochs, seed, lattice)
    order = PassOrder(shape, n_channels, stride_over(shape))
    if lattice is None:
        least, most = ends_of(model.dtype)
        inside = np.clip(flat, -min(LARGEST, -int(least)), min(LARGEST, int(most)))
        numbers = inside.astype(np.int64)
    else:
        numbers = np.rint(lattice.in_units(flat)).astype(np.int64)
    length = UNITS, NUMBER_UPDATES
    return train_number_levels(numbers, order, *length, seed, lattice, augment=augment)


def lattice_for(frames: Signals, bound: float) -> Lattice:
    """Return the lattice that keeps a bound; the most frequent value of some lies on it.

    Raises
    ------
    SettingError
        For a bound that is below what floats of such a size resolve.
    """
    flat = frames.reshape(-1)
    values, counts = np.unique(flat[:: max(1, flat.size // LOOKED_AT)], return_counts=True)
    usual = values[np.argmax(counts)]
    if frames.dtype.kind != "f":
        whole = int(min(bound, float(MAX_BOUND)))
        step, offset = 2 * whole + 1, max(-MAX_OFFSET, min(int(usual), MAX_OFFSET))
        if frames.dtype == np.uint8:  # so that the byte 0 has the number 0
            offset = (offset + whole) % step - whole
        return Lattice(offset, step)
    size = max(abs(float(flat.min())), abs(float(flat.max())))
    half = size * float(np.finfo(frames.dtype).eps) / 2  # what rounding to the type may add
    width = 2 * (bound - half) * WITHIN
    if not (bound >= 2 * half and size / width < LARGEST):
        raise SettingError(
            f"max_error {bound:g} is below the resolution of {frames.dtype}, for values up to "
            f"{size:g}; leave levels out, and compress with lossless (--lossless)"
        )
    return Lattice(float(usual) + 0.0, width)


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
