"""format/prediction.md, "Bricks": from a payload to the decoder's integers."""

import math
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from .brick_order import Name, around, bands, features_of_others, levels
from .conventions import Cursor, Shape, need
from .forms import ListOf, integer
from .normaliser import check_output
from .payload import Coder, Group
from .tables import Table, read_tables
from .tensors import Tensors

SETTINGS = {
    "groups": ListOf(ListOf(integer(0, 2), 1, 3), 1, 3), "limit": integer(1, 2**30 - 1),
    "mean": integer(-(2**30), 2**30), "finer": integer(0, 16), "first": integer(-(2**12), 2**12),
}  # fmt: skip
STEPS, LOW, HIGH = (-25987, -868, 14466, 7266), 14252, 18835


class Wavelets(NamedTuple):
    """What codes arrays that are cut to tiles of lengths `t`."""

    t: Shape
    groups: list[list[int]]
    limit: int
    mean: int
    finer: int
    first: int
    steps: list[int]
    weights: np.ndarray
    tables: list[Table]

    def values(self, c: np.ndarray, quality: int) -> np.ndarray:
        """Return the values of coefficients in units of the decoder's output."""
        y = np.clip(c * self.steps[quality - 1], -(2**40), 2**40)
        for group in self.groups[::-1]:
            for lengths, halved in levels(c.shape, group)[::-1]:
                for axis in halved[::-1]:
                    box = tuple(slice(lengths.get(i)) for i in range(c.ndim))
                    y[box] = np.apply_along_axis(joined, axis, y[box])
        y = ((y + (2**self.finer >> 1)) >> self.finer) + self.mean
        return np.clip(y, -self.limit, self.limit)


def read_wavelets(decoding: dict[str, Any], tensors: Tensors, qualities: int) -> Wavelets:
    """Read what codes bricks and check it."""
    own, t = decoding["wavelets"], tuple(decoding["frame_shape"])
    need("prediction" not in decoding, "wavelets beside a prediction of windows")
    groups, a = own["groups"], len(t)
    need(
        1 <= a <= 3 and sorted(axis for group in groups for axis in group) == list(range(a)),
        "groups of other axes",
    )
    need(all(group == sorted(group) for group in groups), "a group that is not in order")
    need(abs(own["mean"]) <= own["limit"], "the mean is beyond the limit")
    check_output(decoding["normaliser"], own["limit"], t)
    steps = tensors.unpack("step", "int32", qualities)
    need(steps.min() >= 1 and steps.max() < 2**30, "a step is out of its range")
    features = 2 * len(groups) + 3 + a + (a - 1) + 1
    shape = (qualities, 2 ** (a + len(groups)), 2**a, features)
    weights = tensors.unpack("weights", "int32", *shape)
    need(weights.min() >= 0 and weights.max() < 2**20, "a weight is out of its range")
    (tables,) = read_tables(tensors.under("tables."), (1, None))
    return Wavelets(
        t, groups, own["limit"], own["mean"], own["finer"], own["first"], steps.tolist(),
        weights.astype(np.int64), tables,
    )  # fmt: skip


def decode_brick(payload: bytes, n: int, quality: int, own: Wavelets) -> np.ndarray:
    """Decode a brick of n tiles, (n, *t) int64."""
    cursor = Cursor(payload)
    s = tuple(cursor.varint() for _ in own.t)
    counts = [-(-size // length) for size, length in zip(s, own.t, strict=True)]
    need(math.prod(counts) == n, "a brick of another number of tiles")
    y = own.values(take_coefficients(Coder(cursor.rest()), s, own, quality), quality)
    tiles = np.empty((n, *own.t), np.int64)
    for i, place in enumerate(np.ndindex(*counts)):
        corner = np.array(place) * own.t
        for inside in np.ndindex(*own.t):
            tiles[(i, *inside)] = y[tuple(np.minimum(corner + inside, np.array(s) - 1))]
    return tiles


def take_coefficients(coder: Coder, s: Shape, own: Wavelets, quality: int) -> np.ndarray:
    """Decode the symbols of a brick, an array of its shape."""
    c, a, known = np.zeros(s, np.int64), len(s), dict[Name, np.ndarray]()
    for name, places in bands(s, own.groups):
        sizes = [len(each) for each in places]
        known[name] = m = np.zeros(sizes, np.int64)
        kind = sum(2 ** (a + g) for g, (level, _) in enumerate(name) if level)
        for group, (_, high) in zip(own.groups, name, strict=True):
            kind += sum(2**axis for bit, axis in enumerate(group) if high >> bit & 1)
        others = {key: each for key, each in known.items() if key != name}
        for phase in range(2**a):
            starts = [phase >> axis & 1 for axis in range(a)]
            at = list(product(*map(lambda start, n: range(start, n, 2), starts, sizes)))
            numbers = []
            for u in at:
                sums = [*features_of_others(name, others, u, sizes, own.groups), *around(m, u), 1]
                weights = own.weights[quality - 1, kind, phase].tolist()
                weights[-1] = max(weights[-1], 1)
                expected = sum(w * f for w, f in zip(weights, sums, strict=True))
                number = (log(int(expected)) - own.first + 8) // 16
                numbers.append(min(max(number, 0), len(own.tables) - 1))
            for number in sorted(set(numbers)):
                where = [u for u, its in zip(at, numbers, strict=True) if its == number]
                taken = coder.take([Group([0], [own.tables[number]])], 1, len(where))[:, 0]
                for u, value in zip(where, taken.tolist(), strict=True):
                    c[tuple(each[i] for each, i in zip(places, u, strict=True))] = value
            for u in at:
                value = c[tuple(each[i] for each, i in zip(places, u, strict=True))]
                m[u] = min(abs(int(value)), 2**15 - 1)
    coder.check_end()
    return c


def joined(row: np.ndarray) -> np.ndarray:
    """Undo one level of a row: low coefficients before high ones."""
    n = len(row)
    y = np.empty(n, np.int64)
    y[0::2] = (row[: (n + 1) // 2] * LOW + 2**13) >> 14
    y[1::2] = (row[(n + 1) // 2 :] * HIGH + 2**13) >> 14
    for step in (3, 2, 1, 0):
        for i in range(1 - step % 2, n, 2):
            left, right = abs(i - 1), i + 1 if i + 1 < n else i - 1
            y[i] -= (STEPS[step] * (y[left] + y[right]) + 2**13) >> 14
    return np.clip(y, -(2**40), 2**40)


def log(v: int) -> int:
    """Return about 32 times the logarithm to base 2."""
    b = 1 << v.bit_length() - 1
    return 32 * (v.bit_length() - 1) + 32 * (v - b) // b
