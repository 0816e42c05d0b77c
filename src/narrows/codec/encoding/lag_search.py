"""Where in its decoded past a window of a recording comes nearest to it: the same everywhere.

Values are rounded to so few bits that Fourier transforms, whose last bits differ between machines,
are within 1/2 of the whole numbers that their results must be, to which these are rounded.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from narrows.codec.prediction.prediction import MAX_GAIN, Prediction

Floats = npt.NDArray[np.float64]
COARSE_BITS = 13  # products of 256 sum to 2**34; a transform of 512 is then right to 2**-10
GAINS = np.arange(MAX_GAIN + 1) / 8.0
APART = 6  # lags nearer to a candidate than this are no other candidate


class Candidates(NamedTuple):
    """Lags `(m,)` and gains `(m, channels)` in eighths, one a recording."""

    lag: npt.NDArray[np.int64]
    gain: npt.NDArray[np.int64]


class LagSearch:
    """Correlations of windows with the smoothed past of recordings side by side.

    Parameters
    ----------
    prediction : Prediction
    n_recordings, n_windows : int
    """

    def __init__(self, prediction: Prediction, n_recordings: int, n_windows: int) -> None:
        self._length, self._memory = prediction.length, prediction.memory
        self.shift = max(0, prediction.limit.bit_length() - COARSE_BITS + 1)
        self._n_known = 0
        rows = (n_recordings, prediction.n_channels)
        self._values = np.zeros((*rows, n_windows * self._length))
        self._spectra = np.zeros((*rows, n_windows, self._length + 1), dtype=np.complex128)
        self._sums = np.zeros((*rows, n_windows * self._length + 1))
        self._squares = np.zeros_like(self._sums)

    def append(self, smoothed: npt.NDArray[np.int64]) -> None:
        """Let windows `(n_recordings, length, channels)` follow."""
        length, start = self._length, self._n_known * self._length
        x = self._coarse(smoothed)
        self._values[..., start : start + length] = x
        for sums, terms in ((self._sums, x), (self._squares, x * x)):
            np.cumsum(terms, axis=-1, out=sums[..., start + 1 : start + length + 1])
            sums[..., start + 1 : start + length + 1] += sums[..., start, None]
        if self._n_known:
            both = self._values[..., start - length : start + length]
            self._spectra[:, :, self._n_known - 1] = np.fft.rfft(both, axis=-1)
        self._n_known += 1

    def best(
        self,
        windows: npt.NDArray[np.int64],
        lag_bits: Floats,
        gain_bits: Floats,
        price: Floats,
        count: int,
    ) -> list[Candidates]:
        """Return the `count` best lags of each window, and their best gains.

        Parameters
        ----------
        windows : (n_recordings, length, channels)
        lag_bits : (n_recordings, memory + 1)
            What each lag costs.
        gain_bits : (n_recordings, channels, gains)
        price : (n_recordings,)
            Of a bit, in squared errors.
        count : int
        """
        start, own = self._n_known * self._length, np.arange(len(windows))
        c, v, starts = self._correlations(self._coarse(windows))
        if not starts.size:
            return []
        price = price * 4.0**-self.shift
        gain = np.clip(np.rint(8.0 * c / v), 0.0, MAX_GAIN) / 8.0
        saved = (2.0 * c - gain * v) * gain
        score = saved[:, 0].copy()
        for each in range(1, saved.shape[1]):
            score += saved[:, each]
        score -= price[:, None] * lag_bits[:, start - starts]
        found = []
        for _ in range(count):
            at = score.argmax(axis=1)
            cost = GAINS * (GAINS * v[own, :, at, None] - 2.0 * c[own, :, at, None])
            cost += price[:, None, None] * gain_bits
            found.append(Candidates(start - starts[at], cost.argmin(axis=2)))
            near = np.abs(np.arange(len(starts)) - at[:, None]) <= APART
            score[near] = -np.inf
        return found

    def _coarse(self, values: npt.NDArray[np.int64]) -> Floats:
        """Return `(n_recordings, channels, length)` of COARSE_BITS bits."""
        return np.ascontiguousarray((values >> self.shift).transpose(0, 2, 1), dtype=np.float64)

    def _correlations(self, x: Floats) -> tuple[Floats, Floats, npt.NDArray[np.int64]]:
        """Return products with all earlier parts, their energies, and where the parts begin.

        The mean of each part is taken out of it. Both are `(n_recordings, channels, parts)`.
        """
        length, last = self._length, max(self._n_known - 1, 0)
        first = max(0, self._n_known - self._memory // length)
        starts = np.arange(first * length, last * length)
        spectrum = np.fft.rfft(x, n=2 * length, axis=-1).conj()[:, :, None]
        both = np.fft.irfft(self._spectra[:, :, first:last] * spectrum, n=2 * length, axis=-1)
        products = np.rint(both[..., :length]).reshape(*x.shape[:2], -1)
        sums, squares = (
            of[..., starts + length] - of[..., starts] for of in (self._sums, self._squares)
        )
        products -= sums * (x.sum(axis=-1, keepdims=True) / length)
        return products, np.maximum(squares - sums * sums / length, 1.0), starts
