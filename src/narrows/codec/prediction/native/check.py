"""Whether compiled code decodes windows as numpy does, tried on a few that are made up."""

from __future__ import annotations

import numpy as np

from narrows.codec.prediction.native.windows import CompiledWindows
from narrows.codec.prediction.prediction import MAX_GAIN, MERGE, NEW, NONE
from narrows.codec.prediction.windows import Windows, rebuild

MODES = (NONE, NEW, MERGE, NEW, NONE, NEW, MERGE)


def rebuilds(compiled: CompiledWindows) -> bool:
    """Return whether both decode the same of made-up windows."""
    own, modes = compiled.prediction, np.array(MODES, np.int32)
    number = np.arange(own.length * own.n_channels * len(modes), dtype=np.int64) * 2654435761
    for quality in sorted({1, len(own.step)}):
        lags = np.minimum(np.arange(len(modes)) * own.length, own.memory)
        lags -= np.arange(len(modes)) % own.length * (lags > 2 * own.length)
        lags[modes == MERGE] = lags[np.flatnonzero(modes == MERGE) - 1]
        gains = number[: len(modes) * own.n_channels].reshape(len(modes), -1) % (MAX_GAIN + 1)
        n_latents, n_base = own.residual.input_shape[0], int((modes == NONE).sum())
        symbols = (np.arange((len(modes) - n_base) * n_latents) * 40503 >> 3) % 7 - 3
        residuals = symbols.reshape(-1, n_latents).astype(np.int32)
        base = (number >> 7) % (2 * own.limit) - own.limit
        base = base[: n_base * own.length * own.n_channels]
        windows = Windows(modes, lags, gains, residuals[:0], residuals)
        given = windows, base.reshape(n_base, own.length, own.n_channels)
        if not np.array_equal(
            rebuild(*given, own, quality), rebuild(*given, own, quality, compiled)
        ):
            return False
    return True
