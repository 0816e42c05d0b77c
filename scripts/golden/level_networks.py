"""Sets of good golden files of models that have a levels coder."""

from dataclasses import replace
from unittest.mock import patch

import numpy as np

from narrows.codec.archive import Block, Mode
from narrows.codec.archive.guarantee import Guarantee
from narrows.codec.codec import Codec
from narrows.codec.encoding.level_payloads import encode_levels
from narrows.codec.levels.passes import PassOrder
from tests.helpers.archives import written
from tests.helpers.level_models import blobs, random_levels, random_number_levels, waves
from tests.helpers.tiny_models import right_answers, tiny_model


def levels_of_bytes(shape, n_channels, atoms):
    """Pictures with some values that have decisions of their own."""
    order = PassOrder(shape, n_channels, start_stride=8, origin=2)
    frame_shape = (*shape, n_channels) if n_channels > 1 else shape
    x = blobs(frame_shape, 9).reshape(9, *frame_shape)
    x[2:] = 0  # of others, networks drawn at random make more bytes than there are
    return _files(tiny_model("uint8", frame_shape, 3), random_levels(order, atoms), x)


def levels_of_numbers(dtype, shape, n_channels):
    """Whole numbers, the last signal of which reaches far."""
    order = PassOrder(shape, n_channels, start_stride=16)
    x = waves(order, 9)
    x[-1] *= np.iinfo(dtype).max // (np.abs(x).max() + 1)
    frames = x.astype(dtype).reshape(9, *shape, n_channels)
    with patch("narrows.codec.encoding.level_fit.LEAST_ROWS", 32):
        return _files(tiny_model(dtype, frames.shape[1:], 3), random_number_levels(order), frames)


def levels_within(dtype, shape, lattice, bound):
    """Signals within a bound, of floats with some that no lattice has."""
    order = PassOrder(shape, start_stride=8)
    x = waves(order, 30)
    if dtype == "uint8":
        levels = random_levels(order, (0, 3, 12), lattice=lattice)
        x = blobs(shape, 30) // 100 * 50
        x[2:] = 0  # of others, networks drawn at random make more bytes than there are
    else:
        levels = random_number_levels(order, lattice=lattice)
    if dtype == "float32":
        x = x / 8
        x[2, :3], x[4, 0], x[5, 5], x[6, 1] = np.nan, np.inf, -0.0, 1e30
    x = x.astype(dtype).reshape(30, *shape)
    with patch("narrows.codec.encoding.level_fit.LEAST_ROWS", 32):
        return _files(tiny_model(dtype, shape, 3), levels, x, bound)


def _files(model, levels, x, *bounds):
    model = replace(model, levels=levels)
    model = replace(model, known_answers=right_answers(model))
    codec, payload = Codec(model), encode_levels(levels, x, Guarantee(bounds))
    blob = written(codec.encoder.header(), [Block(Mode.LEVELS, 0, len(x), payload)])
    return {".narrows": codec.model_bytes, ".nrw": blob, ".npy": codec.decompress(blob)}
