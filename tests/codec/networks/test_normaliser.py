"""The two ends of the networks, for every dtype."""

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from narrows.codec.networks.normaliser import BY_CHANNEL, Normaliser
from narrows.element_types import ends_of
from narrows.errors import FormatError, UnprovenModelError
from tests.helpers.tiny_models import (
    DTYPES,
    FLOAT_DTYPES,
    INTEGER_DTYPES,
    assert_identical,
    examples,
    whole_range,
)

ALL = pytest.mark.parametrize("dtype", DTYPES)
INTEGERS = pytest.mark.parametrize("dtype", INTEGER_DTYPES)
FLOATS = pytest.mark.parametrize("dtype", FLOAT_DTYPES)


def make(dtype, **changes):
    settings = {
        "offset": 0.0, "scale": 1.0, "limit": 2**15 - 1,
        "output_multiplier": 1, "output_shift": 0, "output_scale": 1.0, "output_offset": 0.0,
    }  # fmt: skip
    return Normaliser(np.dtype(dtype), **(settings | changes))


def integer_by_hand(normaliser, value):
    """The input end in Python's own floats, each operation rounded on its own."""
    value = float(value)
    if math.isnan(value):
        return 0
    scaled = (value - normaliser.offset) * normaliser.scale
    scaled += 0.5
    if math.isinf(scaled):
        return int(math.copysign(normaliser.limit, scaled))
    return min(max(math.floor(scaled), -normaliser.limit), normaliser.limit)


def signal_by_hand(normaliser, integer):
    """The output end: exact rational numbers for integer dtypes, Python's floats for others."""
    if normaliser.dtype.kind == "f":
        value = float(integer) * normaliser.output_scale
        value += normaliser.output_offset
        largest = float(np.finfo(normaliser.dtype).max)
        return normaliser.dtype.type(min(max(value, -largest), largest)) + 0.0
    value = (
        Fraction(integer * normaliser.output_multiplier) / Fraction(2) ** normaliser.output_shift
    )
    value = math.floor(value + Fraction(1, 2)) + int(normaliser.output_offset)
    least, most = ends_of(normaliser.dtype)
    return min(max(value, least), most)


@st.composite
def normalisers(draw, dtype):
    offset = draw(st.sampled_from([0.0, 128.0, -3.0, 0.1, 1e6]))
    scale = draw(st.sampled_from([1.0, 0.37, 2.0**-16, 1000.0]))
    whole = np.dtype(dtype).kind != "f"
    return make(
        dtype,
        offset=offset,
        scale=scale,
        limit=draw(st.sampled_from([1, 128, 2**15 - 1, 2**32 - 1])),
        output_multiplier=draw(st.sampled_from([1, 3, 255, 2**15])),
        output_shift=draw(st.integers(-20, 51)),
        output_scale=draw(st.sampled_from([1.0, 0.1, 2.0**-20, 1 / 3])),
        output_offset=math.floor(offset) if whole else offset,
    )


def signals(dtype, shape):
    """Any signals, NaN and infinities included; float64 short of where arithmetic overflows."""
    if dtype == "float16":  # of which hypothesis draws few
        return hnp.arrays("uint16", shape).map(lambda bits: bits.view(dtype))
    if dtype != "float64":
        return hnp.arrays(dtype, shape)
    numbers = st.floats(-1e300, 1e300) | st.sampled_from([np.nan, np.inf, -np.inf])
    return hnp.arrays(dtype, shape, elements=numbers)


@ALL
@given(data=st.data())
@examples(40)
def test_the_input_end_rounds_each_operation_on_its_own(dtype, data):
    normaliser = data.draw(normalisers(dtype))
    x = data.draw(signals(dtype, 12))
    y = normaliser.to_integers(x)
    assert y.dtype == np.float64
    assert y.tolist() == [integer_by_hand(normaliser, value) for value in x]


@ALL
@given(data=st.data())
@examples(40)
def test_the_output_end_rounds_half_up_and_clips(dtype, data):
    normaliser = data.draw(normalisers(dtype))
    largest = 2 ** (51 - max(0, -normaliser.output_shift)) // normaliser.output_multiplier
    normaliser.check_output(largest)
    y = data.draw(st.lists(st.integers(-largest, largest), min_size=1, max_size=12))
    x = normaliser.from_integers(np.array(y, np.float64))
    expected = np.array([signal_by_hand(normaliser, integer) for integer in y], dtype)
    assert_identical(x, expected)


@INTEGERS
def test_all_values_of_a_dtype_survive_both_ends(dtype):
    least, most = whole_range(dtype)
    least, most = max(least, -(2**31)), min(most, 2**32 - 8)  # the limit less an offset
    step = 1 if most - least < 2**16 else 65_537
    x = np.append(np.arange(least, most, step), [most]).astype(dtype)
    for offset, shift in ((0.0, 0), (100.0, 10), (-7.0, 19)):
        normaliser = make(
            dtype, offset=offset, limit=2**32 - 1, output_shift=shift, output_offset=offset
        )
        assert_identical(normaliser.from_integers(normaliser.to_integers(x) * 2.0**shift), x)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(-1.5, -1), (-0.5, 0), (-0.51, -1), (0.49, 0), (0.5, 1), (1.5, 2), (2.5, 3), (-2.5, -2)],
)
@FLOATS
def test_halves_go_up_at_the_input_end(dtype, value, expected):
    assert make(dtype).to_integers(np.array([value], dtype)).tolist() == [expected]


@INTEGERS
def test_halves_go_up_at_the_output_end(dtype):
    normaliser = make(dtype, output_shift=1, output_offset=10.0)
    y = np.array([-5.0, -4.0, -3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0])
    assert normaliser.from_integers(y).tolist() == [8, 8, 9, 9, 10, 10, 11, 11, 12]


@FLOATS
def test_nan_becomes_zero_and_infinities_are_clipped(dtype):
    x = np.array([np.nan, -np.nan, np.inf, -np.inf], dtype)
    assert make(dtype, limit=99).to_integers(x).tolist() == [0, 0, 99, -99]


@pytest.mark.parametrize(
    "bits", [np.uint32(0x7F80_0001), np.uint32(0xFFBF_FFFF), np.uint64(0x7FF0_0000_0000_0001)]
)
def test_a_signalling_nan_becomes_zero_without_a_warning(bits):
    x = np.array([bits]).view(f"f{bits.itemsize}")
    assert make(x.dtype).to_integers(x).tolist() == [0]


@FLOATS
def test_the_largest_finite_values_are_clipped_without_a_warning(dtype):
    largest = np.finfo(dtype).max
    for offset in (0.0, -float(largest), float(largest)):
        normaliser = make(dtype, offset=offset, scale=1000.0)
        y = normaliser.to_integers(np.array([largest, -largest], dtype))
        assert y.tolist() == [integer_by_hand(normaliser, v) for v in (largest, -largest)]


@FLOATS
def test_outputs_beyond_the_dtype_are_clipped_without_a_warning(dtype):
    largest = np.finfo(dtype).max
    normaliser = make(dtype, output_scale=float(largest))
    x = normaliser.from_integers(np.array([0.0, 1.0, 2.0, -2.0, 2.0**51]))
    assert x.tolist() == [0, largest, largest, -largest, largest]
    assert x.dtype == dtype


@INTEGERS
def test_values_beyond_the_dtype_are_clipped_at_the_output_end(dtype):
    least, most = ends_of(np.dtype(dtype))
    normaliser = make(dtype, output_offset=1.0)
    y = np.array([-(2.0**51), 2.0**51, max(least, -(2.0**51)) - 2, min(most, 2.0**51)])
    expected = [min(max(int(each) + 1, least), most) for each in y]
    assert normaliser.from_integers(y).tolist() == expected


@ALL
def test_values_beyond_the_limit_are_clipped_at_the_input_end(dtype):
    normaliser = make(dtype, offset=50.0, limit=3)
    x = np.array([0, 46, 47, 50, 53, 54, 100], dtype)
    expected = [-3] * 7 if dtype == "bool" else [-3, -3, -3, 0, 3, 3, 3]
    assert normaliser.to_integers(x).tolist() == expected


@FLOATS
@pytest.mark.parametrize("output_offset", [0.0, -0.0])
def test_minus_zero_never_leaves_the_output_end(dtype, output_offset):
    normaliser = make(dtype, output_scale=1e-60, output_offset=output_offset)
    y = np.array([-0.0, 0.0, -1.0, -(2.0**40), 1.0])
    x = normaliser.from_integers(y)
    assert not np.signbit(x[x == 0]).any()
    assert not np.signbit(x[:2]).any()


@FLOATS
def test_minus_zero_never_leaves_where_scale_and_offset_cancel(dtype):
    normaliser = make(dtype, output_scale=0.5, output_offset=1.0)
    assert not np.signbit(normaliser.from_integers(np.array([-2.0, 0.0, -0.0]))).any()


@FLOATS
def test_denormal_outputs_are_exact(dtype):
    tiny = float(np.finfo(dtype).smallest_subnormal)
    x = make(dtype, output_scale=tiny).from_integers(np.array([0.0, 1.0, 3.0, -5.0]))
    assert x.tolist() == [0.0, tiny, 3 * tiny, -5 * tiny]


@ALL
def test_both_ends_leave_their_input_alone(dtype):
    x = np.arange(6).astype(dtype).reshape(2, 3)
    y = np.arange(6, dtype=np.float64).reshape(2, 3)
    for array in (x, y):
        array.setflags(write=False)
    normaliser = make(dtype, output_shift=3, output_offset=2.0)
    assert normaliser.to_integers(x).shape == (2, 3)
    assert normaliser.from_integers(y).shape == (2, 3)


@ALL
@given(data=st.data())
@examples(15)
def test_torch_gives_the_same_bits_at_both_ends(torch_backend, dtype, data):
    normaliser = data.draw(normalisers(dtype))
    x = data.draw(signals(dtype, (3, 4)))
    ours = normaliser.to_integers(x)
    theirs = normaliser.to_integers(x, torch_backend)
    np.testing.assert_array_equal(torch_backend.to_numpy(theirs), ours, strict=True)
    y = np.float64(data.draw(st.lists(st.integers(-(2**31), 2**31), min_size=1, max_size=9)))
    assert_identical(
        normaliser.from_integers(torch_backend.constant(y, np.float64), torch_backend),
        normaliser.from_integers(y),
    )


# ---------------------------------------------------------------- settings

finite = st.floats(allow_nan=False, allow_infinity=False)
positive = st.floats(0, allow_infinity=False, exclude_min=True)


@ALL
@given(finite, positive, positive, finite)
@example(-5e-324, 5e-324, 2.2250738585072014e-308, -1.7976931348623157e308)
@example(0.1, 2.5e-310, 1 / 3, 1e-17)
@examples(40)
def test_a_normaliser_is_built_from_its_settings_bit_for_bit(
    dtype, offset, scale, output_scale, output_offset
):
    if np.dtype(dtype).kind != "f":
        output_offset = math.floor(math.fmod(output_offset, 2.0**40))
    normaliser = make(
        dtype,
        offset=offset,
        scale=scale,
        limit=77,
        output_multiplier=9,
        output_shift=-5,
        output_scale=output_scale,
        output_offset=output_offset,
    )
    again = Normaliser.build(normaliser.settings())
    assert again == normaliser
    assert again.settings() == normaliser.settings()


@pytest.mark.parametrize("name", ["offset", "output_offset"])
def test_minus_zero_is_not_stored(name):
    minus = make("float32", **{name: -0.0}).settings()
    assert minus == make("float32", **{name: 0.0}).settings()
    assert Normaliser.build(minus).settings() == minus


@pytest.mark.parametrize("name", ["offset", "scale", "output_scale", "output_offset"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_non_finite_settings_are_refused(name, value):
    with pytest.raises(FormatError, match=name):
        make("float32", **{name: value})


@pytest.mark.parametrize("name", ["scale", "output_scale"])
@pytest.mark.parametrize("value", [0.0, -0.0, -1.0])
def test_scales_that_are_not_positive_are_refused(name, value):
    with pytest.raises(FormatError, match=name):
        make("float32", **{name: value})


@pytest.mark.parametrize(
    "changes",
    [
        {"output_shift": 52},
        {"output_shift": -33},
        {"output_shift": 1.5},
        {"limit": 0},
        {"limit": -1},
        {"limit": 2**32},
        {"limit": 2.5},
        {"limit": np.nan},
        {"limit": True},
        {"output_multiplier": 0},
        {"output_multiplier": 2**15 + 1},
        {"output_multiplier": 1.0},
    ],
)
def test_whole_numbers_outside_their_range_are_refused(changes):
    (name,) = changes
    with pytest.raises(FormatError, match=name):
        make("uint8", **changes)


@INTEGERS
@pytest.mark.parametrize("value", [0.5, 2.0**52, -1e300])
def test_an_output_offset_that_is_not_whole_is_refused_for_integers(dtype, value):
    with pytest.raises(FormatError, match="output_offset"):
        make(dtype, output_offset=value)


def test_outputs_that_could_reach_two_to_the_52_are_refused():
    make("int32").check_output(2**52 - 1)
    make("int32", output_shift=-20).check_output(2**32 - 1)
    make("int32", output_multiplier=2**15).check_output(2**37 - 1)
    for normaliser, limit in (
        (make("int32"), 2**52),
        (make("int32", output_shift=-20), 2**32),
        (make("int32", output_multiplier=2**15), 2**37),
    ):
        with pytest.raises(UnprovenModelError, match=r"2\*\*52"):
            normaliser.check_output(limit)


@ALL
@given(data=st.data())
@examples(20)
def test_channels_give_what_each_gives_alone(dtype, data):
    alone = [data.draw(normalisers(dtype)) for _ in range(3)]
    numbers = {name: tuple(getattr(each, name) for each in alone) for name in BY_CHANNEL}
    alone = [replace(each, limit=alone[0].limit) for each in alone]
    together = make(dtype, **numbers, limit=alone[0].limit)
    assert together.n_channels == 3
    assert Normaliser.build(together.settings()) == together
    x = data.draw(signals(dtype, (2, 4, 3)))
    integers = together.to_integers(x)
    y = np.float64(data.draw(hnp.arrays("int16", (2, 4, 3))))
    decoded = together.from_integers(y)
    for channel, each in enumerate(alone):
        own = np.s_[..., channel]
        assert_identical(integers[own].copy(), each.to_integers(x[own]))
        assert_identical(decoded[own].copy(), each.from_integers(y[own]))


@pytest.mark.parametrize("changes", [
    {"offset": (0.0, 0.0)},
    dict.fromkeys(BY_CHANNEL, (1,)),
    dict.fromkeys(BY_CHANNEL, ()),
    dict.fromkeys(BY_CHANNEL, (1, 1)) | {"scale": (1, 1, 1)},
    dict.fromkeys(BY_CHANNEL, (1, 1)) | {"scale": (1, 0)},
    dict.fromkeys(BY_CHANNEL, (1, 1)) | {"output_offset": (1, 0.5)},
    dict.fromkeys(BY_CHANNEL, (1, 1)) | {"output_shift": (1, 52)},
])  # fmt: skip
def test_numbers_of_other_counts_and_out_of_range_are_refused_in_any_channel(changes):
    with pytest.raises(FormatError):
        make("int16", **changes)


def test_the_output_of_every_channel_is_proven():
    channels = dict.fromkeys(BY_CHANNEL, (1, 1)) | {"output_shift": (0, -8)}
    normaliser = make("int16", **channels)
    normaliser.check_output(2**44 - 1)
    with pytest.raises(UnprovenModelError):
        normaliser.check_output(2**44)
