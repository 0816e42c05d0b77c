"""Points of codecs: where they break even, and how the one that is asked for is found."""

import math
from dataclasses import replace

import pytest

from narrows.evaluation.rate_point import RatePoint, at_psnr, at_size, break_even

SETTINGS = (0.0, 10.0)


def test_break_even_counts_signals_until_the_model_is_paid_for():
    assert break_even(1000, 3.0, RatePoint("raw", 13.0, math.inf)) == 100
    assert break_even(1001, 3.0, RatePoint("raw", 13.0, math.inf)) == 101
    assert break_even(1000, 3.0, RatePoint("PCA", 13.0, 20.0, model_bytes=600)) == 40
    assert break_even(1000, 3.0, RatePoint("PCA", 13.0, 20.0, model_bytes=2000)) == 0
    assert break_even(1000, 3.0, RatePoint("better", 3.0, 20.0)) is None


def doubling(setting):
    """A codec whose bytes double with every unit of the setting, and each brings 6 dB."""
    return RatePoint("doubling", 2.0**setting, 6.0 * setting)


def test_the_search_meets_a_known_curve():
    found = at_psnr(doubling, SETTINGS, 31.0)
    assert found.bytes_per_signal == pytest.approx(2.0 ** (31 / 6), rel=1e-9)
    assert found.psnr == 31.0
    assert at_psnr(doubling, SETTINGS, 61.0) is None
    assert at_psnr(doubling, (2.0, 10.0), 11.0) == doubling(2.0)


def test_the_search_for_a_size_meets_the_same_curve():
    found = at_size(doubling, SETTINGS, 2.0**5.2)
    assert found.bytes_per_signal == 2.0**5.2
    assert found.psnr == pytest.approx(6.0 * 5.2)
    assert at_size(doubling, (2.0, 3.0), 1.0) == doubling(2.0)
    assert at_size(doubling, (2.0, 3.0), 9.0) == doubling(3.0)


def test_the_search_measures_few_settings_and_none_twice():
    seen = []

    def counted(setting):
        seen.append(setting)
        return replace(doubling(setting), psnr=60 * math.sqrt(setting / 10))

    settings = [0.5 * i for i in range(21)]
    for start, most in ((0, 10), (8, 6), (20, 10)):
        seen.clear()
        found = at_psnr(counted, settings, 41.0, start)
        assert found.bytes_per_signal == pytest.approx(2.0 ** (10 * (41 / 60) ** 2), rel=2e-3)
        assert len(seen) == len(set(seen)) <= most
        assert seen[0] == settings[start]


@pytest.mark.parametrize("start", range(4))
def test_the_search_finds_both_ends_from_wherever_it_starts(start):
    settings = (2.0, 3.0, 4.0, 5.0)
    assert at_psnr(doubling, settings, 11.0, start) == doubling(2.0)
    assert at_psnr(doubling, settings, 31.0, start) is None
    assert at_psnr(doubling, settings, 30.0, start).bytes_per_signal == 32.0
    assert at_psnr(doubling, settings, 15.0, start).bytes_per_signal == pytest.approx(2**2.5)


def falling_back(setting):
    """A peer that is lossy up to 21 dB, and above the setting 3.3 exact: all blocks fall back."""
    return RatePoint("fallible", 2.0**setting, 7.0 * setting if setting < 3.3 else math.inf)


def test_an_exact_setting_stands_for_a_psnr_that_no_lossy_one_reaches():
    found = at_psnr(falling_back, SETTINGS, 27.37)
    assert found.psnr == math.inf
    assert 2.0**3.3 <= found.bytes_per_signal < 2.0**3.5
    assert at_psnr(falling_back, SETTINGS, 14.0).psnr == 14.0
    assert at_psnr(falling_back, (5.0, 10.0), 14.0) == falling_back(5.0)


@pytest.mark.parametrize("lost", [math.nan, -math.inf])
def test_a_setting_without_a_psnr_is_never_interpolated_from(lost):
    def measure(s):
        return RatePoint("lossy", 2.0**s, 6.0 * s if s > 3.3 else lost)

    found = at_psnr(measure, SETTINGS, 19.0)
    assert found.psnr == 6.0 * math.log2(found.bytes_per_signal) > 19.8
    assert at_psnr(lambda s: RatePoint("lost", 1.0, lost), SETTINGS, 19.0) is None
