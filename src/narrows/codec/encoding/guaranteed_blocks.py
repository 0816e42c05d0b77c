"""The smallest block that keeps a guarantee: levels without a network, deflated, or stored."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.archive import Block, Mode
from narrows.codec.archive.exact_values import ExactValues
from narrows.codec.archive.guarantee import Guarantee, bits_of
from narrows.codec.archive.raw_blocks import may_deflate_below, pack_raw
from narrows.codec.encoding.level_payloads import encode_levels
from narrows.codec.encoding.plan_choice import Numbers, smallest
from narrows.codec.interpolation.grid import (
    FIRST_BIAS,
    LARGEST,
    MAX_BOUND,
    PER_STEP,
    Decimals,
    Lossless,
    Scaled,
    Whole,
    in_order,
)
from narrows.codec.interpolation.layout import MAX_ELEMENTS
from narrows.codec.levels.kinds import Levels

SAMPLE = 1 << 16  # elements that a choice is tried on
WITHIN = 1 - 2.0**-20
"""A step is so much less than twice the bound that rounding does not reach beyond it."""

MARGIN = 0.97  # of the bytes of some signals: all take fewer each, for tables are learnt
DIVISORS = (1, 2, 4, 8, 10, 16, 64, 100, 200, 256, 1000, 4096, 10_000, 100_000, 1_000_000)
TESTED, MOSTLY = 4096, 0.98

Signals = npt.NDArray[Any]
Mask = npt.NDArray[np.bool_]


def guaranteed_block(
    x: Signals, guarantee: Guarantee, quality: int = 0, levels: Levels | None = None
) -> Block:
    """Code `(n, *frame_shape)` signals in the fewest bytes that keep a guarantee.

    `levels` are the networks of a model, for such a guarantee.
    """
    payload = None if levels is None else encode_levels(levels, x, guarantee)
    if payload is None or _may_be_below(x, guarantee, len(payload)):
        payload = min(filter(None, (payload, _levels(x, guarantee))), key=len, default=None)
    if payload is None or len(payload) >= x.nbytes:
        return pack_raw(x, quality)
    if may_deflate_below(x, len(payload)):
        raw = pack_raw(x, quality)
        if len(raw.payload) <= len(payload):
            return raw
    return Block(Mode.LEVELS, quality, len(x), payload)


def _may_be_below(x: Signals, guarantee: Guarantee, n_bytes: int) -> bool:
    """Tell by some of the signals whether levels without a network may take fewer bytes."""
    some = x[: max(1, SAMPLE // prod(x.shape[1:]))]
    tried = _levels(some, guarantee)
    return tried is not None and MARGIN * len(tried) / len(some) < n_bytes / len(x)


def _levels(x: Signals, guarantee: Guarantee) -> bytes | None:
    """Code signals by levels; None where they are not made for these."""
    if prod(x.shape[1:]) > MAX_ELEMENTS:
        return None
    numbers = _decimal(x, guarantee)
    if numbers is None and not guarantee.is_lossless:
        numbers = _bounded(x, guarantee)
    numbers = numbers or _lossless(x)
    if numbers is None:
        return None
    packed = smallest(x, numbers)
    missed = guarantee.exceeded(x, packed.signals)
    exact = missed if numbers.exact is None else numbers.exact | missed
    return packed.payload(ExactValues(exact, x[exact]) if exact.any() else None)


def _lossless(x: Signals) -> Numbers | None:
    """Number all values in their order; NaN and infinities are kept beside them."""
    exact = _not_finite(x)
    order = in_order(x)
    inside = order if exact is None else order[~exact]
    if not inside.size:
        return None
    first, last = int(inside.min()), int(inside.max())
    low_bits = max(0, (last - first).bit_length() - (LARGEST.bit_length() - 1))
    grid = Lossless(first, low_bits)
    if exact is not None:
        order = np.where(exact, np.uint64(first), order)
    high = (order - np.uint64(first)) >> np.uint64(low_bits)
    return Numbers((grid,), high.astype(np.int64), (last - first) >> low_bits, exact)


def _decimal(x: Signals, guarantee: Guarantee) -> Numbers | None:
    """Number floats that are whole numbers divided by one; None for others, or wider bounds."""
    if x.dtype.kind != "f":
        return None
    flat = x.reshape(-1)
    some = flat[:: max(1, flat.size // TESTED)]
    bound = min(guarantee.bounds, default=0.0)
    for divisor in DIVISORS:
        if 2 * bound * divisor >= 1:
            return None
        if _are_decimal(some, divisor).mean() > MOSTLY:
            break
    else:
        return None
    exact = ~_are_decimal(x, divisor)
    if exact.mean() > 1 - MOSTLY:
        return None
    whole = np.rint(np.where(exact, 0, x).astype(np.float64) * divisor)
    first, last = int(whole[~exact].min()), int(whole[~exact].max())
    order = in_order(x[~exact])
    is_coarser = 8 * (last - first) < int(order.max()) - int(order.min())
    if last - first >= LARGEST or not is_coarser:
        return None
    wanted = np.where(exact, 0, whole - first).astype(np.int64)
    grid = Decimals(first, divisor)
    return Numbers((grid,), wanted, last - first, exact if exact.any() else None)


def _are_decimal(x: Signals, divisor: int) -> Mask:
    """Tell which floats are a whole number divided by another, to the bit."""
    with np.errstate(all="ignore"):
        whole = np.rint(x.astype(np.float64) * divisor)
        same = bits_of((whole / divisor).astype(x.dtype)) == bits_of(x)
        return np.asarray(same & (np.abs(whole) < FIRST_BIAS))


def _bounded(x: Signals, guarantee: Guarantee) -> Numbers | None:
    """Lay values out on grids that keep the bounds; None where only all their bits do."""
    if x.dtype.kind == "b":
        return None
    if x.dtype.kind in "iu":
        return _whole(x, guarantee.bounds)
    exact = _not_finite(x)
    finite = x if exact is None else x[~exact]
    if not finite.size:
        return None
    first, last = float(finite.min()), float(finite.max())
    info = np.finfo(x.dtype)  # rounding to the type takes half a unit in the last place
    half = max(-first, last, float(info.smallest_normal)) * float(info.eps) / 2
    units = [2 * (bound - half) * WITHIN / PER_STEP for bound in guarantee.bounds]
    least = min(units)
    if not (least > 0 and (last - first) / least < LARGEST) or min(guarantee.bounds) < 2 * half:
        return None
    grids = tuple(Scaled(first, unit) for unit in units)
    wanted = (x.astype(np.float64) - first) / np.array(units)
    if exact is not None:
        wanted[exact] = 0.0
    return Numbers(grids, wanted, int((last - first) / least) + 1, exact)


def _whole(x: Signals, bounds: tuple[float, ...]) -> Numbers | None:
    """Lay whole numbers out in steps; None where they spread too far, or a bound is below 1."""
    each = [int(min(bound, float(MAX_BOUND))) for bound in bounds]
    order = in_order(x)
    first, last = int(order.min()), int(order.max())
    if min(each) < 1 or last - first >= LARGEST:
        return None
    grids = tuple(Whole(first, bound) for bound in each)
    return Numbers(grids, (order - np.uint64(first)).astype(np.int64), last - first, None)


def _not_finite(x: Signals) -> Mask | None:
    """Tell which elements are NaN or infinite; None where all are finite."""
    if x.dtype.kind != "f":
        return None
    exact = ~np.isfinite(x)
    return exact if exact.any() else None
