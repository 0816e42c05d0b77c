"""Chains of layers in pieces: programs of those that are proven to fit, and the others one by one.

A layer fits where every input is an int16 and every sum an int32, and where its frames are small
enough for several signals at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from math import prod
from typing import Any

import numpy as np

from narrows.codec.networks.backend import EXACT_FLOAT32, NUMPY, Array, Float, Shape, float_for
from narrows.codec.networks.layers import (
    Activation,
    Affine,
    Layer,
    Parallel,
    Reshape,
    Residual,
    Step,
    Table,
    TransposedConv,
)
from narrows.codec.networks.layers.contract import bounds_along, largest_array, shapes_along
from narrows.codec.networks.native.halves import MAX_INT16, halves
from narrows.codec.networks.native.program import ACTIVATIONS, WIDE, Description, Place

MAX_INT32 = 2**31 - 1
MAX_ELEMENTS = 1 << 18
"""Of an array of one frame: with more, a batch has fewer signals than a processor's lanes."""
MOST_ALONE = 4
"""Signals that are faster one by one than as a part of a block."""
N_BUFFERS = 3  # what goes in, what comes out, and what a residual layer keeps

Placed = tuple[Layer, Shape, int]
"""A layer with the shape and the largest absolute value of its inputs."""


def compile_native(
    layers: Sequence[Layer], shape: Shape, limit: int, native: Any, level: str
) -> list[Step]:
    """Return the steps that compute layers, one after the other.

    Parameters
    ----------
    layers : sequence of Layer
    shape : tuple of int
        Of one input.
    limit : int
        The largest absolute value of an input.
    native : module
        `narrows.codec._native`.
    level : str
        One of those of this processor.
    """
    steps, rest = list[Step](), placed(layers, shape, limit)
    while rest:
        piece = piece_of(rest)
        in_halves = None if piece is not None else _in_halves(rest)
        if in_halves is not None:
            halve, piece = in_halves
            steps.append(halve)
        if piece is not None:
            steps.append(piece.compile(native, level))
            rest = rest[piece.n_layers :]
        else:
            steps.append(_alone(*rest.pop(0), native, level))
    return steps


def placed(layers: Sequence[Layer], shape: Shape, limit: int) -> list[Placed]:
    """Return each layer with the shape and the limit of its inputs."""
    shapes, (_, limits) = shapes_along(layers, shape), bounds_along(layers, limit)
    return list(zip(layers, shapes[:-1], limits[:-1], strict=True))


def piece_of(rest: list[Placed]) -> Piece | None:
    """Return the program of the first of some layers, or None where numpy is to compute them."""
    _, shape, _ = rest[0]
    if largest_array([layer for layer, *_ in rest], shape) > MAX_ELEMENTS:
        return None
    piece = Piece(rest)
    return piece if piece.has_products else None


def _in_halves(rest: list[Placed]) -> tuple[Step, Piece] | None:
    """Return the step that halves inputs beyond int16, and the program that takes the halves."""
    halved = halves(*rest[0])
    if halved is None:
        return None
    halve, layer, shape = halved
    piece = piece_of(placed([layer, *(layer for layer, *_ in rest[1:])], shape, MAX_INT16))
    return None if piece is None else (halve, piece)


def _alone(layer: Layer, shape: Shape, limit: int, native: Any, level: str) -> Step:
    """Compile one layer for numpy, or the chains that it holds for themselves."""
    dtype = float_for(layer.magnitudes(limit)[0], NUMPY)
    if not isinstance(layer, Parallel):
        return layer.compile(NUMPY, dtype, limit)
    first, second = (
        _one_after_the_other(compile_native(chain, own, limit, native, level))
        for chain, own in layer.chains
    )
    return layer.joined(first, second, NUMPY, dtype)


def _one_after_the_other(steps: list[Step]) -> Step:
    def chain(x: Array) -> Array:
        for step in steps:
            x = step(x)
        return x

    return chain


# ---------------------------------------------------------------- what fits


def fits(layer: Layer, limit: int) -> bool:
    """Return whether a program can hold a layer, for inputs of at most `limit`."""
    peak, output = layer.magnitudes(limit)
    if isinstance(layer, Reshape):
        return True
    if limit > MAX_INT16:
        return False
    if isinstance(layer, Affine):
        return peak <= MAX_INT32 and _reaches_all(layer)
    if isinstance(layer, Residual):
        _, limits = bounds_along(layer.layers, limit)
        inner = zip(layer.layers, limits, strict=False)
        return max(limits) <= MAX_INT16 and all(fits(each, of_input) for each, of_input in inner)
    if isinstance(layer, Table):
        return output <= MAX_INT16
    return isinstance(layer, Activation)


def _reaches_all(layer: Affine) -> bool:
    """Return whether a window makes every output: a short kernel leaves some to the bias."""
    if not isinstance(layer, TransposedConv):
        return True
    return all(k >= stride for k, stride in zip(layer.kernel, layer.stride, strict=True))


def lie_alike(channels: int, others: int) -> bool:
    """Return whether an array lies in a buffer alike with either number of channels."""
    return channels == others or channels % 2 == others % 2 == 0


def channels_for(layers: Sequence[Layer], otherwise: int) -> int:
    """Return the number of channels a position that the first layer needs which has weights."""
    for layer in layers:
        if isinstance(layer, Affine):
            return int(layer.weight.shape[-2])
        if isinstance(layer, Residual):
            inner = channels_for(layer.layers, 0)
            if inner:
                return inner
    return otherwise


# ---------------------------------------------------------------- programs


class Piece:
    """The layers, from the first on, that one program holds.

    Parameters
    ----------
    rest : list of Placed
        The layers that are left of a chain, at least one.

    Attributes
    ----------
    n_layers : int
        How many it holds.
    has_products : bool
        Whether there is a layer with weights among them: others are better left to numpy.
    """

    def __init__(self, rest: list[Placed]) -> None:
        _, shape, self.input_limit = rest[0]
        elements = prod(shape)
        channels = channels_for([layer for layer, *_ in rest], shape[-1] if shape else 1)
        channels = channels if elements % channels == 0 else elements
        self.description = Description()
        self.source = self.at = Place(0, elements, channels)
        self.limit = self.input_limit
        last, last_shape, _ = rest[-1]
        output = last.output_shape(last_shape)
        self.n_layers = self._add(rest, output[-1] if output else 1, frozenset())
        self.has_products = any(
            isinstance(layer, Affine | Residual) for layer, *_ in rest[: self.n_layers]
        )
        if self.n_layers:
            last, last_shape, _ = rest[self.n_layers - 1]
            self.output_shape = last.output_shape(last_shape)

    def _add(self, rest: list[Placed], wanted: int, kept: frozenset[int]) -> int:
        """Add the layers that fit; return how many.

        Parameters
        ----------
        rest : list of Placed
        wanted : int
            The channels of a position, behind the last layer.
        kept : set of int
            Buffers that must not be written to.
        """
        number = 0
        while number < len(rest):
            layer, shape, limit = rest[number]
            behind = [each for each, *_ in rest[number + 1 :]]
            if not isinstance(layer, Reshape):
                if self.at.buffer == WIDE or not fits(layer, limit) or not self._lies_for(layer):
                    break
                self.limit = layer.magnitudes(limit)[1]
            if isinstance(layer, Affine):
                activation = ACTIVATIONS.get(behind[0].kind, 0) if behind else 0
                number += bool(activation)
                self._affine(layer, shape, activation, channels_for(behind, wanted), kept)
            elif isinstance(layer, Residual):
                self._residual(layer, shape, limit)
            elif isinstance(layer, Activation):
                source, self.at = self.at, self._target(self.at.elements, self.at.channels, kept)
                self.description.activation(layer, source, self.at)
            number += 1
        return number

    def _lies_for(self, layer: Layer) -> bool:
        """Return whether the array lies in its buffer as a layer needs it."""
        return lie_alike(self.at.channels, channels_for([layer], self.at.channels))

    def _target(self, elements: int, channels: int, kept: frozenset[int]) -> Place:
        """Return a place for results: wide, where they may not fit into int16."""
        if self.limit > MAX_INT16:
            return Place(WIDE, elements, channels)
        taken = {self.at.buffer, *kept}
        free = next(number for number in range(N_BUFFERS) if number not in taken)
        return Place(free, elements, channels)

    def _affine(
        self, layer: Affine, shape: Shape, activation: int, channels: int, kept: frozenset[int]
    ) -> None:
        elements = prod(layer.output_shape(shape))
        channels = channels if elements % channels == 0 else elements
        source = Place(self.at.buffer, self.at.elements, int(layer.weight.shape[-2]))
        self.at = self._target(elements, channels, kept)
        self.description.affine(layer, shape, source, self.at, activation)

    def _residual(self, layer: Residual, shape: Shape, limit: int) -> None:
        x, total = self.at, self.limit
        inner = placed(layer.layers, shape, limit)
        self._add(inner, x.channels, frozenset([x.buffer]))
        y = Place(self.at.buffer, x.elements, x.channels)
        self.limit = total
        self.at = self._target(x.elements, x.channels, frozenset([x.buffer, y.buffer]))
        self.description.add(x, y, self.at, layer.limit)

    def compile(self, native: Any, level: str, dtype: Float | None = None) -> Step:
        """Return the step that runs the program; `dtype`, of the results, must hold them."""
        dtype = dtype or (np.float32 if self.limit < EXACT_FLOAT32 else np.float64)
        arrays = self.description.arrays(self.source, self.at, self.input_limit)
        program, shape = native.make(level, *arrays), self.output_shape

        def run(of: Any, x: Array) -> Array:
            y = np.empty((len(x), *shape), dtype)
            native.run(of, x, y)
            return y

        @cache
        def alone() -> Any:
            """Return the program for few signals, made and tried where it is first used."""
            made, x = native.make(level, *arrays, True), self._inputs(dtype)
            return made if np.array_equal(run(made, x), run(program, x)) else program

        def piece(x: Array) -> Array:
            x = np.ascontiguousarray(x)
            if x.dtype not in (np.float32, np.float64):
                x = x.astype(np.float64)
            return run(alone() if len(x) <= MOST_ALONE else program, x)

        return piece

    def _inputs(self, dtype: Float) -> Array:
        """Return one signal that is all over the range of inputs."""
        elements, limit = self.source.elements, self.input_limit
        number = np.arange(elements) * 2654435761 % (2 * limit + 1) - limit
        return number.astype(dtype)[None]
