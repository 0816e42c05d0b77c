"""Which signals a model cannot code: unlike those of its training.

Two things must come together. The error is many times as large as that of nearly all training
signals; and it is not small beside the signal itself, so that what would come back is of no use.
Signals that are merely harder, as those of another patient, are coded. All that is compared is
exact, or rounded once: the same on every machine.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.block_coder import Qualities
from narrows.codec.encoding.costs import errors, squared, with_known
from narrows.codec.encoding.found import Found, Rows
from narrows.codec.encoding.objective import Known
from narrows.codec.entropy.tables import Symbols
from narrows.codec.transform import Frames, Transform

TIMES_TRAINING = 4.0  # the distortion that 99.9 % of the training signals stay below
LEAST_SHARE = 0.5  # of the signal's variance: an SNR of 3 dB
SAMPLE = 32  # signals of a block that are looked at where no search was; if one is unlike, all


class Likeness:
    """Finds signals that a model cannot code.

    Parameters
    ----------
    transform : Transform
    """

    def __init__(self, transform: Transform) -> None:
        self._transform = transform
        self._model = transform.model

    def unlike(
        self, x: Frames, known: Known, found: Found, qualities: Qualities
    ) -> npt.NDArray[np.bool_]:
        """Return which of `(n, *frame_shape)` frames, with their symbols, are unlike, `(n,)`."""
        unlike = np.zeros(len(x), dtype=bool)
        if self._model.fit is None or not len(x):
            return unlike
        given = (x, known, found.symbols, qualities)
        rows = np.flatnonzero(found.distortion_at_most > self._most(x, known, qualities))
        if len(rows) > SAMPLE and np.isinf(found.distortion_at_most).all():
            few = rows[np.arange(SAMPLE) * len(rows) // SAMPLE]
            if not self._of_rows(few, *given).any():
                return unlike
        if len(rows):
            unlike[rows] = self._of_rows(rows, *given)
        return unlike

    def _of_rows(
        self, rows: Rows, x: Frames, known: Known, symbols: Symbols, qualities: Qualities
    ) -> npt.NDArray[np.bool_]:
        decoded = self._transform.decode(symbols[rows], qualities[rows])
        return self.of_decoded(
            x[rows], None if known is None else known[rows], decoded, qualities[rows]
        )

    def _most(self, x: Frames, known: Known, qualities: Qualities) -> npt.NDArray[np.float64]:
        """Compute the distortion above which signals may be unlike, `(n,)`."""
        assert self._model.fit is not None
        size = x[0].size
        n = np.full(len(x), size) if known is None else known.reshape(len(x), size).sum(axis=1)
        most = TIMES_TRAINING * np.array(self._model.fit.distortion)[qualities - 1]
        return np.asarray(most * n)

    def of_decoded(
        self, x: Frames, known: Known, decoded: Frames, qualities: Qualities
    ) -> npt.NDArray[np.bool_]:
        """Return which of `(n, *frame_shape)` frames are unlike what they decode to, `(n,)`."""
        if self._model.fit is None:
            return np.zeros(len(x), dtype=bool)
        assert self._model.tradeoffs is not None
        units = self._model.tradeoffs.units
        distortion = squared(errors(with_known(decoded, x, known), x, units))
        found: npt.NDArray[np.bool_] = distortion > self._most(x, known, qualities)
        far = np.flatnonzero(found)
        if len(far):
            some = None if known is None else known[far]
            found[far] = distortion[far] > LEAST_SHARE * self._variance(x[far], some, units)
        return found

    def _variance(self, x: Frames, known: Known, units: Any) -> npt.NDArray[np.float64]:
        """Sum the squares about each channel's mean, in whole units, `(n,)`."""
        offset = np.array(self._model.normaliser.offset)
        centre = np.broadcast_to(offset, x.shape)
        away = errors(with_known(x, centre, known), centre, units)  # 0 where nothing is known
        channels = units.size if isinstance(units, np.ndarray) else 1
        each = away.reshape(len(x), -1, channels)
        n = np.full((len(x), channels), each.shape[1])
        if known is not None:
            n = known.reshape(each.shape).sum(axis=1)
        sums = each.sum(axis=1)  # exact, as those of the squares are
        squares = np.einsum("ijk,ijk->ik", each, each)
        total = np.zeros(len(x))
        for channel in range(channels):
            mean_part = sums[:, channel] * sums[:, channel] / np.maximum(n[:, channel], 1)
            total += squares[:, channel] - mean_part
        return total
