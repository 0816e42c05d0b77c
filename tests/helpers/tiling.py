"""A small random model that codes arrays as a whole, and arrays whose tiles are alike."""

from dataclasses import replace
from math import prod

import numpy as np

from narrows.codec.entropy.counting import count_table
from narrows.codec.networks.layers import Dense, Reshape
from narrows.codec.networks.network import IntegerNetwork
from narrows.codec.prediction.bands import n_features
from narrows.codec.prediction.bricks import Brick
from narrows.codec.prediction.wavelets import Wavelets
from narrows.signals.windows import Grid, cut
from tests.helpers.tiny_models import (
    LATENT_LIMIT,
    finished_model,
    right_answers,
    searching,
    tiny_normaliser,
    typical_frames,
)

LIMIT = 2**26
SHIFT = 8


def tiny_tiling(
    dtype="int16", frame_shape=(3, 4), groups=None, latent_size=7, n_qualities=2, seed=0
):
    """Make a small model that codes arrays by wavelets, with weights and tables at random."""
    rng, normaliser, size = np.random.default_rng(seed), tiny_normaliser(dtype), prod(frame_shape)
    latent_size = min(latent_size, size)
    basis = np.linalg.qr(rng.normal(size=(size, latent_size)))[0].T
    whole = np.rint(basis * 2**SHIFT).astype(np.int16)
    encoder = [Reshape((size,)), _dense(np.ascontiguousarray(whole.T), SHIFT)]
    decoder = [_dense(whole, 2), Reshape(frame_shape)]
    model = finished_model(
        IntegerNetwork(encoder, frame_shape, normaliser.limit),
        IntegerNetwork(decoder, (latent_size,), LATENT_LIMIT), normaliser, n_qualities, seed,
    )  # fmt: skip
    axes = len(frame_shape)
    groups = [list(range(axes))] if groups is None else groups
    features = n_features(axes, len(groups)) + 1
    weights = rng.integers(0, 9000, (n_qualities, 2 ** (axes + len(groups)), 2**axes, features))
    spreads = (0.3, 0.6, 1, 2, 4, 8, 16, 32)
    tables = [count_table(np.rint(rng.laplace(0, b, 900)).astype(np.int32)) for b in spreads]
    step = np.array([2 ** (12 - quality) for quality in range(n_qualities)], np.int32)
    own = Wavelets(groups, LIMIT, 1000, 3, step, weights.astype(np.int32), tables, 420)
    model = replace(searching(model), wavelets=own)
    return replace(model, known_answers=right_answers(model))


def _dense(weight, shift):
    return Dense(weight, np.full(weight.shape[1], 1 << shift >> 1, np.int64), shift, None)


def smooth(model, shape, seed=0):
    """Return an array whose neighbours are alike, of the model's dtype and range."""
    rng, few = np.random.default_rng(seed), typical_frames(model, 50).astype(np.float64)
    x = rng.normal(size=shape)
    for axis in range(len(shape)):
        x = np.cumsum(x, axis=axis) / np.sqrt(np.arange(1, shape[axis] + 1)).reshape(
            [-1 if a == axis else 1 for a in range(len(shape))]
        )
    x = few.mean() + few.std() * (x - x.mean()) / x.std()
    x = np.clip(x, few.min(), few.max())
    return (np.rint(x) if model.dtype.kind != "f" else x).astype(model.dtype)


def brick_of(model, array):
    """Cut an array to a brick."""
    return Brick(cut(array, Grid(array.shape, model.frame_shape, model.frame_shape)), array.shape)


def field(shape, seed, dtype="float32"):
    """Return an array whose spectrum falls off as that of turbulence does."""
    rng = np.random.default_rng(seed)
    waves = np.fft.rfftn(rng.normal(size=shape))
    grids = np.meshgrid(*map(np.fft.fftfreq, shape[:-1]), np.fft.rfftfreq(shape[-1]), indexing="ij")
    square = sum(np.square(grid) for grid in grids) + 1e-3
    x = np.fft.irfftn(waves * square ** (-(1.7 + len(shape)) / 4), shape, range(len(shape)))
    return (100 * x / x.std()).astype(dtype)
