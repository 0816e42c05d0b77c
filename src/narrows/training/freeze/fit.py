"""What a finished model's training signals are like, by which an encoder knows others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.codec import Codec
from narrows.codec.encoding.distortion import errors, squared
from narrows.codec.model.fit import Fit
from narrows.codec.model.model import Model

MAX_SIGNALS = 8192  # that are measured
SHARE_BELOW = 0.999


def measure_fit(model: Model, x: npt.NDArray[Any], missing: Sequence[float]) -> Fit:
    """Measure the distortion of some of `(n, *frame_shape)` training signals at each quality.

    `missing` are values that stand for missing ones.
    """
    assert model.tradeoffs is not None
    codec, n = Codec(model), min(len(x), MAX_SIGNALS)
    some = x[np.arange(n) * len(x) // n]
    most = []
    for quality, symbols in codec.encoder.encode_at_all_qualities(some).items():
        e = errors(codec.decode(symbols, quality), some, model.tradeoffs.units)
        each = squared(e) / e.shape[1]
        most.append(float(np.quantile(each, SHARE_BELOW, method="higher")))
    return Fit(list(map(float, missing)), most)
