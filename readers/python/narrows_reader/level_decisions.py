"""format/level-networks.md, "Decisions": entries of a payload, and the sigmoid of their tables."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import accumulate

import numpy as np

from .conventions import need
from .payload import Coder

TOTAL = 2**24


class Decisions:
    """Entries of a payload of words alone."""

    def __init__(self, words: bytes) -> None:
        need(len(words) % 4 == 0, "a part of a word")
        self.coder, n = Coder(b"\0"), len(words) // 4
        self.coder.words = np.frombuffer(words, "<u4").tolist()
        need(not n or self.coder.words[-1], "the last word is 0")
        self.coder.fill()

    def entry(self, weights: Sequence[int], starts: Sequence[int]) -> int:
        """Take an entry of a table."""
        r = self.coder.state % TOTAL
        e = bisect_right(starts, r) - 1
        self.coder.state = (self.coder.state >> 24) * weights[e] + r - starts[e]
        self.coder.fill()
        return e

    def check_end(self) -> None:
        """Check that nothing is left."""
        self.coder.check_end()

    def entries(self, weights: Sequence[int], n: int) -> list[int]:
        """Take n entries of a table."""
        starts = list(accumulate(weights, initial=0))[:-1]
        return [self.entry(weights, starts) for _ in range(n)]

    def yes(self, frequency: int) -> bool:
        """Take a decision."""
        return self.entry((TOTAL - frequency, frequency), (0, TOTAL - frequency)) == 1


@cache
def sigmoids() -> list[int]:
    """Return S(0), S(1) ... S(2**14)."""
    e, found = 2**96, []
    for _ in range(2**14 + 1):
        found.append((2**113 // (2**96 + e) + 1) // 2)
        e = e * 79150829028446036714492239484 >> 96
    return found


def sigmoid(z: int) -> int:
    """Return S(z)."""
    return sigmoids()[min(z, 2**14)] if z >= 0 else 2**16 - sigmoids()[min(-z, 2**14)]


def cut(m: int, n: int) -> Iterator[slice]:
    """Cut m places of n frames into parts."""
    step = max(1, 2**15 // max(1, n))
    return (slice(start, min(start + step, m)) for start in range(0, m, step))
