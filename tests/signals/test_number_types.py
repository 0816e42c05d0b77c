"""Types of numbers that signals have not are read in one that holds them, and come back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from narrows.errors import DataError
from narrows.signals import DTYPES, open_signals, read_signals
from narrows.signals.number_types import HELD_IN, KEY, to_file, to_signals


@given(st.sampled_from(sorted(HELD_IN)).flatmap(lambda name: hnp.arrays(name, 7)))
def test_every_value_that_fits_comes_back(x):
    if x.dtype.kind in "iu" and (int(x.max()) > 2**31 - 1 or int(x.min()) < -(2**31)):
        with pytest.raises(DataError, match="32 bits"):
            to_signals(x, "x")
        return
    signals = to_signals(x, "x")
    assert signals.dtype in DTYPES
    back = to_file(signals, {KEY: x.dtype.name})
    assert back.dtype == x.dtype
    assert back.tobytes() == x.tobytes() or (np.isnan(x) == np.isnan(back)).all()


@pytest.mark.parametrize("stored", [None, "object", "U5", 3, "float32"])
def test_attributes_of_an_archive_are_not_trusted(stored):
    x = np.zeros(3, np.float32)
    assert to_file(x, {KEY: stored}) is x


def test_what_a_model_made_of_the_values_is_clipped():
    assert to_file(np.array([-3, 5], np.int32), {KEY: "uint64"}).tolist() == [0, 5]
    assert to_file(np.array([1e9, -np.inf], np.float32), {KEY: "float16"}).tolist() == [
        65504.0, -np.inf,
    ]  # fmt: skip
    assert to_file(np.array([0, 1, 200], np.uint8), {KEY: "bool"}).tolist() == [False, True, True]


def test_rows_of_such_files_are_signals_and_their_type_is_kept(tmp_path):
    x = np.random.default_rng(0).normal(size=(9, 5)).astype(np.float16)
    np.save(tmp_path / "x.npy", x)
    frames = open_signals(tmp_path / "x.npy")
    assert (frames.shape, frames.dtype) == ((9, 5), np.float32)
    assert np.array_equal(frames.read(), x.astype(np.float32))
    assert frames.metadata["attributes"] == {"all": {KEY: "float16"}}
    np.save(tmp_path / "far.npy", np.full((3, 4), 2**40))
    with pytest.raises(DataError, match=r"far\.npy.* holds int64 from 1099511627776"):
        read_signals(tmp_path / "far.npy")
