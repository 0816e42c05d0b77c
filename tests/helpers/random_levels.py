"""Random networks of levels, of all shapes and sizes of weights, and frames for them."""

from dataclasses import replace

import numpy as np

from narrows.codec.encoding.level_payloads import DecisionWriter
from narrows.codec.levels.lattice import Lattice
from narrows.codec.levels.number_levels import Starts
from narrows.codec.levels.number_tables import N_CLASSES
from narrows.codec.levels.passes import PassOrder
from tests.helpers.level_models import random_levels, random_number_levels

N_FRAMES = (0, 1, 2, 3, 17, 40)


def random_order(rng):
    """Make an order of passes of 1 to 3 axes and 1 to 3 channels."""
    shape = tuple(int(size) for size in rng.integers(1, 14, rng.integers(1, 4)))
    start = 2 ** int(rng.integers(0, 4))
    origin = int(rng.integers(0, min(start, *shape)))
    return PassOrder(shape, int(rng.integers(1, 4)), start, origin)


def random_bytes(rng):
    """Make networks of bytes, and `(n, size)` frames."""
    order = random_order(rng)
    atoms = rng.permutation(256)[: rng.integers(1, 9)].tolist()
    lattice = None
    if rng.random() < 0.3:
        step = 2 * int(rng.integers(1, 20)) + 1
        lattice = Lattice(int(rng.integers(-(step // 2), step // 2 + 1)), step)
        atoms = rng.permutation(max(1, 256 // step))[: rng.integers(1, 9)].tolist()
    k, units = int(rng.integers(8, 49)), int(rng.integers(1, 40))
    levels = random_levels(order, atoms, units, k, int(rng.integers(1 << 30)), lattice)
    levels = replace(levels, networks=[_scaled(each, rng) for each in levels.networks])
    n = int(rng.choice(N_FRAMES))
    frames = rng.integers(0, 256, (n, order.size))
    frames = np.where(rng.random(frames.shape) < 0.5, rng.choice(atoms, frames.shape), frames)
    frames[rng.random(frames.shape) < rng.random()] = atoms[0]
    if lattice is not None:
        frames = np.minimum(frames, lattice.numbers(np.uint8(255)))
    return levels, frames.astype(np.uint8)


def random_numbers(rng):
    """Make networks of numbers, their starts, and `(n, size)` frames: whole, or in units."""
    order, lattice = random_order(rng), None
    if rng.random() < 0.6:
        whole = Lattice(5, 2 * int(rng.integers(1, 1000)) + 1), Lattice(0, 2**21 + 1)
        lattice = (*whole, Lattice(0.5, 0.25))[rng.integers(3)]
    levels = random_number_levels(order, int(rng.integers(1, 40)), int(rng.integers(99)), lattice)
    levels = levels.with_networks([_scaled(each, rng) for each in levels.networks])
    n = int(rng.choice(N_FRAMES))
    x = rng.normal(size=(n, order.size)).cumsum(axis=1) * 2.0 ** rng.integers(0, 30)
    x[rng.random(x.shape) < 0.01] *= 1e4
    x = np.clip(x, -(2.0**38), 2.0**38)
    frames = x if lattice is not None and not lattice.is_whole else np.rint(x).astype(np.int64)
    return levels, Starts(tuple(rng.integers(0, N_CLASSES, order.n_channels).tolist())), frames


def _scaled(network, rng):
    """Return a network with the weights of one layer scaled, to the ends of int16 at most."""
    scale = 2.0 ** rng.integers(0, 9)
    name = str(rng.choice(["first", "second", "bias", "second_bias"]))
    own = getattr(network, name)
    most = np.iinfo(own.dtype).max if own.dtype == np.int16 else 2**30
    moved = np.clip(own * scale, -most - (own.dtype == np.int16), most).astype(own.dtype)
    return replace(network, **{name: moved})


def coded_by_numpy(levels, frames, starts=None):
    """Return the payload, the shares, and what comes back."""
    writer = DecisionWriter()
    own = (len(frames), writer) if starts is None else (len(frames), starts, writer)
    found = levels.code(*own, frames)
    return writer.to_bytes(), list(writer.parts()), found


def string_by_numpy(levels, frame, starts=None):
    """Return the string of a packet of one frame, `(1, size)`, and what comes back."""
    writer = DecisionWriter()
    own = (1, writer) if starts is None else (1, starts, writer)
    found = levels.code(*own, frame)
    return writer.to_string(), found
