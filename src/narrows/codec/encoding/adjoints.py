"""The way back through exact layers: one rule a kind, beside the layers, for encoders alone.

`taped(layer, ...)` computes a layer and returns, with its output, the function that pulls a
gradient back through it. Floors and clips count as straight lines. Gradients are exact to the bit,
as everything here: a row, which is one signal's, holds multiples of one power of two.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import singledispatch

import numpy as np

from narrows.codec.encoding.compiled_adjoints import Pull, Taped, compiled_chain
from narrows.codec.encoding.transposed import gradient_precision, transposed
from narrows.codec.networks.backend import NUMPY, Array, Float
from narrows.codec.networks.engines import REFERENCE, Engine, NativeEngine
from narrows.codec.networks.layers import (
    Activation,
    Affine,
    Layer,
    LeakyReLU,
    Parallel,
    ReLU,
    Reshape,
    Residual,
    Shape,
    Table,
)
from narrows.codec.networks.layers.contract import planned, shapes_along

SLOPE_BITS = 9  # of a table's entries, 1 / 2**9 on either side give a slope


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
    in_steps = _in_steps(layers, shape, limit, engine)
    if not isinstance(engine, NativeEngine):
        return in_steps
    return compiled_chain(layers, shape, limit, engine.level, in_steps) or in_steps


def _in_steps(layers: Sequence[Layer], shape: Shape, limit: int, engine: Engine) -> Taped:
    """Compile each layer for itself."""
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
    turned, turned_shape, prepare = transposed(layer, shape)
    bits, gradient_dtype = gradient_precision(turned.largest_sums)
    multiply = engine.compile_layer(turned, turned_shape, gradient_dtype, 1 << bits)
    down = 2.0**-layer.shift

    def pull(g: Array) -> Array:
        whole, unit = rounded(g, bits)
        y = multiply(whole if prepare is None else prepare(whole)).reshape(len(g), *shape)
        y *= (unit * down).reshape(len(g), *(1,) * len(shape)).astype(y.dtype)
        return y

    return lambda x: (step(x), pull)


def rounded(g: Array, bits: int) -> tuple[Array, Array]:
    """Round each signal's gradient, `(n, ...)`, to so many bits of its largest: exact anywhere.

    A gradient is 0 where it, or what it is a multiple of, is beyond what its type holds: no engine
    is given what is no number.

    Returns
    -------
    whole, unit : (n, ...) and (n, 1, ...)
        Whole numbers of at most 2**bits, and of what they are multiples: powers of two.
    """
    axes = tuple(range(1, g.ndim))
    largest = np.maximum(g.max(axis=axes, keepdims=True), -g.min(axis=axes, keepdims=True))
    _, exponent = np.frexp(largest)
    unit = np.ldexp(np.float64(1.0), exponent - bits).astype(g.dtype)
    is_beyond = ~(np.isfinite(largest) & np.isfinite(unit) & (unit > 0.0))
    if is_beyond.any():
        g, unit = (
            np.where(is_beyond, g.dtype.type(0), g),
            np.where(is_beyond, g.dtype.type(1), unit),
        )
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
