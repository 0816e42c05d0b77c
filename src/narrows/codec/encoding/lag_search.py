"""Where in its decoded past a window of a recording comes nearest to it: the same everywhere.

The past is looked through at fewer samples a second first, where the recording has little above
them, by Fourier transforms. Their last bits differ between machines: so values are rounded to so
few bits that the transforms are within 1/2 of the whole numbers that their results must be, to
which they are rounded. The best places are then looked at sample by sample.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from narrows.codec.prediction.prediction import MAX_GAIN, NEAR, Prediction

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
COARSE_BITS = 13  # products of 256 sum to 2**34; a transform of 512 is then right to 2**-10
GAINS = np.arange(MAX_GAIN + 1) / 8.0
APART = 6  # lags nearer to a candidate than this are no other candidate
KEPT_SHARE = 0.9  # of a recording's variance, that fewer samples have to keep
ROOM = 64  # windows


NEAREST, ALL = 48, 1 << 20  # windows: 34 s of an ECG, and as many as there are


@dataclass(frozen=True)
class Width:
    """How wide a search is.

    Attributes
    ----------
    judged : int
        Lags of a window whose whole cost is computed.
    found : int
        Places that are looked at sample by sample.
    fewer : int
        The most samples that are taken together at first.
    reach : int
        Windows, the last ones, in which places are looked for; lags near the last one's may be
        longer.
    """

    judged: int
    found: int
    fewer: int
    reach: int = NEAREST


WIDTHS = (
    Width(1, 4, 4), Width(2, 8, 4), Width(3, 16, 4), Width(3, 16, 4, ALL), Width(4, 16, 4, ALL),
    Width(4, 16, 2, ALL), Width(4, 16, 1, ALL), Width(6, 16, 1, ALL), Width(8, 16, 1, ALL),
    Width(12, 24, 1, ALL),
)  # fmt: skip
"""By effort."""


class Candidates(NamedTuple):
    """Lags `(m,)` and gains `(m, channels)` in eighths, one a recording."""

    lag: Integers
    gain: Integers


class Told(NamedTuple):
    """What it costs to tell of a window, `m` recordings side by side.

    Attributes
    ----------
    last : (m,) int64
        The last lag; 0 for none.
    near : (m, 2 * NEAR + 1)
        Bits of a lag that differs from the last one by -NEAR and more.
    far : (m, memory + 1)
        Bits of each lag.
    gains : (m, channels, gains)
    price : (m,)
        Of a bit, in squared errors.
    """

    last: Integers
    near: Floats
    far: Floats
    gains: Floats
    price: Floats

    def lag_bits(self, lags: Integers) -> Floats:
        """Return what lags `(m, n)` cost."""
        rows = np.arange(len(lags))[:, None]
        step = lags - self.last[:, None]
        is_near = (np.abs(step) <= NEAR) & (self.last > 0)[:, None]
        near = self.near[rows, np.where(is_near, step, 0) + NEAR]
        return np.where(is_near, near, self.far[rows, lags])


class LagSearch:
    """Correlations of windows with the smoothed past of recordings side by side.

    Parameters
    ----------
    prediction : Prediction
    largest : (n_recordings,)
        The largest magnitude of each recording.
    width : Width
    fewer : int
        Samples that are taken together at first; see `fewer_samples`.
    """

    def __init__(self, prediction: Prediction, largest: Floats, width: Width, fewer: int) -> None:
        self._length, self._memory = prediction.length, prediction.memory
        n_recordings = len(largest)
        _, bits = np.frexp(largest)
        self._unit = np.ldexp(1.0, np.maximum(bits - COARSE_BITS + 1, 0))
        self._width, self._fewer = width, fewer
        self._n_known = 0  # windows
        rows = (n_recordings, prediction.n_channels)
        self._reach = -(-self._memory // self._length) * self._length
        self._values = np.zeros((*rows, self._reach + ROOM * self._length))
        self._end = 0
        pieces = min(self._memory // self._length, width.reach) - 1
        self._few = _Transforms(rows, self._length // fewer, max(pieces, 1))

    def append(self, smoothed: Floats) -> None:
        """Let windows `(n_recordings, channels, length)` follow."""
        if self._end + self._length > self._values.shape[2]:
            kept = self._values[:, :, self._end - self._reach : self._end].copy()
            self._values[:, :, : self._reach] = kept
            self._end = self._reach
        x = self._coarse(smoothed)
        self._values[:, :, self._end : self._end + self._length] = x
        self._end += self._length
        self._n_known += 1
        self._few.append(self._summed(x))

    def best(self, windows: Floats, told: Told) -> list[Candidates]:
        """Return the best lags of each window `(n_recordings, channels, length)`, and gains."""
        if not self._n_known:
            return []
        x, rows = self._coarse(windows), np.arange(len(windows))
        lags = self._places(x, told)
        c, v = self._products(x, lags)
        price = told.price / (self._unit * self._unit)
        gain = np.clip(np.rint(8.0 * c / v), 0.0, MAX_GAIN) / 8.0
        saved = (2.0 * c - gain * v) * gain
        score = saved[:, :, 0].copy()
        for each in range(1, saved.shape[2]):
            score += saved[:, :, each]
        score -= price[:, None] * told.lag_bits(lags)
        found = []
        for _ in range(self._width.judged):
            at = score.argmax(axis=1)
            lag = lags[rows, at]
            cost = GAINS * (GAINS * v[rows, at, :, None] - 2.0 * c[rows, at, :, None])
            cost += price[:, None, None] * told.gains
            found.append(Candidates(lag, cost.argmin(axis=2)))
            score[np.abs(lags - lag[:, None]) <= APART] = -np.inf
        return found

    def _known(self) -> int:
        """Return the longest lag that there is."""
        return min(self._n_known * self._length, self._memory)

    def _coarse(self, values: Floats) -> Floats:
        """Return values of COARSE_BITS bits."""
        coarse = np.floor(values / self._unit[:, None, None])
        return np.asarray(np.clip(coarse, -(2.0 ** (COARSE_BITS - 1)), 2.0 ** (COARSE_BITS - 1)))

    def _summed(self, x: Floats) -> Floats:
        """Return fewer samples: sums of some each."""
        if self._fewer == 1:
            return x
        return np.asarray(x.reshape(*x.shape[:2], -1, self._fewer).sum(axis=3))

    def _places(self, x: Floats, told: Told) -> Integers:
        """Return lags `(n_recordings, n)` that are looked at: good ones and the last one's."""
        near = told.last[:, None] + np.arange(-NEAR, NEAR + 1)
        around = np.arange(1 - self._fewer, self._fewer)
        apart = APART // self._fewer
        best = self._few.best(self._summed(x), self._width.found, apart) * self._fewer
        lags = (best[:, :, None] + around).reshape(len(x), -1)
        both = np.concatenate([np.full((len(x), 1), self._length), near, lags], axis=1)
        return np.asarray(np.clip(both, self._length, self._known()))

    def _products(self, x: Floats, lags: Integers) -> tuple[Floats, Floats]:
        """Return products with earlier parts, and their energies, `(n_recordings, n, channels)`.

        The mean of each part is taken out of it.
        """
        length = self._length
        parts = np.lib.stride_tricks.sliding_window_view(self._values, length, axis=2)
        part = parts[np.arange(len(x))[:, None], :, self._end - lags]  # (m, n, channels, length)
        products = np.einsum("mnct,mct->mnc", part, x)
        squares = np.einsum("mnct,mnct->mnc", part, part)
        sums = part.sum(axis=3)
        products -= sums * (x.sum(axis=2)[:, None] / length)
        return products, np.maximum(squares - sums * sums / length, 1.0)


class _Transforms:
    """Correlations of windows with all of the past, by Fourier transforms.

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
        found = np.empty((m, count), dtype=np.int64)
        for number in range(count):
            at = score.argmax(axis=1)
            found[:, number] = lags[at]
            for row, place in enumerate(at.tolist()):
                score[row, max(0, place - apart) : place + apart + 1] = -1.0
        return found


def _moving_sums(x: Floats, length: int) -> Floats:
    """Return the sums of `length` values from each of the first half of the last axis."""
    sums = np.cumsum(x, axis=-1)
    out = sums[..., length - 1 : -1].copy()
    out[..., 1:] -= sums[..., : length - 1]
    return out


def fewer_samples(x: Floats, width: Width) -> int:
    """Return how many samples of windows `(..., channels, length)` may be taken together.

    As many as leave most of each channel's variance; everything in it is exact, or rounded once.
    """
    length, fewer = x.shape[-1], width.fewer
    while fewer > 1:
        if length % fewer == 0 and length // fewer >= NEAR:
            sums = x.reshape(*x.shape[:-1], -1, fewer).sum(axis=-1)
            if _spread(sums) >= KEPT_SHARE * fewer * fewer * _spread(x):
                return fewer
        fewer //= 2
    return 1


def _spread(x: Floats) -> float:
    """Return the variance of windows about their means, summed and in whole units."""
    each = np.floor(x - np.floor(x.mean(axis=-1, keepdims=True)))
    return float(np.mean(np.square(each)))
