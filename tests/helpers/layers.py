"""Layers of any kind and size, and slow sums in Python's integers of what they compute."""

from math import prod

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from narrows.codec.networks.backend import NumpyBackend
from narrows.codec.networks.layers import (
    MAX_SHIFT,
    Conv,
    Dense,
    LeakyReLU,
    Parallel,
    ReLU,
    Reshape,
    Residual,
    Table,
    TransposedConv,
)

FLOATS = (np.float32, np.float64)
LIMITS = st.none() | st.integers(1, 2**16)
SHIFTS = st.integers(0, 20)


class Float64Only(NumpyBackend):
    """Numpy without its float32 path."""

    float32_is_exact = False


class Recording(NumpyBackend):
    """Numpy that notes how many elements the arrays have that it is asked for."""

    def __init__(self):
        self.asked = []

    def zeros(self, shape, dtype):
        self.asked.append(prod(shape))
        return super().zeros(shape, dtype)

    def empty(self, shape, dtype):
        self.asked.append(prod(shape))
        return super().empty(shape, dtype)


# ---------------------------------------------------------------- by hand


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


def conv_by_hand(layer, x):
    """Add the products of each output, a position and a tap at a time."""
    y = np.zeros((len(x), *layer.output_shape(x.shape[1:])), np.int64) + layer.bias
    for place in np.ndindex(y.shape[1:-1]):
        for tap in np.ndindex(layer.kernel):
            at = [p * s + t - before for p, s, t, (before, _) in
                  zip(place, layer.stride, tap, layer.padding, strict=True)]  # fmt: skip
            if all(0 <= i < n for i, n in zip(at, x.shape[1:-1], strict=True)):
                y[:, *place] += x[:, *at] @ layer.weight[tap].astype(np.int64)
    return within(y >> layer.shift, layer.limit)


def transposed_by_hand(layer, x):
    """Spread each input over the outputs that its taps reach."""
    y = np.zeros((len(x), *layer.size, layer.n_outputs), np.int64) + layer.bias
    for place in np.ndindex(x.shape[1:-1]):
        for tap in np.ndindex(layer.kernel):
            at = [p * s + t - before for p, s, t, before in
                  zip(place, layer.stride, tap, layer.before, strict=True)]  # fmt: skip
            if all(0 <= i < n for i, n in zip(at, layer.size, strict=True)):
                y[:, *at] += x[:, *place] @ layer.weight[tap].astype(np.int64)
    return within(y >> layer.shift, layer.limit)


def within(y, limit):
    return y if limit is None else np.clip(y, -limit, limit)


def by_hand(layer, x):
    """Return what a layer makes of `(n, *shape)` integers."""
    match layer:
        case Conv():
            return conv_by_hand(layer, x)
        case TransposedConv():
            return transposed_by_hand(layer, x)
        case Residual():
            return within(x + chain_by_hand(layer.layers, x), layer.limit)
        case Parallel():
            n = layer.split[0]
            return chain_by_hand(layer.first, x[:, :n]) + chain_by_hand(layer.second, x[:, n:])
        case Reshape():
            return x.reshape(len(x), *layer.shape)
        case LeakyReLU():
            return np.where(x >= 0, x, x // 8)
        case ReLU():
            return np.maximum(x, 0)
    rows = dense_by_hand if isinstance(layer, Dense) else table_by_hand
    return np.array([rows(layer, row) for row in x.tolist()])


def chain_by_hand(layers, x):
    for layer in layers:
        x = by_hand(layer, x)
    return x


def computed(layer, x, dtype=np.float64, backend=None):
    """Return what the runtime makes of `(n, *shape)` integers, as int64."""
    backend = backend or NumpyBackend()
    given = backend.constant(np.asarray(x, np.float64), dtype)
    y = backend.to_numpy(layer.compile(backend, dtype, 2**53)(given))
    assert (y == np.floor(y)).all()
    return y.astype(np.int64)


# ---------------------------------------------------------------- layers and inputs


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


@st.composite
def residual_layers(draw):
    """Two dense layers with an activation between them."""
    first = draw(small_dense_layers())
    n, hidden = first.weight.shape
    weight = draw(hnp.arrays(np.int16, (hidden, n), elements=st.integers(-50, 50)))
    second = Dense(weight, np.zeros(n, np.int64), draw(st.integers(0, 20)), None)
    return Residual((first, LeakyReLU(), second), draw(st.none() | st.integers(1, 2**12)))


@st.composite
def parallel_layers(draw):
    """A dense layer with an activation beside another one of as many outputs."""
    first, second = draw(small_dense_layers()), draw(small_dense_layers())
    n_outputs = min(first.weight.shape[1], second.weight.shape[1])
    first, second = (Dense(d.weight[:, :n_outputs], d.bias[:n_outputs], d.shift, d.limit)
                     for d in (first, second))  # fmt: skip
    return Parallel((len(first.weight), len(second.weight)), (first, LeakyReLU()), (second,))


def width_of(layer):
    """Return the number of inputs of a layer of rows; activations take any."""
    match layer:
        case Dense():
            return len(layer.weight)
        case Residual():
            return width_of(layer.layers[0])
        case Parallel():
            return sum(layer.split)
    return 4


@st.composite
def with_rows(draw, layers, limit):
    """A layer and `(n, width)` integers for it, of which some end in zeros."""
    layer = draw(layers)
    width = width_of(layer)
    number = st.one_of(st.integers(-limit, limit), st.sampled_from([-limit, -1, 0, 1, limit]))
    x = draw(hnp.arrays(np.int64, (draw(st.integers(1, 4)), width), elements=number))
    x[:, width - draw(st.sampled_from([0, 0, width // 2])) :] = 0
    return layer, x


@st.composite
def affine(draw, n_axes, most, shift, limit):
    """What convolutions and their transposes share."""
    kernel = draw(st.tuples(*[st.integers(1, 4 if n_axes < 3 else 3)] * n_axes))
    shape = (*kernel, draw(st.integers(1, 5)), draw(st.integers(1, 5)))
    return {
        "weight": draw(hnp.arrays(np.int16, shape, elements=st.integers(-most, most))),
        "bias": draw(hnp.arrays(np.int64, shape[-1:], elements=st.integers(-(2**20), 2**20))),
        "shift": draw(shift),
        "limit": draw(limit),
        "stride": draw(st.tuples(*[st.integers(1, 3)] * n_axes)),
    }


@st.composite
def convolutions(draw, most=2**15 - 1, largest=2**16, shift=SHIFTS, limit=LIMITS):
    """A convolution or a transpose, and frames for it."""
    n_axes = draw(st.integers(1, 3))
    options = draw(affine(n_axes, most, shift, limit))
    sizes = draw(st.tuples(*[st.integers(1, 6 if n_axes < 3 else 4)] * n_axes))
    kernel = options["weight"].shape[:-2]
    before = tuple(draw(st.integers(0, k - 1)) for k in kernel)
    if draw(st.booleans()):
        layer = TransposedConv(
            **options, before=before, size=draw(st.tuples(*[st.integers(1, 7)] * n_axes))
        )
    else:
        after = tuple(draw(st.integers(0, k - 1)) for k in kernel)
        sizes = tuple(
            max(n, k - b - a) for n, k, b, a in zip(sizes, kernel, before, after, strict=True)
        )
        layer = Conv(**options, padding=tuple(zip(before, after, strict=True)))
    shape = (draw(st.integers(1, 3)), *sizes, layer.n_inputs)
    x = draw(hnp.arrays(np.int64, shape, elements=st.integers(-largest, largest)))
    return layer, x


CASES = {  # layers of each kind with inputs, and the largest of these
    "dense": (with_rows(dense_layers(), 2**16), 2**16),
    "activation": (with_rows(activations(), 2**20), 2**20),
    "convolution": (convolutions(), 2**16),
    "small dense": (with_rows(small_dense_layers(), 127), 127),
    "small activation": (with_rows(activations(), 127), 127),
    "small convolution": (convolutions(most=2**7, largest=2**7), 2**7),
    "residual": (with_rows(residual_layers(), 127), 127),
    "parallel": (with_rows(parallel_layers(), 127), 127),
}


def conv(n_axes=1, **settings):
    weight = np.ones((3,) * n_axes + (1, 1), np.int16)
    numbers = {"weight": weight, "bias": np.zeros(1, np.int64), "shift": 0, "limit": None}
    return Conv(**numbers | {"stride": (1,) * n_axes, "padding": ((0, 0),) * n_axes} | settings)


def transposed(n_axes=1, **settings):
    weight = np.ones((3,) * n_axes + (1, 1), np.int16)
    numbers = {"weight": weight, "bias": np.zeros(1, np.int64), "shift": 0, "limit": None}
    sizes = {"stride": (1,) * n_axes, "before": (0,) * n_axes, "size": (5,) * n_axes}
    return TransposedConv(**numbers | sizes | settings)
