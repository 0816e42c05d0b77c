"""The `.narrows` file: saving and loading are inverse, with and without the encoder."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrows.codec.codec import Codec
from narrows.codec.entropy.ans import SymbolCoder
from narrows.codec.entropy.tables import FrequencyTable
from narrows.codec.model.model_file import model_id_of, pack_model, unpack_model
from narrows.codec.networks.network import IntegerNetwork
from narrows.codec.networks.quantiser import Quantiser
from narrows.errors import FormatError, ModelError
from tests.helpers.model_files import encoder_digest_of, id_of, opened
from tests.helpers.same_models import assert_same_model, coding_tensors
from tests.helpers.tiny_models import (
    ACTIVATIONS,
    DTYPES,
    ODD_SHAPES,
    assert_identical,
    examples,
    noise_frames,
    refusing,
    searching,
    tiny_model,
    typical_frames,
)

# ---------------------------------------------------------------- inverse


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", ODD_SHAPES)
def test_a_model_is_loaded_as_it_was_saved(dtype, shape):
    contexts = () if shape in ((), (1,)) else (2, 3)  # one latent has no context
    for n_qualities, known in ((1, True), (3, False)):
        model = tiny_model(dtype, shape, 2, n_qualities, known_answers=known, contexts=contexts)
        data = pack_model(model)
        again = unpack_model(data)
        assert_same_model(model, again)
        assert pack_model(again) == data


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_is_loaded_as_it_was_saved(activation):
    model = tiny_model(activation=activation)
    again = Codec.from_bytes(pack_model(model))
    assert_same_model(model, again.model)
    x = noise_frames("uint8", (20, 5))
    assert_identical(again.encode(x), Codec(model).encode(x))


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_model_with_a_search_is_loaded_as_it_was_saved(dtype):
    model = searching(tiny_model(dtype, (3, 2), 2, 3, contexts=(2,)))
    data = pack_model(model)
    again = unpack_model(data)
    assert_same_model(model, again)
    assert again.tradeoffs.unit == model.tradeoffs.unit
    assert again.tradeoffs.lambda_ == model.tradeoffs.lambda_
    assert_identical(again.tradeoffs.curvature, model.tradeoffs.curvature)
    assert pack_model(again) == data
    x = typical_frames(model, 20)
    assert_identical(Codec(again).encode(x), Codec(model).encode(x))
    content, tensors = opened(data)
    assert content["model_id"] == id_of(content, tensors) == model.model_id.hex()
    assert content["encoder_sha256"] == encoder_digest_of(content, tensors).hex()


def test_a_model_without_a_search_says_nothing_of_one():
    assert b"search" not in pack_model(tiny_model())
    assert b"curvature" not in pack_model(tiny_model())


@pytest.mark.parametrize("unit", [5e-324, 0.1, 1.7976931348623157e308])
def test_every_float_of_a_search_is_loaded_as_it_was_saved(unit):
    model = searching(tiny_model())
    model = replace(model, tradeoffs=replace(model.tradeoffs, unit=unit, lambda_=[1 / 3]))
    again = unpack_model(pack_model(model)).tradeoffs
    assert (again.unit, again.lambda_) == (unit, [1 / 3])


@given(st.integers(0, 2**32), st.integers(1, 5), st.integers(1, 4))
@examples(20)
def test_random_models_are_loaded_as_they_were_saved(seed, latent_size, n_qualities):
    model = tiny_model("int16", (4,), latent_size, n_qualities, seed=seed)
    data = pack_model(model)
    assert pack_model(unpack_model(data)) == data


def test_packing_gives_the_same_bytes_every_time():
    models = [tiny_model("float32", (3, 2), 2, 3, contexts=(2,)) for _ in range(5)]
    assert len(set(map(pack_model, models))) == 1


def test_a_saved_codec_is_the_models_bytes(tmp_path):
    codec = Codec(tiny_model())
    codec.save(tmp_path / "a.narrows")
    assert (tmp_path / "a.narrows").read_bytes() == codec.model_bytes == pack_model(codec.model)
    assert model_id_of(tmp_path / "a.narrows") == codec.model_id


@pytest.mark.parametrize("name", ["offset", "output_offset"])
def test_a_model_whose_offset_is_minus_zero_can_be_loaded(name):
    model = tiny_model("float32", known_answers=False)
    model = replace(model, normaliser=replace(model.normaliser, **{name: -0.0}))
    assert "-0x0" not in str(model.normaliser.settings())
    assert unpack_model(pack_model(model)).model_id == model.model_id


@pytest.mark.parametrize(
    "training",
    [
        {},
        {"checksum": "0" * 64},
        {"checksum": "0" * 64, "nested": {"checksum": "0" * 64}},
        {"text": '"checksum":"' + "0" * 64 + '"', "name": "\u00e4\u4e2d\U0001f600\n\x00"},
        {"history": [[0.1, 1e-300, -5], None, True], "empty": {}},
    ],
)
def test_any_training_summary_is_loaded_as_it_was_saved(training):
    model = replace(tiny_model(), training=training)
    data = pack_model(model)
    assert_same_model(model, unpack_model(data))


def test_a_model_is_loaded_without_the_entropy_coder(monkeypatch):
    """Where constriction is missing, the coder takes seconds for a million weights."""
    codec = Codec(tiny_model("uint8", (20, 20), 5))
    assert max(t.size for t in coding_tensors(codec.model).values()) >= 2000
    data = codec.model_bytes
    monkeypatch.delattr(SymbolCoder, "decode")
    assert Codec.from_bytes(data).model_id == codec.model_id


# ---------------------------------------------------------------- memory order


def awkward(tensor):
    """Return the same tensor in other memory orders: Fortran's, strided and reversed."""
    padded = np.zeros([2 * size for size in tensor.shape], tensor.dtype)
    window = tuple(slice(None, None, 2) for _ in tensor.shape)
    padded[window] = tensor
    backwards = np.ascontiguousarray(np.flip(tensor))
    return [np.asfortranarray(tensor), padded[window], np.flip(backwards)]


def with_order(model, order):
    """Rebuild a model with every tensor in another memory order."""

    def network(old):
        tensors = {name: awkward(t)[order] for name, t in old.tensors().items()}
        return IntegerNetwork.build(old.settings(), tensors)

    quantiser = model.quantiser
    gain, step = awkward(quantiser.gain)[order], awkward(quantiser.step)[order]
    rows = [[FrequencyTable(t.low, awkward(t.weights)[order]) for t in row] for row in model.tables]
    known = model.known_answers
    known = replace(known, symbols=awkward(known.symbols)[order],
                    answers=awkward(known.answers)[order])  # fmt: skip
    return replace(
        model,
        encoder=network(model.encoder),
        decoder=network(model.decoder),
        quantiser=Quantiser(gain, quantiser.shift, step, quantiser.limit),
        tables=rows,
        known_answers=known,
    )


@pytest.mark.parametrize("order", [0, 1, 2])
def test_tensors_in_any_memory_order_are_stored_rightly(order):
    model = tiny_model("int16", (3, 4), 3, 3, activation="elu")
    other = with_order(model, order)
    assert other.model_id == model.model_id
    assert pack_model(other) == pack_model(model)
    x = typical_frames(model, 20)
    assert_identical(Codec(other).encode(x), Codec(model).encode(x))


# ---------------------------------------------------------------- without the encoder


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_model_without_its_encoder_decodes_the_same_and_keeps_its_id(dtype):
    codec = Codec(tiny_model(dtype, (3, 5), 2, 3))
    data = pack_model(codec.model.without_encoder())
    light = Codec.from_bytes(data)
    assert light.model_id == codec.model_id
    assert len(data) < len(codec.model_bytes)
    assert pack_model(light.model) == data == pack_model(light.model.without_encoder())
    blob = codec.compress(typical_frames(codec.model, 20))
    assert_identical(light.decompress(blob), codec.decompress(blob))
    for function in (light.compress, light.encode):
        with refusing(ModelError, codec.model_id, "no encoder"):
            function(typical_frames(codec.model, 2))


def test_a_model_without_its_encoder_has_no_search_and_keeps_its_id():
    model = searching(tiny_model("int16", (3, 5), 2, 3))
    data = pack_model(model.without_encoder())
    light, half = unpack_model(data), unpack_model(pack_model(model), decoder_only=True)
    assert light.tradeoffs is half.tradeoffs is None
    assert light.model_id == half.model_id == model.model_id
    assert b"search" not in data
    assert b"curvature" not in data


def test_a_model_without_its_encoder_needs_a_digest_of_32_bytes():
    model = tiny_model()
    for digest in (None, b"", b"x" * 31, b"x" * 33):
        with pytest.raises(FormatError, match="digest"):
            replace(model, encoder=None, given_encoder_digest=digest)
