"""Whole numbers without loss, or in steps, pass by pass: series of several channels, and fields.

    places of a pass ──known neighbours, less their middle, by their spread──► network of the pass
       ──mean and scale──► logistic ──► distance from the mean ──► payload

All is in whole numbers. A middle c of the n_c nearest neighbours is kept as n_c c, distances from
it as n_c d, and the spread s of eight of them as their sum S = 8 n_c s; so nothing is divided but
n_c d by S, whose quotient is exact in float64.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from narrows.codec.checks import check_shape
from narrows.codec.levels.decisions import DecisionCoder
from narrows.codec.levels.lattice import Lattice, lattice_of, settings_of
from narrows.codec.levels.number_inputs import Inputs, Surroundings
from narrows.codec.levels.number_tables import N_CLASSES, Integers, code_distances
from narrows.codec.levels.pass_network import PassNetwork
from narrows.codec.levels.passes import PassOrder
from narrows.codec.networks.layers.contract import above, below
from narrows.errors import FormatError

if TYPE_CHECKING:
    from narrows.codec.levels.native.engine import LevelsEngine
    from narrows.codec.levels.native.numbers import CompiledNumbers

INPUT_LIMIT = 1024  # eight spreads, in 128ths
MEAN_UNIT_BITS = 10  # a mean is in 1024ths of the spread
MAX_MEAN = 1 << 13  # eight spreads
MIDDLE_CLASS = 20  # that a network's output of 0 stands for
MAX_NUMBER = 1 << 40
N_OUTPUTS = 2
ROWS_AT_ONCE = 1 << 15


Wanted = npt.NDArray[Any]
"""What numbers should be: whole numbers, or floats."""


class Starts(NamedTuple):
    """How the start places of a block are coded: classes of their distances, one a channel."""

    classes: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class NumberLevels:
    """The levels coder of a model for whole numbers.

    Attributes
    ----------
    order : PassOrder
    networks : sequence of PassNetwork
        One a pass that is not of the start. An archive may have other ones of its own.
    lattice : Lattice or None
        What the numbers stand for, where it is not themselves, and how far apart they are.
    engine : LevelsEngine or None
        What codes in numpy's place, where it can.

    Raises
    ------
    FormatError
        If the parts do not fit together.
    """

    order: PassOrder
    networks: Sequence[PassNetwork]
    lattice: Lattice | None = None
    engine: LevelsEngine | None = None

    def __post_init__(self) -> None:
        around = self.surroundings
        if len(self.networks) != len(around):
            raise FormatError(f"{len(self.networks)} networks for {len(around)} passes")
        for network, each in zip(self.networks, around, strict=True):
            shape = network.first.shape[1], len(network.second), len(network.bias)
            if shape != (each.n_inputs, N_OUTPUTS, 1) or network.input_limit != INPUT_LIMIT:
                raise FormatError(f"network of a pass from, to and with biases of {shape}")

    @cached_property
    def surroundings(self) -> list[Surroundings]:
        """What is known around the places of each pass but those of the start."""
        passes = [each for each in self.order.passes if not each.is_start]
        return [Surroundings(self.order, each, max(1, self.step // 4)) for each in passes]

    @property
    def step(self) -> int:
        """How far apart the numbers are that a place may come back as."""
        return 1 if self.lattice is None else self.lattice.units

    def with_networks(self, networks: Sequence[PassNetwork]) -> NumberLevels:
        """Return the coder with other networks, of the same shapes."""
        changed = copy(self)  # what is known around places is the same
        vars(changed).update(networks=networks)
        return changed

    @cached_property
    def compiled(self) -> CompiledNumbers | None:
        """Compiled code that codes the same; None where numpy does."""
        return None if self.engine is None else self.engine.compile_numbers(self)

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what cannot go to another process, and is of these networks alone."""
        state = {name: own for name, own in vars(self).items() if name != "compiled"}
        if self.engine is not None and vars(self).get("compiled") is not None:
            state["engine"] = self.engine.tried()
        return state

    def code(
        self, n: int, starts: Starts, coder: DecisionCoder, frames: Wanted | None = None
    ) -> Integers:
        """Code n frames of whole numbers, or what is nearest in steps, and return it, `(n, size)`.

        Parameters
        ----------
        n : int
        starts : Starts
        coder : DecisionCoder
        frames : (n, size) int64 or float64, optional
            The frames, where they are known: they are then told to the coder.
        """
        values = np.zeros((self.order.size, n), dtype=np.int64)
        for each in self.order.passes:
            if each.is_start:
                places = self.order.places(each)
                known = None if frames is None else frames[:, places].reshape(-1)
                self._code_start(places, starts.classes[each.channel], values, coder, known)
        for number, around in enumerate(self.surroundings):
            for part in around.parts(ROWS_AT_ONCE, n):
                self.code_part(number, part, values, coder, frames)
        return np.ascontiguousarray(values.T)

    def code_part(
        self, number: int, part: slice, values: Integers, coder: DecisionCoder,
        frames: Wanted | None,
    ) -> None:  # fmt: skip
        """Code some places of a pass of all frames, into `(size, n)` values."""
        around, step, truth = self.surroundings[number], self.step, None
        mean, classes = predicted(self.networks[number], around.inputs(values, part))
        places = around.places[part]
        if frames is not None:
            truth = steps_to(frames[:, places].T.reshape(-1) - (mean >> 3), step)
        fractions = mean & 7 if step == 1 else np.zeros_like(mean)
        distances = code_distances(classes, fractions, coder, truth)
        found = np.clip((mean >> 3) + step * distances, -MAX_NUMBER, MAX_NUMBER)
        values[places] = found.reshape(len(places), -1)

    def _code_start(
        self, places: npt.NDArray[np.intp], number: int, values: Integers, coder: DecisionCoder,
        known: Wanted | None,
    ) -> None:  # fmt: skip
        """Code start places, frame by frame, each as its distance from that of the frame before."""
        classes = np.full(places.size * values.shape[1], number)
        truth = None if known is None else np.diff(steps_to(known, self.step), prepend=0)
        distances = code_distances(classes, np.zeros_like(classes), coder, truth)
        found = np.clip(np.cumsum(distances) * self.step, -MAX_NUMBER, MAX_NUMBER)
        values[places] = found.reshape(values.shape[1], len(places)).T

    def settings(self) -> dict[str, Any]:
        """Return all of it but the tensors, as canonical JSON values."""
        return {**self.order.settings(), **settings_of(self.lattice)}

    def tensors(self) -> dict[str, npt.NDArray[Any]]:
        """Return the tensors by name."""
        found: dict[str, npt.NDArray[Any]] = {}
        for number, network in enumerate(self.networks):
            found |= above(f"{number}.", network.tensors())
        return found

    @classmethod
    def build(
        cls, settings: Mapping[str, Any], tensors: Mapping[str, npt.NDArray[Any]]
    ) -> NumberLevels:
        """Undo `settings()` and `tensors()`; FormatError where they do not fit together."""
        shape = check_shape(tuple(settings["shape"]), "shape of levels")
        places = ("n_channels", "start_stride", "origin")
        order = PassOrder(shape, **{name: settings[name] for name in places})
        n = sum(not each.is_start for each in order.passes)
        networks = [
            PassNetwork(**below(f"{number}.", tensors), input_limit=INPUT_LIMIT)
            for number in range(n)
        ]
        return cls(order, networks, lattice_of(settings))


def steps_to(distances: Wanted, step: int) -> Integers:
    """Return the whole number of steps nearest to each distance."""
    if distances.dtype.kind == "f":
        return np.rint(distances / step).astype(np.int64)
    return np.asarray((distances + step // 2) // step)


def predicted(network: PassNetwork, inputs: Inputs) -> tuple[Integers, Integers]:
    """Return the means of `(rows,)` numbers in eighths, and the classes of their scales."""
    outputs = network(inputs.x, np.zeros(0, np.intp), 0)
    return mean_and_class(outputs, inputs)


def mean_and_class(outputs: npt.NDArray[Any], inputs: Inputs) -> tuple[Integers, Integers]:
    """Return what `(2, rows)` outputs say: means in eighths, and classes of scales."""
    mean, scale = outputs
    move = np.clip(mean, -MAX_MEAN, MAX_MEAN).astype(np.int64)
    move *= inputs.spread
    move >>= MEAN_UNIT_BITS + inputs.middle_bits
    move += inputs.middle << 3 >> inputs.middle_bits
    classes = np.clip(scale + MIDDLE_CLASS, 0, N_CLASSES - 1).astype(np.int64)
    return move, classes
