"""What is known around the places of a pass, described for `native/free_descriptions.c`.

A place has coordinates in the grid of its pass; its index is a sum of one number along each axis,
and so are those of its neighbours. Arrays of fewer than three axes have axes of one place before.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.interpolation.prediction import Rule, Surroundings
from narrows.codec.levels.passes import MAX_AXES, Indices, NearIndices

Numbers = npt.NDArray[np.int64]
MAX_LOOK = 64
MAX_BEFORE = 1 << 12
"""Places around one in a channel, and channels before: more are left to numpy."""


class _Tables:
    """Indices along axes, each laid out once."""

    def __init__(self) -> None:
        self._parts = [np.zeros(1, np.int64)]  # of an axis of one place
        self._at = dict[int, int]()
        self._size = 1

    def position(self, along: Indices) -> int:
        """Return where the indices begin."""
        if id(along) not in self._at:
            self._at[id(along)] = self._size
            self._parts.append(along.astype(np.int64))
            self._size += len(along)
        return self._at[id(along)]

    def positions(self, axes: list[Indices]) -> list[int]:
        """Return where those of each of three axes begin."""
        return [0] * (MAX_AXES - len(axes)) + [self.position(along) for along in axes]

    def numbers(self) -> Numbers:
        """Return all of them."""
        return np.concatenate(self._parts)


@lru_cache(maxsize=512)
def pass_of(surroundings: Surroundings, native: Any) -> Any:
    """Return the pass as compiled code knows it; None where it has more than that takes."""
    looks = [surroundings.own, *(each for pair in surroundings.others for each in pair)]
    if len(looks) > MAX_BEFORE or max(len(look.offsets) for look in looks) > MAX_LOOK:
        return None
    order, of, tables = surroundings.order, surroundings.of, _Tables()
    here = NearIndices(order, of, np.zeros((1, len(order.shape)), np.intp))
    counts = (1,) * (MAX_AXES - len(here.counts)) + here.counts
    fields = [order.size, of.channel, *counts, surroundings.n_nearest, surroundings.n_looked_at]
    fields += [len(surroundings.others), *tables.positions(here.along_axes()[0])]
    for look in looks:
        fields += [len(look.offsets), look.channel, *tables.positions(look.anchors)]
        for axes in look.along_axes():
            fields += tables.positions(axes)
    return native.free_pass(np.array(fields, np.int64), tables.numbers())


def rule_of(rule: Rule, shares: tuple[int, ...]) -> Numbers:
    """Lay out the weights of a pass."""
    lengths = [len(row) for row in rule.rows]
    fields = [*lengths, *rule.means, *shares, *[0] * (3 - len(shares))]
    rows = [row.astype(np.int64) for row in rule.rows]
    return np.concatenate([np.array(fields, np.int64), *rows])


@lru_cache(maxsize=512)
def rule_of_means(surroundings: Surroundings, shares: tuple[int, ...]) -> Numbers:
    """Lay out the rule of a pass without weights."""
    return rule_of(surroundings.rule(np.zeros(0, np.int64), 0), shares)


@lru_cache(maxsize=512)
def groups_of(surroundings: Surroundings) -> Numbers:
    """Return the groups of a pass, `(groups, 3)`: a channel, and where they begin and end there."""
    rows = [
        (channel, each.start, each.stop)
        for channel, groups in enumerate(surroundings.groups)
        for each in groups
    ]
    return np.array(rows, np.int64)
