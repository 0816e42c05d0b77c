"""Whether compiled code gathers samples and adds them up as numpy does: tried once in a process."""

from __future__ import annotations

import warnings
from functools import cache
from typing import Any

import numpy as np

from narrows.codec.encoding.samples import (
    Sample,
    Seen,
    prefixes_of,
    sample_of,
    seen_around,
    seen_by,
)
from narrows.codec.encoding.weight_fitting import fitted, shares_of
from narrows.codec.encoding.weight_sums import CompiledSums, NumpySums
from narrows.codec.interpolation.adaptive import Integers
from narrows.codec.interpolation.native.walk import CompiledWalk
from narrows.codec.interpolation.prediction import Surroundings, Weights, surroundings_of
from narrows.codec.levels.passes import PassOrder

ROWS = 200
HIGH = 250
STEP = 3


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


def fitted_by(
    compiled: CompiledWalk, of: Surroundings, sample: Sample, step: int
) -> Weights | None:
    """Fit the weights of a pass to a sample of few rows; None where numpy is to, as for more.

    `step` is in fine parts.
    """
    repeats = sample.repeats(of.n_places, compiled.n_frames)
    given = sample.numbers, sample.columns, prefixes_of(of), step, repeats
    found = compiled.fitted(of, *given)
    return None if found is None else Weights(np.array(found[0], np.int64), found[1])


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
    hints = one.hints(np.zeros(0, np.int64))
    return (
        all(np.array_equal(*each) for each in pairs)
        and np.array_equal(hints, two.hints(np.zeros(0, np.int64)))
        and _fits_agree(compiled, of, sample, numbers, one)
    )


def _fits_agree(
    compiled: CompiledWalk, of: Surroundings, sample: Sample, numbers: Integers, seen: Seen
) -> bool:
    target = (numbers[seen.places][:, sample.columns] << of.fine_bits) - seen.centre
    groups = len(seen.differences)
    fitting = STEP << of.fine_bits, sample.repeats(of.n_places, numbers.shape[1]), NumpySums()
    inputs = seen.differences.reshape(groups, -1).T
    weights, left = fitted(inputs, target.reshape(-1), prefixes_of(of), *fitting, of.weight_bits)
    hints = seen.hints(weights)
    looked = hints.reshape(len(hints), -1).T // of.n_looked_at
    shares = shares_of(looked, left, *fitting, told=len(weights) > 0)
    found = fitted_by(compiled, of, sample, fitting[0])
    return (
        found is not None and found.groups.tolist() == weights.tolist() and found.shares == shares
    )
