"""Bricks: the order of tiles in an archive that keeps near ones together."""

from itertools import product
from math import prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrows.codec.prediction.bricks import Brick
from narrows.signals.bricks import brick_for, is_row_major, number_of, parts_of, place_of
from narrows.signals.frames import Frames
from narrows.signals.inputs import as_source, reading_of
from narrows.signals.windows import Grid, cut, join
from tests.helpers.tiny_models import examples

AXES = st.lists(st.tuples(st.integers(1, 6), st.integers(1, 7)), min_size=1, max_size=4)


@examples(100)
@given(AXES)
def test_each_tile_has_a_place_and_each_place_a_tile(axes):
    counts, brick = zip(*axes, strict=True)
    places = [place_of(number, counts, brick) for number in range(prod(counts))]
    assert sorted(places) == list(product(*map(range, counts)))
    assert [number_of(place, counts, brick) for place in places] == list(range(len(places)))
    if is_row_major(counts, brick):
        assert places == sorted(places)


@examples(60)
@given(AXES, st.integers(1, 3))
def test_a_brick_is_a_part_of_the_array_row_major(axes, length):
    counts, brick = zip(*axes, strict=True)
    shape = tuple(count * length for count in counts)
    start = 0
    for sizes in parts_of(shape, (length,) * len(counts), brick):
        n = prod(size // length for size in sizes)
        places = [place_of(number, counts, brick) for number in range(start, start + n)]
        corner, last = places[0], places[-1]
        inside = product(*(range(a, b + 1) for a, b in zip(corner, last, strict=True)))
        assert places == list(inside)
        start += n
    assert start == prod(counts)


@pytest.mark.parametrize(
    ("counts", "axes", "most", "brick"),
    [
        ((6, 12, 12), 3, 2048, (6, 12, 12)),
        ((64, 32, 32), 3, 2048, (13, 11, 11)),
        ((100, 7, 7), 2, 2048, (1, 7, 7)),
        ((5000,), 1, 2048, (1667,)),
        ((3, 3), 2, 1, (1, 1)),
    ],
)
def test_bricks_are_about_as_long_along_every_axis(counts, axes, most, brick):
    found = brick_for(counts, axes, most)
    assert prod(found) <= most
    assert found[: len(counts) - axes] == (1,) * (len(counts) - axes)
    if counts != (64, 32, 32):
        assert found == brick
    else:
        assert max(found) <= 2 * min(found)


@pytest.mark.parametrize("brick", [(2, 3, 1), (1, 1, 1), (9, 9, 9)])
def test_frames_in_bricks_are_put_together_again(brick):
    x = np.random.default_rng(0).integers(0, 99, (7, 10, 5)).astype(np.int16)
    grid = Grid(x.shape, (2, 3, 4), (2, 3, 4), brick)
    frames = cut(x, grid)
    assert np.array_equal(join(frames, grid, np.empty_like(x)), x)
    box = (slice(3, 6), slice(2, 9), slice(1, 2))
    touching = list(grid.touching(box))
    assert touching == sorted(touching)
    holds = [n for n in range(grid.n_frames) if all(
        a.start < b.stop and b.start < a.stop for a, b in zip(grid.box(n), box, strict=True)
    )]  # fmt: skip
    assert touching == holds


def test_a_source_yields_bricks_that_cover_its_arrays():
    x = np.arange(9 * 20 * 20, dtype=np.float32).reshape(9, 20, 20)
    source = as_source(x, reading_of(None, (3, 4, 4), None))
    assert isinstance(source, Frames)
    bricked = source.in_bricks(30)
    blocks = list(bricked.bricks())
    assert all(isinstance(each, Brick) and len(each) <= 30 for each in blocks)
    assert sum(prod(each.shape) for each in blocks) == x.size
    assert "brick" in bricked.metadata["geometry"]
    assert "brick" not in source.in_bricks(100).metadata["geometry"]
    assert np.array_equal(np.concatenate([b.frames for b in blocks]), bricked.read())


def test_tiles_that_overlap_stay_in_their_order():
    x = np.zeros((12, 12), np.float32)
    source = as_source(x, reading_of(None, (4, 4), (2, 2)))
    assert source.in_bricks(4) is source
