"""Gaps of arrays are filled so smoothly that hardly anything is left to code there."""

import io

import numpy as np
import pytest

from narrows.codec.archive import ArchiveReader, Mode
from narrows.codec.codec import Codec
from narrows.codec.prediction.bricks import array_of
from narrows.codec.prediction.lifting import analysed
from narrows.gaps import filled
from narrows.smooth_gaps import smoothly_filled
from tests.helpers.tiling import brick_of, smooth, tiny_tiling


@pytest.mark.parametrize("shape", [(37,), (20, 21), (1, 30), (5, 6, 7), (1, 1, 1)])
@pytest.mark.parametrize("dtype", ["int16", "float32", "uint8"])
def test_what_is_known_stays_and_gaps_lie_between(shape, dtype):
    rng = np.random.default_rng(0)
    x = np.clip(rng.normal(100, 20, shape), 0, 255).astype(dtype)
    gone = rng.random(shape) < 0.4
    gone.flat[0] = False
    out = smoothly_filled(x, gone, 0.0)
    assert out.dtype == x.dtype
    assert np.array_equal(out[~gone], x[~gone])
    assert x[~gone].min() <= out.min() <= out.max() <= x[~gone].max()


def test_an_array_that_is_nothing_but_a_gap_becomes_the_mean():
    gone = np.ones((4, 5), bool)
    assert (smoothly_filled(np.full((4, 5), np.nan, "f4"), gone, 2.5) == 2.5).all()
    assert (smoothly_filled(np.zeros((4, 5), "i2"), gone, 2.6) == 3).all()


def test_a_gap_in_what_is_alike_everywhere_is_like_it():
    gone = np.zeros((40, 50), bool)
    gone[3:30, 7:45] = True
    out = smoothly_filled(np.where(gone, np.inf, 7.0), gone, 0.0)
    assert np.allclose(out, 7.0, rtol=1e-12)


def test_fewer_coefficients_are_left_than_where_each_tile_is_filled_alone():
    model, places = tiny_tiling("float32", (8, 8)), np.arange(96.0)
    array = np.add.outer(100 * np.sin(places / 20), 80 * np.cos(places / 15)).astype("f4")
    gone = np.zeros(array.shape, bool)
    gone[20:70, 15:60] = True
    brick = brick_of(model, np.where(gone, np.nan, array))
    left_out = np.isnan(brick.frames)
    alone = filled(brick.frames, left_out, 0.0, has_channels=False)
    counts = []
    together = smoothly_filled(array_of(brick), gone, 0.0)
    for values in (array_of(type(brick)(alone, brick.shape)), together):
        steps = analysed(np.rint(values).astype(np.int64), [[0, 1]])
        counts.append(int((np.abs(steps) > 20).sum()))
    assert counts[1] < 0.6 * counts[0]


def test_what_is_missing_beyond_the_end_of_an_array_costs_nothing():
    model = tiny_tiling("float32")
    codec, shape = Codec(model), (20, 21)
    brick = brick_of(model, smooth(model, shape))
    x = np.where(brick.known, brick.frames, np.nan)
    (block,) = ArchiveReader(io.BytesIO(blob := codec.compress(x, bricks=[shape])))
    assert block.mode is Mode.PREDICTED
    decoded = codec.decompress(blob)
    assert np.isfinite(decoded[brick.known]).all()
    assert blob == codec.compress(brick.frames, bricks=[shape])
