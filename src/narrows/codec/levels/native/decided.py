"""What compiled code has decided, as `DecisionWriter` has what numpy decided."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np


class CompiledDecisions:
    """Decisions of compiled code, kept in coding order.

    Parameters
    ----------
    native : module
        `narrows.codec._native`.
    """

    def __init__(self, native: Any) -> None:
        self._native = native
        self.kept = native.make_decisions(None)

    def to_bytes(self) -> bytes:
        """Return the payload of a block."""
        words: bytes = self._native.decided_words(self.kept)
        return words

    def to_string(self) -> bytes:
        """Return the shortest string of bytes that stands for them, as packets have it."""
        string: bytes = self._native.decided_string(self.kept)
        return string

    def parts(self) -> Iterator[tuple[int, int]]:
        """Yield the start and the frequency of each entry in coding order, of 2**24."""
        shares = np.frombuffer(self._native.decided_shares(self.kept), np.uint32).reshape(-1, 2)
        yield from map(tuple, shares.tolist())
