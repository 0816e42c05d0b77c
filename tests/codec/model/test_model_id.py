"""The id of a model names what coding depends on, and nothing else."""

from dataclasses import replace

import numpy as np
import pytest

from narrows.codec.codec import Codec
from narrows.codec.entropy.tables import FrequencyTable
from narrows.codec.model.model_file import pack_model, unpack_model
from narrows.codec.networks.network import IntegerNetwork
from narrows.codec.networks.quantiser import Quantiser
from tests.helpers.model_files import encoder_digest_of, id_of, opened
from tests.helpers.same_models import coding_tensors
from tests.helpers.tiny_models import DTYPES, ODD_SHAPES, searching, tiny_model


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
    """Yield models that differ in one number of one tensor each."""
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
    tradeoffs = model.tradeoffs
    first, second = tradeoffs.lambda_
    changes = [{"unit": 2.0}, {"lambda_": [second, first]}, {"curvature": tradeoffs.curvature + 1}]
    models = [model, replace(model, tradeoffs=None)]
    models += [replace(model, tradeoffs=replace(tradeoffs, **change)) for change in changes]
    assert len({each.model_id for each in models}) == len(models)


def test_the_id_tells_dtypes_and_shapes_apart():
    models = [tiny_model(dtype, shape) for dtype in DTYPES for shape in ODD_SHAPES]
    assert len({model.model_id for model in models}) == len(models)


def test_all_models_that_differ_can_still_be_loaded():
    model = tiny_model(activation="elu", known_answers=False)
    for other in (*changed_tables(model), *changed_settings(model)):
        assert unpack_model(pack_model(other)).model_id == other.model_id
