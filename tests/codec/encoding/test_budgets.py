"""Budgets: what may be asked for, operating points and the search in them, squared errors."""

import decimal
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from narrows.codec.encoding.costs import squared_errors
from narrows.codec.encoding.operating_points import OperatingPoints, last_kept, power_of_two
from narrows.codec.encoding.requests import Budget
from narrows.errors import SettingError
from tests.helpers.tiny_models import (
    FLOAT_DTYPES,
    INTEGER_DTYPES,
    exact_errors,
    examples,
    refusing,
    whole_range,
)

BAD_NUMBERS = [
    0, -1, 0.0, -0.5, math.nan, math.inf, -math.inf, True, False, "40", "", [3], 3j, 10**400,
    np.float32("inf"), np.True_, Fraction(3), decimal.Decimal(3), np.array(3.0),
]  # fmt: skip
each_target = pytest.mark.parametrize("name", ["target_bytes", "target_psnr"])

# ---------------------------------------------------------------- what may be asked for


@each_target
@pytest.mark.parametrize("value", BAD_NUMBERS, ids=lambda value: repr(value)[:20])
def test_a_budget_is_a_finite_number_above_0(name, value):
    with refusing(SettingError, name, "finite number above 0"):
        Budget(**{name: value})


@pytest.mark.parametrize(
    "value", [1, 0.5, 1e-300, 1e300, np.float32(2), np.int16(3), np.float64(7)]
)
def test_a_budget_may_be_a_number_of_any_kind(value):
    assert Budget(target_bytes=value).of_bytes
    assert not Budget(target_psnr=value).of_bytes


@pytest.mark.parametrize(
    "values", [(100, 40.5), ("100", "40"), (0, -1), (math.nan, None.__class__)]
)
def test_a_budget_is_one_of_the_two(values):
    with refusing(SettingError, "target_bytes", "target_psnr", "one of the two"):
        Budget(*values)


@given(
    st.integers(1, 2000), st.sampled_from([1.0, 16.0, 255.0, 0.3, 65535.0]), st.integers(1, 10**6)
)
@examples(60)
def test_the_largest_error_is_right_to_a_rounding(quarters, peak, n):
    found = Fraction(Budget(target_psnr=quarters / 4).largest_error(peak, n))
    power = (found / (Fraction(peak) ** 2 * n)) ** 40 * 10**quarters  # 1 if it were exact
    rounding = Fraction(2**53 + 1, 2**53)
    assert rounding**-40 <= power <= rounding**40


def test_the_largest_error_does_not_depend_on_the_decimals_of_the_program():
    expected = Budget(target_psnr=33.37).largest_error(255.0, 784)
    with decimal.localcontext(prec=3, rounding=decimal.ROUND_UP, Emin=-2, Emax=2) as context:
        context.traps[decimal.Inexact] = True
        assert Budget(target_psnr=33.37).largest_error(255.0, 784) == expected


def test_extreme_targets_have_a_largest_error():
    assert Budget(target_psnr=1e308).largest_error(255.0, 784) == 0.0
    assert Budget(target_psnr=5e-324).largest_error(255.0, 784) == 255.0**2 * 784
    assert Budget(target_psnr=1.0).largest_error(1e300, 2) == math.inf


# ---------------------------------------------------------------- the search for the last point


class Tried:
    """The points at which signals keep to a budget, `(n, n_points)`, and what of them was tried."""

    def __init__(self, keeps):
        self.keeps = np.asarray(keeps, bool)
        self.times = np.zeros(self.keeps.shape, int)

    def __call__(self, rows, numbers):
        assert len(rows) == len(numbers) == len(set(rows.tolist())) > 0
        assert numbers.min() >= 0
        self.times[rows, numbers] += 1
        return self.keeps[rows, numbers]

    def check(self, found):
        """Check that what was found was tried and kept, and what is above it tried and not."""
        n, n_points = self.keeps.shape
        assert found.shape == (n,)
        assert self.times.max() == 1
        for i, number in enumerate(found.tolist()):
            assert -1 <= number < n_points
            assert number < 0 or (self.keeps[i, number] and self.times[i, number])
            above = number + 1
            assert above == n_points or (not self.keeps[i, above] and self.times[i, above])


@pytest.mark.parametrize("n_points", [1, 2, 3, 7, 8, 31, 120])
def test_the_last_point_is_found_from_every_start(n_points):
    starts, highest = (a.ravel() for a in np.mgrid[0:n_points, -1:n_points])
    tried = Tried(np.arange(n_points) <= highest[:, None])
    np.testing.assert_array_equal(last_kept(starts, n_points, tried), highest)
    tried.check(highest)
    most = 2 * np.log2(np.abs(highest - starts) + 2) + 2  # there by doubling, and back by halving
    assert (tried.times.sum(axis=1) <= most).all()


@given(st.integers(1, 40), st.integers(1, 8), st.data())
@examples(100)
def test_what_is_found_is_kept_and_the_next_is_not_whatever_is_kept(n_points, n, data):
    tried = Tried(data.draw(hnp.arrays(bool, (n, n_points))))
    start = np.array(data.draw(st.lists(st.integers(0, n_points - 1), min_size=n, max_size=n)))
    before = start.copy()
    tried.check(last_kept(start, n_points, tried))
    np.testing.assert_array_equal(start, before)


def test_no_signals_need_no_try():
    found = last_kept(np.empty(0, np.intp), 5, lambda rows, numbers: pytest.fail("nothing to try"))
    assert found.shape == (0,)


# ---------------------------------------------------------------- operating points


@pytest.mark.parametrize("n_qualities", range(1, 9))
def test_points_are_eighths_of_octaves_and_rise_within_a_quality(n_qualities):
    points = OperatingPoints.of(n_qualities, searches=True)
    assert (np.diff(points.quality) >= 0).all()
    assert set(points.quality.tolist()) == set(range(1, n_qualities + 1))
    for quality in range(1, n_qualities + 1):
        weight = points.weight[points.quality == quality]
        eighths = np.round(8 * np.log2(weight)).astype(int)
        np.testing.assert_allclose(weight, 2.0 ** (eighths / 8), rtol=1e-15)
        assert (np.diff(eighths) == 1).all()
        assert eighths[0] == (-8 * 8 if quality == 1 else -4)
        assert eighths[-1] == (6 * 8 - 1 if quality == n_qualities else 3)


@pytest.mark.parametrize("searches", [False, True])
@pytest.mark.parametrize("n_qualities", [1, 2, 8])
def test_each_quality_has_one_point_of_weight_1(n_qualities, searches):
    points = OperatingPoints.of(n_qualities, searches=searches)
    numbers = points.of_weight_1()
    assert points.quality[numbers].tolist() == list(range(1, n_qualities + 1))
    assert (points.weight[numbers] == 1).all()
    assert searches or len(points.quality) == n_qualities


def test_powers_of_two_are_exact_at_whole_octaves_and_rise_between():
    for octave in range(-30, 31):
        powers = [power_of_two(8 * octave + eighth) for eighth in range(9)]
        assert (powers[0], powers[8]) == (2.0**octave, 2.0 ** (octave + 1))
        assert powers == sorted(set(powers))
        for eighth, power in enumerate(powers):
            exact = Fraction(power) ** 8 / Fraction(2) ** (8 * octave + eighth)
            assert abs(exact - 1) < 2.0**-46


def test_the_eighths_of_an_octave_are_these_numbers_on_every_machine():
    assert [power_of_two(eighth).hex() for eighth in range(1, 8)] == [
        "0x1.172b83c7d517bp+0", "0x1.306fe0a31b715p+0", "0x1.4bfdad5362a27p+0",
        "0x1.6a09e667f3bcdp+0", "0x1.8ace5422aa0dcp+0", "0x1.ae89f995ad3aep+0",
        "0x1.d5818dcfba488p+0",
    ]  # fmt: skip


# ---------------------------------------------------------------- squared errors


@st.composite
def pairs_of_frames(draw, dtypes):
    dtype = np.dtype(draw(st.sampled_from(dtypes)))
    shape = (draw(st.integers(0, 4)), *draw(st.sampled_from([(), (1,), (9,), (3, 4)])))
    if dtype.kind == "f":
        elements = st.floats(width=8 * dtype.itemsize, allow_nan=False, allow_infinity=False)
        return tuple(draw(hnp.arrays(dtype, shape, elements=elements)) for _ in range(2))
    ends = whole_range(dtype)
    elements = st.integers(*ends) | st.sampled_from(ends)
    return tuple(draw(hnp.arrays(dtype, shape, elements=elements)) for _ in range(2))


@given(pairs_of_frames(["bool", *(d for d in INTEGER_DTYPES if np.dtype(d).itemsize < 4)]))
@examples(80)
def test_squared_errors_of_small_integers_are_exact(pair):
    found = squared_errors(*pair)
    assert (found.dtype, found.shape) == (np.float64, (len(pair[0]),))
    assert [Fraction(value) for value in found.tolist()] == exact_errors(*pair)


@given(pairs_of_frames([*(d for d in INTEGER_DTYPES if np.dtype(d).itemsize > 2), *FLOAT_DTYPES]))
@examples(120)
def test_squared_errors_are_right_to_three_roundings(pair):
    found = squared_errors(*pair)
    assert (found.dtype, found.shape) == (np.float64, (len(pair[0]),))
    for value, exact in zip(found.tolist(), exact_errors(*pair), strict=True):
        largest = Fraction(np.finfo(np.float64).max)
        if math.isinf(value):
            assert exact > largest * (1 - Fraction(1, 2**50))
        else:
            tiny = 12 * Fraction(2) ** -1074  # squares that are no normal number
            assert abs(Fraction(value) - exact) <= exact * Fraction(2) ** -50 + tiny


def test_squared_errors_beyond_float64_are_infinite():
    x = np.array([[1e200, 0, 0], [1.2e154, 1.2e154, 1.2e154], [1e308, -1e308, 0], [1, 2, 2]])
    with np.errstate(all="raise", over="warn"):
        found = squared_errors(np.where(x > 1e307, -x, 0.0), x)
    assert found.tolist() == [math.inf, math.inf, math.inf, 9.0]
