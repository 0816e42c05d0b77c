"""Linear models whose latents have two quantisers in turn, where that takes fewer bytes in all."""

import numpy as np
import pytest

import narrows
from narrows.codec.codec import Codec
from narrows.training import finer
from narrows.training.freeze import can_have_trellis
from narrows.training.freeze.trellis import with_finer_steps
from readers.python.narrows_reader import read_archive, read_packet

N, SIZE = 5000, 24
HOW = {"architecture": "linear", "latent_size": SIZE}


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(0).standard_normal((N, SIZE)).astype("float32")


def bytes_and_decibels(codec, x):
    blob = codec.compress(x)
    return len(blob) / len(x), -10 * np.log10(np.square(codec.decompress(blob) - x).mean())


@pytest.fixture(scope="module")
def both(x):
    """The codec as it is trained, and the one that it would be without a trellis."""
    least = finer.LEAST_SIGNALS
    try:
        finer.LEAST_SIGNALS = N + 1
        plain = narrows.train(x, bits_per_latent=2.0, **HOW)
    finally:
        finer.LEAST_SIGNALS = least
    return narrows.train(x, bits_per_latent=2.0, **HOW), plain


def test_gaussian_numbers_get_a_trellis_and_less_error_in_as_many_bytes(both):
    codec, plain = both
    fresh = np.random.default_rng(1).standard_normal((1000, SIZE)).astype("float32")
    assert codec.model.trellis
    assert not plain.model.trellis
    (size, near), (before, far) = (bytes_and_decibels(each, fresh) for each in both)
    assert size == pytest.approx(before, rel=0.02)
    assert near > far + 0.35
    assert 0.5 < codec.model.training["trellis"] < 0.7


def test_with_an_aim_of_quality_it_takes_fewer_bytes_at_that_quality(x, both):
    _, plain = both
    codec = narrows.train(x, aim="snr:10.5", **HOW)
    size, near = bytes_and_decibels(codec, x)
    before, far = bytes_and_decibels(plain, x)
    assert codec.model.trellis
    assert near == pytest.approx(10.5, abs=0.25)
    at_the_same = before + (near - far) / 6.02 * SIZE / 8
    assert size < 0.965 * at_the_same


def test_at_many_bits_it_is_taken_though_whole_steps_end_just_beside_the_aim():
    x = np.random.default_rng(0).normal(size=(6000, 8)).astype("float32")
    how = {"architecture": "linear", "bits_per_latent": 5.0, "expected_signals": 10**6}
    codec, plain = narrows.train(x, **how), narrows.train(x, **how, trellis=False)
    (size, near), (before, far) = (bytes_and_decibels(each, x) for each in (codec, plain))
    assert codec.model.trellis
    assert size == pytest.approx(before, rel=0.03)
    assert near - far > 0.35 + 6.02 * (size - before) * 8 / x.shape[1]


def test_its_files_are_read_by_the_reader_and_without_an_encoder(x, both):
    codec, _ = both
    blob, packet = codec.compress(x[:40]), codec.compress_packet(x[0])
    expected = codec.decompress(blob)
    assert read_archive(blob, codec.model_bytes).tobytes() == expected.tobytes()
    assert read_packet(packet, codec.model_bytes).tobytes() == expected[0].tobytes()
    alone = Codec(codec.model.without_encoder())
    assert alone.decompress(blob).tobytes() == expected.tobytes()
    assert alone.decompress_packet(packet).tobytes() == expected[0].tobytes()


def test_packets_of_one_size_are_nearer_with_it(both):
    fresh = np.random.default_rng(2).standard_normal((60, SIZE)).astype("float32")
    errors = []
    for codec in both:
        packets = codec.compress_packets(fresh, packet_bytes=8)
        assert {len(packet) for packet in packets} == {8}
        errors.append(np.square(codec.decompress_packets(packets) - fresh).mean())
    assert errors[0] < 0.95 * errors[1]


def test_finer_steps_decode_what_as_many_of_them_stand_for(both):
    _, plain = both
    assert can_have_trellis(plain.model)
    draft = Codec(with_finer_steps(plain.model, 0.5))
    symbols = np.random.default_rng(3).integers(-3, 4, (20, SIZE)).astype(np.int32)
    assert np.array_equal(draft.decode(2 * symbols), plain.decode(symbols))


def test_a_trellis_needs_an_encoder_and_fixed_tables_alone(both):
    codec, plain = both
    assert not can_have_trellis(plain.model.without_encoder())
    assert codec.model.groups == {"encoded": SIZE}
    assert codec.model.contexts == [None]
