"""Frames to learn from at every offset, none of which shows what is held out."""

import numpy as np
import pytest

from narrows.signals import crops
from narrows.signals.inputs import training_samples
from narrows.signals.reading import Reading

RAMP = np.arange(40 * 6 * 5, dtype=np.int32).reshape(40, 6, 5)


@pytest.fixture(autouse=True)
def few_are_enough(monkeypatch):
    monkeypatch.setattr(crops, "ENOUGH_CROPS", 200)


def samples(data, reading, most=1000, validation=None):
    return training_samples(data, validation, reading, 3, lambda shape, itemsize: most)


def test_frames_of_every_offset_are_learnt_from_and_the_end_is_held_out():
    read = samples(RAMP, Reading(tile=(2, 3, 5)))
    rows = {int(frame[0, 0, 0]) // 30 for frame in read.x}
    columns = {int(frame[0, 0, 0]) % 30 // 5 for frame in read.x}
    assert rows == set(range(35))  # 36 rows are learnt from, and a tile takes two
    assert columns == {0, 1, 2, 3}
    assert read.validation.min() == 36 * 30
    assert read.x.max() < read.validation.min()
    # Each is a part of the array as it stands.
    assert (np.diff(read.x[:, :, 0, 0], axis=1) == 30).all()
    assert (np.diff(read.x, axis=3) == 1).all()


def test_all_frames_of_the_cut_are_among_them_and_no_crop_is_there_twice():
    read = samples(RAMP, Reading(tile=(2, 3, 5)))
    firsts = [int(frame[0, 0, 0]) for frame in read.x]
    cut = [row * 30 + column * 5 for row in range(0, 36, 2) for column in (0, 3)]
    assert firsts[: len(cut)] == cut
    assert len(set(firsts[len(cut) :])) == len(firsts) - len(cut)
    assert read.about["crops"] == len(read.x) - len(cut)


def test_the_same_seed_draws_the_same_crops():
    one, two = (samples(RAMP, Reading(tile=(2, 2, 2))) for _ in range(2))
    assert np.array_equal(one.x, two.x)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_the_axis_of_most_frames_is_divided(axis):
    x = np.moveaxis(RAMP, 0, axis)
    tile = tuple(2 if each == axis else x.shape[each] for each in range(3))
    read = samples(np.ascontiguousarray(x), Reading(tile=tile))
    assert read.validation.min() == 36 * 30
    assert read.x.max() < read.validation.min()


def test_where_training_splits_the_frames_there_are_no_crops():
    read = samples(RAMP[:8], Reading(tile=(4, 6, 5)))  # two frames
    assert read.validation is None
    assert (len(read.x), "crops" in read.about) == (2, False)


def test_many_frames_are_enough():
    read = samples(RAMP, Reading(tile=(1, 1, 2), hop=(1, 1, 1)), most=300)
    assert (len(read.x), "crops" in read.about) == (300, False)


def test_validation_signals_leave_everything_to_learn_from():
    read = samples(RAMP, Reading(tile=(2, 3, 5)), validation=RAMP[:4])
    assert read.x.max() == RAMP.max()
    assert read.validation.shape == (4, 2, 3, 5)
