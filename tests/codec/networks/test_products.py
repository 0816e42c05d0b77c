"""Matrix products in float32, whole or in parts, where that is proven."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrows.codec.networks.backend import EXACT_FLOAT32, NumpyBackend
from narrows.codec.networks.layers import Conv, Dense, TransposedConv
from narrows.codec.networks.layers.product import MAX_PARTS, Product, largest_sums, parts_of
from narrows.codec.networks.network import IntegerNetwork
from tests.helpers.layers import Float64Only
from tests.helpers.tiny_models import examples


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
