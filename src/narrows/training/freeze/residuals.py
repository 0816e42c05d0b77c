"""The errors that networks leave over, in components: bits and errors of correcting them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from narrows.codec.encoding.symbol_encoder import TOWARDS_ZERO
from narrows.codec.entropy.ans import ideal_bits
from narrows.codec.entropy.counting import count_table
from narrows.codec.entropy.tables import FixedTables

BISECTIONS = 12  # of the interval of a step

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Residuals:
    """The errors that the networks leave at one quality.

    Attributes
    ----------
    quality : int
        Its number.
    bits : float
        The mean rate of the networks' latents.
    error : float
        The mean squared error, summed over a frame.
    counted, held_out : (n, n_components)
        The residuals in components: those on which tables are counted, half of them of training
        signals, and those on which rates and errors are measured.
    components : (size, n_components)
        Orthonormal.
    """

    quality: int
    bits: float
    error: float
    counted: Floats
    held_out: Floats
    components: Floats

    def rate_and_error(self, step: float) -> tuple[float, float]:
        """Return the bits and the error of held-out signals, corrected in steps of this size."""
        symbols = in_symbols(self.held_out, step)
        row = [count_table(column) for column in in_symbols(self.counted, step).T]
        bits = self.bits + float(ideal_bits(symbols, FixedTables(row)).mean())
        gained = np.square(self.held_out) - np.square(self.held_out - step * symbols)
        return bits, self.error - float(gained.sum(axis=1).mean())

    def step_for(self, bits: float) -> float:
        """Return the step at which networks and correction together take so many bits."""
        return self._largest_step(lambda each: each[0] >= bits)

    def step_for_error(self, error: float) -> float:
        """Return the step at which networks and correction together leave so much error.

        Where the components leave nearly as much as that, it is twice what they leave.
        """
        left_out = self.error - float(np.square(self.held_out).sum(axis=1).mean())
        return self._largest_step(lambda each: each[1] <= max(error, 2.0 * left_out))

    def _largest_step(self, is_fine: Callable[[tuple[float, float]], bool]) -> float:
        """Return the largest step whose bits and error are those of a fine one."""
        high = float(np.abs(self.held_out).max()) or 1.0
        low = high * 2.0**-BISECTIONS
        for _ in range(BISECTIONS):
            middle = math.sqrt(low * high)
            if is_fine(self.rate_and_error(middle)):
                low = middle
            else:
                high = middle
        return math.sqrt(low * high)


@dataclass(frozen=True)
class Correction:
    """The correction of one quality: which residuals, in which step, and the slope there."""

    residuals: Residuals
    step: float
    lambda_: float  # bits per squared error


def in_symbols(x: Floats, step: float) -> npt.NDArray[np.int32]:
    """Round components as an encoder does, a little towards 0."""
    steps = x / step
    steps -= np.clip(steps, -TOWARDS_ZERO, TOWARDS_ZERO)
    return np.floor(steps + 0.5).astype(np.int32)
