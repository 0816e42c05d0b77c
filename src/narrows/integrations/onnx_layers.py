"""Layers of exact integer networks as operators of ONNX."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from itertools import product
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.model.model import Model
from narrows.codec.networks.backend import EXACT_FLOAT32, Float, Shape
from narrows.codec.networks.layers import Layer, Parallel
from narrows.codec.networks.layers.activations import LeakyReLU, ReLU, Reshape, Table
from narrows.codec.networks.layers.affine import Affine, Dense
from narrows.codec.networks.layers.contract import bounds_along, shapes_along
from narrows.codec.networks.layers.convolution import Conv, TransposedConv
from narrows.codec.networks.layers.residual import Residual
from narrows.codec.networks.network import IntegerNetwork
from narrows.errors import needing

OPSET, IR_VERSION = 20, 10
Floats = npt.NDArray[np.float64]


@cache
def library() -> Any:
    """Import onnx."""
    with needing("onnx", "ONNX graphs", "onnx"):
        import onnx
    return onnx


class Graph:
    """A graph that is being written; values are known by their names.

    Parameters
    ----------
    prefix : str, optional
        Of all names but those of inputs and outputs: a graph inside another needs one.
    """

    def __init__(self, prefix: str = "") -> None:
        self._helper, self._prefix = library().helper, prefix
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self._ends: dict[str, Any] = {}

    def op(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Add an operator and return the name of its output."""
        name = f"{self._prefix}{kind.lower()}{len(self._nodes)}"
        self._nodes.append(self._helper.make_node(kind, [*inputs], [name], **attributes))
        return name

    def constant(self, values: Any) -> str:
        """Add a constant."""
        name = f"{self._prefix}constant{len(self._constants)}"
        array = np.ascontiguousarray(values).reshape(np.shape(values))
        self._constants.append(library().numpy_helper.from_array(array, name))
        return name

    def cast(self, x: str, dtype: Any) -> str:
        """Convert a value; where it is of the type already, an optimiser leaves that out."""
        return self.op("Cast", x, to=self._helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))

    def clip(self, x: str, least: float, most: float, dtype: Any = np.float64) -> str:
        """Clip a value of a float type."""
        ends = (self.constant(np.array(end, dtype)) for end in (least, most))
        return self.op("Clip", x, *ends)

    def scan(self, step: Graph, states: Sequence[str], along: Sequence[str]) -> str:
        """Add what computes a graph for one row after the other; return its last output's.

        Parameters
        ----------
        step : Graph
            From states and rows to the next states and one row, `(n,)` each.
        states : sequence of str
            At the beginning, `(n,)`.
        along : sequence of str
            Of `(k, n)` or `(k, 1)`; along another axis onnxruntime 1.32 dies where n is 0.
        """
        ends, n_inputs = [*step._ends.values()], len(states) + len(along)
        body = self._helper.make_graph(
            step._nodes, "step", ends[:n_inputs], ends[n_inputs:], initializer=step._constants
        )
        names = [f"{self._prefix}scan{len(self._nodes)}_{i}" for i in range(len(states) + 1)]
        self._nodes.append(
            self._helper.make_node(
                "Scan", [*states, *along], names, body=body, num_scan_inputs=len(along)
            )
        )
        return names[-1]

    def input(self, name: str, dtype: np.dtype[Any], shape: Shape | None) -> str:
        """Name an input, `(n, *shape)`; None: of any shape."""
        self._ends[name] = self._described(name, dtype, shape)
        return name

    def output(self, value: str, name: str, dtype: np.dtype[Any], shape: Shape) -> None:
        """Name an output, `(n, *shape)`."""
        self._nodes.append(self._helper.make_node("Identity", [value], [name]))
        self._ends[name] = self._described(name, dtype, shape)

    def _described(self, name: str, dtype: np.dtype[Any], shape: Shape | None) -> Any:
        kind = self._helper.np_dtype_to_tensor_dtype(dtype)
        sizes = None if shape is None else ["n", *shape]
        return self._helper.make_tensor_value_info(name, kind, sizes)

    def model(self, model: Model, quality: int) -> Any:
        """Return the finished graph, which says what model it is of."""
        first, last = self._ends.values()
        graph = self._helper.make_graph(
            self._nodes, "narrows", [first], [last], initializer=self._constants
        )
        opsets = [self._helper.make_opsetid("", OPSET)]
        made = self._helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)
        about = {"narrows.model": model.model_id.hex(), "narrows.quality": str(quality)}
        self._helper.set_model_props(made, about)
        library().checker.check_model(made)
        return made


def add_network(graph: Graph, network: IntegerNetwork, x: str) -> str:
    """Add a network whose input is `x`, `(n, *input_shape)` integers; return its output."""
    return _chain(graph, network.layers, network.input_shape, network.input_limit, x)


def _chain(graph: Graph, layers: Sequence[Layer], shape: Shape, limit: int, x: str) -> str:
    peaks, limits = bounds_along(layers, limit)
    shapes = shapes_along(layers, shape)
    for layer, peak, own_shape, own_limit in zip(layers, peaks, shapes, limits, strict=False):
        dtype = np.float32 if peak < EXACT_FLOAT32 else np.float64
        x = ADDERS[type(layer)](graph, layer, graph.cast(x, dtype), (dtype, own_shape, own_limit))
    return x


Own = tuple[Float, Shape, int]
"""The type in which a layer is exact, and the shape and the limit of its input."""


def _finished(graph: Graph, layer: Affine, y: str, dtype: Float) -> str:
    """Add what follows scaled sums `(..., n_outputs)`."""
    bias = (layer.bias * 2.0**-layer.shift).astype(dtype)
    y = graph.op("Add", y, graph.constant(bias))
    if layer.shift:
        y = graph.op("Floor", y)
    return y if layer.limit is None else graph.clip(y, -layer.limit, layer.limit, dtype)


def _scaled(layer: Affine, dtype: Float) -> Any:
    return (layer.weight * 2.0**-layer.shift).astype(dtype)


def _dense(graph: Graph, layer: Dense, x: str, own: Own) -> str:
    y = graph.op("MatMul", x, graph.constant(_scaled(layer, own[0])))
    return _finished(graph, layer, y, own[0])


def _conv(graph: Graph, layer: Conv, x: str, own: Own) -> str:
    dtype, shape, _ = own
    if dtype is not np.float32:
        return _gathered(graph, layer, x, own, _taken_by_conv(layer, shape))
    weight = np.moveaxis(_scaled(layer, dtype), (-1, -2), (0, 1))
    pads = [before for before, _ in layer.padding] + [after for _, after in layer.padding]
    y = _channels_first(graph, x, layer.n_axes)
    y = graph.op("Conv", y, graph.constant(weight), strides=list(layer.stride), pads=pads)
    return _finished(graph, layer, _channels_last(graph, y, layer.n_axes), dtype)


def _transposed(graph: Graph, layer: TransposedConv, x: str, own: Own) -> str:
    dtype, shape, _ = own
    each = zip(shape, layer.stride, layer.kernel, layer.before, layer.size, strict=False)
    ends = [stride * (n - 1) + k - before - size for n, stride, k, before, size in each]
    more = [max(0, -end) for end in ends]
    fits = all(a < stride for a, stride in zip(more, layer.stride, strict=True))
    if dtype is not np.float32 or not fits:
        return _gathered(graph, layer, x, own, _taken_by_transposed(layer, shape))
    weight = np.moveaxis(_scaled(layer, dtype), (-2, -1), (0, 1))
    pads = [*layer.before, *(max(0, end) for end in ends)]
    y = graph.op(
        "ConvTranspose", _channels_first(graph, x, layer.n_axes), graph.constant(weight),
        strides=list(layer.stride), pads=pads, output_padding=more,
    )  # fmt: skip
    return _finished(graph, layer, _channels_last(graph, y, layer.n_axes), dtype)


def _channels_first(graph: Graph, x: str, axes: int) -> str:
    return graph.op("Transpose", x, perm=[0, axes + 1, *range(1, axes + 1)])


def _channels_last(graph: Graph, x: str, axes: int) -> str:
    return graph.op("Transpose", x, perm=[0, *range(2, axes + 2), 1])


def _taken_by_conv(layer: Conv, shape: Shape) -> list[list[list[int]]]:
    """Return which place each output takes for each tap along each axis; -1 for none."""
    each = zip(shape, layer.kernel, layer.stride, layer.padding, strict=False)
    return [
        [[_within(o * stride + k - pad[0], n) for k in range(size)] for o in range(outputs)]
        for (n, size, stride, pad), outputs in zip(each, layer.output_shape(shape), strict=False)
    ]


def _taken_by_transposed(layer: TransposedConv, shape: Shape) -> list[list[list[int]]]:
    """Return the same of a transposed convolution."""
    each = zip(shape, layer.kernel, layer.stride, layer.before, layer.size, strict=False)
    return [
        [
            [
                _within((o + before - k) // stride, n) if (o + before - k) % stride == 0 else -1
                for k in range(size)
            ]
            for o in range(outputs)
        ]
        for n, size, stride, before, outputs in each
    ]


def _within(place: int, n: int) -> int:
    return place if 0 <= place < n else -1


def _gathered(
    graph: Graph, layer: Conv | TransposedConv, x: str, own: Own, taken: list[list[list[int]]]
) -> str:
    """Add a convolution as a product of patches, for types that ONNX runtimes convolve not."""
    dtype, shape, _ = own
    spatial, outputs = shape[:-1], tuple(map(len, taken))
    places = np.full((*outputs, *layer.kernel), prod(spatial), np.int64)  # beyond: a row of zeros
    for at in product(*map(range, outputs)):
        for tap in product(*map(range, layer.kernel)):
            each = [axis[o][k] for axis, o, k in zip(taken, at, tap, strict=True)]
            if min(each) >= 0:
                places[(*at, *tap)] = np.ravel_multi_index(each, spatial)
    n_taps = prod(layer.kernel)
    rows = graph.op("Reshape", x, graph.constant(np.array([0, prod(spatial), layer.n_inputs])))
    pads = graph.constant(np.array([0, 0, 0, 0, 1, 0]))
    rows = graph.op("Pad", rows, pads, graph.constant(np.zeros((), dtype)))
    patches = graph.op("Gather", rows, graph.constant(places.reshape(-1, n_taps)), axis=1)
    flat = np.array([0, prod(outputs), n_taps * layer.n_inputs])
    patches = graph.op("Reshape", patches, graph.constant(flat))
    weight = _scaled(layer, dtype).reshape(-1, layer.n_outputs)
    y = graph.op("MatMul", patches, graph.constant(weight))
    y = graph.op("Reshape", y, graph.constant(np.array([0, *outputs, layer.n_outputs])))
    return _finished(graph, layer, y, dtype)


def _leaky_relu(graph: Graph, layer: LeakyReLU, x: str, own: Own) -> str:
    below = graph.op("Floor", graph.op("Mul", x, graph.constant(np.array(0.125, own[0]))))
    return graph.op("Max", x, below)


def _relu(graph: Graph, layer: ReLU, x: str, own: Own) -> str:
    return graph.op("Max", x, graph.constant(np.array(0, own[0])))


def _table(graph: Graph, layer: Table, x: str, own: Own) -> str:
    dtype, high = own[0], layer.low + layer.values.size - 1
    inside = graph.clip(x, layer.low, high, dtype)
    at = graph.op("Sub", inside, graph.constant(np.array(layer.low, dtype)))
    values = graph.constant(layer.values.astype(dtype))
    y = graph.op("Gather", values, graph.cast(at, np.int64), axis=0)
    if not layer.identity_above:
        return y
    return graph.op("Where", graph.op("Greater", x, graph.constant(np.array(high, dtype))), x, y)


def _reshape(graph: Graph, layer: Reshape, x: str, own: Own) -> str:
    return graph.op("Reshape", x, graph.constant(np.array([0, *layer.shape])))


def _residual(graph: Graph, layer: Residual, x: str, own: Own) -> str:
    dtype, shape, limit = own
    inner = _chain(graph, layer.layers, shape, limit, x)
    y = graph.op("Add", x, graph.cast(inner, dtype))
    return y if layer.limit is None else graph.clip(y, -layer.limit, layer.limit, dtype)


def _parallel(graph: Graph, layer: Parallel, x: str, own: Own) -> str:
    dtype, _, limit = own
    ends, found = (0, layer.split[0], sum(layer.split)), []
    for (chain, shape), start, stop in zip(layer.chains, ends, ends[1:], strict=False):
        limits = (graph.constant(np.array([each])) for each in (start, stop, 1))
        part = graph.op("Slice", x, *limits)
        found.append(graph.cast(_chain(graph, chain, shape, limit, part), dtype))
    return graph.op("Add", *found)


ADDERS: dict[type[Layer], Callable[[Graph, Any, str, Own], str]] = {
    Dense: _dense, Conv: _conv, TransposedConv: _transposed, LeakyReLU: _leaky_relu, ReLU: _relu,
    Table: _table, Reshape: _reshape, Residual: _residual, Parallel: _parallel,
}  # fmt: skip
"""What adds each kind of layer."""
