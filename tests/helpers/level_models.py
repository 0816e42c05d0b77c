"""Small random coders of levels, made without training and without torch."""

from dataclasses import replace

import numpy as np

from narrows.codec.codec import Codec
from narrows.codec.entropy.counting import to_integers
from narrows.codec.levels.byte_heads import N_LOGISTICS
from narrows.codec.levels.byte_inputs import INPUT_ONE, n_inputs
from narrows.codec.levels.byte_levels import N_QUIET, ByteLevels
from narrows.codec.levels.number_inputs import Surroundings
from narrows.codec.levels.number_levels import INPUT_LIMIT, N_OUTPUTS, NumberLevels
from narrows.codec.levels.pass_network import PassNetwork
from narrows.codec.levels.passes import PassOrder
from tests.helpers.tiny_models import right_answers, tiny_model

SHAPE = (9, 6)


def random_levels(order, atoms=(0, 253, 255), units=3, k=8, seed=0, lattice=None):
    """Return a levels coder for bytes whose networks are drawn at random."""
    rng = np.random.default_rng(seed)
    networks = [
        random_network(rng, n_inputs(k, atoms), len(order.places(each)), len(atoms), units)
        for each in order.passes
    ]
    quiet = rng.integers(8, N_QUIET, order.size).astype(np.uint8)
    loud = to_integers(rng.random(256) + 0.01).astype(np.int32)
    return ByteLevels(order, k, tuple(atoms), networks, quiet, loud, lattice)


def random_network(rng, n_in, n_places, n_atoms, units):
    n_out = n_atoms + 3 * N_LOGISTICS
    return PassNetwork(
        rng.integers(-200, 200, (units, n_in)).astype(np.int16),
        rng.integers(-500, 500, (n_places, units)).astype(np.int32),
        rng.integers(-300, 300, (n_out, units)).astype(np.int16),
        rng.integers(-50000, 50000, n_out).astype(np.int32),
        INPUT_ONE,
    )


def blobs(shape, n, seed=0):
    """Return `(n, size)` smooth uint8 frames with a background of 0, and saturated values."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, *shape))
    for axis in range(1, x.ndim):
        x = x + np.roll(x, 1, axis) + np.roll(x, 2, axis)
    x *= 120 / x.std()
    return np.clip(x + 60, 0, 255).astype(np.uint8).reshape(n, -1)


def random_number_levels(order, units=3, seed=0, lattice=None):
    """Return a levels coder for whole numbers whose networks are drawn at random."""
    rng = np.random.default_rng(seed)
    passes = [each for each in order.passes if not each.is_start]
    networks = [
        PassNetwork(
            rng.integers(-90, 90, (units, Surroundings(order, each).n_inputs)).astype(np.int16),
            rng.integers(-300, 300, (1, units)).astype(np.int32),
            rng.integers(-600, 600, (N_OUTPUTS, units)).astype(np.int16),
            rng.integers(-9000, 9000, N_OUTPUTS).astype(np.int32),
            INPUT_LIMIT,
        )
        for each in passes
    ]
    return NumberLevels(order, networks, lattice)


def waves(order, n, seed=0):
    """Return `(n, size)` whole numbers, smooth along the last axis, with some noise."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, *order.shape, order.n_channels)).cumsum(axis=-2) * 9
    return np.rint(x + rng.normal(size=x.shape)).astype(np.int64).reshape(n, -1)


def codec_with_levels(dtype, lattice=None):
    """Return a codec for frames of 9 x 6 whose networks of levels are drawn at random."""
    order = PassOrder(SHAPE, start_stride=8)
    if dtype == "uint8":
        atoms = (0, 253, 255) if lattice is None else (0, 1, 2)
        levels = random_levels(order, atoms, lattice=lattice)
    else:
        levels = random_number_levels(order, lattice=lattice)
    model = replace(tiny_model(dtype, SHAPE, 3), levels=levels)
    return Codec(replace(model, known_answers=right_answers(model)))


def signals_for_levels(dtype, n=5):
    """Return signals of which such networks make fewer bytes than there are."""
    x = waves(PassOrder(SHAPE, start_stride=8), n).astype(dtype)
    if dtype == "uint8":
        x = blobs(SHAPE, n) // 200 * 253
        x[1:] = 0
    return x.reshape(n, *SHAPE)


def let_networks_code(monkeypatch):
    """Let nothing else be tried where a model has networks of levels."""
    folder = "narrows.codec.encoding.guaranteed_blocks"
    monkeypatch.setattr(f"{folder}._may_be_below", lambda *_: False)
    monkeypatch.setattr(f"{folder}.may_deflate_below", lambda *_: False)
