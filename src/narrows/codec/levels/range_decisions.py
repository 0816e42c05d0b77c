"""Decisions of networks of levels from the string of a packet, which has one form alone."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.entropy.range_coder import RangeDecoder, RangeEncoder
from narrows.codec.entropy.tables import TOTAL, Frequencies
from narrows.codec.levels.decisions import Integers
from narrows.errors import FormatError


class RangeReader:
    """Takes decisions from a string, and codes them once more to compare.

    Parameters
    ----------
    string : bytes
        What `RangeEncoder.to_bytes` gave.
    """

    def __init__(self, string: bytes) -> None:
        self._string = string
        self._decoder, self._encoder = RangeDecoder(string), RangeEncoder()

    def bits(self, ones: Integers, truth: Any) -> npt.NDArray[np.bool_]:
        """Return `(n,)` decisions; FormatError where no encoder wrote them."""
        found = np.zeros(len(ones), dtype=bool)
        for i, weight in enumerate(ones.astype(np.int64).tolist()):
            no = TOTAL - weight
            found[i] = self._decoder.part() >= no
            self._keep(*((no, weight) if found[i] else (0, no)))
        return found

    def symbols(self, weights: Frequencies, n: int, truth: Any) -> npt.NDArray[np.int32]:
        """Return `(n,)` entries of one table; FormatError where no encoder wrote them."""
        found = np.zeros(n, dtype=np.int32)
        if n:
            ends = list(accumulate(weights.astype(np.int64).tolist(), initial=0))
            for i in range(n):
                entry = bisect_right(ends, self._decoder.part()) - 1
                found[i] = entry
                self._keep(ends[entry], ends[entry + 1] - ends[entry])
        return found

    def _keep(self, start: int, weight: int) -> None:
        self._decoder.advance(start, weight)
        self._encoder.encode(start, weight)

    def check_end(self) -> None:
        """Raise FormatError unless the string is the one that the decisions have."""
        if self._encoder.to_bytes() != self._string:
            raise FormatError("packet of networks that is not the shortest of its decisions")
