"""Whether bounds hold, for `benchmarks.bounds`: hostile arrays and real ones, of every type."""

import io
from math import prod
from unittest.mock import patch

import numpy as np

import narrows
from narrows.codec.archive import ArchiveReader, Mode
from narrows.codec.archive.guarantee import Guarantee
from narrows.codec.encoding import guaranteed_blocks
from narrows.codec.encoding.interpolation import pack_levels
from narrows.codec.encoding.plan_choice import layouts
from narrows.codec.interpolation.layout import Plan
from narrows.codec.interpolation.sweep import MAX_FRONTS, n_fronts
from narrows.element_types import ELEMENT_TYPES, ends_of

PARTS = (1.0, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9)
CHUNK = 1 << 16  # elements of an array that is coded within a bound
FRONTS = 2  # the first byte of such a block
CHOSEN = guaranteed_blocks.smallest


def hostile(dtype, rng):
    """Yield arrays that break compressors."""
    low, high = ends_of(dtype)
    n = CHUNK // 4
    if dtype.kind == "f":
        info = np.finfo(dtype)
        odd = [np.nan, np.inf, -np.inf, 0.0, -0.0, info.max, info.min, info.smallest_subnormal]
        odd += [1e30, 1e-30] if dtype.itemsize > 2 else [6e4, 1e-7]
        yield rng.choice(np.array(odd, dtype), (n // 64, 64))
        yield (rng.normal(size=(n // 64, 64)) * float(info.smallest_normal)).astype(dtype)
        smooth = np.sin(np.arange(n) / 30).reshape(-1, 64).astype(dtype)
        yield np.where(rng.random(smooth.shape) < 0.02, rng.choice(np.array(odd, dtype)), smooth)
        yield rng.normal(size=(n // 256, 256)).cumsum(axis=1).astype(dtype)
    elif dtype.kind != "b":
        yield rng.integers(low, high, (n // 64, 64), dtype, endpoint=True)
        yield np.where(np.arange(n) % 2, low, high).astype(dtype).reshape(-1, 64)
        yield (np.arange(n) * 3).astype(dtype).reshape(-1, 128)
    yield rng.integers(0, 2, (n // 32, 32)).astype(dtype)


def by_fronts(x, numbers):
    """Code a block in the order of fronts, where it has such, whatever that takes."""
    for axes, has_channels in layouts(x.shape, len(numbers.grids)):
        plan = Plan(axes, has_channels, numbers.grids, numbers.high, is_swept=True)
        few = n_fronts(plan.order(x.shape).shape) <= MAX_FRONTS
        if axes > 1 and not has_channels and len(numbers.grids) == 1 and few:
            return pack_levels(x, plan, numbers.wanted, numbers.exact)
    return CHOSEN(x, numbers)


def coded(x, promise):
    """Yield archives of an array: as the encoder chooses, and by fronts where that can be."""
    yield narrows.compress(x, **promise)
    with patch.object(guaranteed_blocks, "smallest", by_fronts):
        yield narrows.compress(x, **promise)


def elements_of_fronts(blob):
    """Return how many elements an archive has in blocks of fronts."""
    reader = ArchiveReader(io.BytesIO(blob))
    swept = [b for b in reader if b.mode is Mode.LEVELS and b.payload[0] == FRONTS]
    return sum(block.n_signals for block in swept) * prod(reader.header.frame_shape)


def check_that_bounds_hold(n_elements, real):
    """Code so many elements, and return how many of each type were coded, and were further off.

    The last count is of those in blocks of fronts. `real` yields arrays of a type that are no
    trouble.
    """
    rng, seen = np.random.default_rng(1), {dtype.name: [0, 0, 0, 0] for dtype in ELEMENT_TYPES}
    while sum(counts[0] for counts in seen.values()) < n_elements:
        for dtype in ELEMENT_TYPES:
            for x in (*hostile(dtype, rng), *real(dtype)):
                for promise in promises(x, rng):
                    for blob in coded(x, promise):
                        missed = guarantee_of(x, promise).exceeded(x, narrows.decompress(blob))
                        counts = seen[dtype.name]
                        counts[0] += x.size
                        counts[1] += int(missed.sum())
                        counts[2] += max(0, len(blob) - x.nbytes - 256)
                        counts[3] += elements_of_fronts(blob)
    return seen


def promises(x, rng):
    """Return what is asked of an array: no loss, and two of the bounds that its type can keep."""
    asked = [{"lossless": True}]
    least = np.finfo(x.dtype).eps if x.dtype.kind == "f" else 0.0
    for part in rng.choice([part for part in PARTS if part >= least], 2, replace=False).tolist():
        asked.append({"max_relative_error": part})
    return asked


def guarantee_of(x, promise):
    """Return what must hold, from the array itself."""
    if "lossless" in promise:
        return Guarantee()
    finite = x[np.isfinite(x)].astype(np.float64)
    with np.errstate(over="ignore"):
        width = float(np.ptp(finite)) if finite.size else 0.0
    bound = promise["max_relative_error"] * width
    return Guarantee((bound,)) if 0 < bound < np.inf else Guarantee()
