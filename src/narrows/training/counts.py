"""How many signals a training takes, and how many it holds out."""

from __future__ import annotations

from math import prod

HELD_OUT_SHARE, MAX_HELD_OUT = 0.1, 5000  # of the signals, where no others are given
MAX_TRAINING_BYTES = 1 << 28
"""Of frames in memory, in their own type and in float32; of more signals training takes a sample.
With what else it takes, a process stays below a gigabyte."""
MAX_COUNTED = 1 << 17
"""Of the training signals, to which tables and the last layer are fitted: more change little."""


def signal_counts(
    shape: tuple[int, ...], itemsize: int, *, has_validation: bool
) -> tuple[int, int]:
    """Return how many of `(n, *frame_shape)` signals are trained on, and how many held out."""
    n = shape[0]
    held_out = max(1, min(MAX_HELD_OUT, int(HELD_OUT_SHARE * n)))
    held_out = 0 if has_validation else held_out
    return max(1, min(n - held_out, most_frames(shape, itemsize))), held_out


def most_frames(shape: tuple[int, ...], itemsize: int) -> int:
    """Return how many frames of `(n, *frame_shape)` fit in the memory that training may take.

    `itemsize` is the bytes of a number.
    """
    return max(2, MAX_TRAINING_BYTES // ((4 + itemsize) * max(prod(shape[1:]), 1)))
