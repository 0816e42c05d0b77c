"""The search for how windows of one recording are coded, by compiled code: as `window_search`."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from narrows.codec.encoding.lag_search import WIDTHS, fewer_samples, pieces_of, unit_of
from narrows.codec.encoding.window_search import Chosen, WindowSearch
from narrows.codec.prediction.native.engine import warn_of_windows
from narrows.codec.prediction.native.windows import Arrays, CompiledWindows, padded
from narrows.codec.prediction.prediction import Prediction

Floats = npt.NDArray[np.float64]
MOST_PRODUCTS = 1 << 25  # of a window with its past; Fourier transforms take less time for more
EXACT = 2.0**53
N_TRIED, EFFORT_TRIED = 6, 2
DECIDED = ("modes", "lags", "gains", "symbols", "decoded")


class CompiledSearch:
    """The search of one level of this processor.

    Parameters
    ----------
    search : WindowSearch
        In numpy.
    compiled : CompiledWindows
        Of the same prediction.
    """

    def __init__(self, search: WindowSearch, compiled: CompiledWindows) -> None:
        self._compiled, self._own, self._unit = compiled, search.prediction, search.unit
        self.costs = search.costs
        self._analysis = padded(search.analysis)

    def searched(
        self,
        x: Floats,
        chosen: Chosen,
        errors: Floats,
        base_bits: Floats,
        price: float,
        quality: int,
        effort: int,
        known: Floats | None,
    ) -> bool:
        """Decide for the windows of one recording, and return whether compiled code could.

        Parameters
        ----------
        x : (1, n, channels, length)
        chosen : Chosen
            Of nothing yet, with what is decoded without prediction; it is filled in.
        errors, base_bits : (1, n)
            Of what is not predicted.
        price : float
            Of a bit, in squared errors.
        quality : int
            Counted from 0.
        effort : int
        known : like x, optional
            Where errors count.
        """
        width, own = WIDTHS[effort], self._own
        fewer = fewer_samples(x, width)
        pieces, largest = pieces_of(own, width), np.abs(x).max(initial=0.0)
        places = pieces * (own.length // fewer) ** 2 * own.n_channels
        n_bits = own.n_channels * own.length
        most = np.floor(np.sqrt(EXACT / n_bits))
        if places > MOST_PRODUCTS or not own.step[quality] or max(largest, own.limit) >= EXACT / 8:
            return False
        unit = float(unit_of(largest))
        prices = np.array([
            price, self.costs.at_zero[quality], self._unit, price / (unit * unit),
            unit, most,
        ])  # fmt: skip
        kinds = np.array([width.judged, width.found, fewer, pieces], np.int64)
        nothing = np.zeros(0)
        assert chosen.decoded is not None
        decoded = chosen.decoded.copy()
        given = (
            x, nothing if known is None else known, errors, np.ascontiguousarray(base_bits),
            decoded, chosen.modes, chosen.lags, chosen.gains, chosen.symbols,
        )  # fmt: skip
        model = self._compiled.model(quality + 1)
        costs = (kinds, prices, *self._costs(quality))
        if not self._compiled.native.search_windows(self._compiled.level, model, costs, given):
            for each in (chosen.modes, chosen.lags, chosen.gains, chosen.symbols):
                each[...] = 0
            return False
        chosen.decoded[...] = decoded
        return True

    def _costs(self, quality: int) -> Arrays:
        costs = self.costs
        of = (costs.modes, costs.near, costs.far, costs.gains, costs.symbols)
        return *(np.ascontiguousarray(each[quality]) for each in of), self._analysis


def window_search(prediction: Prediction, compiled: CompiledWindows | None) -> WindowSearch:
    """Return the search of a prediction, by compiled code where it decides as numpy does.

    It is tried on a recording that is made up.
    """
    plain = WindowSearch(prediction)
    if compiled is None:
        return plain
    found = WindowSearch(prediction, CompiledSearch(plain, compiled))
    if decide_alike(plain, found):
        return found
    warn_of_windows(compiled.level, "search")
    return plain


def decide_alike(one: WindowSearch, other: WindowSearch) -> bool:
    """Return whether two searches decide the same for a recording that repeats itself, nearly."""
    own = one.prediction
    size = N_TRIED * own.length
    turn = np.abs(np.arange(size) * 7 % (4 * own.length) - 2 * own.length) * own.limit
    noise = np.arange(size * own.n_channels, dtype=np.int64) * 2654435761 >> 9
    x = (turn // (9 * own.length))[:, None] + noise.reshape(size, -1) % (own.limit // 999 + 2)
    x = x.reshape(1, N_TRIED, own.length, own.n_channels)
    for quality in sorted({1, len(own.step)}):
        given = x, x // 2, np.full((1, N_TRIED), 99.0), np.array([quality]), EFFORT_TRIED
        found = [each.encode(*given) for each in (one, other)]
        if not all(np.array_equal(*(getattr(each, name) for each in found)) for name in DECIDED):
            return False
    return True
