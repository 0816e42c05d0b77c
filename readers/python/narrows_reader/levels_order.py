"""format/levels.md, "Order of the elements": passes, and the places that each knows."""

from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

import numpy as np

from .conventions import Shape

PASSES: dict[int, list[tuple[int, ...]]] = {
    1: [(1,)],
    2: [(1, 1), (0, 1), (1, 0)],
    3: [(1, 1, 1), (0, 1, 1), (1, 0, 1), (1, 1, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)],
}
FARTHEST = {1: 11, 2: 3, 3: 3}
OWN, BEFORE, LOOKED_AT = {1: 12, 2: 24, 3: 48}, {1: 7, 2: 9, 3: 7}, {1: 4, 2: 12, 3: 24}
Offset = tuple[int, ...]


class Pass(NamedTuple):
    """Places at a stride whose coordinates have these parities, in a channel."""

    stride: int
    parities: Offset
    channel: int


class Grid:
    """A grid of some shape with channels."""

    def __init__(self, shape: Shape, channels: int) -> None:
        self.shape, self.channels, self.axes = shape, channels, len(shape)

    def passes(self) -> Iterator[Pass]:
        """Return the passes behind the start that have a place, in order."""
        stride = 1 << (max(self.shape) - 1).bit_length()
        while stride > 1:
            stride //= 2
            for parities in PASSES[self.axes]:
                if all(stride * p < size for p, size in zip(parities, self.shape, strict=True)):
                    yield from (Pass(stride, parities, c) for c in range(self.channels))

    def places(self, of: Pass) -> list[Offset]:
        """Return the coordinates of the places of a pass."""
        h = of.stride
        return list(
            product(*(range(h * p, n, 2 * h) for p, n in zip(of.parities, self.shape, strict=True)))
        )

    def offsets(self, of: Pass, channel: int) -> list[Offset]:
        """Return the known offsets into a channel, groups behind each other."""
        order, reach = PASSES[self.axes], range(-FARTHEST[self.axes], FARTHEST[self.axes] + 1)
        latest = order.index(of.parities) if channel < of.channel else order.index(of.parities) - 1
        known = []
        for offset in product(reach, repeat=self.axes):
            parity = tuple((a + b) % 2 for a, b in zip(of.parities, offset, strict=True))
            if not any(parity) or order.index(parity) <= latest:
                known.append(offset)
        known.sort(key=lambda offset: (squares(offset), offset))
        most = OWN if channel == of.channel else BEFORE
        nearest = known[: most[self.axes]]
        return sorted(nearest, key=lambda offset: (squares(offset), tuple(map(abs, offset))))

    def at(self, of: Pass, place: Offset, offset: Offset, channel: int) -> int:
        """Return the index of what lies at an offset from a place."""
        period, there = 2 * of.stride, []
        for a, step, size in zip(place, offset, self.shape, strict=True):
            b = a + step * of.stride
            while b < 0:
                b += period
            while b >= size and b >= 0:
                b -= period
            there.append(b)
        if min(there) < 0:
            odd = of.parities if channel == of.channel else (0,) * self.axes
            back = [of.stride if a >= of.stride else -of.stride for a in place]
            there = [a - p * b for a, p, b in zip(place, odd, back, strict=True)]
        return self.index(tuple(there), channel)

    def index(self, place: Offset, channel: int) -> int:
        """Return the index of a place in a channel."""
        flat = 0
        for at, size in zip(place, self.shape, strict=True):
            flat = flat * size + at
        return flat * self.channels + channel

    def indices(self, of: Pass, offsets: list[Offset], channel: int) -> np.ndarray:
        """Return the indices at offsets from all places, (places, offsets)."""
        rows = [[self.at(of, place, o, channel) for o in offsets] for place in self.places(of)]
        return np.array(rows, np.int64).reshape(len(rows), len(offsets))


def squares(offset: Offset) -> int:
    """Return the sum of the squares of an offset."""
    return sum(step * step for step in offset)


def groups(offsets: list[Offset]) -> list[list[int]]:
    """Return the positions of offsets of the same absolute components."""
    found: dict[Offset, list[int]] = {}
    for i, offset in enumerate(offsets):
        found.setdefault(tuple(map(abs, offset)), []).append(i)
    return list(found.values())
