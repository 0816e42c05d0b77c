"""What every kind of layer keeps, against slow sums in Python's integers."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrows.codec.networks.backend import NumpyBackend
from narrows.codec.networks.layers import Dense, LeakyReLU, Parallel, Reshape, Residual
from tests.helpers.layers import CASES, FLOATS, by_hand, computed, conv, transposed
from tests.helpers.tiny_models import examples

each_kind = pytest.mark.parametrize("kind", CASES)


@each_kind
@given(data=st.data())
@examples(80)
def test_a_layer_computes_what_sums_in_integers_give(kind, data):
    cases, largest = CASES[kind]
    layer, x = data.draw(cases)
    expected = by_hand(layer, x)
    np.testing.assert_array_equal(computed(layer, x), expected, strict=True)
    if layer.magnitudes(largest)[0] < 2**24:
        np.testing.assert_array_equal(computed(layer, x, np.float32), expected, strict=True)
    alone = [computed(layer, frame[None]) for frame in x]
    np.testing.assert_array_equal(np.concatenate(alone), expected)


@each_kind
@given(data=st.data())
@examples(60)
def test_torch_computes_what_numpy_computes_and_leaves_its_input_alone(torch_backend, kind, data):
    layer, x = data.draw(CASES[kind][0])
    ours, theirs = computed(layer, x), computed(layer, x, backend=torch_backend)
    np.testing.assert_array_equal(theirs, ours, strict=True)
    given = torch_backend.constant(x, np.float64)
    layer.compile(torch_backend, np.float64, 2**53)(given)
    assert given.tolist() == x.tolist()


@each_kind
@given(data=st.data())
@examples(60)
def test_no_input_within_the_limit_leaves_the_bounds(kind, data):
    cases, largest = CASES[kind]
    layer, x = data.draw(cases)
    limit = data.draw(st.sampled_from([largest, int(np.abs(x).max())]))
    signs = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1))).choice([-1, 1], x.shape)
    peak, output = layer.magnitudes(limit)
    assert output <= peak
    for inputs in (x, limit * signs, np.full_like(x, limit)):
        assert np.abs(by_hand(layer, np.clip(inputs, -limit, limit))).max() <= output


@each_kind
@pytest.mark.parametrize("dtype", FLOATS)
@given(data=st.data())
@examples(40)
def test_no_layer_writes_into_its_input(kind, dtype, data):
    layer, x = data.draw(CASES[kind][0])
    given = x.astype(dtype)
    given.setflags(write=False)
    layer.compile(NumpyBackend(), dtype, 2**53)(given)  # writing would raise
    assert np.array_equal(given, x.astype(dtype))


PAIR = Reshape((2,))


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (Residual((), 100), [6, -32]),
        (Residual((PAIR,), 100), [6, -32]),
        (Residual((LeakyReLU(),), 100), [6, -18]),
        (
            Residual((Dense(np.eye(2, dtype=np.int16), np.zeros(2, np.int64), 0, None),), 100),
            [6, -32],
        ),
        (Parallel((1, 1), (Reshape((1,)),), (Reshape((1,)),)), [-13]),
    ],
)
def test_layers_that_pass_their_input_on_do_not_write_into_it(layer, expected):
    x = np.array([[3.0, -16.0]])
    x.setflags(write=False)
    step = layer.compile(NumpyBackend(), np.float64, 2**53)
    assert step(x).tolist() == [expected]
    assert not step(0 * x).any()


@each_kind
@given(data=st.data())
@examples(40)
def test_a_layer_is_built_from_its_settings_and_tensors(kind, data):
    layer, x = data.draw(CASES[kind][0])
    again = type(layer).build(json.loads(json.dumps(layer.settings())), layer.tensors())
    assert (again.kind, again.settings()) == (layer.kind, layer.settings())
    assert again.n_parameters == sum(tensor.size for tensor in layer.tensors().values())
    for name, tensor in layer.tensors().items():
        np.testing.assert_array_equal(again.tensors()[name], tensor, strict=True)
    np.testing.assert_array_equal(computed(again, x), computed(layer, x), strict=True)


@pytest.mark.parametrize("layer", [conv(), transposed()])
def test_no_frames_give_no_outputs(layer):
    assert computed(layer, np.zeros((0, 5, 1))).shape == (0, *layer.output_shape((5, 1)))


@pytest.mark.parametrize("dtype", FLOATS)
def test_compiling_leaves_the_layers_tensors_alone(dtype):
    layer = Dense(np.full((2, 2), 3, np.int16), np.full(2, 5, np.int64), 1, 10)
    computed(layer, [[1, 2]], dtype)
    assert layer.weight.tolist() == [[3, 3], [3, 3]]
    assert layer.bias.tolist() == [5, 5]
