"""The keys, tensors and layers of a model file are those of the specification."""

import re
from dataclasses import replace

import numpy as np

from narrows.codec.entropy.context_model import TENSORS as TENSOR_TYPES
from narrows.codec.model.groups import CORRECTED, ENCODED, GROUPS
from narrows.codec.model.model import KnownAnswers, Model
from narrows.codec.model.model_file import pack_model
from narrows.codec.networks.layers import (
    KINDS,
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
from narrows.codec.networks.network import IntegerNetwork
from narrows.codec.networks.quantiser import Quantiser
from tests.format.test_document_ranges import context_of, frequency_table, tradeoffs
from tests.helpers.by_hand import model_by_hand
from tests.helpers.format_document import section, table
from tests.helpers.model_files import opened


def model_of_all_kinds():
    """A model with a layer of each kind, known answers, a context model and a search."""
    model = model_by_hand()
    identity = Dense(np.eye(2, dtype=np.int16), np.zeros(2, np.int64), shift=0, limit=510)
    clamp = Table(np.arange(9, dtype=np.int32), 0, identity_above=True)
    same = {"weight": np.eye(2, dtype=np.int16)[None], "bias": np.zeros(2, np.int64)}
    same |= {"shift": 0, "limit": None, "stride": (1,)}
    conv = Conv(padding=((0, 0),), **same)
    transposed = TransposedConv(before=(0,), size=(1,), **same)
    layers = [LeakyReLU(), ReLU(), clamp, Reshape((1, 2)), conv, transposed]
    layers += [Residual((conv,), 255), Reshape((2,)), identity]
    half = replace(identity, weight=identity.weight[:1])
    layers += [Parallel((1, 1), (half,), (half,))]
    assert {type(layer) for layer in layers} == set(KINDS.values())
    one = np.ones((1, 2), np.int32)
    return replace(
        model,
        encoder=IntegerNetwork(layers, (2,), 255),
        quantiser=Quantiser(one, 2, one, 255),
        decoder=IntegerNetwork([identity], (2,), 255),
        tables=[2 * [frequency_table(2)]],
        contexts=[context_of()],
        tradeoffs=tradeoffs(latent_size=2),
        known_answers=KnownAnswers(np.zeros((3, 2), np.int32), "", np.zeros((3, 2), np.int32)),
    )


def model_with_corrected_latents():
    """One encoded latent, one corrected latent, and no context model."""
    model = model_of_all_kinds()
    one = Dense(np.ones((1, 2), np.int16), np.zeros(2, np.int64), shift=0, limit=None)
    narrow = Dense(np.ones((2, 1), np.int16), np.zeros(1, np.int64), shift=0, limit=255)
    return replace(
        model,
        encoder=IntegerNetwork([narrow], (2,), 255),
        decoder=IntegerNetwork([Parallel((1, 1), (one,), (one,))], (2,), 255),
        groups={ENCODED: 1, CORRECTED: 1},
        contexts=[None],
    )


def content_of(model: Model):
    """The JSON in a model's file, and its tensors."""
    content, tensors = opened(pack_model(model))
    return {**content, "tensors": {}}, tensors


def keys_of(value, prefix=""):
    """The keys of nested objects joined by dots; a network's are those of all networks."""
    for key, inner in value.items():
        yield prefix + key
        if isinstance(inner, dict) and "layers" not in inner:
            yield from keys_of(inner, f"{prefix}{key}.")


def test_the_keys_of_a_model_file_are_those_of_the_document():
    content, _ = content_of(model_of_all_kinds())
    assert sorted(
        [
            *keys_of(content),
            "decoding.groups",
            "decoding.levels",
            "decoding.prediction",
            "decoding.trellis",
            "decoding.wavelets",
        ]
    ) == [key for key, *_ in table("JSON")]
    networks = [key for key, *_ in table("JSON", 2)]
    assert list(content["decoding"]["decoder"]) == networks
    assert list(content["encoder"]) == [*networks, "search"]
    (context,) = content["decoding"]["contexts"]
    assert list(context) == [key for key, *_ in table("Context models")]
    searching = table("Searching for better symbols")
    assert list(content["encoder"]["search"]) == [key for key, *_ in searching]


def test_the_keys_of_groups_and_of_a_shared_context_model_are_as_documented():
    decoding = content_of(model_with_corrected_latents())[0]["decoding"]
    assert decoding["groups"] == [["encoded", 1], ["corrected", 1]]
    assert [name for name, *_ in table("Groups of latents")] == list(GROUPS)
    model = model_of_all_kinds()
    two = model.quantiser.gain.repeat(2, axis=0)
    shared = replace(
        model,
        quantiser=Quantiser(two, 2, two, 255),
        tables=2 * list(model.tables),
        contexts=2 * list(model.contexts),
        tradeoffs=replace(
            model.tradeoffs,
            lambda_=2 * list(model.tradeoffs.lambda_),
            curvature=model.tradeoffs.curvature.repeat(2, axis=0),
        ),
    )
    assert content_of(shared)[0]["decoding"]["contexts"][1] == {"same_as": 0}


def test_the_tensors_of_a_model_file_are_those_of_the_document():
    tensors = content_of(model_of_all_kinds())[1] | content_of(model_with_corrected_latents())[1]
    inner = r"(\.(first|second)\.\d+|\.\d+)?"
    layer, context = re.compile(rf"^(..coder)\.\d+{inner}\.\w+$"), re.compile(r"^contexts\.\d+")
    short = {
        context.sub("contexts.<number>", layer.sub(r"\1.<layer>.<tensor>", name)): tensor
        for name, tensor in tensors.items()
    }
    documented = {name: dtype for name, dtype, *_ in table("Tensors")}
    documented |= {f"contexts.<number>.{n}": dtype for n, dtype, *_ in table("Context models", 2)}
    assert short.keys() == documented.keys()
    for name, dtype in documented.items():
        assert "<layer>" in name or short[name].dtype == dtype


def test_the_tensors_of_a_context_model_are_those_of_the_document():
    documented = {name: dtype for name, dtype, *_ in table("Context models", 2)}
    assert documented == {name: np.dtype(dtype).name for name, dtype in TENSOR_TYPES.items()}
    assert list(documented) == list(TENSOR_TYPES)


def test_a_model_without_its_encoder_has_what_the_document_says():
    whole, tensors = content_of(model_of_all_kinds())
    light, left = content_of(model_of_all_kinds().without_encoder())
    assert light == {**whole, "encoder": None}
    assert tensors.keys() - left.keys() == {n for n in tensors if n.startswith("encoder.")}


def test_the_document_says_of_each_part_of_a_model_what_a_decoder_uses_it_for():
    uses = {use for use, _ in table("Model file")}
    parts = [row[2] for row in table("JSON")] + [row[3] for row in table("Tensors")]
    assert uses == set(parts)


def test_the_layer_kinds_with_their_settings_and_tensors_are_those_of_the_code():
    layers = {layer.kind: layer for layer in model_of_all_kinds().encoder.layers}
    documented = {kind: (names(a), names(b)) for kind, a, b, *_ in table("Other layers")}
    assert documented == {
        kind: (set(layers[kind].settings()), tensors_of(layers[kind])) for kind in KINDS
    }
    for kind in KINDS:
        assert f"**{kind}**" in section("Networks") + section("Other layers")
        assert f"`{kind}`" in section("Other layers")


def tensors_of(layer):
    return {"those of its layers" if "." in name else name for name in layer.tensors()}


def names(cell):
    if cell == "those of its layers":
        return {cell}
    return set() if cell == "none" else set(re.findall(r"\w+", cell))
