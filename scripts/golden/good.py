"""Sets of good golden files: a model, archives and packets, and what these decompress to.

The sets of convolutions, contexts, searches and corrections have random numbers, not trained ones:
what they hold is the arithmetic and the format.
"""

import json
from dataclasses import replace
from functools import cache, partial

import numpy as np
import torch
from torch import nn

import narrows
from narrows.codec.codec import Codec
from narrows.codec.levels.lattice import Lattice
from scripts.golden.files import efforts_of, files_of, fixed_of, packets_of, wrapped_of
from scripts.golden.level_networks import levels_of_bytes, levels_of_numbers, levels_within
from scripts.golden.special import (
    exact_float32,
    exact_qualities_int16,
    geometry,
    learned_contexts_int16,
    learned_float32,
    learned_int16,
    learned_trellis_contexts,
    learned_trellis_int16,
    predicted,
    predicted_gaps,
    rotated_int16,
    rotated_nothing,
    rotated_of_a_prediction,
    rotated_trellis_float32,
    trellis,
    trellis_contexts,
)
from scripts.golden.tiles import bricks, tiles
from tests.helpers.altered_models import by_channel, corrected
from tests.helpers.tiny_models import (
    DTYPES,
    random_context,
    right_answers,
    searching,
    tiny_conv_model,
    tiny_model,
    typical_frames,
    whole_range,
)

SEED = 20260101
ACTIVATIONS = {
    "leaky_relu": nn.LeakyReLU(0.125), "relu": nn.ReLU(), "elu": nn.ELU(), "gelu": nn.GELU(),
    "sigmoid": nn.Sigmoid(), "tanh": nn.Tanh(),
}  # fmt: skip


# ---------------------------------------------------------------- trained


def waves(n, shape, dtype, rng=None):
    """Return mixtures of three smooth waves, which fill a good part of the dtype's range."""
    size, rng = int(np.prod(shape)), rng or np.random.default_rng(SEED)
    basis = np.sin(np.linspace([0, 1, 2], [3, 7, 11], size)).T
    x = np.clip(rng.normal(size=(n, 3)) @ basis / 6, -1, 1)
    if np.dtype(dtype).kind == "f":
        return (x * 10 + 273.15).reshape(n, *shape).astype(dtype)
    least, most = whole_range(dtype)
    x = (x + 1) / 2 * (most - least) + least
    return np.clip(np.round(x), least, most).reshape(n, *shape).astype(dtype)


def linear(dtype):
    """PCA of one dtype."""
    x = waves(400, (4, 3), dtype)
    return files_of(narrows.train(x, latent_size=3, architecture="linear"), x[:20])


def dense(activation):
    """Networks small enough to keep in a repository, with one activation."""
    torch.manual_seed(0)
    x, activation = waves(400, (5, 2), "int16"), ACTIVATIONS[activation]
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(10, 12), activation, nn.Linear(12, 3))
    last = (nn.Linear(12, 10), nn.Unflatten(1, (5, 2)))
    decoder = nn.Sequential(nn.Linear(3, 12), activation, *last)
    networks = {"encoder": encoder, "decoder": decoder}
    return files_of(narrows.train(x, latent_size=3, epochs=20, seed=1, **networks), x[:20])


@cache
def temperatures():
    """Signals of six float32, and PCA of them."""
    x = waves(400, (6,), "float32")
    return x, narrows.train(x, latent_size=2, architecture="linear")


def mode_deflated_nan():
    """Signals that no model codes and DEFLATE makes small."""
    _, codec = temperatures()
    return files_of(codec, np.full((20, 6), np.nan, "float32"))


def escapes():
    """A signal whose symbols are outside the tables."""
    x, codec = temperatures()
    far = np.where(np.arange(20) == 7, np.float32(100), np.float32(0))
    return files_of(codec, x[:20] + far[:, None]) | packets_of(codec, x[7] + far[7])


def embedded_model():
    """An archive with its model."""
    x, codec = temperatures()
    return files_of(codec, x[:20], embed_model=True)


def no_signals():
    """An archive without blocks."""
    x, codec = temperatures()
    return files_of(codec, x[:0])


def mode_stored():
    """One signal of two bytes, which no coding makes smaller."""
    x = waves(400, (2,), "uint8")
    return files_of(narrows.train(x, latent_size=1, architecture="linear"), x[:1])


# ---------------------------------------------------------------- random


def conv(**frames):
    """Convolutions and their transposes, over one, two or three axes."""
    model = tiny_conv_model(**frames)
    return files_of(Codec(model), typical_frames(model, 20))


def metadata():
    """An archive with metadata, which are kept as a file too."""
    model = tiny_model("float32", (4,), 2)
    described = {
        "attributes": {"units": "\u00b0C", "scale": 0.1, "of": [1, None, True]},
        "names": [f"day {number}" for number in range(20)],
        "mine": {"nested": {"": -1.5e-300}},
    }
    files = files_of(Codec(model), typical_frames(model, 20), metadata=described)
    return files | {".metadata.json": json.dumps(described, indent=1).encode()}


def contexts():
    """Tables alone, a context model, tables alone; an escape among the signals."""
    model = tiny_model("uint8", (4, 3), 3, n_qualities=3, contexts=(2,))
    codec, x = Codec(model), typical_frames(model, 20)
    x[7] = 255
    fixed = fixed_of(codec, x, {0: 6, 1: 10, 7: 34})
    return files_of(codec, x) | wrapped_of(codec, x) | fixed


def contexts_wide():
    """Sums beyond 2**24, as many latents as could reach 2**53 with other weights."""
    model = tiny_model("int16", (6, 3), 17)
    context = random_context(np.random.default_rng(0), model.tables[0], wide=True)
    model = replace(model, contexts=[context])
    model = replace(model, known_answers=right_answers(model))
    return files_of(Codec(model), typical_frames(model, 20))


def search_float32():
    """Tables alone at the default quality, of two; activations from a table."""
    model = tiny_model("float32", (4, 3), 3, n_qualities=2, contexts=(2,), activation="elu")
    return efforts_of(Codec(searching(model)), typical_frames(model, 20))


def search_conv_uint8():
    """A context model; convolutions, a residual layer."""
    model = tiny_conv_model("uint8", (7, 5), contexts=(1,))
    return efforts_of(Codec(searching(model)), typical_frames(model, 20))


def correction_float32():
    """Corrected at the default quality and above it, which share one context model."""
    model = tiny_model("float32", (4, 5), 3, n_qualities=3, contexts=(2,))
    model = corrected(searching(model), 4, (2, 3))
    rows = [[*model.tables[1][:3], *row[3:]] for row in model.tables]
    model = replace(model, contexts=[None, *[model.contexts[1]] * 2], tables=rows)
    model = replace(model, known_answers=right_answers(model))
    return efforts_of(Codec(model), typical_frames(model, 20))


def channels_float32():
    """Ends of their own for the columns of a table, and weights in the search; corrected."""
    model = corrected(searching(tiny_model("float32", (6, 4), 3, contexts=(1,))), 5, (1,))
    model = by_channel(model)
    return efforts_of(Codec(model), typical_frames(model, 20))


def channels_int16():
    """Ends of their own for the leads of a recording."""
    model = by_channel(searching(tiny_model("int16", (9, 2), 3)))
    return efforts_of(Codec(model), typical_frames(model, 20))


def correction_conv_int16():
    """Corrected integers of convolutions."""
    model = corrected(searching(tiny_conv_model("int16", (7, 5), contexts=(1,))), 6, (1,))
    return efforts_of(Codec(model), typical_frames(model, 20))


# ---------------------------------------------------------------- several qualities in a block


def factors(rng, n, low, high):
    """Draw `(n, 1)` factors, so that a target gives signals different qualities."""
    return 2.0 ** rng.uniform(low, high, (n, 1))


def noisy_waves(rng):
    """Draw waves under noise of many strengths."""
    noise = rng.normal(size=(400, 6)) * factors(rng, 400, -3, 1)
    return waves(400, (6,), "float32", rng) + noise.astype("float32")


def qualities_float32():
    """PCA of as many latents as elements, which reach any PSNR; a context model, an escape."""
    x = noisy_waves(np.random.default_rng(SEED))
    options = {"latent_size": 6, "qualities": 4, "bits_per_latent": 1.5}
    model = narrows.train(x, architecture="linear", **options).model
    context = random_context(np.random.default_rng(0), model.tables[1])
    model = replace(model, contexts=[None, context, None, None])
    model = replace(model, known_answers=right_answers(model))
    x[7] = 273 + 7 * (-1.0) ** np.arange(6)
    return efforts_of(Codec(model), x[:24], target_psnr=29)


def qualities_uint8():
    """Context models at two of five qualities."""
    rng = np.random.default_rng(SEED)
    noisy_waves(rng)  # what the set before this one drew
    model = tiny_model("uint8", (12,), 3, n_qualities=5, contexts=(2, 4), activation="elu")
    away = typical_frames(model, 20).astype(float) - model.normaliser.offset
    x = np.rint(np.clip(away * factors(rng, 20, -3, 2) + model.normaliser.offset, 0, 255))
    return efforts_of(Codec(searching(model)), x.astype("uint8"), target_bytes=1.5)


TRAINED = {
    **{f"linear-{dtype}": partial(linear, dtype) for dtype in DTYPES},
    **{f"dense-{name}": partial(dense, name) for name in ACTIVATIONS},
    "mode-deflated-nan": mode_deflated_nan,
    "escapes": escapes,
    "embedded-model": embedded_model,
    "no-signals": no_signals,
    "mode-stored": mode_stored,
    "qualities-float32": qualities_float32,
}
RANDOM = {
    "conv-1d-int16": partial(conv, dtype="int16", sizes=(21,), channels=2),
    "conv-2d-uint8": partial(conv, dtype="uint8", sizes=(7, 5)),
    "conv-3d-float32": partial(conv, dtype="float32", sizes=(3, 4, 5)),
    "metadata": metadata,
    "geometry-uint8": partial(geometry, "uint8", (4, 3), (4, 3)),
    "geometry-int16": partial(geometry, "int16", (6,), (2,)),
    "geometry-float32": partial(geometry, "float32", (4, 3), (3, 1)),
    "contexts": contexts,
    "contexts-wide": contexts_wide,
    "learned-float32": learned_float32,
    "learned-int16": learned_int16,
    "learned-contexts-int16": learned_contexts_int16,
    "learned-trellis-int16": learned_trellis_int16,
    "learned-trellis-contexts-int16": learned_trellis_contexts,
    "rotated-int16": rotated_int16,
    "rotated-trellis-float32": rotated_trellis_float32,
    "rotated-by-nothing-uint8": rotated_nothing,
    "rotated-of-a-prediction-float32": rotated_of_a_prediction,
    "trellis-contexts-int16": trellis_contexts,
    "trellis-float32": partial(trellis, "float32", (4, 3)),
    "trellis-int16": partial(trellis, "int16", (9, 2)),
    "search-float32": search_float32,
    "search-conv-uint8": search_conv_uint8,
    "correction-float32": correction_float32,
    "correction-conv-int16": correction_conv_int16,
    "exact-float32": exact_float32,
    "exact-qualities-int16": exact_qualities_int16,
    "predicted-float32": partial(predicted, "float32", (9, 2)),
    "predicted-gaps-float32": predicted_gaps,
    "predicted-int16": partial(predicted, "int16", (5, 2, 3)),
    "tiles-float32": partial(tiles, "float32", (3, 4), (16, 17)),
    "tiles-int16": partial(tiles, "int16", (2, 3, 2), (5, 8, 6), [[0], [1, 2]]),
    "tiles-uint8": partial(tiles, "uint8", (5,), (49,)),
    "bricks-float32": partial(bricks, "float32", (3, 4), (16, 17), (2, 3)),
    "level-networks-uint8": partial(levels_of_bytes, (9, 6), 1, (0, 253, 255)),
    "level-networks-colours-uint8": partial(levels_of_bytes, (5, 4), 3, (0,)),
    "level-networks-int16": partial(levels_of_numbers, "int16", (17,), 2),
    "level-networks-int32": partial(levels_of_numbers, "int32", (3, 5, 4), 1),
    "level-bounds-uint8": partial(levels_within, "uint8", (7,), Lattice(-3, 21), 10),
    "level-bounds-int16": partial(levels_within, "int16", (9, 6), Lattice(100, 5), 2),
    "level-bounds-float32": partial(levels_within, "float32", (7,), Lattice(1.5, 0.499), 0.25),
    "channels-float32": channels_float32,
    "channels-int16": channels_int16,
    "qualities-uint8": qualities_uint8,
}
SETS = TRAINED | RANDOM
