"""The way back through residual layers, any layers, and whole networks."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrows.codec.encoding.adjoints import taped_chain
from narrows.codec.networks.backend import NUMPY
from narrows.codec.networks.layers import KINDS, LeakyReLU, Parallel, ReLU, Reshape, Residual, Table
from tests.helpers.adjoints import (
    LIMIT,
    SEEDS,
    SMALL,
    affine_layers,
    flat,
    pulled,
    seen_and_gradients,
    small_dense,
)
from tests.helpers.layers import activations
from tests.helpers.tiny_models import examples, tiny_conv_model, tiny_model

# ---------------------------------------------------------------- residual layers


@given(SEEDS, st.integers(1, 5), st.integers(1, 5))
@examples(60)
def test_a_residual_layer_adds_the_gradient_to_what_its_layers_make_of_it(seed, n, hidden):
    rng = np.random.default_rng(seed)
    first, second = small_dense(rng, n, hidden), small_dense(rng, hidden, n)
    layer = Residual((Reshape((n,)), first, second), limit=5)
    g, x = rng.integers(-4, 4, (3, n)).astype(float), rng.integers(-9, 9, (3, n)).astype(float)
    inner = first.weight.astype(np.float64) @ second.weight
    expected = g + g @ inner.T
    assert pulled(layer, g, x).tolist() == expected.tolist()


@given(SEEDS, st.integers(1, 5), st.integers(1, 5))
@examples(60)
def test_a_residual_layer_knows_what_its_inner_layers_saw(seed, n, hidden):
    rng = np.random.default_rng(seed)
    layers = (small_dense(rng, n, hidden), ReLU(), small_dense(rng, hidden, n), ReLU())
    layer = Residual(layers, None)
    forward, back = layer.compile(NUMPY, np.float64, LIMIT), partial(pulled, layer)
    x = 1000.0 * rng.integers(-9, 9, (1, n)) + rng.integers(-9, 9, (1, n))
    inner = [x]
    for each in layers:
        inner.append(each.compile(NUMPY, np.float64, LIMIT)(inner[-1]))
    if min(np.abs(inner[1]).min(), np.abs(inner[3]).min()) <= 100:
        return  # a bend is near
    for i in range(n):
        step = np.eye(n)[i]
        g = rng.integers(-4, 4, (1, n)).astype(np.float64)
        ahead = (g * (forward(x + step) - forward(x - step))).sum() / 2
        assert back(g, x)[0, i] == ahead


def test_a_residual_layer_around_one_activation_adds_its_slope():
    g, x = np.array([[3.0, 5.0]]), np.array([[-8.0, 8.0]])
    assert pulled(Residual((ReLU(),), 9), g, x).tolist() == [[3, 10]]
    assert pulled(Residual((LeakyReLU(),), None), g, x).tolist() == [[3.375, 10]]


def test_a_residual_layer_around_nothing_doubles_the_gradient():
    g = np.array([[3.0, 5.0]])
    assert pulled(Residual((), 9), g, g).tolist() == [[6, 10]]


# ---------------------------------------------------------------- parallel layers


def random_parallel(rng, n_first, n_outputs):
    """Return a parallel layer of 6 inputs, with each kind of activation in its second chain."""
    bends = Table(np.arange(-90, 90, dtype=np.int32) // 2, -90, identity_above=True)
    n_second = 6 - n_first
    inner = Residual((small_dense(rng, n_outputs, n_outputs), LeakyReLU()), None)
    second = (small_dense(rng, n_second, n_outputs), LeakyReLU(), bends, ReLU(), inner)
    return Parallel((n_first, n_second), (small_dense(rng, n_first, n_outputs),), second)


@given(SEEDS, st.booleans())
@examples(60)
def test_the_gradient_of_a_parallel_layer_is_that_of_each_chain_for_its_part(seed, ends_in_zeros):
    rng = np.random.default_rng(seed)
    layer = random_parallel(rng, 2, 3)
    x, g = rng.integers(-99, 99, (5, 6)).astype(float), rng.integers(-9, 9, (5, 3)).astype(float)
    if ends_in_zeros:
        x[:, 2:] = 0
    found = pulled(layer, g, x)
    for (chain, shape), part in zip(layer.chains, (slice(0, 2), slice(2, 6)), strict=True):
        _, pull = taped_chain(chain, shape, LIMIT)(x[:, part])
        assert found[:, part].tolist() == pull(g).tolist()


# ---------------------------------------------------------------- rows


def same_bits(a, b):
    assert a.dtype == b.dtype
    assert a.shape == b.shape
    assert a.tobytes() == b.tobytes()


@st.composite
def any_layers(draw):
    """Any layer, with the shape of its inputs."""
    which = draw(st.integers(0, 4))
    if which == 0:
        return draw(activations()), (3, 2)
    if which == 1:
        return Reshape((2, 3)), (6,)
    if which == 2:
        rng = np.random.default_rng(draw(SEEDS))
        inner = (small_dense(rng, 3, 4), LeakyReLU(), small_dense(rng, 4, 3))
        return Residual(inner, None), (3,)
    if which == 3:
        rng = np.random.default_rng(draw(SEEDS))
        return random_parallel(rng, 3, draw(st.integers(1, 3))), (6,)
    return draw(affine_layers())


@given(any_layers(), SEEDS, st.sampled_from([np.float32, np.float64]))
@examples(120)
def test_a_signal_has_the_same_gradient_in_every_batch(case, seed, dtype):
    layer, shape = case
    rng, n = np.random.default_rng(seed), 5
    x = rng.integers(-40, 40, (n, *shape)).astype(dtype)
    x[n // 2 :, ..., x.shape[-1] // 2 :] = 0  # a part of some signals, so of some batches
    g = rng.normal(size=(n, *layer.output_shape(shape))).astype(dtype)
    g *= (2.0 ** rng.integers(-30, 30, n)).astype(dtype).reshape(-1, *[1] * (g.ndim - 1))
    back = partial(pulled, layer)
    whole = back(g, x)
    same_bits(np.concatenate([back(g[i : i + 1], x[i : i + 1]) for i in range(n)]), whole)
    order = rng.permutation(n)
    same_bits(back(g[order], x[order]), whole[order])
    assert back(g[:0], x[:0]).shape == (0, *shape)


@given(any_layers(), SEEDS)
@examples(60)
def test_no_adjoint_writes_into_what_it_is_given(case, seed):
    layer, shape = case
    x, g = seen_and_gradients(layer, shape, seed)
    for each in (x, g):
        each.setflags(write=False)
    pulled(layer, g, x)  # writing would raise


# ---------------------------------------------------------------- networks


@pytest.mark.parametrize(
    "model",
    [
        tiny_model("float32", (3, 2), 3),
        tiny_model("int16", (4,), 2, activation="elu"),
        tiny_conv_model("uint8", (5,), 2),
        tiny_conv_model("uint8"),
        tiny_conv_model("float32", (3, 4, 3)),
    ],
    ids=["dense", "table", "conv 1d", "conv 2d", "conv 3d"],
)
def test_the_gradient_of_a_network_foretells_what_a_small_change_makes(model):
    decode = model.decoder.compile()
    rng = np.random.default_rng(0)
    x = rng.integers(-40, 40, (30, model.latent_size)) * 16.0
    decoder = model.decoder
    y, pull = taped_chain(decoder.layers, decoder.input_shape, decoder.input_limit)(x)
    same_bits(y, decode(x))
    g = rng.integers(-SMALL, SMALL, y.shape).astype(np.float64)
    back = pull(g)
    assert back.shape == x.shape
    ahead = np.empty_like(back)
    for j, step in enumerate(16.0 * np.eye(model.latent_size)):
        moved = decode(x + step).astype(np.float64) - decode(x - step)
        ahead[:, j] = (flat(moved) * flat(g)).sum(axis=1) / 32
    assert np.corrcoef(ahead.ravel(), back.ravel())[0, 1] > 0.97
    assert 0.95 < (ahead * back).sum() / (back * back).sum() < 1.05


def test_every_kind_of_layer_stands_in_these_tests():
    weights, slopes = {"dense", "conv", "transposed_conv"}, {"relu", "leaky_relu", "table"}
    assert KINDS.keys() == weights | slopes | {"reshape", "residual", "parallel"}
