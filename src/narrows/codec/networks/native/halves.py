"""Inputs of more than 16 bits in two halves, so that programs can take the first layer too.

With x = 2**s h + l, l from 0 to 2**s - 1, the sums of a layer are those of twice as many inputs:

    x @ w = h @ (2**s w) + l @ w

They are the same numbers; only the products are others, which fit int16 where 2**s w does.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from narrows.codec.networks.backend import Array, Shape
from narrows.codec.networks.layers import Affine, Layer, Step

MAX_INT16 = 2**15 - 1


def halves(layer: Layer, shape: Shape, limit: int) -> tuple[Step, Affine, Shape] | None:
    """Return how to halve inputs of at most `limit`, the layer that takes these, and their shape.

    None where inputs fit as they are, or cannot be halved.
    """
    bits = max(0, limit.bit_length() - 15)
    bits += (limit >> bits) >= MAX_INT16  # rounding down makes one more of what is below 0
    if not isinstance(layer, Affine) or not bits or limit <= MAX_INT16:
        return None
    if int(np.abs(layer.weight.astype(np.int64)).max()) << bits > MAX_INT16:
        return None
    weight = layer.weight.repeat(2, axis=-2)  # (..., n_inputs, n_outputs)
    weight[..., ::2, :] <<= bits
    own, up, down = (*shape[:-1], 2 * shape[-1]), 2.0**bits, 2.0**-bits

    def halve(x: Array) -> Array:
        x = x if x.dtype.kind == "f" else x.astype(np.float64)
        both = np.empty((*x.shape, 2), x.dtype)
        high, low = both[..., 0], both[..., 1]
        np.floor(np.multiply(x, down, out=high), out=high)
        np.subtract(x, high * up, out=low)
        return both.reshape(len(x), *own)

    return halve, replace(layer, weight=weight), own
