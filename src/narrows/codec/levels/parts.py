"""Parts of a pass that are coded together: few rows each, which stay in the cache."""

from __future__ import annotations

from collections.abc import Iterator


def parts_of(m: int, n: int, rows_at_once: int) -> Iterator[slice]:
    """Cut m places of n frames into parts of few rows."""
    step = max(1, rows_at_once // max(1, n))
    for start in range(0, m, step):
        yield slice(start, min(start + step, m))
