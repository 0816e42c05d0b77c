from math import prod

import numpy as np
import pytest

from narrows.codec.encoding.interpolation import pack_levels
from narrows.codec.encoding.plan_choice import BOX, Numbers, boxes_of, layouts, smallest
from narrows.codec.interpolation.grid import Lossless
from narrows.codec.interpolation.layout import Plan


@pytest.mark.parametrize(
    ("shape", "sides"),
    [
        ((63, 91, 91), (63, 23, 23)),
        ((4, 160, 200), (4, 160, 51)),
        ((2674, 28, 28), (42, 28, 28)),
        ((240, 9, 8, 4, 6), (18, 9, 8, 4, 6)),
        ((300_000,), (BOX,)),
    ],
)
def test_boxes_have_short_axes_whole_and_lie_inside(shape, sides):
    boxes = boxes_of(shape, has_channels=False)
    assert len(boxes) == 2
    for box in boxes:
        assert tuple(each.stop - each.start for each in box) == sides
        assert all(each.start >= 0 and each.stop <= n for each, n in zip(box, shape, strict=True))
        assert prod(sides) <= 1.1 * BOX


def test_channels_are_of_every_box():
    boxes = boxes_of((2047, 256, 2), has_channels=True)
    assert all(box[2] == slice(0, 2) for box in boxes)
    assert all(box[1] == slice(0, 256) for box in boxes)


def test_small_blocks_are_tried_as_a_whole():
    assert boxes_of((20, 40, 40), has_channels=False) == []


def test_a_recording_of_more_places_than_there_may_be_fronts_is_coded_by_levels():
    x = np.cumsum(np.random.default_rng(1).integers(-9, 10, (1, 40_000)), axis=1)
    packed = smallest(x, Numbers((Lossless(),), x - x.min(), int(np.ptp(x)), None))
    assert not packed.plan.is_swept
    assert len(packed.payload(None)) < x.size


def bytes_of_all_plans(x, numbers):
    plans = [
        Plan(axes, False, numbers.grids, numbers.high, has_values, is_swept=is_swept)
        for axes, _ in layouts(x.shape, 1)
        for has_values, is_swept in ((False, False), (True, False), (False, True))
        if not (is_swept and axes == 1)
    ]
    return [len(pack_levels(x, plan, numbers.wanted).payload(None)) for plan in plans]


def textures(n, size):
    """Return pictures of few values, in which neighbours tell more than distances do."""
    rng = np.random.default_rng(5)
    coarse = rng.integers(0, 2, (n, size // 4, size // 4)).repeat(4, axis=1).repeat(4, axis=2)
    return (coarse * 180 + rng.integers(0, 3, (n, size, size)) * 30).astype(np.uint8)


def waves(n, size):
    """Return pictures that are smooth down to single steps."""
    at = np.arange(size) / 40
    each = np.sin(at[:, None] + at * np.linspace(0.5, 2, n)[:, None, None])
    return np.rint(each * 100 + 120).astype(np.uint8)


@pytest.mark.parametrize("pictures", [textures(60, 64), waves(60, 64)], ids=["values", "fronts"])
def test_the_choice_takes_hardly_more_than_the_best_plan(pictures):
    assert boxes_of(pictures.shape, has_channels=False)
    numbers = Numbers((Lossless(),), pictures.astype(np.int64), 255, None)
    chosen = smallest(pictures, numbers)
    assert np.array_equal(chosen.signals, pictures)
    assert len(chosen.payload(None)) <= 1.005 * min(bytes_of_all_plans(pictures, numbers))


def test_a_sample_that_is_unlike_the_rest_is_no_trouble():
    pictures = np.random.default_rng(3).integers(0, 2000, (60, 64, 64))
    for box in boxes_of(pictures.shape, has_channels=False):
        pictures[box] = 1000
    numbers = Numbers((Lossless(),), pictures, 2000, None)
    chosen = smallest(pictures.astype(np.uint16), numbers)
    assert np.array_equal(chosen.signals, pictures)
