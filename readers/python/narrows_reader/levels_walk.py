"""format/levels.md, "Prediction": the numbers of a block, pass by pass."""

from typing import NamedTuple

import numpy as np

from .conventions import need
from .levels_order import LOOKED_AT, Grid, Pass, groups, squares
from .levels_streams import Streams, class_of, first_counts

CENTRES = [1, 8, 32, 64, 96, 128, 160, 192, 224, 248, 254]
SPREADS = [1, 4, 12, 28, 52, 80, 120, 160, 200]
MOST = 2**39


class Weights(NamedTuple):
    """The shares of hints, and the weights of the first groups."""

    shares: list[int]
    groups: list[int]


class Walk:
    """The numbers of a block: known and missed, (elements, frames)."""

    def __init__(
        self, grid: Grid, n_frames: int, high: int, steps: list[int], streams: Streams
    ) -> None:
        """Begin with nothing known."""
        self.grid, self.high, self.steps, self.streams = grid, high, steps, streams
        size = int(np.prod(grid.shape)) * grid.channels
        self.known = np.zeros((size, n_frames), np.int64)
        self.missed, self.n_seen = np.zeros_like(self.known), 0
        self.counts = {table: first_counts(table) for table in range(38)}
        self.value_counts = {
            table: [1] * max(2, (high + steps[0] // 2) // steps[0] + 1)
            for table in range(121 if high < 256 else 0)
        }

    def start(self, start_class: int, has_values: bool) -> None:
        """Decode the start places."""
        n = self.known.shape[1]
        for channel, step in enumerate(self.steps):
            if has_values:
                values = self.streams.entries([120] * n, self.value_counts)
                self.known[channel] = np.array(values) * step
            else:
                distances = self.streams.distances([start_class] * n, self.counts)
                numbers = np.cumsum(np.array(distances, dtype=object)) * step
                self.known[channel] = [max(-MOST, min(MOST, number)) for number in numbers]
            self.n_seen += n

    def run(self, of: Pass, weights: Weights | None) -> None:
        """Decode the places of a pass; without weights, values."""
        grid, channel = self.grid, of.channel
        offsets = grid.offsets(of, channel)
        nearest = [i for i, offset in enumerate(offsets) if squares(offset) == squares(offsets[0])]
        own = grid.indices(of, offsets, channel)
        others = []
        for before in range(channel):
            into = grid.offsets(of, before)
            middle = grid.indices(of, offsets[: len(nearest)], before)
            others.append((grid.indices(of, into, before), middle, groups(into)))
        places = [grid.index(place, channel) for place in grid.places(of)]
        q, at = min(LOOKED_AT[grid.axes], len(offsets)), 0
        n_groups = len(groups(offsets)) + sum(len(each[2]) for each in others)
        need(weights is None or len(weights.groups) <= n_groups, "more weights than groups")
        while at < len(places):
            n = max(1, max(2**8, min(2**15, self.n_seen // 4)) // self.known.shape[1])
            part, x = slice(at, at + n), 16 * self.known[own[at : at + n]]
            c = mean(x[:, : len(nearest)])
            if weights is None:
                self.values(
                    places[part], np.abs(x[:, : min(8, q)] - c[:, None]).sum(axis=1), c, min(8, q)
                )
            else:
                total = 256 * c + 2**11
                rows = [(x, c, groups(offsets))]
                for index, middle, members in others:
                    rows.append(
                        (16 * self.known[index[part]], mean(16 * self.known[middle[part]]), members)
                    )
                flat = [(x, c, group) for x, c, members in rows for group in members]
                for weight, (values, centre, group) in zip(weights.groups, flat, strict=False):
                    total += weight * (values[:, group] - centre[:, None]).sum(axis=1)
                hints = [
                    np.abs(x[:, :q] - c[:, None]).sum(axis=1),
                    16 * self.missed[own[part, :q]].sum(axis=1),
                ]
                hints += [16 * q * self.missed[others[-1][0][part, 0]]] if others else []
                scale = sum(share * hint for share, hint in zip(weights.shares, hints, strict=True))
                expected = np.clip(total >> 12, 0, self.high)
                self.distances(
                    places[part],
                    expected,
                    scale // (16 * q * self.steps[channel]),
                    self.steps[channel],
                )
            self.n_seen += expected.size if weights is not None else c.size
            at += n

    def distances(
        self, places: list[int], expected: np.ndarray, scale: np.ndarray, step: int
    ) -> None:
        """Decode how far the numbers of places lie from what is expected."""
        classes = [class_of(each) for each in scale.reshape(-1).tolist()]
        found = np.array(self.streams.distances(classes, self.counts), np.int64).reshape(
            scale.shape
        )
        missed = np.clip(step * found, -MOST, MOST)
        self.known[places] = np.clip(expected + missed, -MOST, MOST)
        self.missed[places] = np.abs(missed)

    def values(self, places: list[int], spread: np.ndarray, c: np.ndarray, q: int) -> None:
        """Decode the numbers of places as they are."""
        top = 16 * max(self.high, 1)
        centre = np.searchsorted(CENTRES, (255 * c + top // 2) // top, "right")
        tables = 10 * centre + np.searchsorted(SPREADS, 510 * spread // (q * top), "right")
        found = self.streams.entries(tables.reshape(-1).tolist(), self.value_counts)
        self.known[places] = np.array(found).reshape(c.shape) * self.steps[0]


def mean(x: np.ndarray) -> np.ndarray:
    """Return the mean of numbers (places, k, frames), halves rounded up."""
    return (2 * x.sum(axis=1) + x.shape[1]) // (2 * x.shape[1])
