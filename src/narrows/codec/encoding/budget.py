"""Budgets: so many bytes at most, or such a PSNR at least, of every single signal.

Qualities, and between two of them the weight that a search gives to errors, make a ladder: from
rung to rung a signal takes more bytes, most of the time, and is nearer to its original. What is
looked for is the highest rung that its bytes allow, or the lowest that is good enough; what a
signal gets is the best of all that was tried. Everything that is compared is exact, so the same is
found on every machine.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.errors import SettingError

Symbols = npt.NDArray[np.int32]
Qualities = npt.NDArray[np.intp]
Flags = npt.NDArray[np.bool_]

FINENESS = 8  # rungs to a factor of two of the weight
BELOW, ABOVE = 8, 6  # octaves of the weight under the lowest quality, and over the highest


@dataclass(frozen=True)
class Budget:
    """What every signal has to keep to: one of the two.

    Attributes
    ----------
    target_bytes : float or None
        Its size at most. Of a packet, all of it; in an archive, what its symbols take.
    target_psnr : float or None
        Its PSNR at least, in dB, from its own squared error and the model's peak.
    """

    target_bytes: float | None = None
    target_psnr: float | None = None

    def __post_init__(self) -> None:
        if self.target_bytes is not None and self.target_psnr is not None:
            raise SettingError(
                f"target_bytes {self.target_bytes!r} and target_psnr {self.target_psnr!r}; a "
                "budget is one of the two"
            )
        for name in ("target_bytes", "target_psnr"):
            value = getattr(self, name)
            if value is not None and not (_is_number(value) and value > 0):
                raise SettingError(f"{name} {value!r}; it must be a finite number above 0")

    @property
    def of_bytes(self) -> bool:
        """Whether bytes are what is limited."""
        return self.target_bytes is not None

    def largest_error(self, peak: float, n_elements: int) -> float:
        """Give the sum of squared errors that a signal may have; the same on every machine."""
        context = Context(prec=40)  # of its own: the program's may be set to anything
        exponent = context.divide(Decimal(repr(float(self.target_psnr or 0.0))), Decimal(-10))
        at_peak = context.multiply(context.multiply(Decimal(peak), Decimal(peak)), n_elements)
        return float(context.multiply(context.power(Decimal(10), exponent), at_peak))


@dataclass(frozen=True)
class Request:
    """At which quality and with how much effort to code; with a budget, the quality is open."""

    quality: int
    effort: int
    budget: Budget | None = None


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number that no float64 holds
        return False


@dataclass(frozen=True, eq=False)
class Ladder:
    """The quality and the weight of each rung, `(n_rungs,)`; qualities count from 1."""

    quality: Qualities
    weight: npt.NDArray[np.float64]

    @classmethod
    def of(cls, n_qualities: int, *, searches: bool) -> Ladder:
        """Make the ladder of a model; without a search its qualities are all there is."""
        if not searches:
            return cls(np.arange(1, n_qualities + 1), np.ones(n_qualities))
        half, quality, weight = FINENESS // 2, [], []
        for q in range(1, n_qualities + 1):
            below = BELOW * FINENESS if q == 1 else half
            above = ABOVE * FINENESS if q == n_qualities else half
            quality += [q] * (below + above)
            weight += [_power_of_two(eighths) for eighths in range(-below, above)]
        return cls(np.array(quality), np.array(weight))

    def plain_rungs(self) -> npt.NDArray[np.intp]:
        """Give the rung of each quality where the weight is 1."""
        return np.flatnonzero(self.weight == 1.0)


def _power_of_two(eighths: int) -> float:
    """Give 2**(eighths / 8) by roots and products, which are rounded alike everywhere."""
    root, octave, rest = 2.0, *divmod(eighths, FINENESS)
    for _ in range(FINENESS.bit_length() - 1):
        root = math.sqrt(root)
    return math.ldexp(math.prod([root] * rest), octave)


def climb(
    start: npt.NDArray[np.intp],
    n_rungs: int,
    keeps: Callable[[npt.NDArray[np.intp], npt.NDArray[np.intp]], Flags],
) -> npt.NDArray[np.intp]:
    """Find the highest rung on which each signal keeps to its budget; -1 where there is none.

    Parameters
    ----------
    start : (n,)
        Where to begin; the nearer it is, the fewer rungs are tried.
    n_rungs : int
    keeps : callable
        Given the numbers of some signals and a rung for each, tells which keep to the budget.

    Notes
    -----
    Steps double until a rung is found on either side, then the distance is halved: what is found
    was tried, and the rung above it as well, whether or not the budget is kept on all below.
    """
    low, high = np.full(len(start), -1), np.full(len(start), n_rungs)
    probe, stride = start.copy(), np.ones(len(start), dtype=np.intp)
    active = np.arange(len(start))
    while len(active):
        kept = keeps(active, probe[active])
        low[active[kept]] = probe[active[kept]]
        high[active[~kept]] = probe[active[~kept]]
        between = (low + high) // 2
        up, down = np.minimum(low + stride, n_rungs - 1), np.maximum(high - stride, 0)
        probe = np.where(high == n_rungs, up, np.where(low < 0, down, between))
        stride *= 2
        active = np.flatnonzero(high - low > 1)
    return low


def squared_errors(decoded: npt.NDArray[Any], x: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Sum the squared errors of `(n, *frame_shape)` signals to `(n,)`; inf where it is too large.

    Errors, squares and sums are rounded once each: the same on every machine.
    """
    with np.errstate(over="ignore"):
        e = decoded.astype(np.float64) - x
        e = np.asarray(np.square(e.reshape(len(e), math.prod(e.shape[1:]))))
    if x.dtype.kind != "f" and x.dtype.itemsize < 4:
        return np.asarray(e.sum(axis=1, dtype=np.int64), dtype=np.float64)  # below 2**59
    return np.array([_sum(row) for row in e.tolist()], dtype=np.float64)


def _sum(squares: list[float]) -> float:
    try:
        return math.fsum(squares)
    except OverflowError:
        return math.inf
