"""Layers with gradients at their outputs."""

from dataclasses import replace

import numpy as np
from hypothesis import strategies as st

from narrows.codec.encoding.adjoints import taped
from narrows.codec.encoding.transposed import FEWEST_BITS
from narrows.codec.networks.layers import Conv, Dense, TransposedConv
from tests.helpers.layers import convolutions, dense_layers

SMALL = 2 ** (FEWEST_BITS - 1)  # gradients up to here, if they are whole, are never rounded
LIMIT = 2**30  # of inputs, more than there are
SEEDS = st.integers(0, 2**32 - 1)


@st.composite
def affine_layers(draw, kinds=(Dense, Conv, TransposedConv)):
    """A layer of random weights with any bias, shift and limit, and the shape of its inputs."""
    if Dense in kinds and (len(kinds) == 1 or draw(st.integers(0, 3)) == 0):
        layer = draw(dense_layers())
        shape = layer.weight.shape[:1]
    else:
        layer, x = draw(convolutions().filter(lambda case: isinstance(case[0], kinds)))
        shape = x.shape[1:]
    rng = np.random.default_rng(draw(SEEDS))
    most = draw(st.sampled_from([1, 60, 2**15 - 1]))
    weight = rng.integers(-most, most, layer.weight.shape, np.int16, endpoint=True)
    return replace(layer, weight=weight), shape


def seen_and_gradients(layer, shape, seed, n=3, most=SMALL):
    """Draw whole inputs of a layer, and whole gradients at its outputs."""
    rng = np.random.default_rng(seed)
    x = rng.integers(-100, 100, (n, *shape)).astype(np.float64)
    g = rng.integers(-most, most, (n, *layer.output_shape(shape)), endpoint=True)
    return x, g.astype(np.float64)


def flat(x):
    return x.reshape(len(x), -1)


def pulled(layer, g, x):
    """Pull the gradient at a layer's outputs back to its inputs `x`."""
    _, pull = taped(layer, x.shape[1:], np.float64, LIMIT)(x)
    return pull(g)


def small_dense(rng, n_inputs, n_outputs):
    weight = rng.integers(-3, 3, (n_inputs, n_outputs), dtype=np.int16, endpoint=True)
    return Dense(weight, rng.integers(-9, 9, n_outputs), 0, None)
