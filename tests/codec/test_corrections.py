"""Corrected latents: components of what the encoded latents leave, chosen by the encoder."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from narrows.codec.codec import Codec
from narrows.codec.encoding.symbol_search import SymbolSearch
from narrows.codec.model.content import write_decoding
from narrows.codec.model.groups import CORRECTED, ENCODED
from narrows.codec.model.model_file import pack_model, unpack_model
from narrows.codec.networks.layers import Dense, LeakyReLU, Parallel, Reshape
from narrows.codec.networks.network import IntegerNetwork
from narrows.errors import DataError, FormatError
from tests.helpers.altered_models import corrected
from tests.helpers.tiny_models import (
    assert_identical,
    refusing,
    searching,
    tiny_conv_model,
    tiny_model,
    typical_frames,
)


def model_of(dtype="uint8", contexts=(2,), **options):
    model = tiny_model(dtype, (4, 5), 3, n_qualities=3, contexts=contexts)
    return corrected(searching(model), 4, **{"qualities": (2, 3)} | options)


MODELS = {
    "uint8": model_of(),
    "float32": model_of("float32"),
    "conv": corrected(searching(tiny_conv_model("int16", (7, 5), contexts=(1,))), 6, (1,)),
}


@pytest.fixture(params=MODELS, ids=str)
def model(request):
    return MODELS[request.param]


def test_a_model_of_it_is_the_same_after_a_file(model):
    codec = Codec.from_bytes(pack_model(model))
    assert codec.model.model_id == model.model_id
    assert codec.model.groups == model.groups
    assert list(model.groups) == [ENCODED, CORRECTED]
    x = typical_frames(model, 9)
    assert codec.compress(x) == Codec(model).compress(x)


def test_qualities_share_a_context_model_in_the_file():
    model = model_of()
    shared = [model.contexts[1]] * 3
    tables = [[*model.tables[1][:3], *row[3:]] for row in model.tables]
    shared_model = replace(model, contexts=shared, tables=tables, known_answers=None)
    data = pack_model(shared_model)
    again = unpack_model(data)
    assert again.model_id == shared_model.model_id
    assert again.contexts[0] is again.contexts[1] is again.contexts[2]
    x = typical_frames(model, 9)
    assert Codec(again).compress(x, 3) == Codec(shared_model).compress(x, 3)
    assert [name for name in write_decoding(again).tensors if "order" in name] == [
        "contexts.0.order"
    ]


@pytest.mark.parametrize("quality", [1, 2, 3])
@pytest.mark.parametrize("effort", [0, 2, 9])
def test_archives_and_packets_give_back_what_was_encoded(quality, effort):
    codec, x = Codec(MODELS["uint8"]), typical_frames(MODELS["uint8"], 12)
    symbols = codec.encode(x, quality, effort)
    decoded = codec.decode(symbols, quality)
    assert_identical(codec.decompress(codec.compress(x, quality, effort)), decoded)
    for packet, frame in zip(codec.compress_packets(x, quality, effort), decoded, strict=True):
        assert_identical(codec.decompress_packet(packet), frame)


def test_a_quality_without_steps_has_no_corrected_latents():
    codec, x = Codec(MODELS["uint8"]), typical_frames(MODELS["uint8"], 12)
    columns = codec.model.columns(CORRECTED)
    assert not codec.encode(x, 1, 9)[:, columns].any()
    assert codec.encode(x, 2, 0)[:, columns].any()
    assert len(codec.model.quality(1).tables.order) == codec.model.groups[ENCODED]
    assert len(codec.model.quality(2).tables.order) == codec.model.latent_size


def test_latents_that_are_not_coded_take_no_bytes():
    model = model_of(qualities=())
    x = typical_frames(model, 50)
    plain = tiny_model("uint8", (4, 5), 3, n_qualities=3, contexts=(2,))
    assert len(Codec(model).compress(x, 2)) == len(Codec(searching(plain)).compress(x, 2))


def test_it_leaves_less_error_than_zeros(model):
    codec, x, quality = Codec(model), typical_frames(model, 30), model.n_qualities
    symbols = codec.encode(x, quality, 0)
    zeros = symbols.copy()
    zeros[:, model.columns(CORRECTED)] = 0
    assert error_of(codec, x, symbols, quality) < error_of(codec, x, zeros, quality)


def error_of(codec, x, symbols, quality):
    return np.square(codec.decode(symbols, quality).astype(float) - x.astype(float)).sum()


def test_more_effort_never_costs_more(model):
    codec, x, quality = Codec(model), typical_frames(model, 20), model.n_qualities
    search = SymbolSearch(codec.decoder.transform, quality)
    costs = [search.cost(x, codec.encode(x, quality, effort)) for effort in (0, 1, 2, 6, 9)]
    for less, more in pairwise(costs):
        assert (more <= less).all()
    assert costs[-1].sum() < costs[0].sum()


def test_latents_round_to_what_effort_0_encodes(model):
    codec, x, quality = Codec(model), typical_frames(model, 20), model.n_qualities
    rounded = np.floor(codec.latents(x, quality) + 0.5).astype(np.int32)
    assert_identical(rounded, codec.encode(x, quality, 0))
    every = codec.encoder.encode_at_all_qualities(x)
    assert_identical(every[quality], rounded)


def test_targets_reach_corrected_qualities():
    codec, x = Codec(MODELS["uint8"]), typical_frames(MODELS["uint8"], 20)
    longest = max(map(len, codec.compress_packets(x, 3, 0)))
    packets = codec.compress_packets(x, target_bytes=longest)
    assert max(map(len, packets)) <= longest
    assert max(packet[0] >> 5 for packet in packets) > 0  # the quality, from 0


def test_what_is_no_number_comes_back_and_moves_no_other():
    model = MODELS["float32"]
    x = typical_frames(model, 3)
    x[1, 0, 0] = np.nan
    x[2, 0, 0] = np.inf
    with pytest.raises(DataError, match="NaN or infinity"):
        Codec(model).encode(x, 3, 0)
    back = Codec(model).decompress(Codec(model).compress(x, 3))
    assert_identical(back[1:, 0, 0], x[1:, 0, 0])
    assert np.isfinite(np.delete(back.reshape(3, -1), 0, axis=1)).all()


def test_a_model_that_only_decodes_keeps_its_correction(model):
    codec = Codec(model)
    x, receiver = typical_frames(model, 9), Codec.from_bytes(codec.without_encoder().model_bytes)
    assert receiver.model.model_id == model.model_id
    blob = codec.compress(x, model.n_qualities)
    assert_identical(receiver.decompress(blob), codec.decompress(blob))


def test_corrected_latents_need_a_search_beside_an_encoder():
    with pytest.raises(FormatError, match="nothing to search them by"):
        replace(MODELS["uint8"], tradeoffs=None)


def in_parallel(split, *second):
    """Return a decoder of the corrected model that splits so, with this second chain."""
    decoder = MODELS["uint8"].decoder
    first = (dense(split[0], 20), Reshape((4, 5)))
    layers = [Parallel(split, first, second)]
    return IntegerNetwork(layers, (sum(split),), decoder.input_limit)


def dense(n_inputs, n_outputs):
    return Dense(np.ones((n_inputs, n_outputs), np.int16), np.zeros(n_outputs, np.int64), 0, 99)


@pytest.mark.parametrize(
    "second",
    [
        (dense(4, 20), LeakyReLU(), Reshape((4, 5))),  # not linear
        (dense(4, 9), dense(9, 20), Reshape((4, 5))),  # two
        (dense(4, 20), Reshape((20,)), Reshape((4, 5))),
    ],
)
def test_corrected_latents_have_one_dense_layer_of_their_own(second):
    with refusing(FormatError, "corrected latents", "parallel layer that splits [3, 4]", "dense"):
        replace(MODELS["uint8"], decoder=in_parallel((3, 4), *second), known_answers=None)


def test_corrected_latents_without_a_parallel_layer_are_refused():
    limit = MODELS["uint8"].decoder.input_limit
    decoder = IntegerNetwork([dense(7, 20), Reshape((4, 5))], (7,), limit)
    with pytest.raises(FormatError, match="corrected latents in a decoder of"):
        replace(MODELS["uint8"], decoder=decoder)


def test_a_parallel_layer_that_splits_elsewhere_than_the_groups_is_refused():
    with pytest.raises(FormatError, match=r"parallel layer that splits \[3, 4\]"):
        replace(MODELS["uint8"], decoder=in_parallel((2, 5), dense(5, 20), Reshape((4, 5))))
