"""Packets compared with queries."""

import numpy as np
import pytest

from narrows.codec import similarity
from narrows.codec.codec import Codec
from narrows.errors import DataError, FormatError, SettingError
from tests.helpers.tiny_models import refusing, tiny_model, typical_frames

TOLERANCE = 1e-6  # of a cosine, which float32 holds to 6e-8


@pytest.fixture(scope="module", params=[("float32", (6,)), ("int16", (3, 2))])
def codec(request):
    return Codec(tiny_model(*request.param, latent_size=4))


@pytest.fixture(scope="module")
def x(codec):
    return typical_frames(codec.model, 30)


def expected(queries, y, measure):
    """Compute each number on its own, from all that is decoded."""
    queries, y = (each.reshape(len(each), -1).astype(np.float64) for each in (queries, y))
    products = np.array([[float(q @ row) for row in y] for q in queries])
    if measure == "product":
        return products
    return products / np.linalg.norm(queries, axis=1)[:, None] / np.linalg.norm(y, axis=1)


@pytest.mark.parametrize("measure", similarity.MEASURES)
@pytest.mark.parametrize("at_once", [1, 7, 4096])
def test_it_is_that_of_what_packets_decode_to(codec, x, measure, at_once, monkeypatch):
    monkeypatch.setattr(similarity, "AT_ONCE", at_once)
    packets = codec.compress_packets(x, checksum=True)
    y = codec.decompress_packets(packets, checksum=True)
    for owner in (codec, codec.decoder):
        found = owner.similarity(x[:3], iter(packets), measure=measure, checksum=True)
        truth = expected(x[:3], y, measure)
        assert (found.dtype, found.shape) == (np.float32, (3, len(x)))
        assert np.abs(found - truth).max() <= TOLERANCE * np.abs(truth).max()
        one = owner.similarity(x[1], packets, measure=measure, checksum=True)
        assert np.array_equal(one, found[1])


def test_a_query_may_have_any_type_and_length(codec, x):
    packets = codec.compress_packets(x)
    query = x[4].astype(np.float64) / 2  # no signal of the model's, and half as long
    found = codec.similarity(query, packets)
    assert np.abs(found - codec.similarity(x[4], packets)).max() <= TOLERANCE
    assert np.abs(found).max() <= 1 + TOLERANCE


def test_a_vector_of_zeros_is_like_nothing(codec, x):
    packets = codec.compress_packets(x[:5])
    assert not codec.similarity(np.zeros_like(x[0]), packets).any()


def test_no_packets_have_no_similarity(codec, x):
    assert codec.similarity(x[0], []).shape == (0,)
    assert codec.similarity(x[:2], []).shape == (2, 0)


def test_what_is_no_query_is_refused(codec, x):
    packets = codec.compress_packets(x[:2])
    for query in (x[0][:-1], x[None, :2], np.zeros(codec.model.frame_shape, complex)):
        with refusing(DataError, "query of shape", str(codec.model.frame_shape)):
            codec.similarity(query, packets)
    with refusing(DataError, "NaN"):
        codec.similarity(np.full(codec.model.frame_shape, np.nan), packets)
    with refusing(SettingError, "measure 'l2'", "cosine and product"):
        codec.similarity(x[0], packets, measure="l2")


def test_what_is_no_packet_is_refused(codec, x, monkeypatch):
    packets = codec.compress_packets(x[:5])
    with refusing(FormatError, "one packet", "list"):
        codec.similarity(x[0], packets[0])
    packets[3] = b"\xff\xff"
    for at_once in (2, 4096):
        monkeypatch.setattr(similarity, "AT_ONCE", at_once)
        with refusing(FormatError, "packet 3, counted from 0: packet"):
            codec.similarity(x[0], packets)
