"""Residual and parallel layers: their sums, their proofs, and their place in a network's file."""

import json

import numpy as np
import pytest

from narrows.codec.networks.backend import NUMPY
from narrows.codec.networks.layers import KINDS, Dense, LeakyReLU, Parallel, ReLU, Residual
from narrows.codec.networks.layers.parallel import BRANCH_KINDS
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


def with_residual():
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
    names = set(with_residual().tensors())
    inner = {f"11.{i}.{name}" for i in (0, 2) for name in ("weight", "bias")}
    assert names == inner | {"12.weight", "12.bias"}


def test_every_kind_that_holds_no_layers_may_stand_in_a_residual_layer():
    from narrows.codec.networks.layers.residual import INNER_KINDS

    assert KINDS.keys() - INNER_KINDS.keys() == {"residual", "parallel"}


def dense(weight, bias=0, shift=0, limit=None):
    weight = np.asarray(weight, np.int16)
    return Dense(weight, np.full(weight.shape[1], bias, np.int64), shift, limit)


def test_what_the_second_chain_makes_of_zeros_is_added():
    layer = Parallel((1, 2), (dense([[2]]),), (dense([[1], [5]], bias=40, shift=3), ReLU()))
    network = IntegerNetwork([layer], (3,), 100).compile()
    assert network(np.array([[1.0, 0, 0], [3, 0, 0]])).tolist() == [[2 + 5], [6 + 5]]
    assert network(np.array([[1.0, 0, 0], [3, 8, 0]])).tolist() == [[2 + 5], [6 + 6]]
    assert network(np.zeros((0, 3))).shape == (0, 1)


def test_the_second_chain_is_computed_only_where_its_inputs_are_not_0(monkeypatch):
    seen = []
    original = LeakyReLU.compile

    def counting(self, backend, dtype, limit):
        step = original(self, backend, dtype, limit)
        return lambda x: seen.append(len(x)) or step(x)

    monkeypatch.setattr(LeakyReLU, "compile", counting)
    layer = Parallel((1, 1), (dense([[2]]),), (dense([[3]]), LeakyReLU()))
    step = layer.compile(NUMPY, np.float64, 100)
    x = np.array([[1.0, 0], [2, 0], [3, 0]])
    step(x)
    assert seen == [1]  # the output for zeros, when it was compiled
    step(x + 1)
    assert seen == [1, 3]


def test_the_peak_is_the_largest_of_both_chains_or_the_sum():
    clipped = dense([[1]], bias=1000, limit=5)
    assert Parallel((1, 1), (clipped,), ()).magnitudes(10) == (1010, 15)
    assert Parallel((1, 1), (), (clipped,)).magnitudes(10) == (1010, 15)
    assert Parallel((1, 1), (), (dense([[3]]),)).magnitudes(10) == (40, 40)


def test_a_sum_that_could_pass_two_to_the_53_is_refused():
    layer = Parallel((1, 1), (dense([[1]]),), (dense([[1]]),))
    assert IntegerNetwork([layer], (2,), 2**52 - 1).output_limit == 2**53 - 2
    with refusing(UnprovenModelError, "layer 0", "parallel", "2**53"):
        IntegerNetwork([layer], (2,), 2**52)


@pytest.mark.parametrize(
    ("shape", "second"),
    [
        ((2,), ()),  # an input too few
        ((4,), ()),
        ((3, 1), ()),
        ((), ()),
        ((3,), (dense([[1], [1]]),)),  # one output, where the first chain has two
    ],
)
def test_chains_that_do_not_fit_are_refused(shape, second):
    first = (dense([[1, 1]]),) if second else ()
    layer = Parallel((1, 2), first, second)
    with refusing(FormatError, "parallel layer"):
        IntegerNetwork([layer], shape, 9)


@pytest.mark.parametrize("split", [(0, 1), (1, 0), (1,), (1, 1, 1), 2, None, (1, True), (1, 2**29)])
def test_splits_other_than_two_numbers_of_inputs_are_refused(split):
    with pytest.raises(FormatError, match="split of a parallel layer"):
        Parallel(split, (), ())


def test_a_parallel_layer_within_another_is_refused():
    inner = Parallel((1, 1), (), ())
    for chains in (((inner,), ()), ((), (inner,))):
        with refusing(FormatError, "holds a parallel layer", "it may hold dense", "residual"):
            Parallel((2, 1), *chains)
    settings = {"split": [2, 1], "first": [{"kind": "parallel"}], "second": []}
    with refusing(FormatError, "'parallel' is unknown in a parallel layer"):
        Parallel.build(settings, {})
    with pytest.raises(FormatError, match="residual layer that holds a parallel layer"):
        Residual((inner,), None)


def test_every_kind_of_layer_but_itself_may_stand_in_a_parallel_layer():
    assert KINDS.keys() - BRANCH_KINDS.keys() == {"parallel"}


def with_parallel():
    first = (dense([[1, 2], [3, 4]], bias=5), Residual((dense([[1, 0], [0, 1]]),), 99), LeakyReLU())
    return IntegerNetwork([Parallel((2, 1), first, (dense([[7, -8]]),)), ReLU()], (3,), 50)


def test_tensors_are_named_behind_the_number_of_their_layer_and_their_chain():
    names = {"0.first.0.weight", "0.first.0.bias", "0.first.1.0.weight", "0.first.1.0.bias"}
    assert set(with_parallel().tensors()) == names | {"0.second.0.weight", "0.second.0.bias"}


@pytest.mark.parametrize("network", [with_residual(), with_parallel()])
def test_a_network_is_built_from_its_settings_and_tensors(network):
    again = IntegerNetwork.build(json.loads(json.dumps(network.settings())), network.tensors())
    assert again.settings() == network.settings()
    assert (again.peaks, again.n_parameters) == (network.peaks, network.n_parameters)
    x = np.random.default_rng(0).integers(
        -network.input_limit, network.input_limit, (9, *network.input_shape)
    )
    x = x.astype(float)
    np.testing.assert_array_equal(again.compile()(x), network.compile()(x), strict=True)


def test_the_largest_array_is_that_of_either_chain():
    wide = (dense([[1] * 50]), dense([[1]] * 50))
    assert IntegerNetwork([Parallel((1, 1), wide, ())], (2,), 9).elements == 50
    assert IntegerNetwork([Parallel((1, 1), (), wide)], (2,), 9).elements == 50


def test_the_branches_of_a_network_are_the_chains_of_its_one_parallel_layer():
    network = with_parallel()
    assert network.branches == (network,)  # a ReLU follows
    alone = IntegerNetwork(network.layers[:1], (3,), 50)
    first, second = alone.branches
    assert (first.input_shape, second.input_shape) == ((2,), (1,))
    x = np.random.default_rng(0).integers(-50, 50, (9, 3)).astype(float)
    total = first.compile()(x[:, :2]) + second.compile()(x[:, 2:])
    assert total.tolist() == alone.compile()(x).tolist()
