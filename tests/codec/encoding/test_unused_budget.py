"""Bytes of a target that no point of the model can use are said, with what would use them."""

import logging

import pytest

from narrows.codec.codec import Codec
from narrows.codec.encoding.budget_search import _tell_once
from tests.helpers.tiny_models import searching, tiny_model, typical_frames

PLAIN = tiny_model(frame_shape=(28, 28), latent_size=16)
X = typical_frames(PLAIN, 30)


@pytest.fixture
def said(caplog):
    _tell_once.cache_clear()
    caplog.set_level(logging.WARNING, logger="narrows")
    return lambda: [record.getMessage() for record in caplog.records]


@pytest.mark.parametrize("method", ["compress", "compress_packets"])
def test_a_target_beyond_what_a_model_can_use_is_said_once(said, method):
    codec = Codec(searching(PLAIN))
    compress = getattr(codec, method)
    assert compress(X, target_bytes=5000) == compress(X, target_bytes=9000)
    compress(X, target_bytes=9000)
    messages = said()
    assert len(messages) == 2
    for target, message in zip((5000, 9000), messages, strict=True):
        assert f"target_bytes {target} is more than model {codec.model_id[:8]} can use" in message
        assert "a model trained with more --qualities" in message
        assert "an effort" not in message


def test_where_a_search_would_use_the_bytes_it_is_named(said):
    codec = Codec(searching(PLAIN))
    codec.compress(X, effort=0, target_bytes=5000)
    assert "an effort of 1 or more" in said()[0]
    codec = Codec(PLAIN)  # which has nothing to search by
    codec.compress(X[:29], target_bytes=5000)
    assert len(said()) == 1 or "an effort" not in said()[1]


def test_a_target_that_is_used_is_kept_without_a_word(said):
    codec = Codec(searching(PLAIN))
    packets = codec.compress_packets(X)
    codec.compress_packets(X, target_bytes=max(map(len, packets)))
    assert said() == []
