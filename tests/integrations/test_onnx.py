"""ONNX graphs: the same bits as the integer networks, at every level of optimisation."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx", reason="graphs are written with onnx; extra onnx")
pytest.importorskip("onnxruntime", reason="graphs are run with onnxruntime; extra onnx")

import onnx
import onnxruntime

import narrows
from narrows.codec.codec import Codec
from narrows.errors import ModelError, SettingError
from narrows.integrations import onnx_layers
from narrows.integrations.onnx import decoder_graph, encoder_graph, export_onnx
from tests.helpers.tiny_models import tiny_conv_model, tiny_model, typical_frames

FOLDER = Path(__file__).parents[1] / "golden" / "v0"
GOLDEN = sorted(FOLDER.glob("*.narrows"))
LEVELS = ("ORT_DISABLE_ALL", "ORT_ENABLE_BASIC", "ORT_ENABLE_EXTENDED", "ORT_ENABLE_ALL")


def sessions(graph):
    """Yield what runs a graph, at every level of optimisation."""
    for level in LEVELS:
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(
            graph.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        yield lambda x, session=session: session.run(None, {session.get_inputs()[0].name: x})[0]


def some_frames(model):
    """Return signals within the range and far outside, with gaps where the type has them."""
    x = typical_frames(model, 12)
    x[3] = x[3] * 0
    if model.dtype.kind == "f":
        x[4], x[5].reshape(-1)[:1] = -1e4, np.nan
    return x


def assert_same_bits(model, quality):
    """Compare with narrows, of some signals and of none."""
    transform, x = Codec(model).decoder.transform, some_frames(model)
    own = model.quality(quality)
    rng = np.random.default_rng(0)
    symbols = rng.integers(-9, 10, (40, model.latent_size)).astype(np.int32)
    symbols[0] = [2**31 - 1, -(2**31)][: 1 + (model.latent_size > 1)] + [0] * (
        model.latent_size - 2
    )
    decoded = transform.decode(symbols, own.number)
    if model.encoder is not None:
        expected = transform.rounded(x, [own])[own.number]
        for run in sessions(encoder_graph(model, own)):
            assert run(x).tobytes() == expected.tobytes()
            assert run(x[:0]).shape == (0, model.latent_size)
    for run in sessions(decoder_graph(model, own)):
        found = run(symbols)
        assert found.astype(model.dtype).tobytes() == decoded.tobytes()
        assert found.dtype == (np.float64 if model.dtype == np.float16 else model.dtype)
        assert run(symbols[:0]).shape == (0, *model.frame_shape)


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_graphs_of_every_golden_model_have_its_bits(path):
    model = narrows.load(path).model
    for quality in {model.default_quality, model.n_qualities}:
        assert_same_bits(model, quality)


def test_there_is_every_kind_of_layer_among_them():
    kinds = set()
    for path in GOLDEN:
        model = narrows.load(path).model
        for network in (model.encoder, model.decoder):
            kinds |= set() if network is None else {layer.kind for layer in network.layers}
    assert {"dense", "conv", "transposed_conv", "table", "reshape", "leaky_relu"} <= kinds


@pytest.mark.parametrize("shape", [(9, 3), (6, 7), (5, 6, 2), (4, 5, 3, 2)])
def test_convolutions_that_are_not_exact_in_float32_are_products_of_patches(shape, monkeypatch):
    monkeypatch.setattr(onnx_layers, "EXACT_FLOAT32", 0)  # as if no sum were
    model = tiny_conv_model(sizes=shape[:-1], channels=shape[-1])
    for make in (encoder_graph, decoder_graph):
        graph = make(model, model.quality()).graph
        assert not {"Conv", "ConvTranspose"} & {node.op_type for node in graph.node}
    assert_same_bits(model, 1)


def test_both_graphs_are_written_and_say_what_model_they_are_of(tmp_path):
    codec = Codec(tiny_model("uint8", (6, 4), 3, n_qualities=2))
    paths = export_onnx(codec, tmp_path, quality=1)
    assert [path.name for path in paths] == ["encoder.onnx", "decoder.onnx"]
    for path in paths:
        about = {each.key: each.value for each in onnx.load(path).metadata_props}
        assert about == {"narrows.model": codec.model_id, "narrows.quality": "1"}


def test_a_model_that_only_decompresses_and_a_quality_that_is_not_there_are_refused(tmp_path):
    codec = Codec(tiny_model("uint8", (6, 4), 3))
    with pytest.raises(ModelError, match="export the model that it was made from"):
        export_onnx(codec.without_encoder(), tmp_path)
    with pytest.raises(SettingError):
        export_onnx(codec, tmp_path, quality=7)
