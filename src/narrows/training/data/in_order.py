"""Rows of an array that may be windows of recordings, one behind the other."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from narrows.signals.channels import has_length
from narrows.signals.inputs import BESIDE, TrainingSamples
from narrows.training.counts import most_frames
from narrows.training.data.frames import is_in_order, split_rows


def in_order_of(samples: TrainingSamples, seed: int) -> Callable[[], TrainingSamples] | None:
    """Return what reads the windows of samples in their order; None where they have none.

    Rows of an array count as in order where they are more like those beside them than like others,
    or begin as those before them end. Those that are held out are held out from all architectures.
    """
    x = samples.x
    is_array = not samples.about and not samples.bricks[0]
    if samples.in_order is not None or not is_array or not has_length(x.shape[1:]):
        return samples.in_order
    return (lambda: _rows_in_order(samples, seed)) if is_in_order(x) else None


def _rows_in_order(samples: TrainingSamples, seed: int) -> TrainingSamples:
    x, validation = samples.x, samples.validation
    learned, held_out = split_rows(x, seed, has_validation=validation is not None)
    learned = learned[: most_frames(x.shape, x.itemsize) // BESIDE]
    borders = np.flatnonzero(np.diff(learned) > 1) + 1
    parts = tuple(map(len, np.split(learned, borders)))
    return TrainingSamples(x[learned], x[held_out] if validation is None else validation, {}, parts)
