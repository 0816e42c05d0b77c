"""Chains of layers: proofs of exactness, and the same bits whatever computes them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrows.codec.networks.backend import EXACT_FLOAT32, EXACT_FLOAT64, NumpyBackend
from narrows.codec.networks.layers import Dense, LeakyReLU, Reshape
from narrows.codec.networks.network import IntegerNetwork
from narrows.errors import FormatError, UnprovenModelError
from tests.helpers.layers import Float64Only, chain_by_hand
from tests.helpers.tiny_models import (
    ACTIVATIONS,
    examples,
    random_dense,
    refusing,
    tiny_model,
)


class ReversedSums(Float64Only):
    """Numpy that adds the products of a dense layer in another order."""

    def constant(self, values, dtype):
        return np.asarray(values, dtype).view(_Reversed)

    def to_numpy(self, x):
        return np.asarray(x)


class _Reversed(np.ndarray):
    def __rmatmul__(self, x):
        return self._product(x, self)

    def __matmul__(self, weight):
        return self._product(self, weight)

    def _product(self, x, weight):
        x, weight = np.asarray(x), np.asarray(weight)
        total = np.zeros((len(x), weight.shape[1]))
        for i in reversed(range(weight.shape[0])):
            total += x[:, i : i + 1] * weight[i]
        return total.view(_Reversed)


def one_dense(weight, bias=0, shift=0, limit=None):
    return Dense(np.array([[weight]], np.int16), np.array([bias], np.int64), shift, limit)


def random_network(seed, activation="leaky_relu", largest=2**10):
    rng = np.random.default_rng(seed)
    layers = [
        Reshape((6,)),
        random_dense(rng, 6, 5, shift=7, largest=largest),
        *ACTIVATIONS[activation],
        random_dense(rng, 5, 4, shift=3, limit=2**12, largest=largest),
        LeakyReLU(),
        random_dense(rng, 4, 6, shift=2, limit=None, largest=largest),
        Reshape((3, 2)),
    ]
    return IntegerNetwork(layers, (2, 3), 2**15 - 1)


def random_inputs(network, n, seed=0):
    rng = np.random.default_rng(seed)
    limit = network.input_limit
    return rng.integers(-limit, limit, (n, *network.input_shape), endpoint=True).astype(float)


def outputs(network, x, backend=None):
    backend = backend or NumpyBackend()
    y = network.compile(backend)(backend.constant(x, np.float64))
    return backend.to_numpy(y).astype(np.float64)


networks = st.builds(
    random_network, st.integers(0, 2**32), st.sampled_from(list(ACTIVATIONS)),
    st.sampled_from([2**3, 2**10, 2**15 - 1]),
)  # fmt: skip


# ---------------------------------------------------------------- the same integers


@given(networks)
@examples(40)
def test_a_network_computes_what_python_integers_give(network):
    x = random_inputs(network, 5)
    expected = chain_by_hand(network.layers, x.astype(np.int64))
    np.testing.assert_array_equal(outputs(network, x), expected)


@given(networks)
@examples(40)
def test_the_float32_path_equals_the_float64_path(network):
    x = random_inputs(network, 20)
    np.testing.assert_array_equal(outputs(network, x), outputs(network, x, Float64Only()))


@given(networks)
@examples(20)
def test_the_order_of_summation_does_not_matter(network):
    x = random_inputs(network, 7)
    np.testing.assert_array_equal(outputs(network, x), outputs(network, x, ReversedSums()))


@given(networks)
@examples(40)
def test_torch_equals_numpy_bit_for_bit(torch_backend, network):
    x = random_inputs(network, 20)
    ours, theirs = outputs(network, x), outputs(network, x, torch_backend)
    np.testing.assert_array_equal(ours, theirs, strict=True)


@given(networks, st.integers(1, 9))
@examples(30)
def test_the_batch_size_does_not_matter(network, batch):
    x = random_inputs(network, 20)
    parts = [outputs(network, x[i : i + batch]) for i in range(0, 20, batch)]
    np.testing.assert_array_equal(outputs(network, x), np.concatenate(parts))


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_no_input_is_written_into(activation):
    network = random_network(0, activation)
    x = random_inputs(network, 5)
    x.setflags(write=False)
    outputs(network, x)  # writing would raise


def test_no_frames_give_no_outputs():
    network = random_network(0)
    assert outputs(network, random_inputs(network, 0)).shape == (0, 3, 2)


@given(networks)
@examples(30)
def test_every_output_of_every_layer_stays_within_its_bound(network):
    x = random_inputs(network, 30)
    limit = network.input_limit
    for layer, step in zip(network.layers, network.compile().steps, strict=True):
        x = step(x)
        peak, limit = layer.magnitudes(limit)
        assert np.abs(x).max() <= limit <= peak
    assert limit == network.output_limit


# ---------------------------------------------------------------- proofs


def test_a_network_that_could_reach_two_to_the_53_is_refused():
    layers = [one_dense(2**14), one_dense(2**14)]
    with refusing(UnprovenModelError, "layer 1", "dense", "2**53"):
        IntegerNetwork(layers, (1,), 2**25)


def test_one_below_two_to_the_53_is_accepted_and_exact():
    network = IntegerNetwork([one_dense(1, bias=2**53 - 2**25 - 1)], (1,), 2**25)
    assert network.peaks == [EXACT_FLOAT64 - 1]
    assert outputs(network, np.array([[2.0**25], [-(2.0**25)], [0.0]])).tolist() == [
        [2**53 - 1], [2**53 - 2**26 - 1], [2**53 - 2**25 - 1]
    ]  # fmt: skip
    with pytest.raises(UnprovenModelError):
        IntegerNetwork([one_dense(1, bias=2**53 - 2**25)], (1,), 2**25)


@pytest.mark.parametrize("bias", [2**53, -(2**53), 2**63 - 1, -(2**63)])
def test_a_bias_that_float64_cannot_hold_is_refused(bias):
    with pytest.raises(UnprovenModelError):
        IntegerNetwork([one_dense(0, bias=bias, shift=52, limit=1)], (1,), 1)


def test_an_input_limit_of_two_to_the_53_is_refused():
    with pytest.raises(UnprovenModelError):
        IntegerNetwork([Reshape((1,))], (1,), 2**53)


def test_many_wide_layers_without_a_clip_are_refused_by_their_product():
    rng = np.random.default_rng(0)
    deep = [random_dense(rng, 4, 4, shift=0, limit=None) for _ in range(6)]
    with pytest.raises(UnprovenModelError, match="layer 4"):
        IntegerNetwork(deep, (4,), 100)
    clipped = [random_dense(rng, 4, 4, shift=0, limit=100) for _ in range(6)]
    assert IntegerNetwork(clipped, (4,), 100).output_limit == 100


def test_a_layer_just_below_two_to_the_24_runs_in_float32():
    network = IntegerNetwork([one_dense(2**14 - 1, bias=2**10 - 1)], (1,), 2**10)
    assert network.peaks == [EXACT_FLOAT32 - 1]
    assert network.compile().dtypes == [np.float32]
    assert outputs(network, np.array([[1024.0], [-1024.0]])).tolist() == [
        [2**24 - 1], [-(2**24) + 2**11 - 1]
    ]  # fmt: skip


def test_a_layer_just_above_two_to_the_24_runs_in_float64():
    at = IntegerNetwork([one_dense(2**14 - 1, bias=2**10)], (1,), 2**10)
    above = IntegerNetwork([one_dense(2**14 - 1, bias=2**10 + 1)], (1,), 2**10)
    assert (at.peaks, above.peaks) == ([EXACT_FLOAT32], [EXACT_FLOAT32 + 1])
    assert at.compile().dtypes == above.compile().dtypes == [np.float64]
    assert outputs(above, np.array([[1024.0]])).tolist() == [[2**24 + 1]]  # no float32


def test_a_backend_without_exact_float32_computes_in_float64(torch_backend):
    network = IntegerNetwork([one_dense(1), LeakyReLU()], (1,), 5)
    assert network.compile().dtypes == [np.float32, np.float32]
    assert network.compile(torch_backend).dtypes == [np.float64, np.float64]
    assert network.compile(torch_backend)(torch_backend.constant([[3]], np.float32)).dtype == (
        torch_backend.xp.float64
    )


# ---------------------------------------------------------------- shapes and files


def test_layers_that_do_not_fit_together_are_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(FormatError, match="received"):
        IntegerNetwork([random_dense(rng, 3, 4, 0), random_dense(rng, 3, 4, 0)], (3,), 1)


@given(networks)
@examples(20)
def test_a_network_is_built_from_its_settings_and_tensors(network):
    again = IntegerNetwork.build(network.settings(), network.tensors())
    assert again.settings() == network.settings()
    assert again.peaks == network.peaks
    assert again.n_parameters == network.n_parameters
    x = random_inputs(network, 3)
    np.testing.assert_array_equal(outputs(again, x), outputs(network, x))


def test_more_than_ten_layers_keep_their_own_tensors():
    rng = np.random.default_rng(0)
    network = IntegerNetwork([random_dense(rng, 2, 2, 9, 99) for _ in range(12)], (2,), 99)
    again = IntegerNetwork.build(network.settings(), network.tensors())
    for layer, same in zip(network.layers, again.layers, strict=True):
        np.testing.assert_array_equal(layer.weight, same.weight)


def test_a_layer_of_an_unknown_kind_is_refused_by_name():
    settings = {"input_shape": [2], "input_limit": 1, "layers": [{"kind": "attention"}]}
    with pytest.raises(FormatError, match="'attention' is unknown"):
        IntegerNetwork.build(settings, {})


def test_a_tiny_model_has_layers_in_both_precisions():
    dtypes = tiny_model("uint8").decoder.compile().dtypes
    assert {np.float32, np.float64} == set(dtypes)


def test_flags_that_a_blas_sets_beside_the_results_end_nothing():
    """A kernel may compute in lanes that it discards; infinite inputs stand for them here."""
    network = IntegerNetwork([random_dense(np.random.default_rng(0), 2, 2, 9, 99)], (2,), 99)
    with np.errstate(all="raise"):
        network.compile()(np.array([[np.inf, -np.inf], [1.0, 2.0]]))
