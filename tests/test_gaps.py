"""What an encoder sees in place of missing values: as smooth as the values beside them."""

import numpy as np
import pytest

from narrows.errors import SettingError
from narrows.gaps import filled, stand_ins


def fill(x, *, channels=False, mean=7.0):
    return filled(x, ~np.isfinite(x), mean, has_channels=channels)


def test_gaps_of_a_line_are_straight_and_ends_level():
    x = np.array([[np.nan, 1, np.nan, np.nan, 4, np.nan]])
    assert fill(x).tolist() == [[1, 1, 2, 3, 4, 4]]


def test_known_values_and_whole_rows_stay_to_the_bit():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(20, 9, 8)).astype("float32")
    x[3, 2:5, 1:7] = np.nan
    x[5] = -0.0
    out = fill(x)
    known = np.isfinite(x)
    assert out[known].tobytes() == x[known].tobytes()
    assert np.isfinite(out).all()


def test_signals_without_gaps_stay():
    x = np.arange(12, dtype=np.float32).reshape(2, 3, 2)
    for n in (0, 2):
        nothing = np.zeros((n, 3, 2), dtype=bool)
        assert np.array_equal(filled(x[:n], nothing, 0.0, has_channels=True), x[:n])


def test_a_plane_is_filled_between_its_neighbours():
    y, x = np.mgrid[:12, :10]
    plane = np.stack([y + 2.0 * x] * 3)
    holes = plane.copy()
    holes[1, 4:7, 3:6] = np.nan
    out = fill(holes)
    assert np.abs(out - plane).max() < 2.1
    assert (out[1] >= plane.min()).all()
    assert (out[1] <= plane.max()).all()


def test_a_line_without_a_value_is_filled_from_beside_it():
    x = np.arange(12.0).reshape(1, 3, 4)
    x[0, :2] = np.nan
    assert fill(x)[0, 0].tolist() == fill(x)[0, 1].tolist() == [8, 9, 10, 11]


def test_channels_are_filled_from_themselves_and_without_values_by_their_mean():
    x = np.array([[[1, 100], [np.nan, np.nan], [3, 300]], [[1, np.nan], [2, np.nan], [3, np.nan]]])
    out = fill(x, channels=True, mean=np.array([7.0, 70.0]))
    assert out[0, 1].tolist() == [2, 200]
    assert out[1, :, 1].tolist() == [70, 70, 70]


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "float64"])
def test_integers_stay_integers(dtype):
    x = np.array([[1, 250, 4, 9]], dtype)
    out = filled(x, x == 250, 0.0, has_channels=False)
    assert out.dtype == dtype
    assert out.tolist() == [[1, 2.5 if dtype == "float64" else 2, 4, 9]]


def test_frames_of_no_axes_take_the_mean():
    assert fill(np.array([1.0, np.nan])).tolist() == [1, 7]


@pytest.mark.parametrize(
    ("dtype", "value"),
    [("uint8", 300), ("uint8", -999), ("int16", 0.5), ("bool", 2), ("float32", 1e300)],
)
def test_values_that_a_type_cannot_hold_stand_for_nothing(dtype, value):
    with pytest.raises(SettingError, match=f"missing .*; {dtype} holds .*from .* to "):
        stand_ins(np.dtype(dtype), [0, value])
    assert stand_ins(np.dtype(dtype), [1, 0]) == [1, 0]
