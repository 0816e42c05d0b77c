"""The decoded past of recordings, and what it says of their next windows, in exact integers.

Every number is an integer in float64, in the units of the decoder's output, and below 2**53; it is
rounded by a floor alone. Sender and receiver therefore have the same past, however long it grows.
Channels come before samples here, so that what is done along time is done in one go.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from narrows.codec.prediction.prediction import GAIN_SHIFT, Prediction

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
SMOOTHING_SHIFT = 1  # half of what is coded is taken for noise of its window
AHEAD = 64  # windows for which there is room before the past is moved to the front


class Match(NamedTuple):
    """An earlier part of each recording at the gains of a window.

    Attributes
    ----------
    inside : (m, channels, length)
        For the window.
    mismatch : (m, channels, border)
        What it lacks of the decoded samples before the window.
    """

    inside: Floats
    mismatch: Floats

    def of_rows(self, rows: npt.NDArray[np.intp]) -> Match:
        """Return those of some of the recordings."""
        return Match(self.inside[rows], self.mismatch[rows])

    def joined(self, coded: Floats) -> tuple[Floats, Floats]:
        """Return the decoded and the smooth window, `(m, channels, length)` each.

        `coded` is the border's part and the residual.
        """
        smooth = coded * 2.0**-SMOOTHING_SHIFT
        np.floor(smooth, out=smooth)
        smooth += self.inside
        return self.inside + coded, smooth


class Past:
    """Recordings side by side, decoded up to the same window, as far back as lags reach.

        decoded:   match + border + residual
        smoothed:  match + (border + residual) / 2       what later windows are matched with

    Noise of one window is so halved again with every window that is predicted from it.

    Parameters
    ----------
    prediction : Prediction
    n_recordings : int
    """

    def __init__(self, prediction: Prediction, n_recordings: int) -> None:
        self.prediction = prediction
        self._reach = prediction.memory + prediction.border_length  # samples
        size = self._reach + AHEAD * prediction.length
        self._decoded = np.zeros((n_recordings, prediction.n_channels, size))
        self._smoothed = np.zeros_like(self._decoded)
        self._end = 0

    def match(self, recordings: Integers, lag: Integers, gain: Integers) -> Match:
        """Take the parts that are `lag` samples `(m,)` before the next window.

        Parameters
        ----------
        recordings : (m,)
            Their numbers; one may be there several times.
        lag : (m,)
            From the length of a window to what is known.
        gain : (m, channels)
            In eighths.
        """
        own, border, end = self.prediction, self.prediction.border_length, self._end
        part = np.empty((len(lag), own.n_channels, border + own.length))
        numbers = recordings.tolist()
        for row, (number, each) in enumerate(zip(numbers, lag.tolist(), strict=True)):
            start = end - each - border
            part[row] = self._smoothed[number, :, start : start + border + own.length]
        mean = part[:, :, border:].sum(axis=2, keepdims=True)
        mean /= own.length
        np.floor(mean, out=mean)
        part -= mean
        part *= gain[:, :, None] * 2.0**-GAIN_SHIFT
        np.floor(part, out=part)
        part += mean
        _clip(part, own.limit)
        before = self._decoded[recordings, :, end - border : end]
        return Match(part[:, :, border:], before - part[:, :, :border])

    def append(self, decoded: Floats, smoothed: Floats) -> None:
        """Let windows `(n_recordings, channels, length)` follow: see `Match.joined`.

        What is not predicted is its own smooth window. Both are clipped to the limit in place.
        """
        start = self._next_start()
        rows = slice(start, start + self.prediction.length)
        for past, window in ((self._decoded, decoded), (self._smoothed, smoothed)):
            _clip(window, self.prediction.limit)
            past[:, :, rows] = window
        if start == self.prediction.border_length:  # before the first sample, all are like it
            self._smoothed[:, :, :start] = self._smoothed[:, :, start : start + 1]
        self._end = rows.stop

    def _next_start(self) -> int:
        """Return where the next window begins, with room for it."""
        if not self._end:
            return self.prediction.border_length
        if self._end + self.prediction.length > self._decoded.shape[2]:
            for past in (self._decoded, self._smoothed):
                past[:, :, : self._reach] = past[:, :, self._end - self._reach : self._end].copy()
            self._end = self._reach
        return self._end


def _clip(values: Floats, limit: int) -> None:
    np.minimum(values, limit, out=values)
    np.maximum(values, -limit, out=values)
