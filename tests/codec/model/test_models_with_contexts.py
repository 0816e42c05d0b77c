"""Model files with context models: identity, hostile content, known answers."""

from dataclasses import replace

import numpy as np
import pytest

from narrows.codec.codec import Codec
from narrows.codec.decoder import Decoder
from narrows.codec.entropy import context_tables
from narrows.codec.entropy.context_model import TENSORS, ContextModel
from narrows.codec.entropy.context_tables import exponentials
from narrows.codec.model.model_file import pack_model, unpack_model
from narrows.errors import FormatError, ModelError
from tests.helpers.context_models import mixed_model
from tests.helpers.model_files import forged, opened
from tests.helpers.same_models import assert_same_context
from tests.helpers.tiny_models import (
    assert_identical,
    random_context,
    refusing,
    rng_of,
    tiny_model,
    typical_frames,
)

# ---------------------------------------------------------------- models and their files


@pytest.mark.parametrize("contexts", [(1,), (2,), (3,), (1, 3), (2, 3), (1, 2, 3)])
def test_a_model_is_loaded_with_the_contexts_that_it_was_saved_with(contexts):
    model = tiny_model("uint8", (3, 2), 4, 3, contexts=contexts)
    data = pack_model(model)
    again = Codec.from_bytes(data).model
    assert again.model_id == model.model_id
    assert pack_model(again) == data
    for quality, (ours, theirs) in enumerate(zip(model.contexts, again.contexts, strict=True), 1):
        assert (theirs is not None) == (quality in contexts)
        if theirs is not None:
            assert_same_context(ours, theirs)


@pytest.mark.parametrize("seed", range(3))
def test_wide_contexts_are_loaded_as_they_were_saved(seed):
    model = tiny_model("uint8", (3, 2), 4, known_answers=False)
    context = random_context(rng_of(seed), model.tables[0], wide=True)
    model = replace(model, contexts=[context])
    again = unpack_model(pack_model(model))
    assert_same_context(context, again.contexts[0])


def test_a_model_without_its_encoder_keeps_its_contexts():
    codec = Codec(mixed_model())
    light = Codec.from_bytes(codec.without_encoder().model_bytes)
    assert light.model_id == codec.model_id
    assert len(light.model_bytes) < len(codec.model_bytes)
    x = typical_frames(codec.model, 30)
    for quality in (1, 2, 3):
        blob = codec.compress(x, quality)
        assert_identical(light.decompress(blob), codec.decompress(blob))
        packet = codec.compress_packet(x[0], quality)
        assert_identical(light.decompress_packet(packet), codec.decompress_packet(packet))
    half = Decoder.from_bytes(codec.model_bytes)
    assert pack_model(half.model) == light.model_bytes


def changed_contexts(context, row):
    """Yield models that differ in one number of one tensor, or in one setting."""
    for name, tensor in context.tensors().items():
        for position in {0, tensor.size - 1}:
            other = tensor.copy()
            if name == "order":
                other[[position, 1]] = other[[1, position]]
            else:
                other[position] += 1
            tensors = {**context.tensors(), name: other}
            yield name, ContextModel.build(context.settings(), tensors, row)
    for name, value in context.settings().items():
        yield name, replace(context, **{name: value + 1})


def test_the_id_changes_with_every_number_and_setting_of_a_context():
    model = replace(mixed_model(), known_answers=None)
    ids, names = [model.model_id], set()
    for name, other in changed_contexts(model.contexts[1], model.tables[1]):
        changed = replace(model, contexts=[None, other, model.contexts[2]])
        assert unpack_model(pack_model(changed)).model_id == changed.model_id
        ids.append(changed.model_id)
        names.add(name)
    assert names == {*TENSORS, *model.contexts[1].settings()}
    second, third = model.contexts[1:]
    for pair in ([None, third], [second, None], [None, None]):
        ids.append(replace(model, contexts=[None, *pair]).model_id)
    assert len(set(ids)) == len(ids)


def test_the_same_context_at_another_quality_is_another_model():
    model = tiny_model("int16", (3, 2), 4, 2, known_answers=False)
    model = replace(model, tables=[model.tables[0], model.tables[0]])
    context = random_context(rng_of(0), model.tables[0])
    first, second = (replace(model, contexts=c) for c in ([context, None], [None, context]))
    assert first.model_id != second.model_id


@pytest.mark.parametrize("order", [0, 1])
def test_tensors_in_any_memory_order_make_the_same_model(order):
    model = mixed_model()
    tensors = model.contexts[1].tensors()
    padded = {name: np.repeat(x, 2)[::2] for name, x in tensors.items()}
    backwards = {name: np.ascontiguousarray(x[::-1])[::-1] for name, x in tensors.items()}
    context = replace(model.contexts[1], **[padded, backwards][order])
    other = replace(model, contexts=[None, context, model.contexts[2]])
    assert pack_model(other) == pack_model(model)
    x = typical_frames(model, 50)
    assert Codec(other).compress(x) == Codec(model).compress(x)


def test_a_context_for_one_latent_is_refused():
    model = tiny_model("uint8", (3, 2), 1, known_answers=False)
    content, tensors = opened(pack_model(model))
    content["decoding"]["contexts"] = [mixed_model().contexts[1].settings()]
    size = int(tensors["tables.size"][0, 0])
    sizes = {"order": 1, "hidden_weight": 0, "hidden_bias": 0, "output_weight": 0,
             "output_bias": 1, "basis": size, "base": size}  # fmt: skip
    tensors |= {f"contexts.0.{n}": np.zeros(s, TENSORS[n]) for n, s in sizes.items()}
    with refusing((FormatError, ModelError)):
        Codec.from_bytes(forged(content, tensors))


# ---------------------------------------------------------------- known answers


def other_frequencies(model):
    """Change a context so that the known symbols have other frequencies, and nothing else."""
    context = model.contexts[1]
    base = context.base.copy()
    base[0] += 64 << context.row_shift
    return replace(model, contexts=[None, replace(context, base=base), model.contexts[2]])


def test_known_answers_catch_changed_frequencies():
    model = mixed_model()
    Codec(model).decoder.transform.check_known_answers()
    other = other_frequencies(model)
    assert Codec(other).decoder.transform.answer(model.known_answers.symbols).answers.tolist() == \
        model.known_answers.answers.tolist()  # fmt: skip
    with refusing(ModelError, other.model_id.hex(), match="known answers"):
        Codec.from_bytes(pack_model(other))
    with pytest.raises(ModelError, match="known answers"):
        Codec.from_bytes(pack_model(other.without_encoder()))


def test_known_answers_are_of_the_default_quality():
    model = mixed_model()
    quality_3 = replace(model.contexts[2], base=model.contexts[2].base + 64)
    other = replace(model, contexts=[*model.contexts[:2], quality_3])
    Codec.from_bytes(pack_model(other))
    plain = tiny_model("int16", (3, 2), 4, 3, contexts=(1, 3))
    assert plain.known_answers.sha256 == tiny_model("int16", (3, 2), 4, 3).known_answers.sha256


WRONG_EXPONENTIALS = {
    "one less": lambda parts: parts - 1,
    "curved": lambda parts: np.floor(
        2 ** np.floor(np.log2(parts)) * 2 ** (parts / 2 ** np.floor(np.log2(parts)) - 1)
    ),
    "a bit less": lambda parts: (parts.view(np.int32) & ~(1 << 18)).view(np.float32),
}


@pytest.mark.parametrize("fault", WRONG_EXPONENTIALS)
def test_a_machine_with_another_exponential_is_refused(fault, monkeypatch):
    data, right, wrong = pack_model(mixed_model()), exponentials, WRONG_EXPONENTIALS[fault]
    Codec.from_bytes(data)
    monkeypatch.setattr(context_tables, "exponentials", lambda logs: wrong(right(logs)))
    with pytest.raises(ModelError, match="not exact"):
        Codec.from_bytes(data)


def test_a_machine_that_loses_bits_is_refused(monkeypatch):
    """Such as one whose products have the eight bits of bfloat16."""

    def in_eight_bits(x, dtype):
        bits = np.ascontiguousarray(x.T, np.float32).view(np.uint32) & np.uint32(0xFFFF0000)
        return bits.view(np.float32).astype(dtype)

    model = tiny_model("uint8", (3, 2), 4, known_answers=False)
    context = random_context(rng_of(0), model.tables[0], wide=True)
    model = replace(model, contexts=[context])
    codec = Codec(model)
    answers = codec.decoder.transform.answer(codec.encode(typical_frames(model, 3)))
    data = pack_model(replace(model, known_answers=answers))
    Codec.from_bytes(data)
    monkeypatch.setattr(context_tables, "_transposed", in_eight_bits)
    with pytest.raises(ModelError, match="not exact"):
        Codec.from_bytes(data)
