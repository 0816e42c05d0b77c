"""format/level-networks.md, "Passes": the order of elements, and the places that each knows."""

from functools import cached_property
from itertools import product
from typing import NamedTuple

import numpy as np

from .conventions import Shape
from .levels_order import FARTHEST, PASSES, squares

Offset = tuple[int, ...]
START = -1


class Level(NamedTuple):
    """A pass: its stride, its number within its level, and its channel."""

    h: int
    kind: int
    channel: int


class Order:
    """The passes of a grid whose start places begin at an origin, some stride apart."""

    def __init__(self, shape: Shape, channels: int, stride: int, origin: int) -> None:
        self.shape, self.channels, self.stride, self.origin = shape, channels, stride, origin
        self.size = int(np.prod(shape)) * channels

    @cached_property
    def passes(self) -> list[Level]:
        """All passes that have a place, in order."""
        levels, h = [(self.stride, START)], self.stride
        while h > 1:
            h //= 2
            levels += [(h, kind) for kind in range(len(PASSES[len(self.shape)]))]
        every = [Level(h, kind, c) for h, kind in levels for c in range(self.channels)]
        return [each for each in every if self.places(each)]

    def places(self, of: Level) -> list[Offset]:
        """Return the coordinates of the places of a pass."""
        if of.kind == START:
            return list(product(*(range(self.origin, n, of.h) for n in self.shape)))
        parities = PASSES[len(self.shape)][of.kind]
        firsts = [(self.origin + p * of.h) % (2 * of.h) for p in parities]
        axes = zip(firsts, self.shape, strict=True)
        return list(product(*(range(first, n, 2 * of.h) for first, n in axes)))

    def offsets(self, of: Level, channel: int) -> list[Offset]:
        """Return the known offsets into a channel, nearest first."""
        axes = len(self.shape)
        latest = of.kind if channel < of.channel else of.kind - 1
        own = (0,) * axes if of.kind == START else PASSES[axes][of.kind]
        known = []
        for offset in product(range(-FARTHEST[axes], FARTHEST[axes] + 1), repeat=axes):
            parity = tuple((a + b) % 2 for a, b in zip(own, offset, strict=True))
            kind = PASSES[axes].index(parity) if any(parity) else START
            if kind <= latest:
                known.append(offset)
        return sorted(known, key=lambda offset: (squares(offset), offset))

    def near(self, of: Level, offsets: list[Offset], channel: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the indices at offsets from all places, (k, m), and which lie inside."""
        places = self.places(of)
        pairs = [[self.at(of, place, o, channel) for place in places] for o in offsets]
        both = np.array(pairs, np.int64).reshape(len(offsets), len(places), 2)
        return both[:, :, 0], both[:, :, 1] > 0

    def at(self, of: Level, place: Offset, offset: Offset, channel: int) -> tuple[int, bool]:
        """Return the index of what lies at an offset from a place, and whether it is inside."""
        period, there = of.h if of.kind == START else 2 * of.h, []
        wanted = [a + step * of.h for a, step in zip(place, offset, strict=True)]
        for at, size in zip(wanted, self.shape, strict=True):
            b = at
            while b < 0:
                b += period
            while b >= size and b >= 0:
                b -= period
            there.append(b)
        if min(there) < 0:
            same = channel >= of.channel and of.kind != START
            odd = PASSES[len(self.shape)][of.kind] if same else (0,) * len(place)
            there = [
                a - p * (of.h if a >= of.h else -of.h) for a, p in zip(place, odd, strict=True)
            ]
        inside = all(0 <= at < size for at, size in zip(wanted, self.shape, strict=True))
        return self.index(tuple(there), channel), inside

    def index(self, place: Offset, channel: int) -> int:
        """Return the index of a place in a channel."""
        return int(np.ravel_multi_index(place, self.shape)) * self.channels + channel
