"""Numbers in sentences."""

from __future__ import annotations


def counted(n: int, thing: str, things: str = "") -> str:
    """Write a number of things: 1 epoch, 2,000 epochs; 1 batch, 3 batches."""
    return f"{n:,} {thing if n == 1 else things or f'{thing}s'}"
