"""format/level-networks.md, "Numbers": from a payload to frames of whole numbers."""

from typing import NamedTuple

import numpy as np

from .conventions import Cursor, need
from .level_decisions import Decisions, cut
from .level_distances import take_distances
from .level_networks import Levels, Network
from .level_passes import START, Level, Offset, Order

ODD: list[Offset] = [(sign * step,) for step in range(1, 24, 2) for sign in (-1, 1)]
EVERY: list[Offset] = [(0,), *((sign * step,) for step in range(1, 5) for sign in (-1, 1))]


class Seen:
    """What a place of a pass sees."""

    def __init__(self, order: Order, of: Level, least: int = 1) -> None:
        along, self.there, self.least = len(order.shape) == 1, of.channel > 0, least
        offsets = ODD[:12] if along else order.offsets(of, of.channel)[:22]
        self.own, inside = order.near(of, offsets, of.channel)
        self.flags = 128 * inside[:4]
        squares = [sum(a * a for a in offset) for offset in offsets]
        self.e = min(3, squares.count(squares[0]).bit_length() - 1)
        self.other = self.wide = None
        if order.channels > 1:
            channel = (of.channel or order.channels) - 1
            beside = EVERY if self.there else ODD[:8]
            offsets = beside if along else order.offsets(of, channel)[:9]
            self.other = order.near(of, offsets, channel)[0]
        if along:
            self.wide = order.near(of, ODD, of.channel)[0]

    def inputs(
        self, values: np.ndarray, part: slice, n: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the inputs of places of a pass, and c and s of each."""
        own, e = values[self.own[:, part]].reshape(len(self.own), -1), self.e
        c = own[: 2**e].sum(axis=0)
        d = (own << e) - c
        s = np.maximum(abs(d[:8]).sum(axis=0), 8 * self.least << e)
        x = [ratio(d, s), log(s, e + 3)[None], np.repeat(self.flags[:, part], n, axis=1)]
        if self.other is not None:
            other = values[self.other[:, part]].reshape(len(self.other), -1)
            i = int(self.there)
            d = 2 * other - other[i] - other[i + 1]
            t = np.maximum(abs(d[i:8]).sum(axis=0), 16 * self.least)
            x += [ratio(d, t), log(t, 4)[None]]
            if self.there:
                x.append(ratio(d[:1] << e >> 1, s))
        if self.wide is not None:
            y = values[self.wide[:, part]].reshape(len(self.wide), -1)
            sums = sum(abs(z[2:] - 2 * z[1:-1] + z[:-2]) for z in (y[0::2], y[1::2]))
            x += [log(sums.sum(axis=0) + 10, 4)[None], log(sums[:4].sum(axis=0) + 4, 3)[None]]
        return np.concatenate(x), c, s


def inputs_of(order: Order, of: Level) -> int:
    """Return how many inputs the network of a pass has."""
    seen, values = Seen(order, of), np.zeros((order.size, 1), np.int64)
    return len(seen.inputs(values, slice(0, 1), 1)[0])


def ratio(d: np.ndarray, s: np.ndarray) -> np.ndarray:
    """Return distances by spreads."""
    return 1024 * np.clip(d, -s, s) // s


def log(v: np.ndarray, n: int) -> np.ndarray:
    """Return logarithms as inputs."""
    b = np.array([value.bit_length() - 1 for value in v.tolist()], np.int64)
    return np.clip(4 * (16 * (b - n) + ((v << 4 >> b) & 15)) - 128, -1024, 1024)


class Head(NamedTuple):
    """The classes of the start, and the networks with their changes."""

    classes: list[int]
    networks: list[Network]


def read_head(own: Levels, cursor: Cursor, has_changes: bool = True) -> Head:
    """Read what comes before the decisions."""
    classes = [cursor.number() for _ in range(own.order.channels)]
    need(max(classes) < 48, "an unknown class of the start")
    return Head(classes, [changed(cursor, each) if has_changes else each for each in own.networks])


def decode_numbers(own: Levels, head: Head, coder: Decisions, n: int) -> np.ndarray:
    """Decode n frames, (n, size)."""
    order, classes, networks = own.order, head.classes, iter(head.networks)
    values = np.zeros((order.size, n), np.int64)
    step = own.lattice.units if own.lattice else 1
    for of in order.passes:
        places = np.array([order.index(p, of.channel) for p in order.places(of)])
        if of.kind == START:
            steps = take_distances([(classes[of.channel], 0)] * (n * len(places)), coder)
            values[places] = bounded(step * np.cumsum(steps)).reshape(n, -1).T
            continue
        seen, network = Seen(order, of, max(1, step // 4)), next(networks)
        for part in cut(len(places), n):
            x, c, s = seen.inputs(values, part, n)
            o, q = network.run(x, np.zeros(x.shape[1], int))
            mean = (np.clip(o, -(2**13), 2**13) * s >> 10 + seen.e) + (8 * c >> seen.e)
            fractions = mean & 7 if step == 1 else 0 * mean
            kinds = zip(np.clip(q + 20, 0, 47).tolist(), fractions.tolist(), strict=True)
            distances = step * take_distances(list(kinds), coder)
            values[places[part]] = bounded((mean >> 3) + distances).reshape(-1, n)
    coder.check_end()
    return values.T


def bounded(values: np.ndarray) -> np.ndarray:
    """Cut numbers to 2**40."""
    return np.clip(values, -(2**40), 2**40)


def changed(cursor: Cursor, network: Network) -> Network:
    """Read the changes of a network, and return the changed one."""
    flag = cursor.number()
    need(flag <= 1, "an unknown byte before changes")
    if not flag:
        return network
    shape = (2, network.second.shape[1] + 1)
    folded = [cursor.varint() for _ in range(shape[0] * shape[1])]
    c = np.array([-((v + 1) // 2) if v % 2 else v // 2 for v in folded]).reshape(shape)
    need(c.any() and abs(c).max() < 2**15, "changes that are none, or too large")
    c *= np.array([[16], [2]])
    second = np.clip(network.second + c[:, :-1], -(2**15) + 1, 2**15 - 1)
    bias = np.clip(network.second_bias + 256 * c[:, -1], -(2**31) + 1, 2**31 - 1)
    return network._replace(second=second, second_bias=bias)
