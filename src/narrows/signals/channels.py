"""Which axis of a frame holds channels: values of several kinds, each with a size of its own."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

MAX_CHANNELS = 15
"""A longer last axis is a side of a picture, or time."""
USUAL_CHANNELS = 4
"""Colours, leads, components: so few are channels beside any axis that is longer."""
MIN_LENGTH = 4
"""Of another axis, in more channels than usual: 8 x 8 is a picture."""


def n_channels(frame_shape: tuple[int, ...]) -> int:
    """Count the channels of a frame: the length of its last axis where that holds them, else 1.

    Channels are the last axis of `(length, C)`, `(h, w, C)` and the like, where C is small beside
    another axis; and the elements of a row of at most 15, `(C,)`, which is a row of a table.

    Examples
    --------
    >>> n_channels((256, 2)), n_channels((32, 32, 3)), n_channels((4,))
    (2, 3, 4)
    >>> n_channels((28, 28)), n_channels((256,)), n_channels((8, 8))
    (1, 1, 1)
    """
    *others, last = frame_shape or (1,)
    if last > MAX_CHANNELS:
        return 1
    longest = max(others, default=MAX_CHANNELS * MIN_LENGTH)
    is_few = last <= USUAL_CHANNELS and last < longest
    return last if is_few or MIN_LENGTH * last <= longest else 1


def has_length(frame_shape: tuple[int, ...]) -> bool:
    """Return whether frames are `(length,)` or `(length, channels)`: windows of a recording."""
    channels = n_channels(frame_shape)
    if len(frame_shape) == 1:
        return frame_shape[0] > 1 == channels
    return len(frame_shape) == 2 and frame_shape[1] == channels < frame_shape[0]


def by_channel(x: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return `(n, *frame_shape)` signals as `(n, elements of a channel, channels)`, a view."""
    channels = n_channels(x.shape[1:])
    return np.reshape(x, (len(x), prod(x.shape[1:]) // max(channels, 1), channels))
