"""Rate-distortion curves: BD-rate, frontier and interpolation against known answers."""

import math

import pytest

from narrows.evaluation import curves

pytest.importorskip("scipy", reason="the interpolation is scipy's; extra train")

# Four points of each of two video codecs, as in the literature on Bjontegaard's difference.
VIDEO_A = [(9487.76, 40.037), (4593.60, 38.615), (2486.44, 36.845), (1358.24, 34.851)]
VIDEO_B = [(9787.80, 40.121), (4469.00, 38.651), (2451.52, 36.970), (1356.24, 34.987)]


def times(factor, curve):
    return [(size * factor, psnr) for size, psnr in curve]


def test_the_bd_rate_of_a_curve_to_itself_is_nothing():
    percent, low, high = curves.bd_rate(VIDEO_A, VIDEO_A)
    assert percent == pytest.approx(0.0, abs=1e-12)
    assert (low, high) == (34.851, 40.037)


@pytest.mark.parametrize("factor", [0.5, 0.9, 1.0, 2.0])
def test_the_bd_rate_of_a_curve_at_a_multiple_of_the_bytes_is_that_multiple(factor):
    percent, *_ = curves.bd_rate(VIDEO_A, times(factor, VIDEO_A))
    assert percent == pytest.approx(100 * (factor - 1), abs=1e-9)


def test_the_bd_rate_of_straight_lines_is_the_mean_of_their_distance():
    # log bytes rise by 1 in 10 dB; the other's by 2: the mean distance over 10 dB is a half
    a = [(math.exp(t), 20 + 10 * t) for t in (0.0, 0.2, 0.7, 1.0)]
    b = [(math.exp(2 * t), 20 + 10 * t) for t in (0.0, 0.5, 1.0)]
    assert curves.bd_rate(a, b)[0] == pytest.approx(100 * (math.exp(0.5) - 1))
    assert curves.bd_rate(b, a)[0] == pytest.approx(100 * (math.exp(-0.5) - 1))
    assert curves.bd_rate(a, b, within=(25.0, 30.0))[0] == pytest.approx(100 * math.expm1(0.75))


def test_two_close_video_codecs_differ_as_little_as_published():
    percent, *_ = curves.bd_rate(VIDEO_A, VIDEO_B)
    assert -5 < percent < 0  # B is the better one, by less than 0.2 dB
    assert 100 * math.log(curves.bd_rate(VIDEO_B, VIDEO_A)[0] / 100 + 1) == pytest.approx(
        -100 * math.log(percent / 100 + 1)
    )


def test_there_is_no_bd_rate_of_curves_that_do_not_meet():
    assert curves.bd_rate([(1, 10), (2, 20)], [(3, 30), (4, 40)]) is None
    assert curves.bd_rate([(1, 10), (2, 20)], [(1, 15)]) is None
    assert curves.bd_rate(VIDEO_A, VIDEO_B, within=(math.inf, -math.inf)) is None


def test_points_that_others_beat_do_not_count():
    curve = [(1, 10), (2, 20), (3, 15), (4, 30), (4, 29), (9, math.inf)]
    assert curves.frontier(curve) == [(1, 10), (2, 20), (4, 30)]


def test_bytes_are_interpolated_in_their_logarithm_and_never_beyond():
    curve = [(1.0, 10.0), (4.0, 20.0), (64.0, 30.0)]
    assert curves.bytes_at(curve, 15.0) == pytest.approx(2.0)
    assert curves.bytes_at(curve, 25.0) == pytest.approx(16.0)
    assert curves.bytes_at(curve, 10.0) == pytest.approx(1.0)
    assert curves.bytes_at(curve, 9.9) is None
    assert curves.bytes_at(curve, 30.1) is None
    assert curves.bytes_at([(1.0, math.inf)], 20.0) is None
    assert curves.psnr_range(curve, 2.0, 16.0) == pytest.approx((15.0, 25.0))
    assert curves.psnr_range(curve, 65.0, 99.0) is None
    assert curves.difference_at(curve, (1.0, 15.0)) == pytest.approx(-50.0)
    assert curves.psnr_at(curve, 2.0) == pytest.approx(15.0)
    assert curves.psnr_at(curve, 0.9) is None
    assert curves.psnr_at(curve, 65.0) is None
