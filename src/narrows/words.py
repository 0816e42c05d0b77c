"""Numbers in sentences."""

from __future__ import annotations

MAX_PLAIN = 1e15
"""Beyond it a whole number has more digits than anybody reads."""


def counted(n: int, thing: str, things: str = "") -> str:
    """Write a number of things: 1 epoch, 2,000 epochs; 1 batch, 3 batches."""
    return f"{n:,} {thing if n == 1 else things or f'{thing}s'}"


def quantity(value: float, digits: int = 4) -> str:
    """Write a value in the signals' units; whole numbers, and large ones, without an exponent."""
    if float(value).is_integer() or abs(value) >= 10 ** (digits - 1):
        return f"{value:,.0f}" if abs(value) < MAX_PLAIN else f"{value:.{digits}g}"
    return f"{value:.{digits}g}"


def percent(share: float, digits: int = 2) -> str:
    """Write a share as percent: 0.5 % of 0.005, 100 % of 0.996."""
    return f"{quantity(100.0 * share, digits)} %"
