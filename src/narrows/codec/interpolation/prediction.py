"""What is known around places of a grid to what is expected there: numbers, scales, contexts.

Of a place let c be the mean of its nearest known places, all at one distance. The *groups* of its
known places are those whose offsets differ in signs alone; each group has a weight w in 256ths.
With D = the sum over a group of x - c, the place is predicted as c + sum of w D / 256, within the
ends of the grid. Channels before its own have weights too, against their own c of the same places.

How far the place lies from that is expected from what is known of its neighbours: the mean of
|x - c| over some of them, and of how far they lay from what was predicted for them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice, pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from narrows.codec.interpolation.adaptive import ONE, Integers
from narrows.codec.interpolation.sums import as_exact, clipped, weighted
from narrows.codec.levels.passes import Indices, NearIndices, Pass, PassOrder

WEIGHT_BITS = 8
FINE_BITS = 4
MAX_WEIGHT = 1 << 11
KNOWN = {1: 12, 2: 24, 3: 48}
"""So many known places predict, by the number of axes."""
LOOKED_AT = {1: 4, 2: 12, 3: 24}
"""So many of them tell the scale."""
OF_OTHERS = {1: 7, 2: 9, 3: 7}
"""So many places of each channel before."""

OTHERS_LOOKED_AT = 1

CENTRES = (1, 8, 32, 64, 96, 128, 160, 192, 224, 248, 254)  # of 256ths of the values' range
SPREADS = (1, 4, 12, 28, 52, 80, 120, 160, 200)  # in 512ths
N_CONTEXTS = (len(CENTRES) + 1) * (len(SPREADS) + 1)


class Weights(NamedTuple):
    """How a pass predicts.

    Attributes
    ----------
    groups : (at most the groups,) int64
        Of the first groups, in 256ths; the others have none.
    shares : (2 or 3,) int
        Of each hint of how far off it will be, in 64ths.
    """

    groups: npt.NDArray[np.int64]
    shares: tuple[int, ...]

    @property
    def is_usual(self) -> bool:
        """Whether nothing is said of the pass."""
        return not len(self.groups) and self.shares == usual(len(self.shares)).shares


def usual(n_hints: int) -> Weights:
    """Return how a pass predicts of which nothing is said."""
    return Weights(np.zeros(0, np.int64), (ONE // 2, ONE // 2, 0)[:n_hints])


class Rule(NamedTuple):
    """What a prediction is the sum of: weighted numbers of known places, and means.

    Attributes
    ----------
    rows : list of (k,) float64 or int64
        Weights of known places of the own channel, and of each before; floats where sums of any
        numbers of the grid are exact.
    means : list of int
        Weights of the mean c of the nearest places, by channel.
    n_own : int
        So many places of the own channel are looked at.
    """

    rows: list[npt.NDArray[Any]]
    means: list[int]
    n_own: int


class Near(NamedTuple):
    """The known places of m places of a pass, as flat indices.

    Attributes
    ----------
    places : (m,) int
    own : (k, m) int
        In their own channel, nearest first.
    others : list of ((j, m) int, (nearest, m) int)
        For each channel before: its places, and those where its own c is taken.
    """

    places: Indices
    own: Indices
    others: list[tuple[Indices, Indices]]

    def of(self, rows: Indices) -> Near:
        """Return what is of some of the places."""
        others = [(at[:, rows], middle[:, rows]) for at, middle in self.others]
        return Near(self.places[rows], self.own[:, rows], others)


class Surroundings:
    """The known places of a pass, and how they are grouped.

    Parameters
    ----------
    order : PassOrder
    of : Pass
        Not the start.
    """

    fine_bits = FINE_BITS
    weight_bits = WEIGHT_BITS

    def __init__(self, order: PassOrder, of: Pass) -> None:
        axes = len(order.shape)
        offsets = _in_groups(order.offsets(of, KNOWN[axes]))
        distances = (offsets**2).sum(axis=1)
        self.n_nearest = int((distances == distances[0]).sum())
        self.n_looked_at = min(LOOKED_AT[axes], len(offsets))
        self.groups = [_groups(offsets)]
        self.order, self.of = order, of
        self.all_places = order.places(of)
        self.own = NearIndices(order, of, offsets)
        self.others = []
        for channel in range(of.channel):
            around = _in_groups(order.offsets(of, OF_OTHERS[axes], channel))
            middle = NearIndices(order, of, offsets[: self.n_nearest], channel)
            self.others.append((NearIndices(order, of, around, channel), middle))
            self.groups.append(_groups(around))

    @property
    def n_places(self) -> int:
        """The number of places of the pass."""
        return len(self.all_places)

    @property
    def is_beside(self) -> bool:
        """Whether there is a channel before."""
        return bool(self.others)

    @property
    def n_nearer(self) -> int:
        """The number of groups of the own channel."""
        return len(self.groups[0])

    @property
    def n_weights(self) -> int:
        """The number of groups, in all channels."""
        return sum(map(len, self.groups))

    def end_of(self, start: int) -> int:
        """Return where the places end that can be coded together with one: all can."""
        return self.n_places

    def rule(self, groups: npt.NDArray[np.int64], high: int) -> Rule:
        """Return the rule that weights of groups make, for numbers of a grid up to `high`."""
        rows, at = [], 0
        for members in self.groups:
            own = groups[at : at + len(members)]
            sizes = [each.stop - each.start for each in members[: len(own)]]
            rows.append(np.repeat(own, sizes))
            at += len(members)
        means = [-int(row.sum()) for row in rows]
        means[0] += 1 << WEIGHT_BITS
        n_own = max(self.n_looked_at, self.n_nearest, len(rows[0]))
        return Rule([as_exact(row, high) for row in rows], means, n_own)

    def around(self, near: Near, known: Integers) -> Around:
        """Return what is known around some places: numbers of n frames, `(size, n)`."""
        return Around(self, near, known)

    def places(self, start: int, stop: int) -> Indices:
        """Return some of the places."""
        return self.all_places[start:stop]

    def near(self, start: int, stop: int, n_own: int | None = None) -> Near:
        """Return what is known around some of the places: all, or so many of the own channel."""
        others = [(at.part(start, stop), mid.part(start, stop)) for at, mid in self.others]
        return Near(self.all_places[start:stop], self.own.part(start, stop, n_own), others)


@lru_cache(maxsize=512)
def surroundings_of(order: PassOrder, of: Pass) -> Surroundings:
    """Return the surroundings of a pass; blocks of one shape share them."""
    return Surroundings(order, of)


def _in_groups(offsets: Indices) -> Indices:
    """Order offsets so that those stand together that differ in signs alone, nearest first."""
    signless = np.abs(offsets)
    return offsets[np.lexsort((*signless.T[::-1], (offsets**2).sum(axis=1)))]


def _groups(offsets: Indices) -> list[slice]:
    """Return where each group of ordered offsets begins and ends."""
    changes = np.flatnonzero(np.diff(np.abs(offsets), axis=0).any(axis=1)) + 1
    ends = [0, *changes.tolist(), len(offsets)]
    return [slice(start, stop) for start, stop in pairwise(ends)]


class Around:
    """What is known around some places: numbers of n frames, in sixteenths.

    Parameters
    ----------
    surroundings : Surroundings
    near : Near
        The places.
    known : (size, n) int64
        The numbers of the grid, of which those near are known.
    """

    def __init__(self, surroundings: Surroundings, near: Near, known: Integers) -> None:
        self._of, self._near = surroundings, near
        n = surroundings.n_nearest
        self._own = known.take(near.own, axis=0)  # (k, m, n)
        self.centre = _mean(self._own[:n])  # (m, n)
        self._others = [
            (known.take(at, axis=0), _mean(known.take(middle, axis=0)))
            for at, middle in near.others
        ]

    def differences(self, n_groups: int) -> Iterator[Integers]:
        """Yield D of the first groups, `(m, n)` each, in sixteenths."""
        channels = [(self._own, self.centre), *self._others]
        each = (
            (numbers[members].sum(axis=0) << FINE_BITS) - (members.stop - members.start) * centre
            for (numbers, centre), groups in zip(channels, self._of.groups, strict=True)
            for members in groups
        )
        return islice(each, n_groups)

    def predicted(self, rule: Rule, high: int) -> Integers:
        """Return what is expected, `(m, n)`, from 0 to `high`."""
        channels = zip(
            [(self._own, self.centre), *self._others], rule.rows, rule.means, strict=True
        )
        bits = WEIGHT_BITS + FINE_BITS
        total = np.full_like(self.centre, 1 << (bits - 1))
        for (numbers, centre), row, mean in channels:
            if len(row):
                total += weighted(row, numbers[: len(row)]) << FINE_BITS
            total += mean * centre
        total >>= bits
        return clipped(total, 0, high)

    def hints(self, missed: Integers) -> list[Integers]:
        """Return what tells how far off a prediction will be, `(m, n)` each, in sixteenths.

        The sums of |x - c|, of how far the known places lay from what was predicted for them
        (`missed`, `(size, n)`), and of the same in the channel before.
        """
        n = self._of.n_looked_at
        told = [self._spread(n), missed[self._near.own[:n]].sum(axis=0) << FINE_BITS]
        if self._near.others:
            beside = self._near.others[-1][0][:OTHERS_LOOKED_AT]
            told.append(missed[beside].sum(axis=0) * n // len(beside) << FINE_BITS)
        return told

    def scales(self, missed: Integers, shares: Sequence[int], step: int) -> Integers:
        """Return how many steps from what is expected a place may lie, `(m, n)`, in 64ths.

        `shares` are those of each hint, in 64ths.
        """
        hints = zip(self.hints(missed), shares, strict=True)
        total = sum((share * hint for hint, share in hints), np.zeros_like(self.centre))
        return np.asarray(total // (self._of.n_looked_at * step << FINE_BITS))

    def contexts(self, n_values: int) -> Integers:
        """Return the context of a value from 0 to `n_values - 1`, `(m, n)`: centre and spread."""
        n, top = min(8, self._of.n_looked_at), max(n_values - 1, 1) << FINE_BITS
        centre = np.searchsorted(CENTRES, (self.centre * 255 + top // 2) // top, "right")
        width = np.searchsorted(SPREADS, self._spread(n) * 510 // (n * top), "right")
        return np.asarray(centre * (len(SPREADS) + 1) + width)

    def _spread(self, n: int) -> Integers:
        """Return the sum of |x - c| over the first n known places, `(m, n)`."""
        apart = self._own[:n] << FINE_BITS
        apart -= self.centre
        np.abs(apart, out=apart)
        return np.asarray(apart.sum(axis=0))


def _mean(numbers: Integers) -> Integers:
    """Return the mean of `(k, m, n)` numbers in sixteenths, halves rounded up."""
    n, total = len(numbers), numbers.sum(axis=0)
    total *= 2 << FINE_BITS
    total += n
    total //= 2 * n
    return np.asarray(total)
