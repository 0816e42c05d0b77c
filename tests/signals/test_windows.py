"""Cutting arrays to frames and joining them again are inverse to each other."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrows.element_types import ends_of
from narrows.errors import DataError
from narrows.signals.windows import Grid, Joiner, cut, join, joined

DTYPES = ("bool", "uint8", "int16", "int32", "uint32", "int64", "uint64", "float32", "float64")


@st.composite
def grids(draw):
    """Draw a grid of one to three axes, of any sizes, lengths and hops."""
    shape = draw(st.lists(st.integers(0, 9), min_size=1, max_size=3))
    lengths = [draw(st.integers(1, 6)) for _ in shape]
    hops = [draw(st.integers(1, length)) for length in lengths]
    return Grid(tuple(shape), tuple(lengths), tuple(hops))


def values(grid, dtype, seed=0):
    """Return an array of the grid's shape, of all bits for integers."""
    rng = np.random.default_rng(seed)
    if dtype.startswith("float"):
        return rng.normal(size=grid.shape).astype(np.float32).astype(dtype)
    low, high = ends_of(np.dtype(dtype))
    return rng.integers(low, high, grid.shape, dtype, endpoint=True)


@given(grids(), st.sampled_from(DTYPES))
def test_what_is_cut_and_joined_is_what_it_was(grid, dtype):
    x = values(grid, dtype)
    frames = cut(x, grid)
    assert frames.shape == (grid.n_frames, *grid.lengths)
    back = join(frames, grid, np.empty(grid.shape, dtype))
    if grid.overlaps and dtype == "float64":
        assert np.allclose(back, x, rtol=1e-15, atol=0)
    else:
        assert np.array_equal(back, x)


@given(grids(), st.sampled_from(DTYPES), st.integers(1, 300))
def test_an_array_in_parts_is_the_same(grid, dtype, part_bytes):
    frames = cut(values(grid, dtype, 1), grid)[:, ..., ::-1]  # where frames overlap, others
    whole = join(frames, grid, np.empty(grid.shape, dtype))
    parts = list(joined(frames, grid, np.dtype(dtype), part_bytes))
    back = np.concatenate([np.empty((0, *grid.shape[1:]), dtype), *parts])
    assert back.shape == whole.shape
    assert back.tobytes() == whole.tobytes()


@given(grids(), st.lists(st.integers(1, 4), min_size=3, max_size=3), st.integers(1, 300))
def test_an_array_in_bricks_and_in_parts_is_the_same(grid, brick, part_bytes):
    grid = Grid(grid.shape, grid.lengths, grid.lengths, tuple(brick[: len(grid.shape)]))
    x = values(grid, "int16")
    parts = list(joined(cut(x, grid), grid, x.dtype, part_bytes))
    assert np.array_equal(np.concatenate([x[:0], *parts]), x)


@given(grids(), st.data())
def test_a_part_needs_only_the_frames_that_touch_it(grid, data):
    x = values(grid, "int16")
    frames = cut(x, grid)
    box = []
    for size in grid.shape:
        start = data.draw(st.integers(0, size))
        box.append(slice(start, data.draw(st.integers(start, size))))
    out = np.empty([part.stop - part.start for part in box], "int16")
    joiner = Joiner(grid, tuple(box), out)
    touching = list(grid.touching(tuple(box))) if out.size else []
    assert touching == sorted(touching)
    for number in touching:
        joiner.add(number, frames[number])
    assert np.array_equal(joiner.finish(), x[tuple(box)])


def test_the_last_frame_is_filled_with_the_last_element():
    frames = cut(np.arange(5), Grid((5,), (4,), (4,)))
    assert frames.tolist() == [[0, 1, 2, 3], [4, 4, 4, 4]]


def test_overlaps_are_blended_by_weights_that_rise_and_fall():
    grid = Grid((6,), (4,), (2,))  # weights 1 2 2 1, in frames at 0 and 2
    back = join([np.full(4, 0), np.full(4, 30)], grid, np.empty(6, np.int32))
    assert back.tolist() == [0, 0, 10, 20, 30, 30]
    back = join([np.full(4, 0), np.full(4, 5)], grid, np.empty(6, np.int32))
    assert back.tolist() == [0, 0, 2, 3, 5, 5]  # 5/3 and 10/3, rounded half up


def test_blended_floats_do_not_depend_on_the_part_that_is_asked_for():
    rng = np.random.default_rng(1)
    grid = Grid((50, 40), (8, 8), (3, 5))
    frames = rng.normal(size=(grid.n_frames, 8, 8)).astype(np.float32)
    whole = join(frames, grid, np.empty(grid.shape, np.float32))
    box = (slice(7, 23), slice(11, 12))
    joiner = Joiner(grid, box, np.empty((16, 1), np.float32))
    for number in grid.touching(box):
        joiner.add(number, frames[number])
    assert joiner.finish().tobytes() == np.ascontiguousarray(whole[box]).tobytes()


def test_frames_that_are_too_few_are_refused():
    with pytest.raises(DataError, match="1 frames where an array of \\(5,\\) has 2"):
        join([np.zeros(4)], Grid((5,), (4,), (4,)), np.empty(5))
