"""Layers of any size, and what they compute a number at a time."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from narrows.codec.networks.backend import NumpyBackend
from narrows.codec.networks.layers import MAX_SHIFT, Dense, LeakyReLU, ReLU, Table

FLOATS = (np.float32, np.float64)
LIMITS = st.one_of(st.none(), st.integers(1, 2**16))


def clipped(value, low, high):
    return min(max(value, low), high)


def dense_by_hand(layer, row):
    """`clip(floor((x @ weight + bias) * 2**-shift))`, a number at a time."""
    weight, bias = layer.weight.tolist(), layer.bias.tolist()
    out = []
    for j, b in enumerate(bias):
        total = sum(x * weight[i][j] for i, x in enumerate(row)) + b
        value = total >> layer.shift  # Python's shift is floor
        out.append(value if layer.limit is None else clipped(value, -layer.limit, layer.limit))
    return out


def table_by_hand(layer, row):
    values = layer.values.tolist()
    last = layer.low + len(values) - 1
    return [
        x if x > last and layer.identity_above else values[clipped(x, layer.low, last) - layer.low]
        for x in row
    ]


def by_hand(layer, row):
    match layer:
        case Dense():
            return dense_by_hand(layer, row)
        case LeakyReLU():
            return [x if x >= 0 else x // 8 for x in row]
        case ReLU():
            return [max(x, 0) for x in row]
        case Table():
            return table_by_hand(layer, row)


def computed(layer, rows, dtype, backend=None):
    """Run a layer on lists of integers; give lists of integers back."""
    backend = backend or NumpyBackend()
    x = backend.constant(np.array(rows, dtype=np.float64), dtype)
    y = backend.to_numpy(layer.compile(backend, dtype, 2**53)(x))
    assert (y == np.floor(y)).all()
    return [[int(value) for value in row] for row in y]


@st.composite
def dense_layers(draw, limits=LIMITS):
    n_inputs, n_outputs = draw(st.integers(1, 6)), draw(st.integers(1, 5))
    bias_bits = draw(st.sampled_from([3, 12, 40]))
    return Dense(
        draw(hnp.arrays(np.int16, (n_inputs, n_outputs))),
        draw(hnp.arrays(np.int64, n_outputs, elements=st.integers(-(2**bias_bits), 2**bias_bits))),
        draw(st.integers(0, MAX_SHIFT)),
        draw(limits),
    )


@st.composite
def small_dense_layers(draw):
    """Dense layers whose values stay below 2**24 for inputs of at most 127."""
    shape = draw(st.tuples(st.integers(1, 6), st.integers(1, 5)))
    return Dense(
        draw(hnp.arrays(np.int16, shape, elements=st.integers(-(2**13), 2**13))),
        draw(hnp.arrays(np.int64, shape[1], elements=st.integers(-(2**20), 2**20))),
        draw(st.integers(0, 24)),
        draw(LIMITS),
    )


@st.composite
def tables(draw):
    values = draw(hnp.arrays(np.int32, st.integers(1, 30)))
    return Table(values, draw(st.integers(-40, 40)), draw(st.booleans()))


def activations():
    return st.one_of(st.just(LeakyReLU()), st.just(ReLU()), tables())


def rows_for(layer, limit):
    width = layer.weight.shape[0] if isinstance(layer, Dense) else 4
    number = st.one_of(st.integers(-limit, limit), st.sampled_from([-limit, -1, 0, 1, limit]))
    return st.lists(st.lists(number, min_size=width, max_size=width), min_size=1, max_size=4)


@st.composite
def layers_and_rows(draw, layers, limit):
    layer = draw(layers)
    return layer, draw(rows_for(layer, limit))
