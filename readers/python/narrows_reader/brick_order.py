"""format/prediction.md, "Bricks": the bands of a brick, and what is known around a place of one."""

from collections.abc import Iterator
from itertools import product

import numpy as np

from .conventions import Shape

Level = tuple[dict[int, int], list[int]]
Name = tuple[tuple[int, int], ...]


def levels(s: Shape, group: list[int]) -> list[Level]:
    """Return the lengths before each level of a group, and the axes that it halves."""
    lengths, found = {axis: s[axis] for axis in group}, list[Level]()
    while len(found) < 6 and max(lengths.values()) >= 5:
        halved = [axis for axis in group if lengths[axis] >= 5]
        found.append((dict(lengths), halved))
        lengths |= {axis: (lengths[axis] + 1) // 2 for axis in halved}
    return found


def bands(s: Shape, groups: list[list[int]]) -> list[tuple[Name, list[range]]]:
    """Return the name of each band, a level and high axes for each group, and its places."""
    of_groups = []
    for group in groups:
        own = levels(s, group)
        lengths, halved = own[-1] if own else ({axis: s[axis] for axis in group}, [])
        low = {axis: range((n + 1) // 2 if axis in halved else n) for axis, n in lengths.items()}
        each = [(len(own), 0, low)]
        for level in range(len(own))[::-1]:
            lengths, halved = own[level]
            middle = {axis: (n + 1) // 2 if axis in halved else n for axis, n in lengths.items()}
            for high in range(1, 2 ** len(group)):
                axes = [axis for bit, axis in enumerate(group) if high >> bit & 1]
                places = {
                    axis: range(middle[axis], n) if axis in axes else range(middle[axis])
                    for axis, n in lengths.items()
                }
                if all(map(len, places.values())):
                    each.append((level, high, places))
        of_groups.append(each)
    found = []
    for parts in product(*of_groups):
        places = {axis: own for _, _, each in parts for axis, own in each.items()}
        name = tuple((level, high) for level, high, _ in parts)
        found.append((name, [places[axis] for axis in range(len(s))]))
    return sorted(found, key=lambda band: -sum(level for level, _ in band[0]))


def features_of_others(
    name: Name, known: dict[Name, np.ndarray], u: Shape, sizes: list[int], groups: list[list[int]]
) -> Iterator[int]:
    """Yield what other bands have near a place."""
    beside = [0, 0, 0]
    for g, (level, high) in enumerate(name):
        parent = known.get((*name[:g], (level + 1, high), *name[g + 1 :]))
        if parent is None:
            parent = known.get((*name[:g], (level + 1, 0), *name[g + 1 :]))
        yield from near(parent, u, sizes)
        for other in set(range(2 ** len(groups[g]))) - {high}:
            there = near(known.get((*name[:g], (level, other), *name[g + 1 :])), u, sizes)
            beside[0] += there[0]
            beside[1] += there[1]
            if other:
                coarser = known.get((*name[:g], (level + 1, other), *name[g + 1 :]))
                beside[2] += near(coarser, u, sizes)[0]
    yield from beside


def near(m: np.ndarray | None, u: Shape, sizes: list[int]) -> tuple[int, int]:
    """Return the magnitude of a band at a place of another, and the sum of its neighbours."""
    if m is None:
        return 0, 0
    at = tuple(
        min(i if d + 1 >= n else i // 2, d - 1) for i, d, n in zip(u, m.shape, sizes, strict=True)
    )
    return int(m[at]), sum(around(m, at)[: m.ndim])


def around(m: np.ndarray, u: Shape) -> list[int]:
    """Return the sums of neighbours along each axis, and of those along two and three."""
    a = m.ndim
    sums = [0] * (2 * a - 1)
    for offset in product((-1, 0, 1), repeat=a):
        at = [i + by for i, by in zip(u, offset, strict=True)]
        moved = [axis for axis in range(a) if offset[axis]]
        if moved and all(0 <= i < n for i, n in zip(at, m.shape, strict=True)):
            sums[moved[0] if len(moved) == 1 else a + len(moved) - 2] += int(m[tuple(at)])
    return sums
