"""Some places of a pass, and what is known around them: what its weights are fitted to."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from narrows.codec.interpolation.adaptive import Integers
from narrows.codec.interpolation.native.walk import CompiledWalk
from narrows.codec.interpolation.prediction import Near, Surroundings
from narrows.codec.interpolation.sweep import Side
from narrows.codec.levels.passes import Indices

SAMPLE = 1 << 13  # elements that the weights of a pass are fitted to
RUNS = 32
PREFIXES = (0, 2, 4)  # so many groups may have weights, or all of their own, or all


class Sample(NamedTuple):
    """Which places of a pass, in runs that are spread evenly, and frames.

    Attributes
    ----------
    runs : list of (int, int)
        Where each run of places begins and ends.
    columns : (c,) int
        The frames.
    """

    runs: list[tuple[int, int]]
    columns: npt.NDArray[np.intp]

    @property
    def numbers(self) -> Indices:
        """The numbers of the places, `(m,)`."""
        return np.concatenate([np.arange(*run) for run in self.runs])

    def repeats(self, n_places: int, n_frames: int) -> int:
        """Return how many elements of a pass each of the sample stands for."""
        size = sum(stop - start for start, stop in self.runs) * len(self.columns)
        return max(1, n_places * n_frames // max(size, 1))

    def near(self, of: Surroundings | Side) -> Near:
        """Return what is known around the places."""
        runs = [of.near(*run) for run in self.runs]
        if len(runs) == 1:
            return runs[0]
        others = [
            (np.concatenate([run.others[c][0] for run in runs], axis=1),
             np.concatenate([run.others[c][1] for run in runs], axis=1))
            for c in range(len(runs[0].others))
        ]  # fmt: skip
        places = np.concatenate([run.places for run in runs])
        return Near(places, np.concatenate([run.own for run in runs], axis=1), others)


def sample_of(n_places: int, n_frames: int) -> Sample:
    """Choose a sample of the places of a pass in a block of frames."""
    columns = np.arange(0, n_frames, max(1, -(-n_frames * min(n_places, 64) // SAMPLE)))
    n = max(1, SAMPLE // len(columns))
    if n_places <= n:
        return Sample([(0, n_places)], columns)
    length = max(1, n // RUNS)
    starts = range(0, n_places - length, max(1, n_places * length // n))
    return Sample([(start, start + length) for start in starts], columns)


def prefixes_of(of: Surroundings | Side) -> list[int]:
    """Return how many of the first groups may have weights."""
    return sorted({*PREFIXES, of.n_nearer, of.n_weights})


class Seen(NamedTuple):
    """What is known around the m places of a sample, in its c frames.

    Attributes
    ----------
    places : (m,) int
        Flat indices.
    centre : (m, c) int64
    differences : (weights, m, c) int64
    hints : callable
        Returns, given weights, what tells how far off predictions will be: (hints, m, c) int64.
    """

    places: Indices
    centre: Integers
    differences: Integers
    hints: Callable[[Integers], Integers]


def seen_around(of: Surroundings, sample: Sample, known: Integers, missed: Integers) -> Seen:
    """Return what is known around a sample of a pass: numbers, and how far off they were."""
    near, columns = sample.near(of), sample.columns
    around = of.around(near, known[:, columns])
    differences = np.stack(list(around.differences(of.n_weights)))
    hints = np.stack(around.hints(missed[:, columns]))
    return Seen(near.places, around.centre, differences, lambda weights: hints)


def seen_by(compiled: CompiledWalk, of: Surroundings, sample: Sample) -> Seen:
    """Return the same by compiled code, of the numbers of its walk."""
    numbers = sample.numbers
    centre, differences, hints = compiled.seen(of, numbers, sample.columns)
    return Seen(of.all_places[numbers], centre, differences, lambda weights: hints)
