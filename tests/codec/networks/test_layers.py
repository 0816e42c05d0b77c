"""Dense layers and activations against the same in Python integers, and products in float32."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrows.codec.networks.backend import EXACT_FLOAT32, NumpyBackend
from narrows.codec.networks.layers import (
    MAX_TABLE_ENTRIES,
    Conv,
    Dense,
    LeakyReLU,
    Reshape,
    Table,
    TransposedConv,
)
from narrows.codec.networks.layers.product import MAX_PARTS, Product, largest_sums, parts_of
from narrows.codec.networks.network import IntegerNetwork
from narrows.errors import FormatError
from tests.helpers.layers import (
    FLOATS,
    Float64Only,
    by_hand,
    clipped,
    computed,
    dense_layers,
    tables,
)
from tests.helpers.tiny_models import INT32, examples

# ---------------------------------------------------------------- values


def test_leaky_relu_floors_an_eighth():
    row = [-17, -16, -9, -8, -7, -1, 0, 1, 8]
    for dtype in FLOATS:
        assert computed(LeakyReLU(), [row], dtype).tolist() == [[-3, -2, -2, -1, -1, -1, 0, 1, 8]]


@pytest.mark.parametrize("dtype", FLOATS)
def test_a_table_holds_its_first_value_below_and_its_last_or_x_above(dtype):
    values = np.array([5, -7, 9], np.int32)
    row = [-100, -2, -1, 0, 1, 100]
    flat = Table(values, -2, identity_above=False)
    open_above = Table(values, -2, identity_above=True)
    assert computed(flat, [row], dtype).tolist() == [[5, 5, -7, 9, 9, 9]]
    assert computed(open_above, [row], dtype).tolist() == [[5, 5, -7, 9, 1, 100]]


def test_a_reshape_keeps_the_row_major_order():
    x = np.arange(24.0).reshape(2, 12)
    y = Reshape((3, 4)).compile(NumpyBackend(), np.float64, 2**53)(x)
    assert y.shape == (2, 3, 4)
    assert y.reshape(-1).tolist() == list(range(24))


# ---------------------------------------------------------------- bounds


@given(dense_layers(limits=st.none()), st.integers(0, 2**16))
@examples(80)
def test_no_order_of_summation_passes_the_peak_of_a_dense_layer(layer, limit):
    peak, _ = layer.magnitudes(limit)
    for column, bias in zip(layer.weight.T.tolist(), layer.bias.tolist(), strict=True):
        # Every partial sum in any order is a sum over a subset: the worst has terms of one sign.
        assert sum(abs(weight) for weight in column) * limit + abs(bias) <= peak


@given(dense_layers(limits=st.none()), st.integers(0, 2**16), st.integers(0, 2**40))
@examples(80)
def test_inputs_of_the_worst_signs_reach_the_bounds_of_a_dense_layer(layer, limit, bias):
    worst = layer.weight[:, np.abs(layer.weight.astype(np.int64)).sum(0).argmax()]
    row = np.where(worst > 0, -limit, limit)
    unshifted = Dense(layer.weight, np.full_like(layer.bias, -bias), 0, None)
    shifted = Dense(layer.weight, np.full_like(layer.bias, -1), layer.shift, None)
    assert np.abs(by_hand(shifted, row[None])).max() == shifted.magnitudes(limit)[1]
    assert {np.abs(by_hand(unshifted, row[None])).max()} == {*unshifted.magnitudes(limit)}


def test_a_clip_bounds_the_output_but_not_the_peak():
    layer = Dense(np.full((3, 1), -(2**15), np.int16), np.zeros(1, np.int64), 0, 100)
    assert layer.magnitudes(7) == (3 * 7 * 2**15, 100)


@given(tables(), st.integers(0, 2**20))
@examples(80)
def test_a_tables_peak_covers_the_index_it_computes(layer, limit):
    peak, _ = layer.magnitudes(limit)
    last = layer.low + layer.values.size - 1
    for x in (-limit, 0, limit):
        assert abs(clipped(x, layer.low, last)) <= peak
        assert abs(clipped(x, layer.low, last) - layer.low) <= peak
        assert abs(x) <= peak


# ---------------------------------------------------------------- shapes and refusals


def test_layers_say_the_shape_of_their_output():
    layer = Dense(np.zeros((4, 3), np.int16), np.zeros(3, np.int64), 0, None)
    assert layer.output_shape((4,)) == (3,)
    assert LeakyReLU().output_shape((2, 5)) == (2, 5)
    assert Reshape((2, 3)).output_shape((6,)) == (2, 3)
    assert Reshape(()).output_shape((1, 1)) == ()


@pytest.mark.parametrize("shape", [(3,), (5,), (4, 1), (2, 2), ()])
def test_a_dense_layer_refuses_inputs_of_another_shape(shape):
    layer = Dense(np.zeros((4, 3), np.int16), np.zeros(3, np.int64), 0, None)
    with pytest.raises(FormatError, match=r"dense layer for \(4,\) received"):
        layer.output_shape(shape)


def test_a_reshape_to_another_number_of_elements_is_refused():
    with pytest.raises(FormatError, match="cannot reshape"):
        Reshape((2, 3)).output_shape((7,))


@pytest.mark.parametrize("shape", [(-2, -3), (-1, -6), (-6, 1, -1)])
def test_a_reshape_to_negative_sizes_is_refused(shape):
    reshape = partial(Reshape, shape)
    with pytest.raises(FormatError):
        reshape().output_shape((6,))


@pytest.mark.parametrize(
    "dtype", [np.float32, np.float64, np.int8, np.int32, np.int64, np.uint16, np.dtype(">i2")]
)
def test_dense_weights_other_than_int16_are_refused(dtype):
    with pytest.raises(FormatError, match="dense layer of"):
        Dense(np.zeros((2, 2), dtype), np.zeros(2, np.int64), 0, None)


@pytest.mark.parametrize("dtype", [np.float64, np.int32, np.uint64])
def test_dense_biases_other_than_int64_are_refused(dtype):
    with pytest.raises(FormatError, match="dense layer of"):
        Dense(np.zeros((2, 2), np.int16), np.zeros(2, dtype), 0, None)


@pytest.mark.parametrize(
    ("weight", "bias"), [((2,), (2,)), ((2, 3), (2,)), ((2, 3), (3, 1)), ((1, 2, 3), (3,))]
)
def test_dense_tensors_that_do_not_fit_together_are_refused(weight, bias):
    with pytest.raises(FormatError, match="expected"):
        Dense(np.zeros(weight, np.int16), np.zeros(bias, np.int64), 0, None)


def test_a_dense_layer_without_outputs_is_refused():
    layer = partial(Dense, np.zeros((3, 0), np.int16), np.zeros(0, np.int64), 0, None)
    with pytest.raises(FormatError):
        layer().magnitudes(1)


@pytest.mark.parametrize(
    ("shift", "limit"), [(-1, None), (53, None), (2000, 5), (0, -1), (0, 0), (0, 2**53)]
)
def test_shifts_and_limits_outside_their_range_are_refused(shift, limit):
    with pytest.raises(FormatError, match=r"shift|limit"):
        Dense(np.zeros((2, 2), np.int16), np.zeros(2, np.int64), shift, limit)


@pytest.mark.parametrize(("shift", "limit"), [(1.5, None), (0, 1.5), (0, np.nan), (0, np.inf)])
def test_shifts_and_limits_that_are_no_integers_are_refused(shift, limit):
    with pytest.raises(FormatError):
        Dense(np.zeros((2, 2), np.int16), np.zeros(2, np.int64), shift, limit)


@pytest.mark.parametrize(
    "values",
    [
        np.zeros(3, np.float64),
        np.zeros(3, np.int64),
        np.zeros((3, 1), np.int32),
        np.zeros(0, np.int32),
        np.zeros(MAX_TABLE_ENTRIES + 1, np.int32),
    ],
)
def test_tables_of_another_dtype_or_size_are_refused(values):
    with pytest.raises(FormatError, match="activation table"):
        Table(values, 0, False)


def test_a_table_whose_start_is_no_integer_is_refused():
    with pytest.raises(FormatError):
        Table(np.zeros(3, np.int32), 0.5, False)


def test_a_table_of_the_most_negative_number_is_bounded_rightly():
    layer = Table(np.array([INT32.min], np.int32), 0, False)
    assert layer.magnitudes(0)[1] == 2**31


def layer_of(kind, rng, largest):
    shape = {Dense: (48, 6), Conv: (4, 3, 8, 6), TransposedConv: (6, 5, 8, 3)}[kind]
    weight = rng.integers(-largest, largest, shape, dtype=np.int16, endpoint=True)
    bias = rng.integers(-(2**20), 2**20, shape[-1])
    if kind is Dense:
        return Dense(weight, bias, 3, None), (48,)
    if kind is Conv:
        return Conv(weight, bias, 3, None, (2, 1), ((1, 2), (0, 1))), (7, 5, 8)
    return TransposedConv(weight, bias, 3, None, (2, 3), (2, 1), (13, 14)), (7, 5, 8)


@pytest.mark.parametrize("kind", [Dense, Conv, TransposedConv])
def test_parts_in_float32_give_what_float64_gives(kind):
    rng = np.random.default_rng(0)
    layer, shape = layer_of(kind, rng, 300)
    assert len(set(layer.largest_sums)) >= 3
    for sums in layer.largest_sums:
        limit = (EXACT_FLOAT32 - 1) // sums
        network = IntegerNetwork([layer], shape, limit)
        x = limit * np.sign(rng.normal(size=(9, *shape)))
        exact = network.compile(Float64Only())(x)
        np.testing.assert_array_equal(network.compile()(x), exact)


@pytest.mark.parametrize("n_parts", range(1, MAX_PARTS + 1))
def test_a_product_takes_the_fewest_parts_that_are_proven(n_parts):
    weight = np.full((48, 2), 1000, np.int16)
    limit = (EXACT_FLOAT32 - 1) // (48 // n_parts * 1000)
    product = Product(weight, 0, 1, limit, NumpyBackend(), np.float64)
    assert (product.input_dtype, len(product.parts)) == (np.float32, n_parts)
    above = Product(weight, 0, 1, limit + 1, NumpyBackend(), np.float64)
    assert len(above.parts) > n_parts or above.input_dtype is np.float64


@pytest.mark.parametrize(("backend", "limit"), [(Float64Only(), 1), (NumpyBackend(), 2**30)])
def test_what_is_not_proven_stays_in_float64(backend, limit):
    product = Product(np.full((48, 2), 1000, np.int16), 0, 1, limit, backend, np.float64)
    assert (product.input_dtype, len(product.parts)) == (np.float64, 1)


@given(st.integers(1, 40), st.integers(1, 9), st.integers(1, 9))
@examples(60)
def test_parts_cover_all_inputs_once_and_cut_no_line(n_lines, line, count):
    covered = [i for part in parts_of(n_lines, line, count) for i in range(n_lines * line)[part]]
    assert covered == list(range(n_lines * line))
    assert all(part.start % line == 0 for part in parts_of(n_lines, line, count))


@given(st.integers(1, 9), st.integers(1, 4), st.integers(1, 3), st.integers(0, 99))
@examples(60)
def test_largest_sums_are_those_of_the_parts(n_lines, line, n_outputs, seed):
    rng = np.random.default_rng(seed)
    weight = rng.integers(-(2**15), 2**15, (n_lines * line, n_outputs), dtype=np.int16)
    sums = largest_sums(weight, line)
    assert len(sums) == min(MAX_PARTS, n_lines)
    for count, found in enumerate(sums, 1):
        by_hand = max(
            sum(abs(int(w)) for w in weight[part, column])
            for part in parts_of(n_lines, line, count)
            for column in range(n_outputs)
        )
        assert found == by_hand
