"""Layouts of all signals in one array are inverted, and neighbours stay neighbours."""

import math

import numpy as np
import pytest

from narrows.evaluation.peers import mosaics


@pytest.mark.parametrize("n", [1, 5, 24])
@pytest.mark.parametrize(
    ("layout", "shape"),
    [
        (mosaics.mosaic((3, 4)), (3, 4)),
        (mosaics.mosaic((3, 4, 3)), (3, 4, 3)),
        (mosaics.mosaic((2, 4, 5)), (2, 4, 5)),
        (mosaics.recording((5, 2)), (5, 2)),
        (mosaics.windows((5, 2)), (5, 2)),
        (mosaics.windows((5,)), (5,)),
        (mosaics.field((1, 2, 3), (2, 3, 4)), (1, 2, 3)),
        (mosaics.row((7,)), (7,)),
    ],
)
def test_layouts_are_inverted(layout, shape, n):
    x = np.arange(n * math.prod(shape), dtype=np.int16).reshape(n, *shape)
    back = layout.split(layout.join(x), n)
    assert np.array_equal(back, x)
    assert back.dtype == x.dtype


def test_a_mosaic_holds_every_picture_once_in_rows():
    x = np.arange(250 * 12, dtype=np.uint8).reshape(250, 3, 4)
    picture = mosaics.mosaic((3, 4)).join(x)
    assert picture.shape == (16 * 3, 16 * 4)
    assert np.array_equal(picture[3:6, 4:8], x[17])
    assert not picture[-3:, 40:].any()  # 250 = 15 * 16 + 10: the last row is blank at its end


def test_coloured_pictures_keep_their_colours_and_volumes_their_depth():
    x = np.arange(6 * 4 * 5 * 3).reshape(6, 4, 5, 3)
    assert np.array_equal(mosaics.mosaic((4, 5, 3)).join(x)[:4, 5:10], x[1])
    volumes = x.reshape(6, 3, 5, 4)
    assert np.array_equal(mosaics.mosaic((3, 5, 4)).join(volumes)[:, :5, 4:8], volumes[1])


@pytest.mark.parametrize(
    ("frame_shape", "name"),
    [
        ((100,), "one row"),
        ((256, 2), "one recording"),
        ((28, 28), "one mosaic"),
        ((32, 32, 3), "one mosaic"),
        ((4, 8, 8), "one mosaic"),
    ],
)
def test_the_layout_follows_from_the_shape_of_a_frame(frame_shape, name):
    assert mosaics.layout_of(frame_shape).name == name
