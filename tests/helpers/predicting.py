"""A small random model that predicts windows, and recordings that repeat themselves."""

from dataclasses import replace
from math import prod

import numpy as np

from narrows.codec.entropy.counting import count_table, to_integers
from narrows.codec.entropy.tables import FrequencyTable
from narrows.codec.networks.layers import Dense, Reshape
from narrows.codec.networks.network import IntegerNetwork
from narrows.codec.prediction.prediction import FAR, MAX_GAIN, NEAR, Prediction, SideTables
from tests.helpers.tiny_models import right_answers, searching, tiny_model, typical_frames

LIMIT = 2**26
BASIS_SHIFT = 8


def predicting(model, memory=64, border=3, n_latents=5, seed=0):
    """Return the model with a random prediction: the search in it works, and is not good."""
    rng, shape = np.random.default_rng(seed), model.frame_shape
    channels = prod(shape[1:])
    basis = np.linalg.qr(rng.normal(size=(prod(shape), n_latents)))[0].T
    residual = np.rint(basis * 2**BASIS_SHIFT).astype(np.int16)
    from_border = rng.integers(-200, 200, (border * channels, prod(shape)), dtype=np.int16)
    step = _spread(model) / 2.0 ** np.arange(1, model.n_qualities + 1)
    shapes = [count_table(np.rint(rng.laplace(0, b, 500)).astype(np.int32)) for b in (0.5, 2, 8)]
    own = Prediction(
        memory, LIMIT, _network(from_border, 9, shape, 2 * LIMIT),
        _network(residual, BASIS_SHIFT, shape, 2**24), np.maximum(step, 1).astype(np.int32),
        [_side(rng, shape[0], memory, channels) for _ in range(model.n_qualities)], shapes,
        rng.integers(0, 3, (model.n_qualities, n_latents), dtype=np.int32),
    )  # fmt: skip
    model = replace(model, prediction=own)
    return replace(model, known_answers=right_answers(model))


def _spread(model):
    """Return about how far the decoder's integers are from each other."""
    return float(np.std(typical_frames(model, 50).astype(float)) / np.mean(model.normaliser.slope))


def _network(weight, shift, shape, limit):
    half = np.full(weight.shape[1], 1 << shift >> 1, dtype=np.int64)
    return IntegerNetwork([Dense(weight, half, shift, None), Reshape(shape)], (len(weight),), limit)


def _side(rng, length, memory, channels):
    def table(low, size):
        return FrequencyTable(low, to_integers(np.append(rng.uniform(1, 5, size), 0.01)))

    digits = FrequencyTable(0, to_integers(np.append(np.ones(128), 0.01)))
    lag = [table(-NEAR, NEAR + FAR + 1), table(0, (memory - length >> 7) + 1), digits]
    modes = [table(0, 3) for _ in range(3)]
    return SideTables(modes, lag, [table(0, MAX_GAIN + 1) for _ in range(channels)])


def tiny_predicting(dtype="int16", frame_shape=(9, 2), n_qualities=2, seed=0, **prediction):
    """Make a small model that predicts and searches."""
    model = searching(tiny_model(dtype, frame_shape, 3, n_qualities=n_qualities, seed=seed))
    return predicting(model, seed=seed, **prediction)


def repeating(model, n, period=23, noise=0.02, seed=0):
    """Return `(n, *frame_shape)` windows of a recording of about one period, in its dtype."""
    rng, shape = np.random.default_rng(seed), model.frame_shape
    few = typical_frames(model, 50).astype(np.float64)
    mean, spread = few.mean(), few.std()
    once = rng.normal(size=(period, prod(shape[1:])))
    samples = np.resize(once, (n * shape[0], prod(shape[1:])))
    samples = mean + spread * (samples + noise * rng.normal(size=samples.shape))
    bounds = (few.min(), few.max())
    x = np.clip(samples, *bounds).reshape(n, *shape)
    return (np.rint(x) if model.dtype.kind != "f" else x).astype(model.dtype)
