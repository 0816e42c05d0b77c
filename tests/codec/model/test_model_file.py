"""The `.narrows` file: saving and loading are inverse, and the id names what coding depends on."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrows.codec.codec import Codec
from narrows.codec.entropy.tables import FrequencyTable
from narrows.codec.model.model_file import model_id_of, pack_model, unpack_model
from narrows.codec.networks.backend import NumpyBackend
from narrows.codec.networks.network import IntegerNetwork
from narrows.codec.networks.quantiser import Quantiser
from narrows.errors import FormatError, ModelError, UnprovenModelError
from tests.helpers.model_files import encoder_digest_of, forged, id_of, opened
from tests.helpers.tiny_models import (
    ACTIVATIONS,
    DTYPES,
    ODD_SHAPES,
    assert_identical,
    assert_one_line,
    examples,
    noise_frames,
    searching,
    tiny_model,
    typical_frames,
)


def coding_tensors(model):
    return {**model.encoder_tensors(), **model.decoding_tensors()}


def assert_same_model(model, again):
    """Compare all that a model file holds."""
    assert again.decoding_settings() == model.decoding_settings()
    assert again.encoder_settings() == model.encoder_settings()
    assert again.model_id == model.model_id
    assert (again.architecture, again.peak) == (model.architecture, model.peak)
    assert again.training == model.training
    ours, theirs = coding_tensors(model), coding_tensors(again)
    assert ours.keys() == theirs.keys()
    for name, tensor in ours.items():
        np.testing.assert_array_equal(theirs[name], tensor, strict=True)
    if model.known_answers is None:
        assert again.known_answers is None
    else:
        assert_identical(again.known_answers.symbols, model.known_answers.symbols)
        assert_identical(again.known_answers.answers, model.known_answers.answers)
        assert again.known_answers.sha256 == model.known_answers.sha256


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
    assert again.exchange.unit == model.exchange.unit
    assert again.exchange.lambda_ == model.exchange.lambda_
    assert_identical(again.exchange.curvature, model.exchange.curvature)
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
    model = replace(model, exchange=replace(model.exchange, unit=unit, lambda_=[1 / 3]))
    again = unpack_model(pack_model(model)).exchange
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


# ---------------------------------------------------------------- memory order


def awkward(tensor):
    """Give the same tensor in other memory orders: Fortran's, strided and reversed."""
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


# ---------------------------------------------------------------- identity


def test_the_id_is_16_bytes_and_shown_as_32_digits():
    model = tiny_model()
    assert len(model.model_id) == 16
    assert Codec(model).model_id == model.model_id.hex()


@pytest.mark.parametrize("n_qualities", [1, 3])
def test_the_id_is_the_hash_that_the_format_says(n_qualities):
    model = tiny_model("float32", (3, 2), 2, n_qualities, activation="elu", contexts=(1, 3))
    content, tensors = opened(pack_model(model))
    assert content["model_id"] == id_of(content, tensors) == model.model_id.hex()
    assert content["encoder_sha256"] == encoder_digest_of(content, tensors).hex()


@pytest.mark.parametrize(
    "changes",
    [{"training": {"seed": 5}}, {"architecture": "other"}, {"peak": 2.0}, {"known_answers": None}],
)
def test_the_id_does_not_depend_on_what_coding_does_not_depend_on(changes):
    model = tiny_model()
    other = replace(model, **changes)
    assert other.model_id == model.model_id
    assert pack_model(other) != pack_model(model)
    assert unpack_model(pack_model(other)).model_id == model.model_id


def changed_tensors(model):
    """Give models that differ in one number of one tensor each."""
    for name, tensor in coding_tensors(model).items():
        if name.startswith("tables."):
            continue  # those must keep their sums; see below
        for position in (0, tensor.size - 1):
            other = tensor.copy()
            other.reshape(-1)[position] += -1 if other.reshape(-1)[position] > 0 else 1
            tensors = {**coding_tensors(model), name: other}
            yield name, replace(
                model,
                encoder=IntegerNetwork.build(model.encoder.settings(), under("encoder.", tensors)),
                decoder=IntegerNetwork.build(model.decoder.settings(), under("decoder.", tensors)),
                quantiser=Quantiser(tensors["quantiser.gain"], model.quantiser.shift,
                                    tensors["quantiser.step"], model.quantiser.limit),
            )  # fmt: skip


def under(prefix, tensors):
    return {k.removeprefix(prefix): t for k, t in tensors.items() if k.startswith(prefix)}


def changed_tables(model):
    table = model.tables[0][0]
    moved = table.weights.copy()
    moved[0] += 1
    moved[1] -= 1
    for other in (
        FrequencyTable(table.low, moved),
        FrequencyTable(table.low + 1, table.weights),
        FrequencyTable(table.low, np.append(table.weights[:-1], [table.weights[-1] - 1, 1])),
    ):
        yield replace(model, tables=[[other, *model.tables[0][1:]], *model.tables[1:]])


def changed_settings(model):
    normaliser = model.normaliser
    for changes in (
        {"offset": normaliser.offset + 1},
        {"scale": normaliser.scale * 2},
        {"output_shift": normaliser.output_shift + 1},
        {"output_multiplier": normaliser.output_multiplier + 1},
        {"output_scale": 0.5},
        {"output_offset": normaliser.output_offset + 1},
    ):
        yield replace(model, normaliser=replace(normaliser, **changes))
    yield replace(model, quantiser=replace(model.quantiser, shift=model.quantiser.shift + 1))
    layers = list(model.decoder.layers)
    layers[0] = replace(layers[0], shift=layers[0].shift + 1)
    limit = model.decoder.input_limit
    yield replace(model, decoder=IntegerNetwork(layers, model.decoder.input_shape, limit))


def test_the_id_changes_with_everything_that_coding_depends_on():
    model = tiny_model(activation="elu", n_qualities=3, known_answers=False)
    models = [model, *(other for _, other in changed_tensors(model))]
    models += [*changed_tables(model), *changed_settings(model)]
    assert len({each.model_id for each in models}) == len(models) > 30


def test_the_id_changes_with_what_an_encoder_searches_by():
    model = searching(tiny_model(n_qualities=2))
    exchange = model.exchange
    first, second = exchange.lambda_
    changes = [{"unit": 2.0}, {"lambda_": [second, first]}, {"curvature": exchange.curvature + 1}]
    models = [model, replace(model, exchange=None)]
    models += [replace(model, exchange=replace(exchange, **change)) for change in changes]
    assert len({each.model_id for each in models}) == len(models)


def test_the_id_tells_dtypes_and_shapes_apart():
    models = [tiny_model(dtype, shape) for dtype in DTYPES for shape in ODD_SHAPES]
    assert len({model.model_id for model in models}) == len(models)


def test_all_models_that_differ_can_still_be_loaded():
    model = tiny_model(activation="elu", known_answers=False)
    for other in (*changed_tables(model), *changed_settings(model)):
        assert unpack_model(pack_model(other)).model_id == other.model_id


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
        with pytest.raises(ModelError) as caught:
            function(typical_frames(codec.model, 2))
        assert_one_line(caught.value, codec.model_id, "no encoder")


def test_a_model_without_its_encoder_has_no_search_and_keeps_its_id():
    model = searching(tiny_model("int16", (3, 5), 2, 3))
    data = pack_model(model.without_encoder())
    light, half = unpack_model(data), unpack_model(pack_model(model), decoder_only=True)
    assert light.exchange is half.exchange is None
    assert light.model_id == half.model_id == model.model_id
    assert b"search" not in data
    assert b"curvature" not in data


def test_a_model_without_its_encoder_needs_a_digest_of_32_bytes():
    model = tiny_model()
    for digest in (None, b"", b"x" * 31, b"x" * 33):
        with pytest.raises(FormatError, match="digest"):
            replace(model, encoder=None, given_encoder_digest=digest)


# ---------------------------------------------------------------- parts that do not fit


@pytest.mark.parametrize(
    "part",
    [
        {"frame_shape": (6,)},
        {"frame_shape": (5, 1)},
        {"contexts": []},
        {"contexts": [None, None]},
        {"contexts": tiny_model(latent_size=3, contexts=(1,)).contexts},
        {"contexts": tiny_model("float64", contexts=(1,)).contexts},
        {"tables": []},
        {"tables": [[]]},
        {"encoder": tiny_model(frame_shape=(4,)).encoder},
        {"encoder": tiny_model(latent_size=3).encoder},
        {"decoder": tiny_model(frame_shape=(4,)).decoder},
        {"decoder": tiny_model(latent_size=3).decoder},
        {"quantiser": tiny_model(latent_size=3).quantiser},
        {"quantiser": tiny_model(n_qualities=2).quantiser},
        {"normaliser": tiny_model("uint16").normaliser},
        {"exchange": searching(tiny_model(latent_size=3)).exchange},
        {"exchange": searching(tiny_model(n_qualities=2)).exchange},
    ],
)
def test_parts_that_do_not_fit_together_are_refused(part):
    with pytest.raises(FormatError):
        replace(tiny_model(), **part)


def test_a_dtype_that_archives_have_not_is_refused():
    model = tiny_model("int16")
    for dtype in ("int64", "uint32", "float16", ">i2"):
        with pytest.raises(FormatError, match="model for frames"):
            replace(model, normaliser=replace(model.normaliser, dtype=np.dtype(dtype)))


def test_more_qualities_than_a_packets_three_bits_are_refused():
    assert tiny_model(n_qualities=8, known_answers=False).n_qualities == 8
    with pytest.raises(FormatError, match="9 qualities"):
        tiny_model(n_qualities=9, known_answers=False)


@pytest.mark.parametrize("peak", [0.0, -1.0, np.inf, np.nan])
def test_a_peak_that_no_psnr_can_refer_to_is_refused(peak):
    with pytest.raises(FormatError, match="peak"):
        replace(tiny_model(), peak=peak)


def test_a_decoder_that_could_leave_the_exact_integers_at_its_end_is_refused():
    model = tiny_model("int32")
    large = replace(model.normaliser, output_shift=-32)
    with pytest.raises(UnprovenModelError):
        replace(model, normaliser=large)


def test_gains_that_could_leave_the_exact_integers_are_refused():
    model = tiny_model()
    layers = [*model.encoder.layers[:-1], replace(model.encoder.layers[-1], shift=0)]
    encoder = IntegerNetwork(layers, model.frame_shape, model.normaliser.limit)
    gain = np.full_like(model.quantiser.gain, 2**31 - 1)
    with pytest.raises(UnprovenModelError):
        replace(model, encoder=encoder, quantiser=replace(model.quantiser, gain=gain))


# ---------------------------------------------------------------- known answers


def test_right_known_answers_are_accepted():
    for dtype in DTYPES:
        for contexts in ((), (2,)):
            Codec.from_bytes(pack_model(tiny_model(dtype, (3, 5, 2), 2, 3, contexts=contexts)))


@pytest.mark.parametrize("contexts", [(), (1,)])
@pytest.mark.parametrize("change", ["symbols", "answers", "sha256"])
def test_known_answers_that_do_not_hold_are_a_model_error(change, contexts):
    model = tiny_model("uint8", (3, 5), 3, contexts=contexts)
    known = model.known_answers
    wrong = {
        "symbols": known.symbols + np.int32(50),
        "answers": known.answers + np.int32(1),
        "sha256": "0" * 64,
    }[change]
    data = pack_model(replace(model, known_answers=replace(known, **{change: wrong})))
    with pytest.raises(ModelError) as caught:
        Codec.from_bytes(data)
    assert_one_line(caught.value, "known answers", model.model_id.hex())


class EightBitProducts(NumpyBackend):
    """A machine that multiplies in bfloat16, as some do where nobody asked for it."""

    def constant(self, values, dtype):
        bits = np.ascontiguousarray(values, np.float32).view(np.uint32) & np.uint32(0xFFFF0000)
        return bits.view(np.float32).astype(dtype)


def test_a_machine_that_computes_otherwise_is_refused():
    data = pack_model(tiny_model("uint8", (3, 5), 3))
    with pytest.raises(ModelError, match="not exact"):
        Codec.from_bytes(data, EightBitProducts())


def test_known_answers_of_another_shape_are_refused():
    content, tensors = opened(pack_model(tiny_model()))
    for name in ("known.symbols", "known.answers"):
        for bad in (tensors[name][:, :1], tensors[name].reshape(-1), tensors[name][:1]):
            changed = {**tensors, name: np.ascontiguousarray(bad)}
            with pytest.raises((FormatError, ModelError)):
                Codec.from_bytes(forged(content, changed))
