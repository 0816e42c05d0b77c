"""Random predictions, windows as blocks may have them, and recordings to search."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from narrows.codec.prediction.prediction import MAX_GAIN, MERGE, NEW, NONE, Prediction
from narrows.codec.prediction.windows import Windows
from tests.helpers.predicting import tiny_predicting

DECIDED = ("modes", "lags", "gains", "symbols", "decoded", "errors")


def random_prediction(rng):
    """Make a prediction of windows of any length and some channels."""
    shape = (int(rng.integers(2, 40)), *rng.integers(1, 4, rng.integers(3)).tolist())
    own = tiny_predicting(
        "int16", shape, n_qualities=int(rng.integers(1, 4)), seed=int(rng.integers(1 << 20)),
        memory=int(shape[0] * rng.integers(1, 12) + rng.integers(shape[0])),
        border=int(rng.integers(1, shape[0] + 1)), n_latents=int(rng.integers(1, 3)),
    )  # fmt: skip
    return own.prediction


def drawn_windows(rng, n, own, latent_size=3):
    """Draw windows as a block may have them: any modes, lags, gains and symbols."""
    modes = rng.choice([NONE, NEW, MERGE], n).astype(np.int32)
    lags, gains = np.zeros(n, np.int64), np.zeros((n, own.n_channels), np.int64)
    last = 0
    for i in range(n):
        if i == 0 or (modes[i] == MERGE and not last):
            modes[i] = NONE
        elif modes[i] == NEW:
            last = int(rng.integers(own.length, min(own.memory, i * own.length) + 1))
            gain = rng.integers(0, MAX_GAIN + 1, own.n_channels)
        if modes[i] != NONE:
            lags[i], gains[i] = last, gain
    predicted = int((modes != NONE).sum())
    symbols = [
        rng.integers(-9, 10, shape).astype(np.int32)
        for shape in ((n - predicted, latent_size), (predicted, own.residual.input_shape[0]))
    ]
    return Windows(modes, lags, gains, *symbols)


def drawn_base(rng, windows, own):
    """Draw what networks decode of windows that are not predicted, some beyond the limit."""
    most = own.limit + own.limit // 8
    n = int((windows.modes == NONE).sum())
    return rng.integers(-most, most, (n, own.length, own.n_channels))


class Recording(NamedTuple):
    """What `WindowSearch.encode` takes of one recording."""

    x: npt.NDArray[np.int64]
    base: npt.NDArray[np.int64]
    base_bits: npt.NDArray[np.float64]
    qualities: npt.NDArray[np.intp]


def drawn_recording(rng, n, own: Prediction):
    """Draw a recording of n windows that repeats itself, more or less, at any scale."""
    period, shape = int(rng.integers(3, 4 * own.length)), (n * own.length, own.n_channels)
    scale = 2.0 ** rng.integers(1, 22)
    once = rng.normal(size=(period, own.n_channels)).cumsum(axis=0) * scale
    x = np.resize(once, shape) + rng.normal(size=shape) * scale * 2.0 ** rng.integers(-9, 1)
    whole = np.rint(x).astype(np.int64).reshape(1, n, own.length, own.n_channels)
    rough = np.rint(rng.normal(size=whole.shape) * scale / 4).astype(np.int64)
    quality = np.array([int(rng.integers(1, len(own.step) + 1))])
    return Recording(whole, whole + rough, np.floor(rng.random((1, n)) * 4e5) / 4096, quality)
