"""The description of a program: the numbers that `native/program.c` reads.

Integers of 64 bits: a head of 8, and 32 an operation. They refer to weights (int16) and to other
numbers (int32). Values between operations lie in numbered buffers of int16, results that may not
fit there in the wide buffer of int32.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.networks.layers import (
    Activation,
    Affine,
    Conv,
    LeakyReLU,
    ReLU,
    Shape,
    Table,
    TransposedConv,
)

AXES, HEAD, FIELDS = 3, 8, 32
WIDE = -1
AFFINE, POINTWISE, TABLE, ADD, PULL = range(5)
ACTIVATIONS = {LeakyReLU.kind: 1, ReLU.kind: 2}
NOT_CLIPPED = 0
MAX_SHIFT = 31  # it leaves -1 or 0 of an int32, as all larger ones do


@dataclass(frozen=True)
class Place:
    """Where an array lies: its buffer, its elements, and the channels of each position."""

    buffer: int
    elements: int
    channels: int

    @property
    def layout(self) -> list[int]:
        """Elements and channels."""
        return [self.elements, self.channels]


@dataclass(frozen=True)
class Window:
    """One product that slides over a frame: a layer, or the phases that share inputs.

    Attributes
    ----------
    weight : (taps, n_inputs, n_outputs) int16
    size, kernel, stride, before : three numbers
        Of the input's positions; a window begins at `j * stride - before`.
    place : (n_outputs,)
        The element of each output, at the first position.
    step : three numbers
        How many elements the next position is away.
    reach : (n_outputs, 3)
        How many positions have the output.
    bias : (n_outputs,)
    """

    weight: npt.NDArray[np.int16]
    size: Shape
    kernel: Shape
    stride: Shape
    before: Shape
    place: npt.NDArray[np.int64]
    step: Shape
    reach: npt.NDArray[np.int64]
    bias: npt.NDArray[np.int64]


@dataclass
class Description:
    """Operations, and the numbers that they refer to."""

    fields: list[list[int]] = field(default_factory=list)
    weights: list[npt.NDArray[np.int16]] = field(default_factory=list)
    numbers: list[npt.NDArray[np.int32]] = field(default_factory=list)

    def affine(
        self, layer: Affine, shape: Shape, source: Place, target: Place, activation: int
    ) -> None:
        """Add a dense layer or a convolution for inputs of `shape`, and an activation after it."""
        ends = [min(layer.shift, MAX_SHIFT), clip(layer.limit), activation]
        for window in windows(layer, shape):
            numbers = np.concatenate([window.bias, window.place, window.reach.ravel()])
            at = [sum(w.size for w in self.weights), sum(n.size for n in self.numbers)]
            self.weights.append(window.weight.ravel())
            self.numbers.append(numbers.astype(np.int32))
            counts = window.reach.max(axis=0).tolist()
            of_window = [*window.size, *window.kernel, *window.stride, *window.before]
            rest = [len(window.place), *of_window, *counts, *window.step, *ends, *at]
            self._add(AFFINE, source, source, target, rest)

    def activation(self, layer: Activation, source: Place, target: Place) -> None:
        """Add an activation."""
        if not isinstance(layer, Table):
            self._add(POINTWISE, source, source, target, [ACTIVATIONS[layer.kind], NOT_CLIPPED])
            return
        at = sum(n.size for n in self.numbers)
        self.numbers.append(layer.values)
        rest = [layer.low, layer.values.size, int(layer.identity_above), at]
        self._add(TABLE, source, source, target, rest)

    def add(self, first: Place, second: Place, target: Place, limit: int | None) -> None:
        """Add two arrays, and clip the sums."""
        self._add(ADD, first, second, target, [0, clip(limit)])

    def pull(self, seen: Place, target: Place, activation: int, bits: int, shift: int) -> None:
        """Take wide gradients back through an activation, whose results `seen` has on a tape.

        They become so many bits of the largest of each signal; `shift` is that of the layer whose
        weights they were multiplied by.
        """
        self._add(PULL, seen, seen, target, [activation, bits, shift])

    def _add(self, kind: int, first: Place, second: Place, to: Place, rest: list[int]) -> None:
        head = [kind, first.buffer, second.buffer, to.buffer, *first.layout, *to.layout]
        self.fields.append([*head, *rest, *[0] * (FIELDS - len(head) - len(rest))])

    def arrays(
        self, source: Place, result: Place, limit: int, ends: tuple[int, int] = (0, 0)
    ) -> tuple[npt.NDArray[Any], ...]:
        """Return the three arrays, for inputs of at most `limit` at `source`.

        `ends`, of a way back, are the bits that gradients are first rounded to, and the shift of
        the last layer.
        """
        head = [*source.layout, *result.layout, result.buffer, limit, *ends]
        weights = np.concatenate([np.zeros(0, np.int16), *self.weights])
        numbers = np.concatenate([np.zeros(0, np.int32), *self.numbers])
        operations = (number for fields in self.fields for number in fields)
        return np.array([*head, *operations], np.int64), weights, numbers


def clip(limit: int | None) -> int:
    """Return a limit as operations have it: 0 where no int32 is beyond it."""
    return limit if limit is not None and limit < 2**31 else NOT_CLIPPED


def windows(layer: Affine, shape: Shape) -> Iterator[Window]:
    """Return the products of a layer for inputs of `shape`."""
    if isinstance(layer, TransposedConv):
        yield from _phases(layer, shape)
        return
    ((weight, _),) = layer.matrices()
    n_outputs = weight.shape[1]
    places = np.arange(n_outputs)
    if not isinstance(layer, Conv):
        one = (1,) * AXES
        reach = np.ones((n_outputs, AXES), np.int64)
        yield Window(weight, one, one, one, (0,) * AXES, places, (0,) * AXES, reach, layer.bias)
        return
    counts = layer.output_shape(shape)[:-1]
    reach = np.tile(_three(counts, 1), (n_outputs, 1))
    before = tuple(pair[0] for pair in layer.padding)
    yield Window(
        weight, _three(shape[:-1], 1), _three(layer.kernel, 1), _three(layer.stride, 1),
        _three(before, 0), places, _three(_planes(counts, n_outputs), 0), reach, layer.bias,
    )  # fmt: skip


def _phases(layer: TransposedConv, shape: Shape) -> Iterator[Window]:
    """Return one product for each group of phases that share inputs: of stride 1."""
    planes, channels = _planes(layer.size, layer.n_outputs), np.arange(layer.n_outputs)
    for groups in layer.groups():
        weight, _ = layer.matrix_of(groups)
        phases = np.stack(np.meshgrid(*(group.phases for group in groups), indexing="ij"), axis=-1)
        phases = phases.reshape(-1, layer.n_axes).repeat(layer.n_outputs, axis=0)  # (outputs, axes)
        place = phases @ np.array(planes) + np.tile(channels, len(phases) // layer.n_outputs)
        reach = -((phases - np.array(layer.size)) // np.array(layer.stride))  # rounded up
        inside = (reach > 0).all(axis=1)
        if not inside.any():
            continue
        step = tuple(plane * s for plane, s in zip(planes, layer.stride, strict=True))
        yield Window(
            np.ascontiguousarray(weight[:, inside]),
            _three(shape[:-1], 1),
            _three(tuple(len(group.offsets) for group in groups), 1),
            (1,) * AXES,
            _three(tuple(-group.offsets[0] for group in groups), 0),
            place[inside],
            _three(step, 0),
            np.array([_three(tuple(each), 1) for each in reach[inside].tolist()]),
            np.tile(layer.bias, len(phases) // layer.n_outputs)[inside],
        )


def _planes(sizes: Shape, channels: int) -> Shape:
    """Return how many elements apart neighbours of each axis are."""
    return tuple(prod(sizes[axis + 1 :]) * channels for axis in range(len(sizes)))


def _three(numbers: Shape, missing: int) -> Shape:
    """Return three numbers: those of the axes, behind `missing` for axes that are not there."""
    return (*(missing,) * (AXES - len(numbers)), *numbers)
