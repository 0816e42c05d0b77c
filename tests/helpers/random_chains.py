"""Chains of products and activations, drawn at random, that compiled code can go back through."""

from dataclasses import replace

import numpy as np

from narrows.codec.networks.layers import Affine, LeakyReLU, ReLU
from narrows.codec.networks.network import IntegerNetwork
from narrows.errors import NarrowsError
from tests.helpers.random_networks import chain, convolution, dense

LIMIT = 4095


def calm(rng, layer):
    """Give a layer weights that leave gradients nine bits and more."""
    if not isinstance(layer, Affine):
        return layer
    most = rng.choice([1, 5, 60])
    weight = rng.integers(-most, most, layer.weight.shape, np.int16, endpoint=True)
    bias = rng.integers(-500, 500, layer.bias.shape)
    return replace(layer, weight=weight, bias=bias, shift=int(rng.integers(9)), limit=LIMIT)


def random_chain(rng):
    """Draw a network of two to five products, most of them with an activation behind."""
    while True:
        try:
            network = drawn_chain(rng)
        except NarrowsError:
            continue
        if sum(isinstance(each, Affine) for each in network.layers) > 1:
            return network


def drawn_chain(rng):
    shape = tuple(int(rng.integers(1, 9)) for _ in range(rng.integers(1, 4)))
    layers = [calm(rng, each) for each in chain(rng, shape, 5, (dense, convolution))]
    products = [number for number, each in enumerate(layers) if isinstance(each, Affine)]
    for number in reversed(products[:-1]):
        kind = rng.integers(4)
        if kind:
            layers.insert(number + 1, ReLU() if kind == 1 else LeakyReLU())
    return IntegerNetwork(layers, shape, int(rng.choice([50, LIMIT, 2**15 - 1])))


def random_gradients(network, rng, n):
    """Draw gradients of any size at the outputs: some are 0, some are rounded up to a power of two.

    A tenth leaves the range of float32.
    """
    shape = (n, *(1,) * len(network.output_shape))
    g = rng.normal(size=(n, *network.output_shape)) * 2.0 ** rng.integers(-30, 30, shape)
    g[rng.integers(n)] = 0.0
    if rng.random() < 0.1:
        g *= 2.0 ** rng.choice([-400, -130, 60])
    if rng.random() < 0.1:
        g[rng.integers(n)] = 2.0 - 2.0**-30
    return g
