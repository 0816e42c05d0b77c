"""Models to search with, and their signals."""

from functools import cache
from itertools import pairwise

import numpy as np
import pytest

from narrows.codec.codec import Codec
from narrows.codec.encoding.symbol_search import SymbolSearch
from tests.helpers.tiny_models import (
    noise_frames,
    searching,
    tiny_conv_model,
    tiny_model,
    typical_frames,
)

LEVELS = range(10)
CLOSE = 2.0**-10  # bits of a symbol
MODELS = {
    "dense": lambda: tiny_model("uint8", (5, 4), 4, 2),
    "table": lambda: tiny_model("float32", (6,), 3, activation="elu"),
    "dense and context": lambda: tiny_model("int16", (5, 4), 4, 2, contexts=(1, 2)),
    "convolutions": lambda: tiny_conv_model("uint8"),
    "convolutions and context": lambda: tiny_conv_model("float32", (9,), 2, contexts=(1,)),
}
each_model = pytest.mark.parametrize("name", MODELS)


@cache
def model_of(name):
    return searching(MODELS[name]())


def searched(model, quality=1, **options):
    """Return a codec, and the search that it does at a quality."""
    codec = Codec(model, **options)
    return codec, SymbolSearch(codec.decoder.transform, quality)


def mixed_frames(model, n, seed=5):
    """Return signals of which some are like those of the tables, and some like none."""
    x = typical_frames(model, n, seed)
    x[::4] = noise_frames(model.dtype, x[::4].shape, seed)
    return x


def outside(symbols, row):
    """Return which of `(n, latent_size)` symbols are escaped."""
    return np.stack([t.indices(s) == t.escape for t, s in zip(row, symbols.T, strict=True)], 1)


def check_no_effort_is_worse(model, x):
    for quality in range(1, model.n_qualities + 1):
        codec, search = searched(model, quality)
        costs = [search.cost(x, codec.encode(x, quality, effort)) for effort in LEVELS]
        for less, more in pairwise(costs):
            assert (more <= less).all()
        yield costs
