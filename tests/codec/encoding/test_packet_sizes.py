"""Packets that all have the same size."""

import re
from functools import cache

import numpy as np
import pytest

from narrows.codec.codec import Codec
from narrows.codec.encoding.costs import squared_errors
from narrows.errors import SettingError
from tests.helpers.budgets import codec_of, each_kind, efforts_of, signals_of
from tests.helpers.tiny_models import assert_identical, refusing

SIZE = 5
TIGHT = 3  # bytes that few signals keep to without a search for it


@cache
def packets_of(codec, n_bytes=SIZE, effort=None, checksum=False):
    return codec.compress_packets(
        signals_of(codec), effort=effort, packet_bytes=n_bytes, checksum=checksum
    )


def error_of(codec, packets):
    return squared_errors(codec.decompress_packets(packets), signals_of(codec))


@each_kind
def test_packets_have_the_size_and_come_back(dtype, contexts, searches):
    codec = codec_of(dtype, contexts, searches)
    for effort in efforts_of(codec):
        packets = packets_of(codec, SIZE, effort)
        assert {len(packet) for packet in packets} == {SIZE}
        found = [codec.decoder.packets.decode(packet) for packet in packets]
        expected = np.concatenate([codec.decode(y[None], quality) for y, quality in found])
        assert_identical(codec.decompress_packets(packets), expected)


def least_size(codec, effort):
    """Return the size that a refusal names."""
    with pytest.raises(SettingError) as refused:
        packets_of(codec, 1, effort)
    return int(re.search(r"give (\d+) or more", str(refused.value))[1])


@pytest.mark.parametrize("effort", [0, 2])
def test_the_size_that_a_refusal_names_is_the_least(effort):
    codec = codec_of()
    least = least_size(codec, effort)
    assert len(packets_of(codec, least, effort)) == len(signals_of(codec))
    with refusing(SettingError, f"packet_bytes {least - 1}: of", f"give {least} or more"):
        packets_of(codec, least - 1, effort)


def test_each_signal_errs_no_more_than_the_best_rounded_one_that_fits():
    codec = codec_of()
    x, coder = signals_of(codec), codec.decoder.packets
    least = np.full(len(x), np.inf)
    for quality, symbols in codec.encoder.encode_at_all_qualities(x).items():
        errors = squared_errors(codec.decode(symbols, quality), x)
        fits = [each is not None for each in coder.encode_to(symbols, quality, TIGHT)]
        least = np.where(fits, np.minimum(least, errors), least)
    searched, rounded = (error_of(codec, packets_of(codec, TIGHT, e)) for e in (2, 0))
    assert np.array_equal(rounded, least)
    assert (searched <= least).all()
    assert searched.sum() < least.sum()


def test_more_bytes_err_less():
    codec = codec_of()
    errors = [error_of(codec, packets_of(codec, n)).mean() for n in (3, 4, 5)]
    assert errors[0] > 2 * errors[1] > 2.1 * errors[2]


def test_a_checksum_is_within_the_size():
    codec = codec_of()
    packets = packets_of(codec, SIZE + 4, checksum=True)
    assert [packet[:-4] for packet in packets] == packets_of(codec, SIZE)
    back = codec.decompress_packets(packets, checksum=True)
    assert_identical(back, codec.decompress_packets(packets_of(codec, SIZE)))


def test_a_signal_alone_has_the_packet_that_it_has_among_others():
    codec = codec_of()
    for x, packet in zip(signals_of(codec)[:3], packets_of(codec), strict=False):
        assert codec.compress_packet(x, packet_bytes=SIZE) == packet


def test_python_gives_the_packets_of_compiled_code(monkeypatch):
    codec = codec_of("int16", ())
    monkeypatch.setenv("NARROWS_ENGINE", "numpy")
    other = Codec(codec.model)
    assert other.transform.coders.compiled(codec.model.quality()) is None
    x = signals_of(codec)[:4]
    packets = codec.compress_packets(x, packet_bytes=SIZE)
    assert other.compress_packets(x, packet_bytes=SIZE) == packets
    assert_identical(other.decompress_packets(packets), codec.decompress_packets(packets))


@pytest.mark.parametrize("size", [0, -1, 2.5, "16", True, np.nan])
def test_a_size_is_a_whole_number_of_bytes(size):
    with refusing(SettingError, "packet_bytes", "whole number, 1 or more"):
        codec_of().compress_packets(signals_of(codec_of()), packet_bytes=size)


def test_a_size_that_no_packet_has_is_refused():
    codec = codec_of()
    longest = codec.decoder.packets.longest()
    with refusing(SettingError, f"packet_bytes {longest + 1}", f"{longest} bytes at most"):
        packets_of(codec, longest + 1)
    assert {len(packet) for packet in packets_of(codec, longest)} == {longest}


@pytest.mark.parametrize(
    "other", [{"quality": 1}, {"target_bytes": 9}, {"target_psnr": 20}, {"max_error": 1}]
)
def test_a_size_excludes_what_else_chooses_errors(other):
    codec = codec_of()
    (name,) = other
    with refusing(SettingError, "packet_bytes", name):
        codec.compress_packets(signals_of(codec), packet_bytes=SIZE, **other)


def test_an_archive_has_no_size_of_packets():
    codec = codec_of()
    with refusing(SettingError, "packet_bytes 5", "target_bytes"):
        codec.compress(signals_of(codec), packet_bytes=SIZE)


def test_no_signals_are_no_packets():
    codec = codec_of()
    assert codec.compress_packets(signals_of(codec)[:0], packet_bytes=SIZE) == []
    assert isinstance(codec, Codec)
