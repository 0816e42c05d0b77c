"""Figures: computed by hand where a hand can, compared with peers at equal quality."""

import math

import numpy as np
import pytest

from narrows.evaluation.baselines import Row
from narrows.evaluation.metrics import distortion
from narrows.evaluation.peers import Point, break_even, mosaic, peers_at, search
from narrows.evaluation.plots import as_picture


def test_distortion_is_that_of_the_formula():
    a = np.array([[0, 10], [20, 255]], np.uint8)
    b = np.array([[0, 13], [16, 255]], np.uint8)
    found = distortion(a, b, 255.0)
    assert found.mse == pytest.approx((9 + 16) / 4 / 255**2)
    assert found.psnr == pytest.approx(10 * math.log10(255**2 * 4 / 25))
    assert found.max_abs_error == 4


def test_an_exact_copy_has_infinite_psnr_even_with_nan_and_infinities():
    x = np.array([[np.nan, np.inf], [-np.inf, 1.0]], np.float32)
    assert distortion(x, x.copy(), 1.0).psnr == math.inf


def test_a_lost_nan_is_not_an_exact_copy():
    x = np.array([[np.nan, 1.0]], np.float32)
    assert distortion(x, np.zeros_like(x), 1.0).psnr == -math.inf


def test_break_even_counts_signals_until_the_model_is_paid_for():
    assert break_even(1000, 3.0, Row("raw", 13.0, math.inf)) == 100
    assert break_even(1001, 3.0, Row("raw", 13.0, math.inf)) == 101
    assert break_even(1000, 3.0, Row("PCA", 13.0, 20.0, model_bytes=600)) == 40
    assert break_even(1000, 3.0, Row("PCA", 13.0, 20.0, model_bytes=2000)) == 0
    assert break_even(1000, 3.0, Row("better", 3.0, 20.0)) is None


def test_the_search_meets_a_known_curve():
    # bytes double with every unit of the setting, and each brings 6 dB
    found = search(lambda s: Point(2.0**s, 6.0 * s), 0.0, 10.0, 31.0)
    assert found.bytes_per_signal == pytest.approx(2.0 ** (31 / 6), rel=1e-9)
    assert search(lambda s: Point(2.0**s, 6.0 * s), 0.0, 10.0, 61.0) is None
    assert search(lambda s: Point(2.0**s, 6.0 * s), 2.0, 10.0, 11.0) == Point(4.0, 12.0)


def falling_back(setting):
    """A peer that is lossy up to 21 dB, and above the setting 3.3 exact: all blocks fall back."""
    return Point(2.0**setting, 7.0 * setting if setting < 3.3 else math.inf)


def test_an_exact_setting_stands_for_a_psnr_that_no_lossy_one_reaches():
    found = search(falling_back, 0.0, 10.0, 27.37)
    assert found.psnr == math.inf
    assert 2.0**3.3 <= found.bytes_per_signal < 2.0**3.5
    assert search(falling_back, 0.0, 10.0, 14.0).psnr == 14.0
    assert search(falling_back, 5.0, 10.0, 14.0) == Point(32.0, math.inf)


@pytest.mark.parametrize("lost", [math.nan, -math.inf])
def test_a_setting_without_a_psnr_is_never_interpolated_from(lost):
    found = search(lambda s: Point(2.0**s, 6.0 * s if s > 3.3 else lost), 0.0, 10.0, 19.0)
    assert found.psnr == 6.0 * math.log2(found.bytes_per_signal) > 19.8
    assert search(lambda s: Point(1.0, lost), 0.0, 10.0, 19.0) is None


def test_the_mosaic_holds_every_picture_once():
    x = np.arange(250 * 12, dtype=np.uint8).reshape(250, 3, 4)
    picture, n = mosaic(x)
    assert n == 200
    assert picture.shape == (2 * 3, 100 * 4)
    assert np.array_equal(picture[3:6, 4:8], x[101])


def test_peers_are_measured_at_the_wanted_quality(digits):
    pytest.importorskip("torch", reason="the PCA codec is trained with torch; extra train")
    rows = peers_at(digits, 20.0, 16.0)
    assert rows[0].name == "PCA codec"
    assert 2.0 < rows[0].bytes_per_signal < 12.0
    assert rows[0].psnr == 20.0
    assert all(20.0 <= row.psnr < 60.0 for row in rows)  # lossy, at the quality or at their lowest


@pytest.mark.parametrize(
    ("shape", "picture"),
    [((28, 28), (28, 28)), ((8, 16, 16), (16, 16)), ((256, 2), None), ((100,), None)],
)
def test_frames_are_drawn_as_pictures_or_lines(shape, picture):
    drawn = as_picture(np.zeros(shape))
    assert (None if drawn is None else drawn.shape) == picture
