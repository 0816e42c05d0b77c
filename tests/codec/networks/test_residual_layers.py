"""Residual layers: their sums, their proofs, and their place in a network's file."""

import json

import numpy as np
import pytest

from narrows.codec.networks.layers import KINDS, Dense, LeakyReLU, Residual
from narrows.codec.networks.network import IntegerNetwork
from narrows.errors import FormatError, UnprovenModelError
from tests.helpers.tiny_models import random_conv, random_dense, refusing


def identity(bias=0, shift=0, limit=None):
    return Dense(np.eye(2, dtype=np.int16), np.full(2, bias, np.int64), shift, limit)


def test_the_peak_is_the_largest_inside_or_the_sum():
    clipped = identity(bias=1000, limit=5)
    assert Residual((clipped,), None).magnitudes(10) == (1010, 15)
    assert Residual((identity(),), None).magnitudes(10) == (20, 20)
    assert Residual((identity(),), 7).magnitudes(10) == (20, 7)
    assert Residual((), None).magnitudes(10) == (20, 20)


def test_a_residual_layer_with_a_large_value_inside_runs_in_float64_as_a_whole():
    inside = identity(bias=2**24 - 11, shift=24, limit=5)
    networks = [IntegerNetwork([Residual((inside,), 9)], (2,), limit) for limit in (10, 11)]
    assert [network.compile().dtypes for network in networks] == [[np.float32], [np.float64]]


def test_a_residual_layer_that_could_pass_two_to_the_53_inside_is_refused():
    inside = identity(bias=2**53 - 10, shift=40, limit=5)
    assert IntegerNetwork([Residual((inside,), 9)], (2,), 9).output_limit == 9
    with refusing(UnprovenModelError, "layer 0", "residual", "2**53"):
        IntegerNetwork([Residual((inside,), 9)], (2,), 10)


def test_inner_layers_that_change_the_shape_are_refused():
    rng = np.random.default_rng(0)
    layer = Residual((random_dense(rng, 3, 4, 0),), 9)
    with refusing(FormatError, "make (4,) of (3,)", "keep it"):
        layer.output_shape((3,))


def test_a_residual_layer_within_another_is_refused():
    with refusing(FormatError, "holds a residual layer", "it may hold dense"):
        Residual((Residual((), 9),), 9)
    settings = {"limit": 9, "layers": [{"kind": "residual", "limit": 9, "layers": []}]}
    with refusing(FormatError, "'residual' is unknown in a residual layer"):
        Residual.build(settings, {})


@pytest.mark.parametrize("limit", [0, -1, 1.5, True, 2**53])
def test_limits_outside_their_range_are_refused(limit):
    with pytest.raises(FormatError, match="limit of a residual layer"):
        Residual((), limit)


def test_the_arrays_within_a_residual_layer_count():
    rng = np.random.default_rng(0)
    wide = (random_dense(rng, 3, 50, 9), random_dense(rng, 50, 3, 9))
    network = IntegerNetwork([Residual(wide, 9)], (3,), 9)
    assert network.elements == 50
    assert Residual((), 9).elements((3,)) == 3


def small_network():
    rng = np.random.default_rng(3)
    same = {"stride": (1, 1), "padding": ((1, 1),) * 2}
    inner = (random_conv(rng, (3, 3), 2, 2, 7, **same), LeakyReLU(), identity_conv(rng, same))
    layers = [LeakyReLU()] * 11 + [
        Residual(inner, 2**12),
        random_conv(rng, (3, 3), 2, 3, 5, **same),
    ]
    return IntegerNetwork(layers, (4, 5, 2), 2**10)


def identity_conv(rng, same):
    return random_conv(rng, (1, 3), 2, 2, 3, **{**same, "padding": ((0, 0), (1, 1))})


def test_inner_tensors_are_named_behind_the_number_of_their_layer():
    names = set(small_network().tensors())
    inner = {f"11.{i}.{name}" for i in (0, 2) for name in ("weight", "bias")}
    assert names == inner | {"12.weight", "12.bias"}


def test_a_network_with_residual_layers_is_built_from_its_settings_and_tensors():
    network = small_network()
    settings = json.loads(json.dumps(network.settings()))
    again = IntegerNetwork.build(settings, network.tensors())
    assert again.settings() == network.settings()
    assert (again.peaks, again.n_parameters) == (network.peaks, network.n_parameters)
    x = np.random.default_rng(0).integers(-(2**10), 2**10, (3, 4, 5, 2)).astype(float)
    np.testing.assert_array_equal(again.compile()(x), network.compile()(x), strict=True)


def test_every_kind_that_holds_no_layers_may_stand_in_a_residual_layer():
    from narrows.codec.networks.layers.residual import INNER_KINDS

    assert KINDS.keys() - INNER_KINDS.keys() == {"residual", "parallel"}
