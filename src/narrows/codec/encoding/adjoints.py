"""The way back through exact layers: one rule a kind, beside the layers, for encoders alone.

`taped(layer, ...)` computes a layer and returns, with its output, the function that pulls a
gradient back through it. Floors and clips count as straight lines. Gradients are exact to the bit,
as everything here: a row, which is one signal's, holds multiples of one power of two.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import singledispatch
from typing import Any

import numpy as np

from narrows.codec.networks.backend import EXACT_FLOAT32, NUMPY, Array, Float
from narrows.codec.networks.engines import REFERENCE, Engine
from narrows.codec.networks.layers import (
    Activation,
    Affine,
    Conv,
    Dense,
    Layer,
    LeakyReLU,
    Parallel,
    ReLU,
    Reshape,
    Residual,
    Shape,
    Step,
    Table,
    TransposedConv,
)
from narrows.codec.networks.layers.contract import planned, shapes_along
from narrows.codec.networks.layers.sliding import zeros_around

GRADIENT_BITS, FEWEST_BITS = 15, 9  # of a gradient; with fewer, sums stay in float32
SLOPE_BITS = 9  # of a table's entries, 1 / 2**9 on either side give a slope

Pull = Callable[[Array], Array]
"""Makes the gradient at an input, `(n, *shape)`, of the gradient at an output."""

Taped = Callable[[Array], tuple[Array, Pull]]
"""Computes the output for `(n, *shape)` inputs, and the way back for exactly these inputs."""


def taped_chain(
    layers: Sequence[Layer], shape: Shape, limit: int, engine: Engine = REFERENCE
) -> Taped:
    """Compile layers, one after the other, with the way back through all of them.

    Parameters
    ----------
    layers : sequence of Layer
    shape : tuple of int
        Of one input.
    limit : int
        The largest absolute value of an input.
    engine : Engine, optional
        One with arrays of numpy; the reference by default.
    """
    shapes = shapes_along(layers, shape)
    steps = [
        taped(layer, shape, dtype, limit, engine)
        for (layer, dtype, limit), shape in zip(planned(layers, limit, NUMPY), shapes, strict=False)
    ]

    @np.errstate(invalid="ignore")  # see CompiledNetwork
    def forward(x: Array) -> tuple[Array, Pull]:
        pulls: list[Pull] = []
        for step in steps:
            x, pull = step(x)
            pulls.append(pull)

        @np.errstate(invalid="ignore")
        def back(g: Array) -> Array:
            for pull in reversed(pulls):
                g = pull(g)
            return g

        return x, back

    return forward


@singledispatch
def taped(
    layer: Layer, shape: Shape, dtype: Float, limit: int, engine: Engine = REFERENCE
) -> Taped:
    """Compile a layer, with the way back through it.

    Parameters
    ----------
    layer : Layer
    shape : tuple of int
        Of one input.
    dtype, limit
        See `Layer.compile`.
    engine : Engine, optional
        One with arrays of numpy.
    """
    raise TypeError(f"there is no rule for gradients of {layer.kind} layers")


# ---------------------------------------------------------------- weights


@taped.register
def _(layer: Affine, shape: Shape, dtype: Float, limit: int, engine: Engine = REFERENCE) -> Taped:
    step = engine.compile_layer(layer, shape, dtype, limit)
    turned, turned_shape, prepare = _transpose(layer, shape)
    bits, gradient_dtype = gradient_precision(turned.largest_sums)
    multiply = engine.compile_layer(turned, turned_shape, gradient_dtype, 1 << bits)
    down = 2.0**-layer.shift

    def pull(g: Array) -> Array:
        whole, unit = rounded(g, bits)
        y = multiply(prepare(whole)).reshape(len(g), *shape)
        y *= (unit * down).reshape(len(g), *(1,) * len(shape)).astype(y.dtype)
        return y

    return lambda x: (step(x), pull)


def _transpose(layer: Affine, shape: Shape) -> tuple[Affine, Shape, Step]:
    """Return the layer whose products are the transpose of this one's, for inputs of `shape`.

    And the shape of its input, and the function that makes it from `(n, *output_shape)` gradients.
    """
    output = layer.output_shape(shape)
    weight = np.ascontiguousarray(layer.weight.swapaxes(-1, -2))
    bias = np.zeros(weight.shape[-1], dtype=np.int64)
    turned: dict[str, Any] = {"weight": weight, "bias": bias, "shift": 0, "limit": None}
    if isinstance(layer, Conv):
        before = tuple(pair[0] for pair in layer.padding)
        spread = TransposedConv(**turned, stride=layer.stride, before=before, size=shape[:-1])
        return spread, output, lambda g: g
    if isinstance(layer, TransposedConv):
        reached = (
            (n - 1) * stride + k
            for n, stride, k in zip(shape, layer.stride, layer.kernel, strict=False)
        )
        room = (*reached, layer.n_outputs)
        pads = tuple(
            (before, n - before - size)
            for before, n, size in zip(layer.before, room, layer.size, strict=False)
        )
        if all(0 <= after < k for (_, after), k in zip(pads, layer.kernel, strict=True)):
            return Conv(**turned, stride=layer.stride, padding=pads), output, lambda g: g
        gathered = Conv(**turned, stride=layer.stride, padding=((0, 0),) * layer.n_axes)
        return gathered, room, lambda g: zeros_around(layer.before, room, NUMPY)(g, g.dtype.type)
    return Dense(**turned), output, lambda g: g


def gradient_precision(largest_sums: list[int]) -> tuple[int, Float]:
    """Choose the bits of gradients, and the type in which sums of their products are exact."""
    for number, largest in enumerate(largest_sums):
        bits = min(GRADIENT_BITS, (EXACT_FLOAT32 - 1).bit_length() - max(largest, 1).bit_length())
        if bits >= FEWEST_BITS:
            return bits, np.float32 if number == 0 else np.float64
    return GRADIENT_BITS, np.float64


def rounded(g: Array, bits: int) -> tuple[Array, Array]:
    """Round each signal's gradient, `(n, ...)`, to so many bits of its largest: exact anywhere.

    Returns
    -------
    whole, unit : (n, ...) and (n, 1, ...)
        Whole numbers of at most 2**bits, and of what they are multiples: powers of two.
    """
    axes = tuple(range(1, g.ndim))
    largest = np.maximum(g.max(axis=axes, keepdims=True), -g.min(axis=axes, keepdims=True))
    _, exponent = np.frexp(largest)
    unit = np.ldexp(np.float64(1.0), exponent - bits).astype(g.dtype)
    y = g / unit
    return np.rint(y, out=y), unit


# ---------------------------------------------------------------- activations and shapes


@taped.register
def _(
    layer: Activation, shape: Shape, dtype: Float, limit: int, engine: Engine = REFERENCE
) -> Taped:
    step = layer.compile(NUMPY, dtype, limit)
    return lambda x: (step(x), lambda g: g * slope(layer, x, g.dtype))


@singledispatch
def slope(layer: Activation, x: Array, dtype: Float) -> Array:
    """Return the slopes of an activation at its inputs `x`."""
    raise TypeError(f"there is no rule for slopes of {layer.kind} layers")


@slope.register
def _(layer: LeakyReLU, x: Array, dtype: Float) -> Array:
    # -1 below 0, else 0: x is a whole number. Eight times as fast as np.where.
    slopes = np.clip(x, -1, 0).astype(dtype, copy=False)
    slopes *= 0.875
    slopes += 1.0
    return slopes


@slope.register
def _(layer: ReLU, x: Array, dtype: Float) -> Array:
    return x > 0


@slope.register
def _(layer: Table, x: Array, dtype: Float) -> Array:
    # Slopes are taken over some entries: from one to the next they are 0 or 1.
    last = layer.values.size - 1
    reach = 1 << max(0, last.bit_length() - SLOPE_BITS)

    def value(x: Array) -> Array:
        at = (x - layer.low).astype(np.int64)
        y = layer.values[np.clip(at, 0, last)].astype(np.float64)
        return np.where(at > last, x, y) if layer.identity_above else y

    slopes = (value(x + reach) - value(x - reach)) / (2 * reach)
    return np.where(x > layer.low + last, 1.0, slopes) if layer.identity_above else slopes


@taped.register
def _(layer: Reshape, shape: Shape, dtype: Float, limit: int, engine: Engine = REFERENCE) -> Taped:
    step = layer.compile(NUMPY, dtype, limit)
    return lambda x: (step(x), lambda g: g.reshape(len(g), *shape))


# ---------------------------------------------------------------- layers of layers


@taped.register
def _(layer: Residual, shape: Shape, dtype: Float, limit: int, engine: Engine = REFERENCE) -> Taped:
    inner = taped_chain(layer.layers, shape, limit, engine)

    def forward(x: Array) -> tuple[Array, Pull]:
        y, pull = inner(x)
        return layer.joined(x, y, NUMPY, dtype), lambda g: g + pull(g)

    return forward


@taped.register
def _(layer: Parallel, shape: Shape, dtype: Float, limit: int, engine: Engine = REFERENCE) -> Taped:
    first, second = (taped_chain(chain, own, limit, engine) for chain, own in layer.chains)
    n, n_second = layer.split
    at_zero = second(np.zeros((1, n_second)))

    def forward(x: Array) -> tuple[Array, Pull]:
        y, pull_first = first(x[:, :n])
        rest = x[:, n:]
        z, pull_second = second(rest) if rest.any() else at_zero

        def pull(g: Array) -> Array:
            return np.concatenate([pull_first(g), pull_second(g)], axis=1)

        return NUMPY.cast(y, dtype) + z, pull

    return forward
