"""Compiled code computes what numpy computes, refuses what it cannot prove, and keeps in bounds."""

import ast
import threading
from pathlib import Path

import numpy as np
import pytest

from narrows.codec.networks.engines import NativeEngine
from narrows.codec.networks.layers import Dense, LeakyReLU, Parallel, Reshape, Residual, Table
from narrows.codec.networks.native.chains import MAX_ELEMENTS, MOST_ALONE
from narrows.codec.networks.native.extension import extension, levels
from narrows.codec.networks.network import IntegerNetwork
from tests.helpers.layers import conv, transposed
from tests.helpers.random_networks import native_steps, random_inputs, random_network

native, WHY = extension()
pytestmark = pytest.mark.skipif(native is None, reason=f"the compiled part is {WHY}")
each_level = pytest.mark.parametrize("level", levels())


def same(network, x, level):
    """Compute a network on a level, and hold it against numpy; return the compiled network."""
    compiled, reference = NativeEngine(level).compile(network), network.compile()
    expected = reference(x)
    np.testing.assert_array_equal(compiled(x), expected)
    for few in (1, MOST_ALONE, MOST_ALONE + 1):
        np.testing.assert_array_equal(compiled(x[:few]), expected[:few])
    assert compiled(x).shape == (len(x), *network.output_shape)
    return compiled


def dense(weight, shift=0, limit=None, bias=0):
    weight = np.array(weight, np.int16)
    return Dense(weight, np.full(weight.shape[1], bias, np.int64), shift, limit)


def everywhere(network, n=21):
    """Inputs over the range of a network."""
    limit = network.input_limit
    rng = np.random.default_rng(3)
    return rng.integers(-limit, limit, (n, *network.input_shape), endpoint=True).astype(float)


@each_level
@pytest.mark.parametrize("seed", range(8))
def test_random_networks_give_the_bits_of_numpy(level, seed):
    found = []
    for number in range(25):
        rng = np.random.default_rng((seed, number))
        network = random_network(rng)
        x = random_inputs(network, rng)
        x.setflags(write=False)
        found += native_steps(same(network, x, level))
    assert found.count(True) > 8
    assert found.count(False) > 8


@each_level
@pytest.mark.parametrize("n", [0, 1, 7, 8, 9, 16, 31, 32, 33, 100])
def test_any_number_of_signals_fits(level, n):
    layers = [conv(2), LeakyReLU(), Reshape((9,)), dense(np.arange(27).reshape(9, 3) - 9)]
    network = IntegerNetwork(layers, (5, 5, 1), 100)
    assert native_steps(same(network, everywhere(network, n), level)) == [True]


@each_level
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
def test_inputs_may_lie_in_memory_in_any_order(level, dtype):
    network = IntegerNetwork([conv(2), transposed(2)], (6, 7, 1), 100)
    x = everywhere(network).astype(dtype)
    large = np.zeros((len(x), 6, 14, 1), dtype)
    large[:, :, ::2] = x
    for given in (x, np.asfortranarray(x), large[:, :, ::2], x[::-1]):
        same(network, given, level)


@each_level
def test_sums_at_the_ends_of_int32_are_exact(level):
    """2 * 32767 * 32767 + the bias is 2**31 - 1; one more is left to numpy."""
    at = [dense([[32767], [-32767]], bias=131069), dense([[32767], [-32767]], bias=131070)]
    x = np.array([[32767.0, -32767.0], [-32767.0, 32767.0], [-32767.0, -32767.0]])
    fits = []
    for layer in at:
        network = IntegerNetwork([layer], (2,), 32767)
        fits += native_steps(same(network, x, level))
    assert fits == [True, False]
    assert NativeEngine(level).compile(IntegerNetwork([at[0]], (2,), 32767))(x)[0, 0] == 2**31 - 1


@each_level
def test_weights_and_shifts_may_be_as_large_as_the_format_has_them(level):
    for shift in (0, 31, 32, 52):
        network = IntegerNetwork([dense([[-32768, 32767]] * 2, shift, 2**40)], (2,), 32000)
        assert native_steps(same(network, everywhere(network), level)) == [True]


@each_level
def test_layers_behind_one_that_gives_nothing_but_zeros(level):
    layers = [dense([[0, 0]], 40, 2**40), Table(np.zeros(1, np.int32), 0, False)]
    layers += [dense(np.full((2, 2), 300), bias=300), dense(np.full((2, 2), 300))]
    layers += [dense(np.zeros((2, 2))), dense(np.ones((2, 2)), bias=5)]
    network = IntegerNetwork(layers, (1,), 100)
    same(network, everywhere(network), level)


@each_level
def test_what_does_not_fit_int16_is_left_to_numpy_layer_by_layer(level):
    wide = dense(np.full((2, 2), 30000))  # up to 60,000, which the next layer may not take
    layers = [dense([[1, 2], [3, 4]], 8, 1), wide, wide, dense([[1, 0], [0, 1]], 20, 9), wide]
    network = IntegerNetwork(layers, (2,), 100)
    assert native_steps(same(network, everywhere(network), level)) == [True, False, False, True]
    network = IntegerNetwork([wide], (2,), 2**15)
    assert native_steps(same(network, everywhere(network), level)) == [False]


@each_level
@pytest.mark.parametrize("limit", [32768, 65533, 65534, 65535, 2**17, 2**20])
def test_inputs_beyond_int16_are_taken_in_halves(level, limit):
    rng = np.random.default_rng(limit)
    weight = rng.integers(-60, 60, (6, 5), endpoint=True)
    window = rng.integers(-60, 60, (3, 3, 2, 3), endpoint=True).astype(np.int16)
    settings = {"bias": np.arange(3), "padding": ((1, 1),) * 2, "shift": 9, "limit": 3000}
    layers = [conv(2, weight=window, stride=(2, 1), **settings)]
    for first, shape in ((dense(weight, 9, 900, bias=-7), (6,)), (layers[0], (5, 4, 2))):
        rest = [LeakyReLU(), dense(np.ones((5, 2)))] if len(shape) == 1 else [LeakyReLU()]
        network = IntegerNetwork([Reshape(shape), first, *rest], shape, limit)
        x = everywhere(network)
        x[0], x[1] = limit, -limit
        for dtype in (np.float64, np.float32, np.int64):
            steps = same(network, x.astype(dtype), level).steps
        assert len(steps) == 3, "the shape, the halves, and all layers"


@each_level
def test_layers_whose_weights_leave_no_room_for_halves_are_left_to_numpy(level):
    """2**13 * 2**2 is one more than fits; what follows is then compiled by itself."""
    for largest, expected in ((2**13 - 1, "halves."), (2**13, "Dense.")):
        layers = [dense([[largest], [1]], 20, 100), LeakyReLU(), dense([[3]])]
        network = IntegerNetwork(layers, (2,), 2**16)
        first, second = same(network, everywhere(network), level).steps
        assert first.__qualname__.startswith(expected)
        assert second.__qualname__.startswith("Piece.")


@each_level
def test_frames_too_large_for_several_at_a_time_are_left_to_numpy(level):
    network = IntegerNetwork([conv(padding=((1, 1),))], (MAX_ELEMENTS + 1, 1), 100)
    assert native_steps(NativeEngine(level).compile(network)) == [False]
    network = IntegerNetwork([conv()], (MAX_ELEMENTS, 1), 100)
    assert native_steps(same(network, everywhere(network, 1), level)) == [True]


@each_level
@pytest.mark.parametrize("n_channels", [1, 2, 3, 5])
@pytest.mark.parametrize("limit", [None, 7, 2**31])
def test_residual_layers_add_their_input(level, n_channels, limit):
    weight = np.random.default_rng(0).integers(-99, 99, (3, n_channels, n_channels))
    settings = {"bias": np.zeros(n_channels, np.int64), "padding": ((1, 1),), "shift": 3}
    inner = conv(weight=weight.astype(np.int16), limit=30000, **settings)
    rows = [LeakyReLU(), inner, Residual((LeakyReLU(), inner, LeakyReLU()), limit), Residual((), 5)]
    network = IntegerNetwork(rows, (6, n_channels), 20000)
    assert native_steps(same(network, everywhere(network), level))[0]


@each_level
def test_a_residual_layer_in_another_layout_than_its_neighbours(level):
    inner = [Reshape((3, 5)), conv(weight=np.ones((1, 5, 5), np.int16),
             bias=np.zeros(5, np.int64), shift=4, limit=99), Reshape((15,))]  # fmt: skip
    layers = [dense(np.eye(15)), Residual(tuple(inner), 100), dense(np.eye(15)[:, :4])]
    network = IntegerNetwork(layers, (15,), 1000)
    same(network, everywhere(network), level)


@each_level
def test_parallel_chains_are_compiled_each_for_itself(level):
    layer = Parallel((3, 2), (dense(np.ones((3, 4))),), (dense(np.ones((2, 4)), bias=5),))
    network = IntegerNetwork([layer], (5,), 100)
    x = everywhere(network)
    same(network, x, level)
    x[:, 3:] = 0
    same(network, x, level)


@each_level
@pytest.mark.parametrize("low", [-(2**31), -40, 3, 2**31 - 1])
@pytest.mark.parametrize("identity", [False, True])
def test_tables_hold_for_every_input(level, low, identity):
    values = np.arange(-20, 21, dtype=np.int32) * 7
    network = IntegerNetwork([dense(np.eye(3)), Table(values, low, identity)], (3,), 99)
    same(network, np.arange(-99.0, 99.0).reshape(-1, 3), level)


@each_level
def test_threads_share_a_compiled_network(level):
    network = IntegerNetwork([conv(2), LeakyReLU(), transposed(2)], (9, 9, 1), 50)
    compiled, x = NativeEngine(level).compile(network), everywhere(network, 200)
    expected, found = network.compile()(x), []

    def work():
        found.extend(np.array_equal(compiled(x), expected) for _ in range(10))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 40


@each_level
def test_inputs_beyond_the_limit_break_nothing(level):
    """Callers clip; what is computed of other numbers is of no matter, but the memory is."""
    network = IntegerNetwork([dense(np.eye(4))], (4,), 100)
    y = NativeEngine(level).compile(network)(np.array([[np.inf, -np.inf, np.nan, 1e300]]))
    assert np.abs(y).max() <= 100


def description():
    """The arrays of a program of each kind of operation."""
    from narrows.codec.networks.native.chains import Piece, placed

    weight = np.ones((3, 3, 2, 2), np.int16)
    bias, stride = np.zeros(2, np.int64), (1, 1)
    inner = conv(2, weight=weight, bias=bias, stride=stride, padding=((1, 1),) * 2, limit=99)
    table = Table(np.arange(5, dtype=np.int32), -2, False)
    layers = [inner, table, Residual((inner, LeakyReLU()), 50), LeakyReLU()]
    piece = Piece(placed(layers, (4, 4, 2), 9))
    assert piece.n_layers == len(layers)
    return piece.description.arrays(piece.source, piece.at, 9)


@each_level
def test_no_damaged_description_reaches_other_memory(level):
    """All end in ValueError, or run; `scripts.sanitized` sees what memory they touch."""
    rng, refused = np.random.default_rng(0), 0
    fields, weights, numbers = description()
    x = np.zeros((3, 32), np.float32)
    for _ in range(4000):
        damaged = fields.copy()
        for _ in range(rng.integers(1, 3)):
            near = damaged[(at := rng.integers(len(fields)))] + rng.integers(-3, 4)
            damaged[at] = rng.choice([near, near, near, -1, 2**31, 2**62, rng.integers(60)])
        less = [len(a) - rng.integers(2) for a in (weights, numbers)]
        try:
            own = weights[: less[0]], numbers[: less[1]]
            program = native.make(level, damaged, *own, bool(rng.integers(2)))
            native.run(program, x, np.zeros((3, 32), np.float64))
        except ValueError:
            refused += 1
    assert 1000 < refused < 4000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("avx9", np.int64), "no level avx9"),
        (("plain", np.int32), "4 bytes a number; expected 8"),
        (("plain", np.int64), "another length"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    level, dtype = arguments
    with pytest.raises(ValueError, match=message):
        native.make(level, np.zeros(3, dtype), np.zeros(1, np.int16), np.zeros(1, np.int32))


def test_arrays_that_do_not_fit_a_program_are_refused():
    program = native.make("plain", *description())
    for x, y in [((3, 31), (3, 32)), ((3, 32), (2, 32)), ((3, 32), (3, 33))]:
        with pytest.raises(ValueError, match="do not fit"):
            native.run(program, np.zeros(x), np.zeros(y))
    with pytest.raises(ValueError, match="do not fit"):
        native.run(program, np.zeros((3, 32), np.int16), np.zeros((3, 32)))
    with pytest.raises(ValueError, match="PyCapsule"):
        native.run(None, np.zeros((3, 32)), np.zeros((3, 32)))


def test_the_stub_names_all_that_compiled_code_has():
    stub = Path(native.__file__).with_name("_native.pyi").read_text()
    told = {each.name for each in ast.parse(stub).body if isinstance(each, ast.FunctionDef)}
    assert told == {name for name in dir(native) if callable(getattr(native, name)) and
                    not name.startswith("__")}  # fmt: skip
