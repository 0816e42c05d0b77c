"""Convolutions of any size, and slow sums in integers of what they compute."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from narrows.codec.networks.backend import NumpyBackend
from narrows.codec.networks.layers import Conv, TransposedConv


class InParts(NumpyBackend):
    """Numpy with the smallest parts, or with others."""

    def __init__(self, part_elements=1):
        self.part_elements = part_elements


def conv_by_hand(layer, x):
    """Add the products of each output, a position and a tap at a time; x is int64."""
    y = np.zeros((len(x), *layer.output_shape(x.shape[1:])), np.int64) + layer.bias
    for place in np.ndindex(y.shape[1:-1]):
        for tap in np.ndindex(layer.kernel):
            at = [p * s + t - before for p, s, t, (before, _) in
                  zip(place, layer.stride, tap, layer.padding, strict=True)]  # fmt: skip
            if all(0 <= i < n for i, n in zip(at, x.shape[1:-1], strict=True)):
                y[:, *place] += x[:, *at] @ layer.weight[tap].astype(np.int64)
    return finished(layer, y)


def transposed_by_hand(layer, x):
    """Spread each input over the outputs that its taps reach; x is int64."""
    y = np.zeros((len(x), *layer.size, layer.n_outputs), np.int64) + layer.bias
    for place in np.ndindex(x.shape[1:-1]):
        for tap in np.ndindex(layer.kernel):
            at = [p * s + t - before for p, s, t, before in
                  zip(place, layer.stride, tap, layer.before, strict=True)]  # fmt: skip
            if all(0 <= i < n for i, n in zip(at, layer.size, strict=True)):
                y[:, *at] += x[:, *place] @ layer.weight[tap].astype(np.int64)
    return finished(layer, y)


def finished(layer, sums):
    y = sums >> layer.shift
    return y if layer.limit is None else np.clip(y, -layer.limit, layer.limit)


def by_hand(layer, x):
    return (conv_by_hand if isinstance(layer, Conv) else transposed_by_hand)(layer, x)


def computed(layer, x, dtype=np.float64, backend=None):
    backend = backend or NumpyBackend()
    given = backend.constant(x, np.float64)
    y = backend.to_numpy(layer.compile(backend, dtype, 2**53)(given))
    assert (y == np.floor(y)).all()
    return y.astype(np.int64)


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


SHIFTS = st.integers(0, 20)
LIMITS = st.none() | st.integers(1, 2**16)


@st.composite
def cases(draw, most=2**15 - 1, largest=2**16, shift=SHIFTS, limit=LIMITS):
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


def conv(n_axes=1, **settings):
    weight = np.ones((3,) * n_axes + (1, 1), np.int16)
    numbers = {"weight": weight, "bias": np.zeros(1, np.int64), "shift": 0, "limit": None}
    return Conv(**numbers | {"stride": (1,) * n_axes, "padding": ((0, 0),) * n_axes} | settings)


def transposed(n_axes=1, **settings):
    weight = np.ones((3,) * n_axes + (1, 1), np.int16)
    numbers = {"weight": weight, "bias": np.zeros(1, np.int64), "shift": 0, "limit": None}
    sizes = {"stride": (1,) * n_axes, "before": (0,) * n_axes, "size": (5,) * n_axes}
    return TransposedConv(**numbers | sizes | settings)
