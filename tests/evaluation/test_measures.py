"""Figures of quality, computed by hand, and what is drawn as a picture."""

import math

import numpy as np
import pytest

from narrows.evaluation.metrics import distortion
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


@pytest.mark.parametrize(
    ("shape", "picture"),
    [((28, 28), (28, 28)), ((8, 16, 16), (16, 16)), ((256, 2), None), ((100,), None)],
)
def test_frames_are_drawn_as_pictures_or_lines(shape, picture):
    drawn = as_picture(np.zeros(shape))
    assert (None if drawn is None else drawn.shape) == picture
