"""The decoded past of recordings, and what it says of their next windows, in exact integers.

Every number is an integer of 64 bits, in the units of the decoder's output; nothing is rounded but
by a shift or a floor. Sender and receiver therefore have the same past, however long it grows.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from narrows.codec.prediction.prediction import GAIN_SHIFT, Prediction

Integers = npt.NDArray[np.int64]
SMOOTHING_SHIFT = 1  # half of what is coded is taken for noise of its window


class Match(NamedTuple):
    """An earlier part of each recording at the gains of a window.

    Attributes
    ----------
    inside : (m, length, channels)
        For the window.
    mismatch : (m, border, channels)
        What it lacks of the decoded samples before the window.
    """

    inside: Integers
    mismatch: Integers

    def joined(self, coded: Integers) -> tuple[Integers, Integers]:
        """Return the decoded and the smooth window, `(m, length, channels)` each.

        `coded` is the border's part and the residual.
        """
        return self.inside + coded, self.inside + (coded >> SMOOTHING_SHIFT)


class Past:
    """Recordings side by side, decoded up to the same window.

        decoded:   match + border + residual
        smoothed:  match + (border + residual) / 2       what later windows are matched with

    Noise of one window is so halved again with every window that is predicted from it.

    Parameters
    ----------
    prediction : Prediction
    n_recordings, n_windows : int
        Most windows of a recording.
    """

    def __init__(self, prediction: Prediction, n_recordings: int, n_windows: int) -> None:
        self.prediction = prediction
        self.n_known = 0  # windows
        shape = (n_recordings, n_windows * prediction.length, prediction.n_channels)
        self.decoded = np.zeros(shape, dtype=np.int64)
        self.smoothed = np.zeros(shape, dtype=np.int64)

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
        own = self.prediction
        start = self.n_known * own.length
        times = np.arange(-own.border_length, own.length)
        index = np.maximum(start + times - lag[:, None], 0)
        part = self.smoothed[recordings[:, None], index]  # (m, border + length, channels)
        mean = part[:, own.border_length :].sum(axis=1, keepdims=True) // own.length
        scaled = (((part - mean) * gain[:, None, :]) >> GAIN_SHIFT) + mean
        scaled = np.clip(scaled, -own.limit, own.limit, out=scaled)
        before = self.decoded[recordings, start - own.border_length : start]
        return Match(scaled[:, own.border_length :], before - scaled[:, : own.border_length])

    def append(self, decoded: Integers, smoothed: Integers) -> None:
        """Let windows `(n_recordings, length, channels)` follow: see `Match.joined`.

        What is not predicted is its own smooth window.
        """
        limit, length = self.prediction.limit, self.prediction.length
        rows = slice(self.n_known * length, (self.n_known + 1) * length)
        np.clip(decoded, -limit, limit, out=self.decoded[:, rows])
        np.clip(smoothed, -limit, limit, out=self.smoothed[:, rows])
        self.n_known += 1
