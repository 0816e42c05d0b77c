"""How large a context model is, and from how many signals on it may pay."""

from __future__ import annotations

TOTAL_UNITS = 768  # hidden units of all positions
MAX_UNITS, MIN_UNITS = 24, 4  # hidden units of a position
OUTPUTS = 2  # numbers that tilt the frequencies of a position
LARGEST_GAIN = 0.25  # share of the bytes: no context model saved more
BITS_PER_WEIGHT = 4.0  # in the model file, about


def units_for(k: int) -> int:
    """Return the hidden units of each of k positions."""
    return max(MIN_UNITS, min(MAX_UNITS, TOTAL_UNITS // k))


def may_pay(n: int, k: int, bits: float) -> bool:
    """Return whether a context model can save more than it takes.

    Parameters
    ----------
    n, k : int
        Signals, and their latents.
    bits : float
        Of a signal, without it.
    """
    weights = units_for(k) * (1 + OUTPUTS) * k * (k - 1) // 2
    return k > 1 and LARGEST_GAIN * bits * n >= BITS_PER_WEIGHT * weights
