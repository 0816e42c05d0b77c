"""What is freed stays at hand for the next batch."""

from __future__ import annotations

from contextlib import suppress

import numpy as np

LARGEST = (1 << 25) - (1 << 13)
"""Bytes; glibc learns nothing from what is larger than 32 MB."""


def keep_freed_memory() -> None:
    """Let the allocator keep freed arrays of up to 32 MB, which batches take again and again.

    glibc gives those that are larger than any freed so far back to the system, and has their pages
    made anew for each batch: up to an eighth of the time of a search. An array that is freed
    unused, which takes no memory and some microseconds, teaches it; others do not mind.
    """
    with suppress(MemoryError):
        np.empty(LARGEST, np.uint8)
