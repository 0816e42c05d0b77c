"""The encoder and the decoder of a model as ONNX graphs that compute the same bits.

    encoder.onnx    signals (n, *frame_shape) ──► symbols (n, latent_size) int32, as effort 0 rounds
    decoder.onnx    symbols (n, latent_size) int32 ──► signals (n, *frame_shape)

Graphs are written from the integer networks: float32 where a layer is proven to be exact in it,
float64 elsewhere. The operators of 8-bit integers are not used: they saturate on processors without
dot products of these, and are wrong there. What an optimiser reorders cannot change sums that are
exact in any order; elementwise steps in float64 stay single operators.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from narrows.codec.codec import Codec
from narrows.codec.model.groups import ENCODED
from narrows.codec.model.model import Model
from narrows.codec.model.quality import Quality
from narrows.codec.networks.normaliser import Normaliser
from narrows.codec.networks.quantiser import SYMBOL_MAX, SYMBOL_MIN
from narrows.element_types import ends_of
from narrows.errors import ModelError
from narrows.integrations.onnx_layers import Graph, add_network, library
from narrows.integrations.onnx_trellis import add_levels, add_nearest

FILES = ("encoder.onnx", "decoder.onnx")


def export_onnx(codec: Codec, folder: Path, quality: int | None = None) -> list[Path]:
    """Write both graphs of a model into a folder that exists.

    Parameters
    ----------
    codec : Codec
    folder : Path
    quality : int, optional
        Whose steps the graphs have; by default that of the model.

    Returns
    -------
    list of Path

    Raises
    ------
    ModelError
        If the model only decompresses.
    MissingExtraError
        If onnx is not installed.
    """
    own = codec.model.quality(quality)
    paths = [folder / name for name in FILES]
    for path, make in zip(paths, (encoder_graph, decoder_graph), strict=True):
        path.write_bytes(make(codec.model, own).SerializeToString())
    return paths


def encoder_graph(model: Model, quality: Quality) -> Any:
    """Return the graph from signals to the symbols that the encoder rounds to.

    Latents that an encoder corrects after that are 0. In a trellis each is rounded after those
    before it, without the search that `compress` does at every effort.
    """
    if model.encoder is None:
        raise ModelError(
            f"model {model.model_id.hex()} has no encoder: it was exported to decompress; export "
            "the model that it was made from"
        )
    graph, columns = Graph(), model.columns(ENCODED)
    x = graph.input("signals", model.dtype, (*model.frame_shape,))
    latents = add_network(graph, model.encoder, _integers_of(graph, x, model.normaliser))
    gain = quality.gain[columns].astype(np.float64)
    y = graph.op("Mul", graph.cast(latents, np.float64), graph.constant(gain))
    y = graph.op("Mul", y, graph.constant(np.float64(2.0**-model.quantiser.shift)))
    if quality.trellis is None:
        y = graph.clip(_rounded(graph, y), SYMBOL_MIN, SYMBOL_MAX)
    else:
        y = add_nearest(graph, y, quality.trellis)
    zeros = np.zeros((1, model.latent_size - len(gain)))
    if zeros.size:
        none = graph.op("MatMul", _column(graph, y), graph.constant(zeros))
        y = graph.op("Concat", *_in_place(y, none, columns), axis=1)
    graph.output(graph.cast(y, np.int32), "symbols", np.dtype("int32"), (model.latent_size,))
    return graph.model(model, quality.number)


def decoder_graph(model: Model, quality: Quality) -> Any:
    """Return the graph from symbols to signals; of float16, before these are rounded to it."""
    graph = Graph()
    symbols = graph.input("symbols", np.dtype("int32"), (model.latent_size,))
    step, limit = quality.step.astype(np.float64), model.quantiser.limit
    y = graph.cast(symbols, np.float64)
    if quality.trellis is not None:
        y = add_levels(graph, y, quality.trellis)
    y = graph.op("Mul", y, graph.constant(step))
    y = add_network(graph, model.decoder, graph.clip(y, -limit, limit))
    signals = _signals_of(graph, graph.cast(y, np.float64), model.normaliser)
    dtype = np.dtype(np.float64) if model.dtype == np.float16 else model.dtype
    graph.output(graph.cast(signals, dtype), "signals", dtype, model.frame_shape)
    return graph.model(model, quality.number)


def _in_place(y: str, none: str, columns: slice) -> list[str]:
    """Return latents and those that are 0 in their order."""
    return [y, none] if not columns.start else [none, y]


def _column(graph: Graph, y: str) -> str:
    """Return a column of zeros, one for each signal."""
    zero = graph.op("Mul", y, graph.constant(np.float64(0.0)))
    return graph.op("ReduceSum", zero, graph.constant(np.array([1])), keepdims=1)


def _rounded(graph: Graph, y: str) -> str:
    return graph.op("Floor", graph.op("Add", y, graph.constant(np.float64(0.5))))


def _integers_of(graph: Graph, x: str, own: Normaliser) -> str:
    """Add `Normaliser.to_integers`."""
    y = graph.op("Sub", graph.cast(x, np.float64), graph.constant(np.array(own.offset)))
    y = _rounded(graph, graph.op("Mul", y, graph.constant(np.array(own.scale))))
    if own.dtype.kind == "f":
        missing = graph.op("IsNaN", y)
        y = graph.op("Where", missing, graph.constant(np.float64(0.0)), y)
    return graph.clip(y, -own.limit, own.limit)


def _signals_of(graph: Graph, y: str, own: Normaliser) -> str:
    """Add `Normaliser.from_integers`, but for the cast."""
    least, most = map(float, ends_of(own.dtype))
    offset = graph.constant(np.array(own.output_offset))
    y = graph.op("Mul", y, graph.constant(np.array(own.slope)))
    if own.dtype.kind != "f":
        y = _rounded(graph, y)
    y = graph.clip(graph.op("Add", y, offset), least, most)
    # Adding +0.0 turns a -0.0 into +0.0.
    return graph.op("Add", y, graph.constant(np.float64(0.0))) if own.dtype.kind == "f" else y


__all__ = ["decoder_graph", "encoder_graph", "export_onnx", "library"]
