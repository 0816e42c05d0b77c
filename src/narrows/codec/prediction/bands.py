"""The bands of an array's wavelet coefficients, and what is known when each is decoded.

A band is one level of each group of axes, and along each axis the low or the high half. Bands come
from coarse to fine. Within one, the coefficients come in phases, by whether their places are even
or odd along each axis: so those of a phase lie between coefficients that are known.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

from narrows.codec.prediction.lifting import levels_of

Floats = npt.NDArray[np.float64]
Places = tuple[slice, ...]
Halves = tuple[tuple[int, int], ...]
"""Of each group of axes the level, from 0 for the finest on, and which of its axes are high."""

LARGEST_MAGNITUDE = (1 << 15) - 1  # of a symbol, in sums


@dataclass(frozen=True)
class Band:
    """A part of the coefficients.

    Attributes
    ----------
    halves : of each group its level and the bits of its high axes
    places : slices of the array of coefficients
    kind : int
        The sum of 2**axis over the axes that are high, and of 2**(axes + number) over the groups
        that are not at their finest level.
    """

    halves: Halves
    places: Places
    kind: int


def n_features(n_axes: int, n_groups: int) -> int:
    """Return how many sums of known magnitudes there are beside each coefficient."""
    return 2 * n_groups + 3 + n_axes + max(0, n_axes - 1)


def bands_of(shape: tuple[int, ...], groups: Sequence[Sequence[int]]) -> list[Band]:
    """Return the bands of an array, coarse ones first: by the sum of their levels."""
    found = []
    for each in product(*(_halves_of(shape, group) for group in groups)):
        places = dict(pair for _, _, own in each for pair in own.items())
        halves = tuple((level, high) for level, high, _ in each)
        kind = 0
        for number, (group, (level, high)) in enumerate(zip(groups, halves, strict=True)):
            kind += sum(1 << axis for i, axis in enumerate(group) if high >> i & 1)
            kind += (level > 0) << (len(shape) + number)
        found.append(Band(halves, tuple(places[axis] for axis in range(len(shape))), kind))
    return sorted(found, key=lambda band: -sum(level for level, _ in band.halves))


def _halves_of(
    shape: tuple[int, ...], group: Sequence[int]
) -> list[tuple[int, int, dict[int, slice]]]:
    """Return level, high axes and slices of each band of a group of axes, coarse ones first."""
    levels = levels_of(shape, group)
    lengths = levels[-1].low if levels else {axis: shape[axis] for axis in group}
    found = [(len(levels), 0, {axis: slice(0, n) for axis, n in lengths.items()})]
    for number in reversed(range(len(levels))):
        level, low = levels[number], levels[number].low
        for high in range(1, 1 << len(group)):
            own = {}
            for i, axis in enumerate(group):
                is_high = high >> i & 1
                ends = (low[axis], level.lengths[axis]) if is_high else (0, low[axis])
                own[axis] = slice(*ends)
            if all(part.stop > part.start for part in own.values()):
                found.append((number, high, own))
    return found


@dataclass(frozen=True)
class Phase:
    """Coefficients that are coded together.

    Attributes
    ----------
    kind, phase : int
        Of the band; and the sum of 2**axis over the axes along which places are odd.
    places : slices of the array of coefficients
    features : list of float64 arrays
        Whole numbers: sums of known magnitudes beside each coefficient. See `n_features`.
    """

    kind: int
    phase: int
    places: Places
    features: list[Floats]


def phases_of(
    coefficients: npt.NDArray[np.int32], groups: Sequence[Sequence[int]]
) -> Iterator[Phase]:
    """Yield what is coded together, in order.

    The symbols of one must be in `coefficients`, an array of all, when the next is asked for.
    """
    axes, known = range(coefficients.ndim), _Known(groups)
    for band in bands_of(coefficients.shape, groups):
        symbols = coefficients[band.places]
        before = known.sums(band.halves, symbols.shape)
        magnitudes = np.zeros([size + 2 for size in symbols.shape])  # with zeros around
        for phase in range(1 << coefficients.ndim):
            starts = [phase >> axis & 1 for axis in axes]
            if any(start >= size for start, size in zip(starts, symbols.shape, strict=True)):
                continue
            part = tuple(slice(start, None, 2) for start in starts)
            places = tuple(
                slice(own.start + start, own.stop, 2)
                for own, start in zip(band.places, starts, strict=True)
            )
            beside = _beside(magnitudes, starts, symbols[part].shape)
            yield Phase(band.kind, phase, places, [each[part] for each in before] + beside)
            known_now = np.minimum(np.abs(symbols[part].astype(np.int64)), LARGEST_MAGNITUDE)
            magnitudes[(slice(1, -1),) * symbols.ndim][part] = known_now
        known.add(band.halves, magnitudes)


class _Known:
    """The magnitudes of bands that are known."""

    def __init__(self, groups: Sequence[Sequence[int]]) -> None:
        self._groups = groups
        self._own: dict[Halves, Floats] = {}
        self._around: dict[Halves, Floats] = {}

    def add(self, halves: Halves, magnitudes: Floats) -> None:
        """Go on with a band, with zeros around it."""
        inner = (slice(1, -1),) * magnitudes.ndim
        self._own[halves] = magnitudes[inner]
        each = [_pair(magnitudes, axis) for axis in range(magnitudes.ndim)]
        self._around[halves] = np.sum(each, axis=0)

    def sums(self, halves: Halves, shape: tuple[int, ...]) -> list[Floats]:
        """Return what other bands say of a band: `2 * groups + 3` arrays of its shape."""
        found, rest = [], np.zeros((3, *shape))
        for number, (level, high) in enumerate(halves):
            own = self._in(halves, number, (level + 1, high))
            if own not in self._own:  # at the coarsest level, the band of low halves
                own = self._in(halves, number, (level + 1, 0))
            found += [_at(self._own, own, shape), _at(self._around, own, shape)]
            for other in range(1 << len(self._groups[number])):
                if other == high:
                    continue
                beside = self._in(halves, number, (level, other))
                rest[0] += _at(self._own, beside, shape)
                rest[1] += _at(self._around, beside, shape)
                if other:
                    coarser = self._in(halves, number, (level + 1, other))
                    rest[2] += _at(self._own, coarser, shape)
        return [*found, *rest]

    @staticmethod
    def _in(halves: Halves, number: int, own: tuple[int, int]) -> Halves:
        return (*halves[:number], own, *halves[number + 1 :])


def _at(of: dict[Halves, Floats], halves: Halves, shape: tuple[int, ...]) -> Floats:
    """Return the values of a band at the places of another; zeros if it is not known."""
    values = of.get(halves)
    if values is None:
        return np.zeros(shape)
    for axis, size in enumerate(shape):
        n = values.shape[axis]
        if n != size:
            places = np.arange(size) if n + 1 >= size else np.arange(size) // 2
            values = values.take(np.minimum(places, n - 1), axis=axis)
    return values


def _pair(values: Floats, axis: int) -> Floats:
    """Return the sums of the two neighbours along an axis, without what is around."""
    inner = [slice(1, -1)] * values.ndim
    before, after = inner.copy(), inner.copy()
    before[axis], after[axis] = slice(0, -2), slice(2, None)
    return np.asarray(values[tuple(before)] + values[tuple(after)])


def _beside(values: Floats, starts: Sequence[int], shape: tuple[int, ...]) -> list[Floats]:
    """Return sums of a band's own magnitudes beside each place of a phase, `shape` each.

    Those of the two neighbours along each axis; then of all that differ by one along two axes,
    and along three. What is not decoded is 0.
    """
    axes = range(len(shape))
    found = [np.zeros(shape) for _ in range(len(shape) + max(0, len(shape) - 1))]
    for offset in product((-1, 0, 1), repeat=len(shape)):
        along = [axis for axis in axes if offset[axis]]
        # Only where places are odd along one of them can a neighbour be of a phase before.
        if along and any(starts[axis] for axis in along):
            number = along[0] if len(along) == 1 else len(shape) + len(along) - 2
            place = tuple(
                slice(1 + start + by, 1 + start + by + 2 * size - 1, 2)
                for start, by, size in zip(starts, offset, shape, strict=True)
            )
            found[number] += values[place]
    return found
