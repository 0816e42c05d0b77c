"""The way back through weights and activations: the transpose of the way there, bit by bit."""

from dataclasses import replace
from fractions import Fraction
from math import frexp, prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from narrows.codec.encoding.adjoints import SLOPE_BITS, rounded
from narrows.codec.encoding.transposed import FEWEST_BITS, GRADIENT_BITS, gradient_precision
from narrows.codec.networks.backend import EXACT_FLOAT32, EXACT_FLOAT64, NUMPY
from narrows.codec.networks.layers import (
    Conv,
    Dense,
    LeakyReLU,
    ReLU,
    Reshape,
    Table,
    TransposedConv,
)
from tests.helpers.adjoints import (
    LIMIT,
    SEEDS,
    SMALL,
    affine_layers,
    flat,
    pulled,
    seen_and_gradients,
)
from tests.helpers.layers import by_hand, tables
from tests.helpers.tiny_models import examples


def matrix_of(layer, shape):
    """Return the products of a layer, `(inputs, outputs)` int64: what it does without its bias."""
    if isinstance(layer, Dense):
        return layer.weight.astype(np.int64)
    plain = replace(layer, bias=0 * layer.bias, shift=0, limit=None)
    one_hot = np.eye(prod(shape), dtype=np.int64).reshape(-1, *shape)
    return flat(by_hand(plain, one_hot))


# ---------------------------------------------------------------- weights


@pytest.mark.parametrize("kind", [Dense, Conv, TransposedConv])
@given(st.data())
@examples(80)
def test_the_adjoint_of_weights_is_their_transpose(kind, data):
    layer, shape = data.draw(affine_layers((kind,)))
    x, g = seen_and_gradients(layer, shape, data.draw(SEEDS))
    expected = flat(g) @ matrix_of(layer, shape).T.astype(np.float64)
    found = pulled(layer, g, x)
    assert found.shape == x.shape
    np.testing.assert_array_equal(flat(found) * 2.0**layer.shift, expected)


@given(affine_layers(), SEEDS)
@examples(60)
def test_products_with_gradients_are_the_same_there_and_back(case, seed):
    layer, shape = case
    x, g = seen_and_gradients(layer, shape, seed)
    there = flat(x).astype(np.int64) @ matrix_of(layer, shape)
    back = flat(pulled(layer, g, x)).astype(np.float64) * 2.0**layer.shift
    for signal in range(len(x)):
        ours = sum(int(a) * int(b) for a, b in zip(flat(g)[signal], there[signal], strict=True))
        theirs = sum(int(a) * int(b) for a, b in zip(back[signal], flat(x)[signal], strict=True))
        assert ours == theirs


@given(affine_layers(), SEEDS, st.integers(-40, 40))
@examples(60)
def test_any_gradient_comes_back_within_the_precision_of_its_rounding(case, seed, exponent):
    layer, shape = case
    rng = np.random.default_rng(seed)
    output = (3, *layer.output_shape(shape))
    g = rng.normal(size=output) * 2.0 ** (exponent + rng.integers(-6, 6, output))
    matrix, x = matrix_of(layer, shape).T.astype(np.float64), np.zeros((3, *shape))
    found = flat(pulled(layer, g, x)) * 2.0**layer.shift
    largest = np.abs(flat(g)).max(axis=1, keepdims=True)
    allowed = 2.0 ** -(FEWEST_BITS - 1) * largest * np.abs(matrix).sum(axis=0)
    assert (np.abs(found - flat(g) @ matrix) <= allowed).all()
    # The rounded gradient's products are not rounded again, whatever their order.
    exact = [
        flat(np.multiply(*rounded(g, bits))) @ matrix
        for bits in range(FEWEST_BITS, GRADIENT_BITS + 1)
    ]
    assert any(np.array_equal(found, each) for each in exact)


def test_torch_carries_gradients_back_to_the_same_numbers():
    torch = pytest.importorskip("torch", reason="torch is not installed; extra train")
    rng = np.random.default_rng(0)
    weight = rng.integers(-99, 99, (3, 2, 4, 5), dtype=np.int16)
    shared = {"bias": np.ones(5, np.int64), "shift": 3, "limit": 7, "stride": (2, 1)}
    conv = Conv(weight, **shared, padding=((1, 1), (0, 0)))
    spread = TransposedConv(weight, **shared, before=(1, 0), size=(11, 6))
    for layer, function in (
        (conv, lambda x, w: torch.nn.functional.conv2d(x, w, None, (2, 1), (1, 0))),
        (
            spread,  # 6 inputs of stride 2 reach 13, of which one is cut off at either end
            lambda x, w: torch.nn.functional.conv_transpose2d(
                x, w.transpose(0, 1), None, (2, 1), (1, 0)
            ),
        ),
    ):
        x, g = seen_and_gradients(layer, (6, 5, 4), 1)
        inputs = torch.from_numpy(x).movedim(-1, 1).requires_grad_()
        w = torch.from_numpy(weight.astype(np.float64)).permute(3, 2, 0, 1)
        function(inputs, w).backward(torch.from_numpy(g).movedim(-1, 1))
        theirs = inputs.grad.movedim(1, -1).numpy() / 8
        np.testing.assert_array_equal(pulled(layer, g, x), theirs)


def test_what_is_cut_off_or_reached_by_nothing_carries_no_gradient():
    weight, bias = np.array([[[1]], [[10]]], np.int16), np.array([5])
    g = np.arange(1.0, 9).reshape(1, 8, 1)
    x = np.zeros((1, 3, 1))
    for before, size, expected in (
        (0, 2, [21, 0, 0]),
        (0, 8, [1 + 20, 4 + 50, 7 + 80]),
        (1, 8, [10, 3 + 40, 6 + 70]),
        (1, 4, [10, 3 + 40, 0]),
    ):
        layer = TransposedConv(weight, bias, 0, None, (3,), (before,), (size,))
        assert pulled(layer, g[:, :size], x)[0, :, 0].tolist() == expected


def test_gradients_at_the_padding_are_left_out():
    weight, bias = np.array([[[1]], [[10]], [[100]]], np.int16), np.array([5])
    layer = Conv(weight, bias, 0, None, (2,), ((2, 1),))
    g = np.array([1.0, 2, 3]).reshape(1, 3, 1)
    back = pulled(layer, g, np.zeros((1, 4, 1)))
    assert back[0, :, 0].tolist() == [102, 20, 203, 30]


# ---------------------------------------------------------------- rounding


@st.composite
def gradients(draw):
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    shape = draw(hnp.array_shapes(min_dims=1, max_dims=3, max_side=4))
    whole = draw(hnp.arrays(np.int32, shape, elements=st.integers(-(2**20), 2**20)))
    exponents = draw(hnp.arrays(np.int32, shape, elements=st.integers(-40, 20)))
    return np.ldexp(whole.astype(dtype), exponents)


@given(gradients(), st.integers(1, 20))
@examples(150)
def test_rounding_gives_the_nearest_multiples_of_apower_of_two(g, bits):
    found = np.multiply(*rounded(g, bits))
    assert (found.dtype, found.shape) == (g.dtype, g.shape)
    for before, after in zip(flat(g).tolist(), flat(found).tolist(), strict=True):
        unit = Fraction(2) ** (frexp(max(map(abs, before)))[1] - bits)
        for a, b in zip(before, after, strict=True):
            assert Fraction(b) % unit == 0
            assert abs(Fraction(b)) <= 2**bits * unit
            assert abs(Fraction(a) - Fraction(b)) <= unit / 2


def test_rounding_keeps_zeros_and_what_has_few_bits():
    g = np.array([[0.0, 0, 0], [-3, 0, 257], [2.0**-9, -0.5, 0]])
    assert np.multiply(*rounded(g, FEWEST_BITS)).tolist() == g.tolist()
    assert np.multiply(*rounded(np.zeros((0, 3)), 9)).shape == (0, 3)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_is_beyond_a_type_is_rounded_to_zero(dtype):
    tiny, usual = np.finfo(dtype).smallest_subnormal, dtype(3.0)
    g = np.array([[tiny, -tiny], [np.inf, 1], [np.nan, 1], [usual, -usual]], dtype)
    with np.errstate(all="ignore"):
        whole, unit = rounded(g, 9)
    assert np.multiply(whole, unit).tolist() == [[0, 0], [0, 0], [0, 0], [3, -3]]
    assert (whole.dtype, unit.dtype) == (dtype, dtype)


def test_precision_is_what_exact_sums_leave():
    for largest in [0, 1, 2**9 - 1, 2**9, 2**10, 2**15 - 1, 2**15, 2**20, 2**30]:
        for parts in ([largest], [largest, -(-largest // 2)], [largest, largest // 2, 5]):
            bits, dtype = gradient_precision(parts)
            assert FEWEST_BITS <= bits <= GRADIENT_BITS
            exact = EXACT_FLOAT32 if dtype is np.float32 else EXACT_FLOAT64
            assert largest * 2**bits < exact
    assert gradient_precision([2**15 - 1])[1] is np.float32
    assert gradient_precision([2**15])[1] is np.float64


# ---------------------------------------------------------------- activations and shapes


@given(st.lists(st.integers(-1000, 1000), min_size=1, max_size=9), SEEDS)
@examples(60)
def test_gradients_of_activations_of_straight_lines_are_their_slopes(numbers, seed):
    x = 8.0 * np.array([numbers])  # nothing is then lost to a floor
    g = np.random.default_rng(seed).integers(-SMALL, SMALL, x.shape).astype(np.float64)
    for layer in (ReLU(), LeakyReLU()):
        there = layer.compile(NUMPY, np.float64, LIMIT)(x)
        back = pulled(layer, g, x)
        assert (g * there).tolist() == (back * x).tolist()


def test_activations_have_the_slopes_0_or_an_eighth_and_1():
    x, g = np.array([[-9.0, -1, 1, 700]]), np.array([[16.0, -16, 16, -16]])
    assert pulled(ReLU(), g, x).tolist() == [[0, 0, 16, -16]]
    assert pulled(LeakyReLU(), g, x).tolist() == [[2, -2, 16, -16]]


@pytest.mark.parametrize("size", [40, 600, 2**16])
def test_a_table_that_is_a_line_has_its_slope(size):
    layer = Table(np.arange(size, dtype=np.int32) * -3, -7, identity_above=False)
    reach = size // 16
    inside = np.arange(-7 + reach, -7 + size - reach, max(1, size // 50), dtype=np.float64)[None]
    assert set(pulled(layer, np.ones_like(inside), inside).flat) == {-3.0}


@pytest.mark.parametrize("bits", [5, 9, 12, 15])
def test_a_table_of_a_smooth_function_has_about_its_slope(bits):
    end, one = 2**bits, 2.0 ** (bits - 2)
    values = np.round(one * np.tanh(np.arange(-end, end + 1) / one)).astype(np.int32)
    x = np.arange(-end + end // 8, end - end // 8, dtype=np.float64)[None]
    slope = pulled(Table(values, -end, False), np.full_like(x, 4.0), x) / 4
    reach = 2 ** max(0, bits + 2 - SLOPE_BITS)  # entries on either side, rounded by up to 1/2
    assert np.abs(slope - (1 - np.tanh(x / one) ** 2)).max() < 0.5 / reach + 0.005


@given(tables(), st.integers(0, 2**20))
@examples(60)
def test_beside_a_table_the_slope_is_none_or_that_of_the_identity(layer, away):
    size = layer.values.size
    x = np.array([[layer.low - size - 1.0 - away, layer.low + 2.0 * size + away]])
    above = 1.0 if layer.identity_above else 0.0
    assert pulled(layer, np.array([[5.0, 5.0]]), x).tolist() == [[0.0, 5.0 * above]]


def test_just_above_a_table_the_identity_begins():
    values = np.zeros(20, np.int32)
    x = np.array([[9.0, 10.0, 11.0]])  # the table ends at 9
    open_above = Table(values, -10, identity_above=True)
    assert pulled(open_above, np.ones((1, 3)), x)[0, 1:].tolist() == [1, 1]
    assert pulled(Table(values, -10, False), np.ones((1, 3)), x).tolist() == [[0, 0, 0]]


def test_a_reshape_is_undone_in_row_major_order():
    g = np.arange(24.0).reshape(2, 3, 4)
    back = pulled(Reshape((3, 4)), g, np.zeros((2, 2, 6)))
    np.testing.assert_array_equal(back, np.arange(24.0).reshape(2, 2, 6), strict=True)
    single = pulled(Reshape(()), np.array([3.0, 4.0]), np.zeros((2, 1)))
    assert single.tolist() == [[3.0], [4.0]]
