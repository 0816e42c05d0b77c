"""The layers of the way back: products with turned weights, and the bits of what they multiply."""

from __future__ import annotations

from typing import Any

import numpy as np

from narrows.codec.networks.backend import EXACT_FLOAT32, NUMPY, Float
from narrows.codec.networks.layers import Affine, Conv, Dense, Shape, Step, TransposedConv
from narrows.codec.networks.layers.sliding import zeros_around

GRADIENT_BITS, FEWEST_BITS = 15, 9  # of a gradient; with fewer, sums stay in float32


def transposed(layer: Affine, shape: Shape) -> tuple[Affine, Shape, Step | None]:
    """Return the layer whose products are the transpose of this one's, for inputs of `shape`.

    And the shape of its input, and the function that makes it from `(n, *output_shape)` gradients,
    if these are not it.
    """
    output = layer.output_shape(shape)
    weight = np.ascontiguousarray(layer.weight.swapaxes(-1, -2))
    bias = np.zeros(weight.shape[-1], dtype=np.int64)
    turned: dict[str, Any] = {"weight": weight, "bias": bias, "shift": 0, "limit": None}
    if isinstance(layer, Conv):
        before = tuple(pair[0] for pair in layer.padding)
        spread = TransposedConv(**turned, stride=layer.stride, before=before, size=shape[:-1])
        return spread, output, None
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
            return Conv(**turned, stride=layer.stride, padding=pads), output, None
        gathered = Conv(**turned, stride=layer.stride, padding=((0, 0),) * layer.n_axes)
        return gathered, room, lambda g: zeros_around(layer.before, room, NUMPY)(g, g.dtype.type)
    return Dense(**turned), output, None


def gradient_precision(largest_sums: list[int]) -> tuple[int, Float]:
    """Choose the bits of gradients, and the type in which sums of their products are exact."""
    for number, largest in enumerate(largest_sums):
        bits = min(GRADIENT_BITS, (EXACT_FLOAT32 - 1).bit_length() - max(largest, 1).bit_length())
        if bits >= FEWEST_BITS:
            return bits, np.float32 if number == 0 else np.float64
    return GRADIENT_BITS, np.float64
