"""The bits of all that is told of a predicted window."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from narrows.codec.encoding.costs import code_lengths
from narrows.codec.entropy.tables import FrequencyTable
from narrows.codec.prediction.prediction import (
    DIGIT_BITS,
    FAR,
    MAX_GAIN,
    MERGE,
    NEAR,
    Prediction,
)

Floats = npt.NDArray[np.float64]
LARGEST = 1023  # symbol that is tried for a residual


def bits_of(table: FrequencyTable, low: int, high: int) -> Floats:
    """Return what each symbol from low to high costs."""
    symbols = np.arange(low, high + 1)
    entries = table.indices(symbols)
    bits = code_lengths(table.weights[entries].astype(np.float64))
    outside = entries == table.escape
    far = symbols[outside]
    folded = np.where(far > table.high, 2 * (far - table.high - 1), 2 * (table.low - 1 - far) + 1)
    lengths = np.frexp((folded + 1).astype(np.float64))[1]  # of the folded number in binary
    bits[outside] += 2 * lengths - 1
    return bits


class Costs:
    """The bits of all that is told of a predicted window, by quality from 0.

    Attributes
    ----------
    modes : (n_qualities, 3, 3)
        After each mode.
    near : (n_qualities, 2 * NEAR + 1)
    far : (n_qualities, memory + 1)
    gains : (n_qualities, channels, MAX_GAIN + 1)
    symbols : (n_qualities, n_latents, 2 * LARGEST + 1)
    at_zero : (n_qualities,)
        Of all symbols of a window together, where they are 0.
    """

    def __init__(self, prediction: Prediction) -> None:
        side = prediction.side
        self.modes = np.array([[bits_of(t, 0, MERGE) for t in each.modes] for each in side])
        steps = np.array([bits_of(each.lag[0], -NEAR, FAR) for each in side])
        self.near = steps[:, :-1]
        digits = np.maximum(np.arange(prediction.memory + 1) - prediction.length, 0)
        high, low = digits >> DIGIT_BITS, digits & ((1 << DIGIT_BITS) - 1)
        self.far = np.array([
            cost[-1] + bits_of(each.lag[1], 0, int(high.max()))[high]
            + bits_of(each.lag[2], 0, int(low.max()))[low]
            for each, cost in zip(side, steps, strict=True)
        ])  # fmt: skip
        self.gains = np.array([[bits_of(t, 0, MAX_GAIN) for t in each.gains] for each in side])
        of_shapes = np.array([bits_of(t, -LARGEST, LARGEST) for t in prediction.shapes])
        self.symbols = of_shapes[prediction.shape_of]
        self.at_zero = self.symbols[:, :, LARGEST].sum(axis=1)
