"""Random blocks of levels without a network, of every plan, and both ways to code them."""

from math import prod
from typing import NamedTuple

import numpy as np

from narrows.codec.encoding.interpolation import packed
from narrows.codec.interpolation.blocks import unpacked
from narrows.codec.interpolation.grid import LARGEST, Decimals, Lossless, Scaled, Whole
from narrows.codec.interpolation.layout import Plan
from narrows.errors import FormatError


class Case(NamedTuple):
    """A block, how it is coded, and elements of which anything may come back."""

    x: np.ndarray
    plan: Plan
    wanted: np.ndarray
    free: np.ndarray | None


def random_case(rng):
    """Make a block of 1 to 5 axes, with or without channels, of any kind of grid."""
    shape = tuple(rng.integers(1, 9, rng.integers(1, 6)))
    shape = shape if rng.integers(5) else (int(rng.integers(1, 4)), int(rng.integers(20, 400)))
    has_channels = len(shape) > 1 and shape[-1] < 9 and bool(rng.integers(2))
    axes = int(rng.integers(1, min(3, len(shape) - has_channels) + 1))
    kind = ("lossless", "whole", "scaled", "decimals", "values", "low")[rng.integers(6)]
    is_swept = not has_channels and kind != "values" and bool(rng.integers(2))
    high = 1 + int(2.0 ** rng.uniform(0, 7 if kind == "values" else 38))
    whole = numbers(rng, shape, min(high, LARGEST))
    free = rng.random(shape) < 0.1 if rng.integers(2) else None
    by_channel = has_channels and kind in {"whole", "scaled"} and bool(rng.integers(2))
    n_grids = shape[-1] if by_channel else 1
    grids, x, wanted = of_kind(rng, kind, whole, n_grids)
    plan = Plan(axes, has_channels, grids, high, kind == "values", is_swept=is_swept)
    return Case(x, plan, wanted, free)


def numbers(rng, shape, high):
    """Return whole numbers from 0 to `high`: smooth, wild, or of both."""
    n = prod(shape)
    smooth = np.cumsum(rng.integers(-3, 4, n)) + high // 2
    wild = rng.integers(0, high + 1, n) >> rng.integers(0, 30, n)
    spots = np.where(rng.random(n) < 0.1, wild, smooth)
    chosen = (smooth, wild, spots, smooth * (high // (6 * n) + 1))[rng.integers(4)]
    return np.clip(chosen, 0, high).reshape(shape).astype(np.int64)


def of_kind(rng, kind, whole, n_grids):
    """Return grids, signals that have these numbers, or lie near them, and what is wanted."""
    if kind == "scaled":
        x = whole + rng.random(whole.shape)
        x[rng.random(x.shape) < 0.01] = np.nan
        return tuple(Scaled(0.0, 1.0 + i) for i in range(n_grids)), x, x / (1 + np.arange(n_grids))
    if kind == "decimals":
        return (Decimals(-5, 100),), (whole - 5) / 100, whole
    if kind == "whole":
        bounds = rng.integers(1, 1 << int(rng.integers(1, 20)), n_grids)
        return tuple(Whole(2**63, int(bound)) for bound in bounds), whole, whole
    low = int(rng.integers(1, 26)) if kind == "low" else 0
    wild = rng.integers(0, 1 << low, whole.shape)
    return (Lossless(2**63, low),), (whole << low) + wild, whole


def outcome(payload, case, native):
    """Decode a block; return its signals, or what is said of it."""
    try:
        return unpacked(payload, case.x.shape, case.x.dtype, native).tobytes()
    except FormatError as error:
        return str(error)


def payload_of(case, native):
    """Code a block; return its payload and what comes back."""
    found = packed(case.x, case.plan, case.wanted, case.free, native)
    return found.payload(None), found.signals.tobytes()
