"""FORMAT.md, "Predicted tiles": from a payload to the decoder's integers."""

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from .affine import clip
from .conventions import Cursor, Shape, need
from .forms import ListOf, integer
from .networks import NETWORK, Chain
from .normaliser import check_output
from .payload import Coder, Group
from .tables import Table, read_tables
from .tensors import Tensors

SETTINGS = {
    "rim": integer(1, 2**28), "limit": integer(1, 2**30 - 1), "borders": ListOf(NETWORK, 1, 7),
    "weight": integer(0, 64), "prior": integer(1, 2**16), "first": integer(-(2**12), 2**12),
}  # fmt: skip


class Tiles(NamedTuple):
    """What predicts tiles of lengths `t`."""

    t: Shape
    h: int
    limit: int
    borders: list[Chain]
    weight: int
    prior: int
    first: int
    scale: np.ndarray
    magnitude: np.ndarray
    tables: list[Table]

    def rim(self, pattern: int) -> np.ndarray:
        """Return the places of the rim's elements, (m, a), for tiles of a pattern."""
        places = np.array(list(np.ndindex(*(length + self.h for length in self.t)))) - self.h
        missing = [axis for axis in range(len(self.t)) if not pattern >> axis & 1]
        return places[(places < 0).any(axis=1) & (places[:, missing] >= 0).all(axis=1)]

    def number(self, scale: np.ndarray) -> np.ndarray:
        """Return the numbers of the tables of some scales."""
        return np.clip((scale - self.first + 4) // 8, 0, len(self.tables) - 1)


def read_tiles(decoding: dict[str, Any], tensors: Tensors, qualities: int, k: int) -> Tiles:
    """Read a prediction of tiles and check it."""
    own, t = decoding["tiles"], tuple(decoding["frame_shape"])
    need("prediction" not in decoding, "a prediction of both windows and tiles")
    kinds = [layer["kind"] for layer in decoding["decoder"]["layers"]]
    need(kinds in (["dense"], ["dense", "reshape"]), "tiles with a decoder of other layers")
    need(1 <= len(t) <= 3 and own["rim"] <= min(t), "tiles of too many axes, or too wide a rim")
    need(len(own["borders"]) == 2 ** len(t) - 1, "borders for other neighbours")
    borders, h = [], own["rim"]
    for number, each in enumerate(own["borders"]):
        inputs, bound = tuple(each["input_shape"]), each["input_limit"]
        borders.append(Chain(each["layers"], inputs, bound, tensors.under(f"borders.{number}.")))
        has = [number + 1 >> axis & 1 for axis in range(len(t))]
        whole = math.prod(length + h * there for length, there in zip(t, has, strict=True))
        right = inputs == (whole - math.prod(t),) and borders[-1].shape == t
        need(right, "a prediction of other tiles, or from another rim")
        need(bound == own["limit"], "a border of another limit")
    check_output(decoding["normaliser"], own["limit"], t)
    scale = tensors.unpack("scale", "int32", qualities, 2 ** len(t), k)
    need(abs(scale).max() <= 2**12, "a scale is out of its range")
    (tables,) = read_tables(tensors.under("tables."), (1, None))
    magnitude = tensors.unpack("magnitude", "int32", len(tables))
    right = magnitude.min() >= 0 and magnitude.max() <= 256 * (2**15 - 1)
    need(right, "a magnitude is out of its range")
    return Tiles(
        t, h, own["limit"], borders, own["weight"], own["prior"], own["first"],
        scale.astype(np.int64), magnitude.astype(np.int64), tables,
    )  # fmt: skip


def decode_tiles(
    payload: bytes,
    n: int,
    quality: int,
    own: Tiles,
    decode: Callable[[np.ndarray], np.ndarray],
) -> np.ndarray:
    """Decode n tiles, (n, *t) int64; `decode` turns symbols into the decoder's integers."""
    cursor = Cursor(payload)
    last = [cursor.varint() for _ in own.t[1:]]
    need(math.prod(last) and n % math.prod(last) == 0, "tiles that make no brick")
    counts = (n // math.prod(last), *last)
    symbols = take_symbols(Coder(cursor.rest()), counts, own, own.scale[quality - 1])
    added = decode(symbols).reshape(n, *own.t)
    y = np.zeros([c * length + own.h for c, length in zip(counts, own.t, strict=True)], np.int64)
    places = list(np.ndindex(*counts))
    for i in (i for diagonal in diagonals(counts) for i in diagonal):
        corner, pattern = np.array(places[i]) * own.t + own.h, pattern_of(places[i])
        said: Any = 0
        if pattern:
            rim = y[tuple((own.rim(pattern) + corner).T)]
            said = own.borders[pattern - 1].run(rim[None]).reshape(own.t)
        inside = tuple(slice(at, at + size) for at, size in zip(corner, own.t, strict=True))
        y[inside] = clip(said + added[i], own.limit)
        added[i] = y[inside]
    return added


def pattern_of(place: Shape) -> int:
    """Return along which axes a tile has one before it."""
    return sum(2**axis for axis, at in enumerate(place) if at)


def diagonals(counts: Shape) -> Iterator[list[int]]:
    """Return the tiles of each sum of places."""
    sums = np.indices(counts).sum(axis=0).ravel()
    for total in range(int(sums.max()) + 1):
        yield np.flatnonzero(sums == total).tolist()


def take_symbols(coder: Coder, counts: Shape, own: Tiles, scale: np.ndarray) -> np.ndarray:
    """Decode the symbols of a brick, (n, k)."""
    n, k = math.prod(counts), scale.shape[1]
    numbers, places = np.arange(n).reshape(counts), list(np.ndindex(*counts))
    symbols, whole = np.zeros((n, k), np.int64), np.zeros((n, 2), np.int64)
    for tiles in diagonals(counts):
        sums, patterns = {}, {}
        for i in tiles:
            patterns[i] = pattern_of(places[i])
            units = np.eye(len(counts), dtype=int)[[axis for axis, p in enumerate(places[i]) if p]]
            before = [int(numbers[tuple(places[i] - unit)]) for unit in units]
            c, e = (whole[before] + 128).sum(axis=0).tolist()
            first = max(256 * own.prior * c // e, 1) if before else 256 * own.prior
            sums[i] = [first, 256 * own.prior]
        start = 0
        while start < k:
            part = slice(start, min(max(2 * start, 1), k))
            tables = {}
            for i in tiles:
                level = own.weight * (log(sums[i][0]) - log(sums[i][1])) >> 5
                tables[i] = own.number(scale[patterns[i], part] + level)
            for number in sorted({number for row in tables.values() for number in row.tolist()}):
                where = [(i, j) for i in tiles for j in np.flatnonzero(tables[i] == number)]
                group = Group([0], [own.tables[number]])
                for (i, j), value in zip(where, coder.take([group], 1, len(where)), strict=True):
                    symbols[i, start + j] = value[0]
            for i in tiles:
                magnitudes = np.minimum(abs(symbols[i, part]), 2**15 - 1)
                expected = own.magnitude[own.number(scale[patterns[i], part])]
                more = [256 * int(magnitudes.sum()), int(expected.sum())]
                whole[i] += more
                sums[i] = [a + b for a, b in zip(sums[i], more, strict=True)]
            start = part.stop
    coder.check_end()
    return symbols


def log(v: int) -> int:
    """Return about 32 times the logarithm to base 2."""
    b = 1 << v.bit_length() - 1
    return 32 * (v.bit_length() - 1) + 32 * (v - b) // b
