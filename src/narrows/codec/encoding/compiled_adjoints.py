"""The way back through a whole chain in compiled code: products and the activations behind them.

Two programs: one computes the chain and leaves what each layer made on a tape, the other goes back
along it (`native/pull.h`). Gradients are those of `narrows.codec.encoding.adjoints`, bit by bit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np

from narrows.codec.encoding.transposed import gradient_precision, transposed
from narrows.codec.networks.backend import EXACT_FLOAT32, Array
from narrows.codec.networks.layers import Affine, Layer, Reshape, Shape
from narrows.codec.networks.layers.contract import largest_array
from narrows.codec.networks.native.chains import (
    MAX_ELEMENTS,
    MOST_ALONE,
    channels_for,
    fits,
    placed,
)
from narrows.codec.networks.native.extension import extension
from narrows.codec.networks.native.halves import MAX_INT16
from narrows.codec.networks.native.program import ACTIVATIONS, WIDE, Description, Place

Pull = Callable[[Array], Array]
"""Makes the gradient at an input, `(n, *shape)`, of the gradient at an output."""

Taped = Callable[[Array], tuple[Array, Pull]]
"""Computes the output for `(n, *shape)` inputs, and the way back for exactly these inputs."""

MOST_LAYERS = 7  # whose outputs all have a buffer of their own, beside the input


class _Product(NamedTuple):
    """A layer with weights, and what goes into it and behind it; then how it is pulled back."""

    layer: Affine
    shape: Shape
    limit: int
    activation: int
    turned: Affine
    bits: int


def compiled_chain(
    layers: Sequence[Layer], shape: Shape, limit: int, level: str, in_steps: Taped
) -> Taped | None:
    """Compile a chain with the way back through it; None where it is not all products that fit.

    Parameters
    ----------
    layers : sequence of Layer
    shape : tuple of int
        Of one input.
    limit : int
        The largest absolute value of an input.
    level : str
        Of compiled code.
    in_steps : Taped
        The same, layer by layer: for few signals, and for gradients out of the range of float32.
    """
    products = _products(layers, shape, limit)
    if products is None:
        return None
    native, _ = extension()
    last = products[-1].layer
    largest = last.magnitudes(products[-1].limit)[1]
    ahead, seen = _ahead(products, largest)
    forward = native.make(level, *ahead)
    back = native.make(level, *_back(products, seen))
    dtype = np.float32 if largest < EXACT_FLOAT32 else np.float64
    output = _shape_behind(layers, shape)

    def taped(x: Array) -> tuple[Array, Pull]:
        if len(x) <= MOST_ALONE:
            return in_steps(x)
        x = np.ascontiguousarray(x if x.dtype.kind == "f" else x.astype(np.float64))
        y = np.empty((len(x), *output), dtype)
        tape = np.empty(native.tape_bytes(forward, len(x)), np.uint8)
        native.run(forward, x, y, tape)

        def pull(g: Array) -> Array:
            g, found = np.ascontiguousarray(g, np.float64), np.empty((len(g), *shape))
            if native.pull(back, forward, tape, g, found):
                return found.astype(np.float32)
            return in_steps(x)[1](g)

        return y, pull

    return taped


def _shape_behind(layers: Sequence[Layer], shape: Shape) -> Shape:
    for layer in layers:
        shape = layer.output_shape(shape)
    return shape


def _products(layers: Sequence[Layer], shape: Shape, limit: int) -> list[_Product] | None:
    """Return the products of a chain, each with its activation; None for one that does not fit."""
    if largest_array(layers, shape) > MAX_ELEMENTS:
        return None
    found = list[_Product]()
    rest = placed(layers, shape, limit)
    for number, (layer, own, largest) in enumerate(rest):
        is_behind = number > 0 and isinstance(rest[number - 1][0], Affine)
        if isinstance(layer, Reshape) or (layer.kind in ACTIVATIONS and is_behind):
            continue
        following = rest[number + 1][0].kind if number + 1 < len(rest) else ""
        product = _product(layer, own, largest, ACTIVATIONS.get(following, 0))
        if product is None:
            return None
        found.append(product)
    is_usual = 1 < len(found) <= MOST_LAYERS and not found[-1].activation
    return found if is_usual else None


def _product(layer: Layer, shape: Shape, limit: int, activation: int) -> _Product | None:
    if not isinstance(layer, Affine) or not fits(layer, limit):
        return None
    turned, _, prepare = transposed(layer, shape)
    bits, dtype = gradient_precision(turned.largest_sums)
    if prepare is not None or dtype is not np.float32:
        return None
    return (
        _Product(layer, shape, limit, activation, turned, bits)
        if fits(turned, min(1 << bits, MAX_INT16))
        else None
    )


def _ahead(products: list[_Product], largest: int) -> tuple[tuple[Any, ...], list[Place]]:
    """Describe the chain; return it, and where each product's outputs lie."""
    description, layers = Description(), [each.layer for each in products]
    source = at = Place(0, prod(products[0].shape), int(layers[0].weight.shape[-2]))
    seen = list[Place]()
    for number, (layer, shape, _, activation, *_) in enumerate(products):
        output = layer.output_shape(shape)
        channels = channels_for(layers[number + 1 :], output[-1])
        is_wide = number + 1 == len(products) and largest > MAX_INT16
        to = Place(WIDE if is_wide else number + 1, prod(output), channels)
        description.affine(layer, shape, at, to, activation)
        seen.append(to)
        at = to
    return description.arrays(source, at, products[0].limit), seen


def _back(products: list[_Product], seen: list[Place]) -> tuple[Any, ...]:
    """Describe the way back: products with turned weights, and what they pull back through."""
    description, buffer = Description(), 0
    source = at = _outputs_of(products[-1], buffer)
    for number in reversed(range(len(products))):
        layer, shape, *_, turned, _bits = products[number]
        wide = Place(WIDE, prod(shape), int(turned.weight.shape[-1]))
        description.affine(turned, layer.output_shape(shape), at, wide, 0)
        if number:
            before, buffer = products[number - 1], 1 - buffer
            at = _outputs_of(before, buffer)
            description.pull(seen[number - 1], at, before.activation, before.bits, layer.shift)
    last, first = products[0], products[-1]
    result = Place(WIDE, prod(last.shape), 1)
    return description.arrays(
        source, result, min(1 << first.bits, MAX_INT16), (first.bits, last.layer.shift)
    )


def _outputs_of(product: _Product, buffer: int) -> Place:
    """Return how gradients at the outputs of a product lie for its turned weights."""
    elements = prod(product.layer.output_shape(product.shape))
    return Place(buffer, elements, int(product.turned.weight.shape[-2]))
