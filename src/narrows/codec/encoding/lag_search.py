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
from numpy.lib.stride_tricks import sliding_window_view

from narrows.codec.encoding.lag_transforms import Transforms
from narrows.codec.prediction.prediction import MAX_GAIN, NEAR, Prediction

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
COARSE_BITS = 13  # products of 256 sum to 2**34; a transform of 512 is then right to 2**-10
LARGEST_COARSE = 2.0 ** (COARSE_BITS - 1)
GAINS = np.arange(MAX_GAIN + 1) / 8.0
NEARBY = np.arange(-NEAR, NEAR + 1)
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
    """The best lags of each recording's window, the best one first.

    Attributes
    ----------
    lags : (n, m)
    gains : (n, m, channels)
        In eighths.
    bits : (n, m)
        What these lags cost.
    """

    lags: Integers
    gains: Integers
    bits: Floats


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
        self._unit = unit_of(largest)
        self._width, self._fewer = width, fewer
        self._n_known = 0  # windows
        rows = (n_recordings, prediction.n_channels)
        self._reach = -(-self._memory // self._length) * self._length
        size = self._reach + ROOM * self._length
        self._values = np.zeros((*rows, size))
        self._parts = sliding_window_view(self._values, self._length, axis=2)
        self._sums = np.zeros((n_recordings, 2 * prediction.n_channels, size + 1))
        """Of the values, and of their squares, before each place."""
        self._end = 0
        self._rows, self._channels = np.arange(n_recordings)[:, None], np.arange(rows[1])[:, None]
        self._first = np.full((n_recordings, 1), self._length)
        self._around = np.arange(1 - fewer, fewer)
        self._few = Transforms(rows, self._length // fewer, pieces_of(prediction, width))

    def append(self, smoothed: Floats) -> None:
        """Let windows `(n_recordings, channels, length)` follow."""
        if self._end + self._length > self._values.shape[2]:
            kept = slice(self._end - self._reach, self._end)
            self._values[:, :, : self._reach] = self._values[:, :, kept].copy()
            sums = self._sums[:, :, kept.start : kept.stop + 1]
            self._sums[:, :, : self._reach + 1] = sums - sums[:, :, :1]
            self._end = self._reach
        x, end = self._coarse(smoothed), self._end
        self._values[:, :, end : end + self._length] = x
        sums = self._sums[:, :, end + 1 : end + 1 + self._length]
        x.cumsum(axis=2, out=sums[:, : x.shape[1]])
        (x * x).cumsum(axis=2, out=sums[:, x.shape[1] :])
        sums += self._sums[:, :, end : end + 1]
        self._end += self._length
        self._n_known += 1
        self._few.append(self._summed(x))

    def best(self, windows: Floats, told: Told) -> Candidates | None:
        """Return the best lags of each window `(n_recordings, channels, length)`, and gains."""
        if not self._n_known:
            return None
        x, rows = self._coarse(windows), np.arange(len(windows))
        lags = self._places(x, told)
        c, v = self._products(x, lags)
        price = told.price / (self._unit * self._unit)
        gain = np.rint(8.0 * c / v)
        np.minimum(gain, MAX_GAIN, out=gain)
        np.maximum(gain, 0.0, out=gain)
        gain /= 8.0
        saved = (2.0 * c - gain * v) * gain
        score = saved[:, :, 0].copy()
        for each in range(1, saved.shape[2]):
            score += saved[:, :, each]
        bits = told.lag_bits(lags)
        score -= price[:, None] * bits
        at = np.empty((self._width.judged, len(x)), dtype=np.intp)
        for number in range(len(at)):
            score.argmax(axis=1, out=at[number])
            score[np.abs(lags - lags[rows, at[number], None]) <= APART] = -np.inf
        cost = GAINS * (GAINS * v[rows, at][..., None] - 2.0 * c[rows, at][..., None])
        cost += price[:, None, None] * told.gains  # (n, m, channels, gains)
        return Candidates(lags[rows, at], cost.argmin(axis=3), bits[rows, at])

    def _known(self) -> int:
        """Return the longest lag that there is."""
        return min(self._n_known * self._length, self._memory)

    def _coarse(self, values: Floats) -> Floats:
        """Return values of COARSE_BITS bits."""
        coarse: Floats = values / self._unit[:, None, None]
        np.floor(coarse, out=coarse)
        np.minimum(coarse, LARGEST_COARSE, out=coarse)
        np.maximum(coarse, -LARGEST_COARSE, out=coarse)
        return coarse

    def _summed(self, x: Floats) -> Floats:
        """Return fewer samples: sums of some each."""
        if self._fewer == 1:
            return x
        return np.asarray(x.reshape(*x.shape[:2], -1, self._fewer).sum(axis=3))

    def _places(self, x: Floats, told: Told) -> Integers:
        """Return lags `(n_recordings, n)` that are looked at: good ones and the last one's."""
        near, around = told.last[:, None] + NEARBY, self._around
        apart = APART // self._fewer
        best = self._few.best(self._summed(x), self._width.found, apart) * self._fewer
        lags = (best[:, :, None] + around).reshape(len(x), -1)
        both: Integers = np.concatenate([self._first, near, lags], axis=1)
        np.minimum(both, self._known(), out=both)
        np.maximum(both, self._length, out=both)
        return both

    def _products(self, x: Floats, lags: Integers) -> tuple[Floats, Floats]:
        """Return products with earlier parts, and their energies, `(n_recordings, n, channels)`.

        The mean of each part is taken out of it.
        """
        length, n_channels = self._length, x.shape[1]
        starts, rows = self._end - lags, self._rows
        part = self._parts[rows[..., None], self._channels, starts[:, None]]
        products = (part @ x[..., None])[..., 0].swapaxes(1, 2)  # exact: below 2**53
        ends = self._sums[rows, :, starts + length]  # (m, n, 2 * channels)
        ends -= self._sums[rows, :, starts]
        sums, squares = ends[..., :n_channels], ends[..., n_channels:]
        products = products - sums * (x.sum(axis=2)[:, None] / length)
        return products, np.maximum(squares - sums * sums / length, 1.0)


def unit_of(largest: Floats) -> Floats:
    """Return what coarse values are counted in, for the largest magnitude of each recording."""
    _, bits = np.frexp(largest)
    return np.asarray(np.ldexp(1.0, np.maximum(bits - COARSE_BITS + 1, 0)))


def pieces_of(prediction: Prediction, width: Width) -> int:
    """Return in how many pieces, of two windows each, the past is looked through."""
    return max(min(prediction.memory // prediction.length, width.reach) - 1, 1)


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
