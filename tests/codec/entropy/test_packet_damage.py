"""Packets: no damage that crashes, and all that is refused."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrows.codec.codec import Codec
from narrows.codec.entropy.packets import PacketCoder
from narrows.codec.entropy.tables import TOTAL, FixedTables
from narrows.errors import DataError, FormatError, SettingError
from tests.helpers.context_models import all_tables
from tests.helpers.packets import (
    HALF_AND_QUARTERS,
    MODEL_ID,
    TINY_ROWS,
    codec_and_packets,
    coder_for,
    coder_of,
    int32s,
    outcome,
    row_of,
    table_of,
)
from tests.helpers.tiny_models import INT32, assert_one_line, examples, refusing, tiny_model

# ---------------------------------------------------------------- damage


def damaged(packet, rng):
    """One of: bits flipped, bytes replaced, cut, extended, or all random."""
    data = bytearray(packet)
    match rng.randrange(5):
        case 0:
            for _ in range(rng.randint(1, 4)):
                data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        case 1:
            data[rng.randrange(len(data))] = rng.randrange(256)
        case 2:
            del data[rng.randrange(len(data)) :]
        case 3:
            data += rng.randbytes(rng.randint(1, 40))
        case _:
            data = rng.randbytes(rng.randint(0, 40))
    return bytes(data)


def test_a_damaged_packet_gives_an_error_or_a_signal_of_the_right_shape():
    codec, packets = codec_and_packets()
    rng = random.Random(0)
    refused = sum(outcome(codec, damaged(rng.choice(packets), rng)) is None for _ in range(4000))
    assert 3000 < refused < 4000


def test_every_first_byte_before_every_payload_gives_an_error_or_a_signal():
    codec, packets = codec_and_packets()
    for packet in packets[:4]:
        for first in range(256):
            outcome(codec, bytes([first]) + packet[1:])


@given(st.binary(max_size=80))
@examples(300)
def test_random_bytes_give_an_error_or_a_signal_of_the_right_shape(packet):
    codec, _ = codec_and_packets()
    outcome(codec, packet)


@given(
    st.binary(max_size=30),
    st.sampled_from(TINY_ROWS).map(FixedTables) | all_tables,
    st.integers(0, 31),
)
@examples(700)
def test_what_is_not_refused_is_the_packet_of_what_it_decodes_to(payload, tables, first):
    coder = coder_for(tables)
    try:
        symbols, quality = coder.decode(bytes([first]) + payload)
    except FormatError as error:
        assert_one_line(error)
        return
    packet = bytes([first]) + payload
    assert coder.encode_to(symbols[None], quality, len(packet)) == [packet]
    shortest = coder.encode(symbols, quality)
    assert len(shortest) < len(packet) or shortest == packet


def test_with_a_checksum_every_burst_of_up_to_32_bits_is_an_error():
    codec, packets = codec_and_packets(checksum=True)
    rng = random.Random(0)
    for packet in packets[:8]:
        whole = int.from_bytes(packet, "little")
        for position in range(8 * len(packet)):
            room = min(32, 8 * len(packet) - position)
            for burst in (1, (1 << room) - 1, rng.getrandbits(room) | 1):
                hit = (whole ^ burst << position).to_bytes(len(packet), "little")
                assert outcome(codec, hit, checksum=True) is None


def test_with_a_checksum_every_cut_and_every_other_damage_is_an_error():
    codec, packets = codec_and_packets(checksum=True)
    for packet in packets:
        for length in range(len(packet)):
            assert outcome(codec, packet[:length], checksum=True) is None
    rng = random.Random(0)
    for _ in range(3000):
        packet = rng.choice(packets)
        bad = damaged(packet, rng)
        assert bad == packet or outcome(codec, bad, checksum=True) is None


def test_a_packet_without_a_checksum_is_refused_where_one_is_wanted():
    codec, packets = codec_and_packets()
    for packet in packets:
        with pytest.raises(FormatError, match="without checksum=True"):
            codec.decompress_packet(packet, checksum=True)


def test_a_packet_of_another_model_is_mostly_refused_and_its_checksum_always():
    tables, symbols = {1: FixedTables(row_of(6))}, [int32s(*range(i, i + 6)) for i in range(64)]
    ours, theirs = PacketCoder(MODEL_ID, tables), PacketCoder(MODEL_ID[::-1], tables)
    refused = 0
    for s in symbols:
        with pytest.raises(FormatError, match=MODEL_ID.hex()):
            ours.decode(theirs.encode(s, 1, checksum=True), checksum=True)
        try:
            ours.decode(theirs.encode(s, 1))
        except FormatError:
            refused += 1
    assert refused > 48  # 60 expected: four check bits


@pytest.mark.parametrize("first", [0x00, 0x10])
def test_megabytes_are_refused_before_anything_is_computed(first):
    codec, _ = codec_and_packets()
    for fill in (b"\x00", b"\xff", b"\x5a"):
        packet = bytes([first]) + fill * 10**6
        assert outcome(codec, packet) is None
        with pytest.raises(FormatError, match="payload of 1000000 bytes"):
            codec.decompress_packet(packet)


def test_the_longest_packet_of_all_is_decoded_and_one_byte_more_is_refused():
    """Eight escapes of weight 1, each with 65 bits behind it: 8 * 89 bits."""
    coder = coder_of(8 * [table_of(INT32.min, TOTAL - 1)])
    packet = coder.encode(np.full(8, INT32.max, np.int32), 1)
    assert len(packet) == 1 + 89
    assert coder.decode(packet)[0].tolist() == 8 * [INT32.max]
    with pytest.raises(FormatError, match="payload of 90 bytes"):
        coder.decode(packet + b"\x01")


def test_an_escaped_symbol_beyond_int32_is_refused():
    coder = coder_of((HALF_AND_QUARTERS,))
    # After the escape at 3/4: 32 zeros are the most, and too many even with ones behind them.
    for zeros, ones in ((32, 33), (33, 8), (60, 1)):
        bits = "11" + zeros * "0" + ones * "1"
        n_bytes = -(-len(bits) // 8)
        payload = int(bits.ljust(8 * n_bytes, "0"), 2).to_bytes(n_bytes, "big")
        with pytest.raises(FormatError, match="int32"):
            coder.decode(b"\x10" + payload)


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize("packet", [b"", bytearray(), memoryview(b"")])
@pytest.mark.parametrize("checksum", [False, True])
def test_no_bytes_are_refused(packet, checksum):
    codec, _ = codec_and_packets()
    assert outcome(codec, packet, checksum) is None


@pytest.mark.parametrize("packet", ["text", None, 5, [1, 2], np.zeros(3, np.uint8)])
def test_what_is_not_bytes_is_refused(packet):
    codec, _ = codec_and_packets()
    with refusing(FormatError, type(packet).__name__, match="must be bytes"):
        codec.decompress_packet(packet)


@pytest.mark.parametrize("quality", range(4, 9))
def test_a_quality_that_the_model_does_not_have_is_refused(quality):
    codec, packets = codec_and_packets()
    packet = bytes([packets[0][0] & 0x1F | (quality - 1) << 5]) + packets[0][1:]
    with pytest.raises(FormatError, match=f"quality {quality}"):
        codec.decompress_packet(packet)
    with pytest.raises(SettingError, match=f"quality {quality}"):
        codec.compress_packet(np.zeros((3, 2), np.int16), quality)


@pytest.mark.parametrize(
    ("shape", "advice"),
    [
        ((), "give one of its kind"),
        ((6,), "x.reshape(3, 2)"),
        ((1, 3, 2), "x[0]"),
        ((4, 3, 2), "x[0]"),
        ((2, 3), "x.reshape(3, 2)"),
        ((0, 3, 2), "x[0]"),
    ],
)
def test_anything_but_one_signal_is_refused(shape, advice):
    codec, _ = codec_and_packets()
    with refusing(DataError, str(shape), "(3, 2)", advice, match="one signal"):
        codec.compress_packet(np.zeros(shape, np.int16))


def test_a_signal_of_another_dtype_is_refused():
    codec, _ = codec_and_packets()
    with pytest.raises(DataError, match="astype"):
        codec.compress_packet(np.zeros((3, 2), np.float64))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_signal_with_nan_or_infinity_is_refused(dtype, value):
    codec = Codec(tiny_model(dtype, (5,)))
    x = np.zeros(5, dtype)
    x[3] = value
    with refusing(DataError, "archive", match="NaN or infinity"):
        codec.compress_packet(x)
