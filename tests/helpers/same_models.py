"""Comparisons of models with what was loaded from their files."""

import numpy as np

from narrows.codec.model.content import write_decoding, write_encoder
from tests.helpers.tiny_models import assert_identical


def assert_same_context(ours, theirs):
    assert theirs.settings() == ours.settings()
    assert theirs.sizes == ours.sizes
    for name, tensor in ours.tensors().items():
        np.testing.assert_array_equal(theirs.tensors()[name], tensor, strict=True)


def coding_tensors(model):
    return write_encoder(model).tensors | write_decoding(model).tensors


def assert_same_model(model, again):
    """Compare all that a model file holds."""
    assert write_decoding(again).settings == write_decoding(model).settings
    assert write_encoder(again).settings == write_encoder(model).settings
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
