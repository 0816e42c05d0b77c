"""Small models that give back what they get, the better the higher the quality; no training."""

from dataclasses import replace
from functools import cache

import numpy as np

from narrows.codec.codec import Codec
from narrows.codec.entropy.counting import count_table
from narrows.codec.networks.layers import Dense, Reshape
from narrows.codec.networks.network import IntegerNetwork
from tests.helpers.tiny_models import (
    LATENT_LIMIT,
    finished_model,
    random_context,
    right_answers,
    rng_of,
    searching,
    tiny_normaliser,
    whole_range,
)

FRAME_SHAPE, SIZE, K = (5, 4), 20, 4
STEP = 2  # of the highest quality, in the normaliser's integers; each lower one's is twice as long


@cache
def basis():
    """Return `(SIZE, K)` orthonormal columns."""
    return np.linalg.qr(np.random.default_rng(7).normal(size=(SIZE, K)))[0]


def rounded_dense(weight):
    weight = np.rint(weight).astype(np.int16)
    return Dense(weight, np.zeros(weight.shape[1], np.int64), shift=0, limit=None)


@cache
def faithful_model(dtype="uint8", n_qualities=4, contexts=(), searches=True):
    """Make a model whose latents are the frame along K directions; tables of `spread_frames`."""
    normaliser = tiny_normaliser(dtype)
    output_gain = 2.0**-8 if normaliser.dtype.kind == "f" else 3 * 2.0**-12
    encoder = [Reshape((SIZE,)), rounded_dense(basis() * 2.0 ** (9 - n_qualities) / STEP)]
    decoder = [rounded_dense(basis().T * STEP / 16 / output_gain), Reshape(FRAME_SHAPE)]
    model = finished_model(
        IntegerNetwork(encoder, FRAME_SHAPE, normaliser.limit),
        IntegerNetwork(decoder, (K,), LATENT_LIMIT),
        normaliser,
        n_qualities,
    )
    at_all = Codec(model).encoder.encode_at_all_qualities(spread_frames(model, 300, seed=1))
    tables = [[count_table(column) for column in symbols.T] for symbols in at_all.values()]
    found = [
        random_context(rng_of(quality), row) if quality in contexts else None
        for quality, row in enumerate(tables, 1)
    ]
    peak = 1.0 if model.dtype.kind == "f" else float(np.subtract(*whole_range(model.dtype)[::-1]))
    model = replace(model, tables=tables, contexts=found, peak=peak, known_answers=None)
    model = replace(model, known_answers=right_answers(model))
    return searching(model) if searches else model


def spread_frames(model, n, seed=3):
    """Return signals that are nearly along the K directions, of which some are larger."""
    rng, normaliser = np.random.default_rng(seed), model.normaliser
    size = 2.0 ** rng.uniform(3, 5, (n, 1))
    x = (rng.normal(size=(n, K)) * size) @ basis().T + rng.normal(size=(n, SIZE)) / 4
    x = (x / normaliser.scale + normaliser.offset).reshape(n, *FRAME_SHAPE)
    if model.dtype.kind == "f":
        return x.astype(model.dtype)
    return np.clip(np.rint(x), *whole_range(model.dtype)).astype(model.dtype)
