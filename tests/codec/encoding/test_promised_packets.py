"""Packets that keep a bound, or every bit: of all types, by networks and without."""

import random
from dataclasses import replace
from functools import cache, partial
from unittest.mock import patch
from zlib import crc32

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from narrows.codec.archive.guarantee import Guarantee
from narrows.codec.codec import Codec
from narrows.codec.encoding.promised_packets import ways_of
from narrows.codec.encoding.requests import Request
from narrows.codec.entropy.packets import keeps_promise
from narrows.codec.levels.lattice import Lattice
from narrows.codec.levels.passes import PassOrder
from narrows.codec.promised_packets import Form, form_of, sealed
from narrows.element_types import ELEMENT_TYPES
from narrows.errors import DataError, FormatError, SettingError
from narrows.processes import Workers
from readers.python import narrows_reader
from tests.helpers.hostile_signals import elements_of
from tests.helpers.level_models import (
    codec_with_levels,
    random_number_levels,
    signals_for_levels,
    waves,
)
from tests.helpers.packets import any_tables_and_symbols, coder_for, outcome
from tests.helpers.tiny_models import (
    assert_identical,
    examples,
    refusing,
    right_answers,
    tiny_model,
)

SHAPES = ((), (6,), (4, 3), (2, 3, 2))
LATTICES = {"uint8": Lattice(-3, 21), "int16": Lattice(4, 7), "float32": Lattice(1.5, 0.499)}
BOUNDS = {"uint8": 10, "int16": 3, "float32": 0.25}


@cache
def codec_of(dtype, shape):
    """Return a codec without networks, and the bytes of its model."""
    codec = Codec(tiny_model(dtype, shape, 1 if shape == () else 3))
    return codec, codec.model_bytes


@cache
def codec_by_networks(dtype, is_bounded):
    """Return a codec with networks, and the bytes of its model."""
    codec = codec_with_levels(dtype, LATTICES[dtype] if is_bounded else None)
    return codec, codec.model_bytes


def assert_kept(codec, model, x, guarantee, **promise):
    """A signal comes back as promised, from both readers, and takes two bytes more at most."""
    packet = codec.compress_packet(x, **promise)
    assert keeps_promise(packet)
    assert len(packet) <= x.nbytes + 2
    y = codec.decompress_packet(packet)
    assert (y.dtype, y.shape) == (x.dtype, x.shape)
    assert not guarantee.exceeded(x, y).any()
    assert narrows_reader.read_packet(packet, model).tobytes() == y.tobytes()
    return packet


@given(dtype=st.sampled_from(ELEMENT_TYPES), shape=st.sampled_from(SHAPES), data=st.data())
@examples(120)
def test_every_bit_of_any_signal_comes_back(dtype, shape, data):
    x = data.draw(arrays(dtype, shape, elements=elements_of(dtype)))
    codec, model = codec_of(dtype.name, shape)
    assert_kept(codec, model, x, Guarantee(), lossless=True)


@given(dtype=st.sampled_from(ELEMENT_TYPES), shape=st.sampled_from(SHAPES), data=st.data())
@examples(120)
def test_no_element_of_any_signal_is_further_off_than_the_bound(dtype, shape, data):
    x = data.draw(arrays(dtype, shape, elements=elements_of(dtype)))
    bound = data.draw(st.sampled_from([1, 2.5, 100.0, 1e30]))
    codec, model = codec_of(dtype.name, shape)
    assert_kept(codec, model, x, Guarantee((float(bound),)), max_error=bound)


@pytest.mark.parametrize("is_bounded", [False, True])
@pytest.mark.parametrize("dtype", LATTICES)
@given(data=st.data())
@examples(25)
def test_networks_keep_what_they_were_made_for(dtype, is_bounded, data):
    if dtype == "float32" and not is_bounded:
        return  # floats have networks of a bound alone
    codec, model = codec_by_networks(dtype, is_bounded)
    x = signals_for_levels("int16" if dtype == "float32" else dtype)[data.draw(st.integers(0, 4))]
    x = x.astype(dtype)
    spots = data.draw(st.lists(st.integers(0, x.size - 1), max_size=4))
    x.reshape(-1)[spots] = data.draw(elements_of(np.dtype(dtype)))
    guarantee = Guarantee((float(BOUNDS[dtype]),) if is_bounded else ())
    promise = {"max_error": BOUNDS[dtype]} if is_bounded else {"lossless": True}
    with patch("narrows.codec.encoding.promised_packets._without_networks",
               lambda x, _: (Form.STORED, x.tobytes())):  # fmt: skip
        packet = assert_kept(codec, model, x, guarantee, **promise)
    expected = {Form.STORED, Form.NETWORKS} | ({Form.NETWORKS_AND_EXACT} if is_bounded else set())
    assert form_of(packet) in expected


def test_networks_take_the_fewest_bytes_of_what_they_expect():
    codec, _ = codec_by_networks("uint8", False)
    packet = codec.compress_packet(signals_for_levels("uint8")[1], lossless=True)
    assert form_of(packet) is Form.NETWORKS
    assert len(packet) == 3


def test_a_bound_that_the_networks_do_not_keep_goes_without_them():
    codec, _ = codec_by_networks("int16", True)
    x = signals_for_levels("int16")[0]
    for promise in ({"lossless": True}, {"max_error": 2}):
        packet = codec.compress_packet(x, **promise)
        assert form_of(packet) < Form.NETWORKS
    y = codec.decompress_packet(codec.compress_packet(x, max_relative_error=0.1))
    assert np.abs(y.astype(int) - x).max() <= 0.1 * float(np.ptp(x))


def test_a_relative_bound_is_of_the_range_of_all_signals_that_are_given():
    codec, _ = codec_of("float32", (200,))
    x = np.sin(np.arange(400, dtype=np.float32)).reshape(2, 200)
    x[1] *= 1000
    near, far = codec.compress_packets(x, max_relative_error=0.01)
    assert np.abs(codec.decompress_packet(far) - x[1]).max() <= 0.01 * float(np.ptp(x))
    assert len(near) < len(codec.compress_packet(x[0], max_relative_error=0.01))


@pytest.mark.parametrize("name", ["uint8", "float64"])
def test_missing_values_and_wide_ranges_are_no_obstacle(name):
    codec, _ = codec_of(name, (4, 3))
    x = np.full((4, 3), 200, name)
    if name == "float64":
        x[1, 1:] = np.nan, -np.inf
        with refusing(DataError, "give lossless or max_error", match="NaN or infinity"):
            codec.compress_packet(x)
    assert_identical(codec.decompress_packet(codec.compress_packet(x, lossless=True)), x)


# ---------------------------------------------------------------- beside other packets


@given(any_tables_and_symbols)
@examples(300)
def test_no_other_packet_looks_like_one_that_keeps_a_promise(case):
    tables, symbols = case
    assert not keeps_promise(coder_for(tables).encode(symbols, 1))


def test_a_list_may_hold_both_kinds_of_packets():
    codec, _ = codec_by_networks("int16", False)
    x = signals_for_levels("int16", 6)
    exact, coded = codec.compress_packets(x, lossless=True), codec.compress_packets(x)
    mixed = [*coded[:2], exact[2], coded[3], *exact[4:]]
    y = codec.decompress_packets(mixed)
    assert np.array_equal(y[[2, 4, 5]], x[[2, 4, 5]])
    assert np.array_equal(y[[0, 1, 3]], codec.decode(codec.encode(x[[0, 1, 3]])))
    assert codec.compress_packets(x[:0], lossless=True) == []


def test_models_of_eight_qualities_have_them_too():
    codec = Codec(tiny_model("int16", (3, 2), latent_size=4, n_qualities=8))
    x = np.arange(6, dtype=np.int16).reshape(3, 2) * 999
    assert_identical(codec.decompress_packet(codec.compress_packet(x, lossless=True)), x)
    for quality in range(1, 9):
        assert codec.decompress_packet(codec.compress_packet(x, quality)).shape == x.shape


def test_processes_make_the_same_packets():
    codec, _ = codec_by_networks("int16", False)
    x = signals_for_levels("int16", 40)
    alone = codec.compress_packets(x, lossless=True)
    with Workers(2) as workers:
        request = Request(lossless=True)
        shared = codec.encoder.packets(x, request, checksum=False, workers=workers)
    assert shared == alone


def test_a_large_signal_changes_the_networks_where_that_pays():
    order = PassOrder((5000,), start_stride=16)
    model = replace(tiny_model("int16", (5000,), 3), levels=random_number_levels(order))
    codec = Codec(replace(model, known_answers=right_answers(model)))
    x = waves(order, 1)[0].astype("int16")
    ways = dict(ways_of(x[None], Guarantee(), codec.model.levels))
    assert len(ways[Form.CHANGED_NETWORKS]) < 0.9 * len(ways[Form.NETWORKS])
    payload = ways[Form.CHANGED_NETWORKS]
    assert_identical(
        codec.decompress_packet(sealed(Form.CHANGED_NETWORKS, payload, codec.model.model_id)), x
    )


# ---------------------------------------------------------------- bytes and damage


def test_a_stored_packet_is_the_bytes_worked_out_by_hand():
    codec, _ = codec_of("uint8", (4, 3))
    x = np.random.default_rng(0).integers(0, 256, (4, 3), dtype=np.uint8)
    check = crc32(codec.model.model_id + b"\0" + x.tobytes()) & 31
    packet = bytes([check]) + x.tobytes() + b"\0"
    assert codec.compress_packet(x, lossless=True) == packet
    checked = packet + crc32(codec.model.model_id + packet).to_bytes(4, "little")
    assert codec.compress_packet(x, lossless=True, checksum=True) == checked
    assert_identical(codec.decompress_packet(checked, checksum=True), x)


def packets_and_readers(checksum=False):
    """Yield a codec, the bytes of its model, and a packet, by networks and without."""
    for dtype, is_bounded in (("uint8", False), ("int16", False), ("float32", True)):
        codec, model = codec_by_networks(dtype, is_bounded)
        x = signals_for_levels("int16" if dtype == "float32" else dtype, 1)[0].astype(dtype)
        promise = {"max_error": BOUNDS[dtype]} if is_bounded else {"lossless": True}
        yield codec, model, codec.compress_packet(x, checksum=checksum, **promise)
        without = patch("narrows.codec.encoding.promised_packets.serves", lambda *_: False)
        with without:
            yield codec, model, codec.compress_packet(x, checksum=checksum, **promise)


def read_by(function, errors):
    """Return the bytes of what a reader gives, or None where it refuses."""
    try:
        return function().tobytes()
    except errors:
        return None


def test_a_flipped_bit_is_judged_alike_by_both_readers_and_mostly_noticed():
    noticed = n = 0
    for codec, model, packet in packets_and_readers():
        for at in range(0, len(packet), 1 + len(packet) // 6):
            for bit in range(8):
                bad = packet[:at] + bytes([packet[at] ^ 1 << bit]) + packet[at + 1 :]
                ours = read_by(partial(codec.decompress_packet, bad), FormatError)
                reading = partial(narrows_reader.read_packet, bad, model)
                assert ours == read_by(reading, narrows_reader.Rejected)
                noticed, n = noticed + (ours is None), n + 1
    assert noticed > 0.95 * n


def test_payloads_with_right_check_bits_are_judged_alike_by_both_readers():
    rng = random.Random(0)
    for codec, model, packet in packets_and_readers():
        for _ in range(40):
            at = rng.randrange(1, len(packet) - 1)
            payload = packet[1:at] + rng.randbytes(rng.randrange(3)) + packet[at + 1 : -1]
            upper = rng.randrange(8) << 5 if rng.random() < 0.3 else packet[0] & 0xE0
            check = crc32(codec.model.model_id + bytes([upper]) + payload) & 31
            bad = bytes([upper | check]) + payload + b"\0"
            ours = read_by(partial(codec.decompress_packet, bad), FormatError)
            reading = partial(narrows_reader.read_packet, bad, model)
            assert ours == read_by(reading, narrows_reader.Rejected)


def test_with_a_checksum_all_damage_is_noticed():
    rng = random.Random(1)
    for codec, _, packet in packets_and_readers(checksum=True):
        for at in range(len(packet)):
            bad = bytearray(packet)
            bad[at] ^= rng.randrange(1, 256)
            assert outcome(codec, bytes(bad), checksum=True) is None
        for size in range(len(packet)):
            assert outcome(codec, packet[:size], checksum=True) is None


def test_a_packet_of_another_model_is_refused():
    ours, _ = codec_by_networks("int16", False)
    theirs, _ = codec_by_networks("int16", True)
    packet = ours.compress_packet(signals_for_levels("int16")[0], lossless=True)
    with pytest.raises(FormatError, match=theirs.model_id):
        theirs.decompress_packet(packet)


@pytest.mark.parametrize(("promise", "text"), [
    ({"max_error": 0}, "lossless"),
    ({"max_error": -1}, "above 0"),
    ({"max_error": float("nan")}, "finite"),
    ({"max_error": 0.5}, "below the resolution of int16"),
    ({"max_error": [1, 2, 3]}, "as many as the last axis has channels"),
    ({"lossless": True, "quality": 1}, "give one of the two"),
    ({"lossless": True, "target_bytes": 9}, "give one of the two"),
    ({"lossless": True, "max_error": 9}, "give one of the two"),
])  # fmt: skip
def test_what_cannot_be_promised_is_refused_in_a_line(promise, text):
    codec, _ = codec_by_networks("int16", False)
    with refusing(SettingError, match=text):
        codec.compress_packet(signals_for_levels("int16")[0], **promise)


def test_signals_of_another_shape_or_type_are_refused():
    codec, _ = codec_by_networks("int16", False)
    for x in (np.zeros((6, 9), np.int16), np.zeros((9, 6), np.uint8)):
        with refusing(DataError):
            codec.compress_packet(x, lossless=True)
