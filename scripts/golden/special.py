"""Golden sets of exact values, of frames with the files that they were cut from, of predictions."""

import io
from dataclasses import replace

import numpy as np

from narrows.codec import own_axes
from narrows.codec.archive import Block, Mode
from narrows.codec.archive.exact_values import ExactValues, patched
from narrows.codec.codec import Codec
from narrows.codec.entropy.learned import LearnedCoder
from narrows.codec.networks.network import IntegerNetwork
from narrows.codec.own_axes import OwnAxes, pack_axes
from narrows.codec.sequence import Archive
from narrows.signals.geometry import Geometry, pack_geometry
from narrows.signals.restored import restored
from narrows.training.freeze.tradeoffs import measure_fit
from scripts.golden.files import efforts_of, files_of
from tests.helpers.altered_models import in_context_trellis, in_trellis
from tests.helpers.archives import written
from tests.helpers.predicting import predicting, repeating, tiny_predicting
from tests.helpers.tiny_models import (
    right_answers,
    searching,
    tiny_linear_model,
    tiny_model,
    typical_frames,
)


def exact_float32():
    """NaN of several payloads, an infinity, values outside the range, and one that is missing.

    The last signal is whole, and the twelfth unlike the others.
    """
    model = searching(tiny_model("float32", (4, 3), 3, contexts=(1,)))
    model = replace(model, fit=measure_fit(model, typical_frames(model, 64), [-3.5]))
    x = typical_frames(model, 20)
    x[11], x[12, 2] = 20 * np.cos(np.arange(12)).reshape(4, 3), -3.5
    x[3, 1, 2], x[4, 0], x[5, 3, 0], x[6, :, 1] = np.nan, np.inf, -1e6, 1e6
    x[19] = np.nan
    bits = x.view(np.uint32)
    bits[19, 2:] += np.arange(6, dtype=np.uint32).reshape(2, 3)
    return efforts_of(Codec(model), x)


def exact_qualities_int16():
    """Exact values beside three qualities; two whole signals."""
    model = tiny_model("int16", (9, 2), 3, n_qualities=3)
    codec, x = Codec(model), typical_frames(model, 12)
    mask = np.random.default_rng(0).random(x.shape) < 0.05
    mask[[2, 9]] = True
    coded, qualities = np.delete(x, [2, 9], axis=0), np.arange(10) % 3 + 1
    symbols = [
        codec.encode(each[None], int(q))[0] for each, q in zip(coded, qualities, strict=True)
    ]
    exact = ExactValues(mask, x[mask])
    block = patched(codec.decoder.blocks.pack(np.array(symbols), qualities), exact)
    blob = written(codec.encoder.header(), [block])
    return {".narrows": codec.model_bytes, ".nrw": blob, ".npy": codec.decompress(blob)}


def trellis(dtype, shape):
    """Two quantisers in turn at two qualities; escapes."""
    return escaped(in_trellis(searching(tiny_model(dtype, shape, 4, n_qualities=2))))


def trellis_contexts():
    """The same with a context model at the first quality."""
    return escaped(in_context_trellis(searching(tiny_model("int16", (9, 2), 4, n_qualities=2))))


def escaped(model):
    """Return a model of a trellis, and archives of signals of which one has escapes."""
    model = replace(model, known_answers=right_answers(model))
    codec, x = Codec(model), typical_frames(model, 20)
    symbols = codec.encode(x)
    symbols[7, 1:3] = 900, -901
    x[7] = codec.decode(symbols)[7]
    return efforts_of(codec, x)


def learned_int16():
    """Symbols that lie otherwise than the tables, with tables that learn; some are escaped."""
    return learned(tiny_model("int16", (6,), 3, n_qualities=2))


def learned_contexts_int16():
    """The same beside a context model, which takes no part but for its order."""
    return learned(tiny_model("int16", (6,), 3, n_qualities=2, contexts=(2,)))


def learned_trellis_int16():
    """The same with two tables a latent."""
    model = in_trellis(searching(tiny_model("int16", (6,), 3, n_qualities=2)))
    return learned(replace(model, known_answers=right_answers(model)))


def learned_trellis_contexts():
    """The same beside context models, which take no part."""
    model = in_context_trellis(searching(tiny_model("int16", (6,), 3, n_qualities=2)), 2)
    return learned(replace(model, known_answers=right_answers(model)))


def learned(model):
    """Return a model, a block whose tables learn, and its signals."""
    codec, rng = Codec(model), np.random.default_rng(0)
    symbols = np.rint(rng.normal(2, 1.5, (150, 3))).astype(np.int32)
    payload = LearnedCoder(model.quality(2).tables).encode(symbols)
    return of_block(codec, Block(Mode.LEARNED, 2, len(symbols), payload))


def of_block(codec, block):
    """Return a model, a block, and its signals; beside missing values if there can be any."""
    model = codec.model
    if model.dtype.kind == "f":
        mask = np.zeros((block.n_signals + 2, *model.frame_shape), dtype=bool)
        mask[[3, 9]] = mask[[5, 40], 1] = True
        block = patched(block, ExactValues(mask, np.full(mask.sum(), np.nan, model.dtype)))
    blob = written(codec.encoder.header(), [block])
    return {".narrows": codec.model_bytes, ".nrw": blob, ".npy": codec.decompress(blob)}


def learned_float32():
    """Symbols with tables that learn, beside two signals and some values that are missing."""
    return learned(tiny_model("float32", (6,), 3, n_qualities=2))


def rotated_of_a_prediction():
    """The same along axes of a block's own, of a model that predicts windows."""
    model = searching(tiny_linear_model("float32", (9, 2), 4, n_qualities=2))
    return rotated(predicting(model), "03 13 02 03")


def rotated_int16():
    """Symbols along axes of a block's own, with tables of other latents."""
    return rotated(tiny_linear_model("int16", (6,), 5, n_qualities=2), "01 34 40 23 12 10")


def rotated_trellis_float32():
    """The same with two tables a latent, frames of two axes, and a latent of no weight."""
    model = tiny_linear_model("float32", (3, 4), 4, n_qualities=2)
    dense, reshape = model.decoder.layers
    weight = dense.weight.copy()
    weight[1] = 0
    layers = [replace(dense, weight=weight), reshape]
    decoder = IntegerNetwork(layers, (4,), model.decoder.input_limit)
    model = in_trellis(searching(replace(model, decoder=decoder, known_answers=None)))
    return rotated(replace(model, known_answers=right_answers(model)), "03 13 02 03")


def rotated_nothing():
    """Axes that are the model's own: no rotation, but other tables."""
    return rotated(tiny_linear_model("uint8", (2, 2), 2), "")


def rotated(model, pairs):
    """Return a model, a block along axes of its own, and its signals."""
    codec, rng, k = Codec(model), np.random.default_rng(0), model.latent_size
    each = [(int(i), int(j), rng.integers(1, 33)) for i, j in pairs.split()]
    rotations = np.array(each, np.int64).reshape(-1, 3)
    axes = OwnAxes(rotations, rng.permutation(k) if each else np.array([1] * k))
    own, number = own_axes.rotated(model, model.qualities[-1], axes), model.n_qualities
    symbols = np.rint(rng.normal(2, 1.5, (150, k))).astype(np.int32)
    payload = pack_axes(axes) + LearnedCoder(own.quality().tables).encode(symbols)
    return of_block(codec, Block(Mode.ROTATED, number, len(symbols), payload))


def geometry(dtype, lengths, hops):
    """Frames of two files that overlap, and the files."""
    model = tiny_model(dtype, lengths, 2)
    shapes = [tuple(size * 3 - 1 for size in lengths), lengths]
    fields = {"formats": ["any"] * 2, "attributes": [{"rate": 1}, {"rate": 2}], "is_folder": True}
    cut_from = Geometry(["a/1", "a/2.x"], shapes, lengths, hops, **fields)
    x = typical_frames(model, cut_from.n_frames)
    files = files_of(Codec(model), x, metadata=pack_geometry(cut_from))
    arrays = restored(Archive(io.BytesIO(files[".nrw"]), Codec(model).decoder), cut_from)
    np.savez(stream := io.BytesIO(), **{name: array[...] for name, array in arrays.items()})
    return files | {".files.npz": stream.getvalue()}


def predicted(*frames):
    """Return windows of about one period, some predicted."""
    model = tiny_predicting(*frames)
    return efforts_of(Codec(model), repeating(model, 40, noise=0.1))


def predicted_gaps():
    """Return such windows with values that are missing: single ones, and two windows in a row."""
    model = tiny_predicting("float32", (9, 2))
    x = repeating(model, 40, noise=0.1)
    x[[5, 5, 17], [0, 1, 8], [1, 1, 0]] = np.nan
    x[23:25] = np.nan
    x[31, 4:] = np.inf
    return efforts_of(Codec(model), x)
