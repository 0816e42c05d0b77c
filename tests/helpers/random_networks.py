"""Networks of any layers and shapes, drawn at random, for one engine to be held against another."""

from math import prod

import numpy as np

from narrows.codec.networks.layers import (
    Conv,
    Dense,
    LeakyReLU,
    Parallel,
    ReLU,
    Reshape,
    Residual,
    Table,
    TransposedConv,
)
from narrows.codec.networks.network import IntegerNetwork
from narrows.errors import NarrowsError

WEIGHTS = (1, 5, 60, 900, 2**15 - 1)
LIMITS = (None, 7, 300, 2**12, 2**15 - 1, 2**15, 2**20, 2**31, 2**40)
SHIFTS = (0, 0, 1, 4, 9, 15, 31, 32, 52)
LARGEST = 4000  # elements of an array


def weights(rng, shape):
    """Weights of a random size: some all as large as int16 allows."""
    most = rng.choice(WEIGHTS)
    weight = rng.integers(-most - (most == WEIGHTS[-1]), most, shape, endpoint=True)
    if rng.random() < 0.15:
        weight = rng.choice([-most, most], shape)
    return weight.astype(np.int16)


def sums(rng, shape):
    """What all layers with weights have."""
    bias = rng.integers(-(2 ** rng.integers(1, 33)), 2 ** rng.integers(1, 33), shape[-1])
    limit = LIMITS[rng.integers(len(LIMITS))]
    return {
        "weight": weights(rng, shape),
        "bias": bias.astype(np.int64) // rng.choice([1, 2**20]),
        "shift": int(rng.choice(SHIFTS)),
        "limit": limit,
    }


def channels(rng):
    return int(rng.choice([1, 1, 2, 3, 4, 5, 6, 7, 8, 12, 13, 16, 26]))


def dense(rng, shape):
    return [Reshape((prod(shape),)), Dense(**sums(rng, (prod(shape), channels(rng))))]


def framed(rng, shape):
    """Make frames of 1 to 3 spatial axes of an array, if it is not one."""
    if 2 <= len(shape) <= 4 and rng.random() < 0.7:
        return [], shape
    size, sizes = prod(shape), []
    for _ in range(rng.integers(1, 4)):
        choices = [n for n in range(1, 15) if size % n == 0]
        sizes.append(int(rng.choice(choices)))
        size //= sizes[-1]
    return [Reshape((*sizes, size))], (*sizes, size)


def convolution(rng, shape):
    reshape, (*sizes, n_inputs) = framed(rng, shape)
    kernel = [int(rng.integers(1, 5)) for _ in sizes]
    stride = tuple(int(rng.integers(1, 4)) for _ in sizes)
    options = sums(rng, (*kernel, n_inputs, channels(rng))) | {"stride": stride}
    before = [int(rng.integers(k)) for k in kernel]
    if rng.random() < 0.5:
        size = tuple(
            max(1, (n - 1) * s + k - b - int(rng.integers(-2, 4)))
            for n, s, k, b in zip(sizes, stride, kernel, before, strict=True)
        )
        return [*reshape, TransposedConv(**options, before=tuple(before), size=size)]
    pairs = tuple((b, int(rng.integers(k))) for b, k in zip(before, kernel, strict=True))
    return [*reshape, Conv(**options, padding=pairs)]


def activation(rng, shape):
    if rng.random() < 0.6:
        return [LeakyReLU() if rng.random() < 0.7 else ReLU()]
    most = rng.choice([3, 200, 2**15 - 1, 2**16])
    values = rng.integers(-most, most, rng.integers(1, 300), endpoint=True).astype(np.int32)
    return [Table(values, int(rng.integers(-300, 100)), bool(rng.random() < 0.5))]


def residual(rng, shape):
    """A chain that keeps the shape, and its input beside it."""
    n = prod(shape)
    inner = [*dense(rng, shape), *activation(rng, shape)]
    hidden = len(inner[1].bias)
    inner += [Dense(**sums(rng, (hidden, n))), Reshape(shape)]
    if len(shape) in (2, 3) and rng.random() < 0.6:
        options = sums(rng, (*(3,) * (len(shape) - 1), shape[-1], shape[-1]))
        ends = {"stride": (1,) * (len(shape) - 1), "padding": ((1, 1),) * (len(shape) - 1)}
        inner = [*activation(rng, shape), Conv(**options, **ends)][rng.integers(2) :]
    return [Residual(tuple(inner), LIMITS[rng.integers(len(LIMITS))])]


def chain(rng, shape, n_layers, kinds):
    """Draw layers, one after the other, each for what the last one makes."""
    layers = []
    for _ in range(n_layers):
        made = kinds[rng.integers(len(kinds))](rng, shape)
        for layer in made:
            shape = layer.output_shape(shape)
        if prod(shape) > LARGEST:
            break
        layers += made
    return layers


KINDS = (dense, convolution, convolution, convolution, activation, activation, residual)


def parallel(rng, n):
    split = int(rng.integers(1, n))
    n_outputs = channels(rng)
    chains = []
    for width in (split, n - split):
        hidden = channels(rng)
        first = [Dense(**sums(rng, (width, hidden))), *activation(rng, (hidden,))]
        chains.append((*first, Dense(**sums(rng, (hidden, n_outputs)))))
    return [Parallel((split, n - split), *chains)]


def random_network(rng):
    """Draw a network whose arithmetic float64 has been proven to compute."""
    while True:
        shape = tuple(int(rng.integers(1, 9)) for _ in range(rng.integers(1, 4)))
        limit = int(rng.choice([1, 50, 2**8, 2**12, 2**15 - 1, 2**15, 2**18]))
        try:
            if rng.random() < 0.1 and prod(shape) > 1:
                layers = [Reshape((prod(shape),)), *parallel(rng, prod(shape))]
            else:
                layers = chain(rng, shape, rng.integers(1, 6), KINDS)
            return IntegerNetwork(layers, shape, limit)
        except NarrowsError:  # a layer without outputs, or sums that are too large
            continue


def random_inputs(network, rng):
    """Draw inputs of a network, some all at the ends of their range, in float32 or float64."""
    limit, shape = network.input_limit, network.input_shape
    n = int(rng.choice([1, 2, 15, 16, 17, 33]))
    x = rng.integers(-limit, limit, (n, *shape), endpoint=True)
    if rng.random() < 0.3:
        x = rng.choice([-limit, limit], (n, *shape))
    x = x.astype(rng.choice([np.float32, np.float64]))
    return np.asfortranarray(x) if rng.random() < 0.2 else x


def native_steps(compiled):
    """Return of each step whether it is a program of compiled code."""
    return [step.__qualname__.startswith("Piece.") for step in compiled.steps]
