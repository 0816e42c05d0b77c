"""How many numbers and bits signals take at which quality, by their variances alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt


class WaterFilling(NamedTuple):
    """What Gaussian signals take at a distortion, at the least (Cover & Thomas 2006, 10.3.3)."""

    components: int  # of a variance above the distortion that all of them have
    bits: float  # a signal


@dataclass(frozen=True)
class Spectrum:
    """The variances of training signals along their principal components.

    Attributes
    ----------
    variances : (size,)
        Falling; in the unit of the mean variance of an element about its channel's mean.
    psnr_of_mean : float
        The PSNR in dB of that mean in place of the signals.
    finest_snr : float
        In dB; with less noise, nothing is gained any more.
    """

    variances: npt.NDArray[np.float64]
    psnr_of_mean: float
    finest_snr: float
    snr_of_zero: float = 0.0
    """In dB, of zeros in place of the signals: what of their mean square is variance."""
    weighed_snr: float | None = None
    """In dB, of errors that count by weights: what aims of single channels come to."""

    def at_snr(self, snr: float) -> WaterFilling:
        """Return what signals take at a signal-to-noise ratio in dB."""
        n, level = self._filled(snr)
        return WaterFilling(n, float(0.5 * np.log2(self.variances[:n] / level).sum()))

    def level_at(self, snr: float) -> float:
        """Return the distortion of each component that is coded; the largest variance of none."""
        return self._filled(snr)[1]

    def _filled(self, snr: float) -> tuple[int, float]:
        falling, before = self.variances, np.arange(len(self.variances))
        left = np.cumsum(falling[::-1])[::-1]  # of a component and those after it
        aimed = len(falling) * 10.0 ** (-snr / 10.0)
        n = int(np.count_nonzero(left + before * falling > aimed))
        return n, float((aimed - left[n : n + 1].sum()) / n if n else falling[0])

    def at_bits(self, bits: float) -> WaterFilling:
        """Return how many components are worth being coded in so many bits a signal."""
        logs, before = np.log2(self.variances), np.arange(len(self.variances))
        until = 0.5 * (np.cumsum(logs) - logs - before * logs)  # bits at which a component begins
        return WaterFilling(int(np.count_nonzero(until < bits)), bits)
