"""Correlations of windows with all of the past of recordings, by Fourier transforms."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from narrows.codec.prediction.prediction import MAX_GAIN

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


class Transforms:
    """Where the past of recordings comes nearest to windows.

    The past is in pieces of two windows. Those that go out of it make room for new ones.
    """

    def __init__(self, rows: tuple[int, int], length: int, n_pieces: int) -> None:
        self._length, self._n = length, n_pieces
        self._n_known = 0
        self._last = np.zeros((*rows, length))
        self._spectra = np.zeros((*rows, n_pieces, length + 1), dtype=np.complex128)
        self._sums, self._energy, self._inverse = (
            np.zeros((*rows, n_pieces, length)) for _ in range(3)
        )

    def append(self, x: Floats) -> None:
        """Let windows `(n_recordings, channels, length)` follow."""
        if self._n_known:
            both, length = np.concatenate([self._last, x], axis=2), self._length
            at = (self._n_known - 1) % self._n
            self._spectra[:, :, at] = np.fft.rfft(both, axis=2)
            sums, squares = (_moving_sums(of, length) for of in (both, both * both))
            self._sums[:, :, at] = sums / length
            energy = np.maximum(squares - sums * sums / length, 1.0)
            self._energy[:, :, at], self._inverse[:, :, at] = energy, 1.0 / energy
        self._last = x
        self._n_known += 1

    def best(self, x: Floats, count: int, apart: int) -> Integers:
        """Return the lags `(n_recordings, count)` of the parts that come nearest to windows."""
        length, m, n = self._length, len(x), min(self._n, self._n_known - 1)
        if n < 1:
            return np.zeros((m, 0), dtype=np.int64)
        spectrum = np.fft.rfft(x, n=2 * length, axis=2).conj()[:, :, None]
        both = np.fft.irfft(self._spectra[:, :, :n] * spectrum, n=2 * length, axis=3)
        gain = np.rint(both[..., :length])
        gain -= self._sums[:, :, :n] * x.sum(axis=2)[:, :, None, None]
        gain *= self._inverse[:, :, :n]
        saved = gain * 2.0
        np.minimum(gain, MAX_GAIN / 8.0, out=gain)
        np.maximum(gain, 0.0, out=gain)
        saved -= gain
        saved *= gain
        saved *= self._energy[:, :, :n]
        score = saved[:, 0].reshape(m, -1).copy()
        for channel in range(1, x.shape[1]):
            score += saved[:, channel].reshape(m, -1)
        # The piece at place p begins with the last window w before this one with p = w mod n.
        age = (self._n_known - 2 - np.arange(n)) % self._n + 2
        lags = (age[:, None] * length - np.arange(length)).ravel()
        found = np.empty((m, count), dtype=np.intp)
        for row, places in zip(score, found, strict=True):
            for number in range(count):
                place = int(row.argmax())
                places[number] = place
                row[max(0, place - apart) : place + apart + 1] = -1.0
        return np.asarray(lags[found])


def _moving_sums(x: Floats, length: int) -> Floats:
    """Return the sums of `length` values from each of the first half of the last axis."""
    sums = np.cumsum(x, axis=-1)
    out = sums[..., length - 1 : -1].copy()
    out[..., 1:] -= sums[..., : length - 1]
    return out
