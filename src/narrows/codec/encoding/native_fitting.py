"""Whether compiled code gathers samples and adds them up as numpy does: tried once in a process."""

from __future__ import annotations

import warnings
from functools import cache
from typing import Any

import numpy as np

from narrows.codec.encoding.samples import sample_of, seen_around, seen_by
from narrows.codec.encoding.weight_sums import CompiledSums, NumpySums
from narrows.codec.interpolation.adaptive import Integers
from narrows.codec.interpolation.native.walk import CompiledWalk
from narrows.codec.interpolation.prediction import surroundings_of
from narrows.codec.levels.passes import PassOrder

ROWS = 200
HIGH = 250


@cache
def may_fit(native: Any) -> bool:
    """Tell whether compiled code may fit weights; where it gives anything else, with a warning."""
    if _sums_agree(native) and _samples_agree(native):
        return True
    warnings.warn(
        "compiled code does not add up samples as numpy does, so numpy fits the weights of levels; "
        "please report this processor and compiler",
        RuntimeWarning,
        stacklevel=2,
    )
    return False


def _sums_agree(native: Any) -> bool:
    at = np.arange(ROWS)
    hints = np.stack([at * 7 % 2049, at * at % 97, at % 3], axis=1)
    left, shares = at * at % 2049, np.array([3, 90, 0])
    one, two = NumpySums(), CompiledSums(native)
    moments = zip(one.moments(hints, left, shares), two.moments(hints, left, shares), strict=True)
    return (
        one.bits(left - HIGH, 5) == two.bits(left - HIGH, 5)
        and one.laplacian(hints, left, shares) == two.laplacian(hints, left, shares)
        and all(np.array_equal(*each) for each in moments)
    )


def _samples_agree(native: Any) -> bool:
    order = PassOrder((5, 7), 2, 8)
    numbers = (np.arange(3 * order.size) ** 2 % HIGH).reshape(order.size, 3)
    missed: Integers = numbers[::-1].copy()
    compiled = CompiledWalk(native, numbers, missed, HIGH, 0)
    compiled.write(numbers, None)
    of = surroundings_of(order, order.passes[-1])
    sample = sample_of(of.n_places, 3)
    one, two = seen_around(of, sample, numbers, missed), seen_by(compiled, of, sample)
    pairs = zip(one[:3], two[:3], strict=True)
    nothing = np.zeros(0, np.int64)
    return all(np.array_equal(*each) for each in pairs) and np.array_equal(
        one.hints(nothing), two.hints(nothing)
    )
