"""Of signals that are more than memory holds, training reads a sample, and holds others out."""

import numpy as np
import pytest

from narrows.signals import inputs, restoring
from narrows.signals.geometry import Geometry
from narrows.signals.inputs import training_samples
from narrows.signals.reading import Reading
from narrows.signals.restoring import restored_arrays
from narrows.signals.source import drawn

X = np.arange(1000 * 20, dtype=np.int16).reshape(1000, 20)  # more than channels


@pytest.fixture(autouse=True)
def few_are_held_out(monkeypatch):
    monkeypatch.setattr(inputs, "MAX_HELD_OUT", 20)
    monkeypatch.setattr(inputs, "RUNS", 4)


@pytest.fixture(params=["array", "mapped", "bare"])
def data(request, tmp_path):
    """The same signals in memory, in a file that is mapped, and in one of bare numbers."""
    np.save(tmp_path / "x.npy", X)
    X.tofile(tmp_path / "x.dat")
    if request.param == "array":
        return X, Reading()
    if request.param == "mapped":
        return tmp_path / "x.npy", Reading()
    return tmp_path / "x.dat", Reading(shape=(-1, 20), dtype=np.dtype("int16"))


def samples(data, most, validation=None, in_order=False):
    read, reading = data
    return training_samples(
        read, validation, reading, 3, lambda shape, itemsize: most, in_order=in_order
    )


def numbers(rows):
    return rows[:, 0] // 20


def test_so_many_are_learnt_from_and_others_are_held_out(data):
    read = samples(data, 100)
    assert read.x.shape == (100, 20)
    assert read.validation.shape == (20, 20)
    assert not isinstance(read.x.base, np.memmap)
    both = np.concatenate([numbers(read.x), numbers(read.validation)])
    assert len(np.unique(both)) == 120
    assert np.array_equal(np.concatenate([read.x, read.validation]), X[both])
    again = samples(data, 100)
    assert np.array_equal(again.x, read.x)
    assert np.array_equal(again.validation, read.validation)


def test_the_sample_is_spread_over_the_whole_file(data):
    found = numbers(samples(data, 100).x)
    assert found.min() < 30
    assert found.max() > 890  # of an array of bare numbers the last tenth is held out
    assert np.diff(found).max() < 40


def test_of_other_signals_to_validate_with_no_more_are_read(data):
    read = samples(data, 100, validation=X[:300])
    assert read.x.shape == (100, 20)
    assert len(read.validation) <= 100


def test_windows_in_their_order_are_the_first_ones(data):
    read = samples(data, 100, in_order=True)
    assert np.array_equal(read.x, X[: len(read.x)])
    assert np.array_equal(read.validation, X[numbers(read.validation)])
    assert (np.diff(numbers(read.validation)) == 1).all()
    assert numbers(read.validation).min() >= len(read.x)
    assert sum(read.recordings) == len(read.x)


@pytest.mark.parametrize(("n", "most"), [(0, 3), (3, 0), (5, 9), (7, 7), (100, 99), (10**12, 5)])
def test_numbers_are_drawn_once_each_and_over_all(n, most):
    found = drawn(n, most, 0)
    assert len(found) == len(set(found.tolist())) == min(n, most)
    assert (np.diff(found) > 0).all()
    assert all(0 <= each < n for each in found.tolist())


def test_an_array_larger_than_memory_is_put_together_in_a_file(monkeypatch):
    geometry = Geometry(["x"], [(1000, 4)], (16, 3), (8, 3), ["raw"], [{}], False)
    frames = np.random.default_rng(0).integers(-99, 99, (geometry.n_frames, 16, 3), np.int16)

    def restored():
        ((_, array),) = [
            (number, np.array(array))
            for number, array in restored_arrays([frames], geometry, np.dtype("int16"), [0])
        ]
        return array

    whole = restored()
    monkeypatch.setattr(restoring, "MAX_HELD_BYTES", 100)
    assert np.array_equal(restored(), whole)
