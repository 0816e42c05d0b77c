"""The weights of a pass from a sample of its places, the same on every machine.

Sums are of whole numbers below 2**53, and equations are solved by single operations in float64:
no library decides in which order it adds.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.encoding.weight_sums import HINT_PARTS, LOG_PARTS, Floats, Sums
from narrows.codec.interpolation.adaptive import ONE, Integers
from narrows.codec.interpolation.prediction import MAX_WEIGHT, WEIGHT_BITS, usual

WEIGHT_COST = 12  # bits
LEAST_SAMPLE = 16
PART_BITS = 18  # of a number in a sum of products; 2**15 of these stay below 2**53
MOST_HINT = 1 << 11  # so that sums of products stay below 2**53
ROUNDS = 4


def fitted(
    inputs: Integers,
    target: Integers,
    prefixes: list[int],
    step: int,
    repeats: int,
    sums: Sums,
    weight_bits: int = WEIGHT_BITS,
) -> tuple[npt.NDArray[np.int64], Integers]:
    """Return the weights of the first groups, as many as pay for themselves, and what is left.

    Parameters
    ----------
    inputs : (rows, groups) int64
        The sums of differences.
    target : (rows,) int64
        What they are to tell.
    prefixes : list of int
        How many groups may have weights.
    step : int
        In the same units.
    repeats : int
        How many places each row stands for.
    sums : Sums
        What adds up.
    weight_bits : int
        Weights are in parts of 2 to their power, and at most 8.
    """
    one, most = 1 << weight_bits, MAX_WEIGHT << (weight_bits - WEIGHT_BITS)
    best, left = np.zeros(0, np.int64), target
    if len(target) < LEAST_SAMPLE:
        return best, left
    least = sums.bits(target, step) * repeats
    x, y, shift = _parts(inputs, target)
    products, moments = x.T @ x, x.T @ y  # exact
    for n in prefixes:
        if not 0 < n <= x.shape[1]:
            continue
        weights = np.rint(_solved(products[:n, :n], moments[:n]) * one)
        row = np.clip(weights, -most, most)
        rest = np.floor(y - x[:, :n] @ row / one).astype(np.int64) << shift
        cost = sums.bits(rest, step) * repeats + LOG_PARTS * WEIGHT_COST * n
        if cost < least:
            least, best, left = cost, row.astype(np.int64), rest
    return best, left


def shares_of(
    hints: Integers, left: Integers, step: int, repeats: int, sums: Sums, *, told: bool
) -> tuple[int, ...]:
    """Return the shares of hints, `(rows, n)`, that tell best how much is left, `(rows,)`.

    Least squares that trust places of which little is expected to be left, found in turns; shares
    below 0 are left out. Unless the weights are `told`, the usual ones where these gain nothing.
    """
    n = hints.shape[1]
    unit = max(step, int(np.abs(left).sum()) // max(1, len(left)))
    sample = _parts_of(hints, unit), _parts_of(np.abs(left), unit)
    kept, shares = usual(n).shares, np.full(n, ONE // n, np.int64)
    for _ in range(ROUNDS if len(left) >= LEAST_SAMPLE else 0):
        shares = _in_turn(*sums.moments(*sample, shares))
    found = tuple(np.clip(shares, 1, 255).tolist())
    if told:
        return found
    gain = sums.laplacian(*sample, np.array(kept)) - sums.laplacian(*sample, np.array(found))
    return found if gain * repeats > LOG_PARTS * WEIGHT_COST * n else kept


def _in_turn(products: Floats, moments: Floats) -> Integers:
    """Return shares of least squares, those below 0 left out."""
    found, used = np.zeros(len(moments), np.int64), np.arange(len(moments))
    while len(used):
        solved = _solved(products[np.ix_(used, used)], moments[used])
        if (solved >= 0).all():
            found[used] = np.rint(solved * ONE)
            break
        used = used[solved >= 0]
    return found


def _solved(square: npt.NDArray[Any], moments: npt.NDArray[Any]) -> Floats:
    """Solve positive definite equations, by elimination; what is told twice counts once."""
    a, b = square.astype(np.float64), moments.astype(np.float64)
    diagonal = a.diagonal().copy()
    a.flat[:: len(a) + 1] += diagonal * 1e-9 + 1.0
    for i in range(len(a)):
        factors = a[i + 1 :, i] / a[i, i]
        a[i + 1 :, i:] -= factors[:, None] * a[i, i:]
        b[i + 1 :] -= factors * b[i]
    for i in reversed(range(len(a))):
        b[i] /= a[i, i]
        b[:i] -= a[:i, i] * b[i]
    return b


def _parts(inputs: Integers, target: Integers) -> tuple[Floats, Floats, int]:
    """Return numbers that are small enough to add up products of them, and by how many bits."""
    typical = int(np.abs(target).sum() // len(target)) + int(np.abs(inputs).sum() // inputs.size)
    shift = max(0, (64 * typical).bit_length() - PART_BITS)
    most = (1 << PART_BITS) - 1
    x, y = (np.clip(each >> shift, -most, most).astype(np.float64) for each in (inputs, target))
    return x, y, shift


def _parts_of(values: Integers, unit: int) -> Integers:
    """Return numbers in parts of a unit, cut where sums of their products would be too large."""
    return np.minimum(values * HINT_PARTS // unit, MOST_HINT)
