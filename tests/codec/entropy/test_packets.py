"""Packets: one signal in a few bytes, and the only form that it has."""

import re
from fractions import Fraction
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrows.codec.codec import Codec
from narrows.codec.entropy.ans import ideal_bits
from narrows.codec.entropy.counting import count_table
from narrows.codec.entropy.packet_payloads import payload_limit
from narrows.codec.entropy.tables import TOTAL, FixedTables
from narrows.errors import FormatError
from tests.helpers.format_document import section
from tests.helpers.packets import (
    HALF_AND_QUARTERS,
    MODEL_ID,
    TINY_ROWS,
    any_tables_and_symbols,
    codec_and_packets,
    coder_for,
    coder_of,
    int32s,
    row_of,
    table_of,
)
from tests.helpers.tiny_models import (
    INT32,
    ODD_SHAPES,
    assert_identical,
    examples,
    noise_frames,
    tiny_model,
    typical_frames,
)

DOCS = Path(__file__).parents[3] / "docs"


# ---------------------------------------------------------------- inverse


@given(any_tables_and_symbols, st.booleans())
@examples(300)
def test_any_int32_symbols_are_decoded_as_they_were_coded(case, checksum):
    tables, symbols = case
    coder = coder_for(FixedTables(tables.row), tables)
    decoded, quality = coder.decode(coder.encode(symbols, 2, checksum=checksum), checksum=checksum)
    assert quality == 2
    assert_identical(decoded, symbols)


@pytest.mark.parametrize("row", TINY_ROWS)
def test_extreme_symbols_are_decoded_as_they_were_coded(row):
    ends = [INT32.min, INT32.min + 1, -1, 0, 1, INT32.max - 1, INT32.max]
    coder = coder_of(row)
    for symbols in product(ends, repeat=len(row)):
        assert coder.decode(coder.encode(int32s(*symbols), 1))[0].tolist() == list(symbols)


@pytest.mark.parametrize("quality", range(1, 9))
def test_the_packet_names_its_quality(quality):
    coder = coder_of(*[row_of(3, seed) for seed in range(8)])
    packet = coder.encode(int32s(0, 1, -1), quality)
    assert packet[0] >> 5 == quality - 1
    assert coder.decode(packet)[1] == quality


@pytest.mark.parametrize("shape", ODD_SHAPES)
@pytest.mark.parametrize("dtype", ["uint8", "int32", "float64"])
def test_a_signal_of_any_shape_comes_back_as_its_latents_say(shape, dtype):
    codec = Codec(tiny_model(dtype, shape, latent_size=3))
    for x in (typical_frames(codec.model, 1)[0], noise_frames(dtype, (1, *shape))[0]):
        decoded = codec.decompress_packet(codec.compress_packet(x))
        assert isinstance(decoded, np.ndarray)
        expected = codec.decode(codec.encode(np.asarray(x)[None])).reshape(shape)
        assert_identical(decoded, expected)


def test_each_quality_of_a_model_comes_back_as_its_latents_say():
    codec = Codec(tiny_model(n_qualities=3))
    x = typical_frames(codec.model, 1)
    for quality in (1, 2, 3):
        expected = codec.decode(codec.encode(x, quality), quality)[0]
        packet = codec.compress_packet(x[0], quality)
        assert_identical(codec.decompress_packet(packet), expected)
    assert codec.compress_packet(x[0]) == codec.compress_packet(x[0], 2)


def test_a_packet_may_come_as_bytes_bytearray_or_memoryview():
    coder = coder_of(row_of(3))
    packet = coder.encode(int32s(1, 2, 3), 1)
    for kind in (bytes, bytearray, memoryview):
        assert coder.decode(kind(packet))[0].tolist() == [1, 2, 3]


def test_thousands_of_latents_are_decoded_as_they_were_coded():
    rng = np.random.default_rng(0)
    row = 25 * row_of(60)
    symbols = np.round(rng.laplace(size=len(row)) * 9).astype(np.int32)
    coder = coder_of(row)
    packet = coder.encode(symbols, 1)
    assert_identical(coder.decode(packet)[0], symbols)
    assert len(packet) <= ideal_bits(symbols[None], FixedTables(row))[0] / 8 + 2


# ---------------------------------------------------------------- size


def interval_of(symbols, row):
    """The final interval as fractions, for symbols without escapes, by its definition."""
    low, width = Fraction(0), Fraction(1)
    for symbol, table in zip(symbols, row, strict=True):
        weights = [int(weight) for weight in table.weights[:-1]]
        entry, total = symbol - table.low, sum(weights)
        low += width * Fraction(sum(weights[:entry]), total)
        width *= Fraction(weights[entry], total)
    return low, low + width


def first_of_the_shortest(low, high, longest=2):
    """Try all strings, shorter ones first, smaller ones first."""
    for n_bytes in range(longest + 1):
        for value in range(256**n_bytes):
            if low <= Fraction(value, 256**n_bytes) < high:
                return value.to_bytes(n_bytes, "big")
    return None


@pytest.mark.parametrize("row", TINY_ROWS)
def test_the_payload_is_the_first_of_the_shortest_strings_in_the_interval(row):
    found = 0
    for symbols in product(*[range(table.low, table.high + 1) for table in row]):
        expected = first_of_the_shortest(*interval_of(symbols, row))
        payload = coder_of(row).encode(int32s(*symbols), 1)[1:]
        assert payload == expected or (expected is None and len(payload) > 2)
        found += expected is not None
    assert found


def least_of_its_length(low, high, n_bytes):
    """Try all strings of a length that do not end in 0, smaller ones first."""
    for value in range(256**n_bytes):
        if low <= Fraction(value, 256**n_bytes) < high and (value % 256 or not n_bytes):
            return value.to_bytes(n_bytes, "big")
    return None


@pytest.mark.parametrize("row", TINY_ROWS)
@pytest.mark.parametrize("n_bytes", [0, 1, 2])
def test_a_payload_of_any_length_is_the_least_in_the_interval_that_does_not_end_in_0(row, n_bytes):
    for symbols in product(*[range(table.low, table.high + 1) for table in row]):
        expected = least_of_its_length(*interval_of(symbols, row), n_bytes)
        (packet,) = coder_of(row).encode_to(int32s(*symbols)[None], 1, 1 + n_bytes)
        assert packet == (None if expected is None else packet[:1] + expected)


@given(any_tables_and_symbols, st.integers(0, 12), st.booleans())
@examples(300)
def test_packets_of_any_length_are_decoded_as_they_were_coded(case, more, checksum):
    tables, symbols = case
    coder = coder_for(tables)
    shortest = coder.encode(symbols, 1, checksum=checksum)
    size = len(shortest) + more
    (packet,) = coder.encode_to(symbols[None], 1, size, checksum=checksum)
    assert coder.encode_to(symbols[None], 1, len(shortest) - 1, checksum=checksum) == [None]
    if packet is None:  # too long, or by chance there is no such string
        limit = payload_limit(tables, bool(shortest[0] & 0x10))
        assert more == 1 or size - 1 - 4 * checksum > limit
        return
    assert len(packet) == size
    assert more or packet == shortest
    decoded, _ = coder.decode(packet, checksum=checksum)
    assert_identical(decoded, symbols)


@given(any_tables_and_symbols)
@examples(300)
def test_a_packet_takes_at_most_two_bytes_more_than_the_ideal_bits(case):
    tables, symbols = case
    packet = coder_for(tables).encode(symbols, 1)
    assert len(packet) <= ideal_bits(symbols[None], tables)[0] / 8 + 2


def test_packets_take_on_average_less_than_one_and_a_half_bytes_more_than_the_ideal_bits():
    rng = np.random.default_rng(0)
    row = row_of(8)
    symbols = np.stack([t.low + rng.choice(t.escape, 500, p=t.weights[:-1] / t.weights[:-1].sum())
                        for t in row], axis=1).astype(np.int32)  # fmt: skip
    sizes = np.array([len(coder_of(row).encode(s, 1)) for s in symbols])
    excess = sizes - ideal_bits(symbols, FixedTables(row)) / 8
    assert 1 < excess.mean() < 1.5


def test_likely_symbols_take_the_first_byte_alone():
    row = 32 * [count_table(np.zeros(10**6, np.int32))]
    packet = coder_of(row).encode(np.zeros(32, np.int32), 1, checksum=True)
    assert len(packet) < 1 + 2 + 4
    single = [table_of(7, TOTAL - 1)]
    assert len(coder_of(32 * single).encode(np.full(32, 7, np.int32), 1)) == 1


def test_the_escape_mode_is_on_only_where_a_symbol_escapes():
    coder = coder_of((HALF_AND_QUARTERS, HALF_AND_QUARTERS))
    for symbols in product(range(-2, 4), repeat=2):
        escapes = any(symbol not in (0, 1) for symbol in symbols)
        assert coder.encode(int32s(*symbols), 1)[0] >> 4 & 1 == escapes


# ---------------------------------------------------------------- bytes by hand


def crc_by_hand(data):
    register = 0xFFFFFFFF
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ (0xEDB88320 if register & 1 else 0)
    return register ^ 0xFFFFFFFF


BY_HAND = {
    # Without escapes the entries of 1/2 and 1/4 are 2/3 and 1/3 of the whole.
    (0,): (0x00, ""),  # [0, 2/3): zero lies inside, which is no byte at all
    (1,): (0x00, "ab"),  # [2/3, 1) * 256 begins at 170.7
    (1, 0): (0x00, "ab"),  # [6/9, 8/9)
    (0, 1): (0x00, "72"),  # [4/9, 6/9) * 256 begins at 113.8
    (1, 1): (0x00, "e4"),  # [8/9, 1) * 256 begins at 227.6
    # With escapes they are 1/2, 1/4 and, from 3/4 on, the escape.
    (2,): (0x10, "e0"),  # number 0, code 1:    3/4 + 1/4 * [4/8, 8/8) = [224, 256) / 256
    (-1,): (0x10, "d0"),  # number 1, code 010: 3/4 + 1/4 * [2/8, 3/8) = [208, 216) / 256
    (3,): (0x10, "d8"),  # number 2, code 011:  3/4 + 1/4 * [3/8, 4/8) = [216, 224) / 256
    (0, 3): (0x10, "6c"),  # half of that: [108, 112) / 256
    (3, 1): (0x10, "dc"),  # 216 + 8 * [1/2, 3/4) = [220, 222) / 256
}


def packet_by_hand(symbols):
    upper, payload = BY_HAND[symbols]
    values = b"".join(symbol.to_bytes(4, "little", signed=True) for symbol in symbols)
    check = crc_by_hand(MODEL_ID + bytes([upper]) + values) & 0x0F
    return bytes([upper | check]) + bytes.fromhex(payload)


@pytest.mark.parametrize("symbols", BY_HAND)
def test_packets_are_the_bytes_worked_out_by_hand(symbols):
    coder = coder_of(len(symbols) * [HALF_AND_QUARTERS])
    packet = packet_by_hand(symbols)
    assert coder.encode(int32s(*symbols), 1).hex(" ") == packet.hex(" ")
    assert coder.decode(packet)[0].tolist() == list(symbols)


@pytest.mark.parametrize("symbols", BY_HAND)
def test_the_checksum_is_the_crc_of_the_model_id_and_the_packet(symbols):
    coder = coder_of(len(symbols) * [HALF_AND_QUARTERS])
    packet = packet_by_hand(symbols)
    checked = packet + crc_by_hand(MODEL_ID + packet).to_bytes(4, "little")
    assert coder.encode(int32s(*symbols), 1, checksum=True) == checked
    assert coder.decode(checked, checksum=True)[0].tolist() == list(symbols)


def test_the_packets_of_the_format_document_are_what_the_code_writes():
    text = section("Packets worked out")
    rows = re.findall(r"^\| (-?\d.*?) \|.*\| `([0-9A-F ]+)` \| `([0-9A-F ]+)` \|$", text, re.M)
    assert len(rows) >= 5
    for listed, packet, checksum in rows:
        symbols = int32s(*map(int, listed.split(",")))
        coder = coder_of(len(symbols) * [HALF_AND_QUARTERS])
        assert coder.encode(symbols, 1).hex(" ").upper() == packet
        assert coder.encode(symbols, 1, checksum=True).hex(" ").upper() == f"{packet} {checksum}"


# ---------------------------------------------------------------- documentation


def test_the_examples_of_the_page_on_packets_run(tmp_path, monkeypatch):
    model = tiny_model("uint8", (8, 8), latent_size=8)
    Codec(model).save(tmp_path / "digits.narrows")
    np.save(tmp_path / "digits.npy", typical_frames(model, 100))
    monkeypatch.chdir(tmp_path)
    text = (DOCS / "packets.md").read_text(encoding="utf-8")
    snippets = re.findall(r"^```python\n(.*?)^```", text, re.M | re.S)
    assert len(snippets) >= 3
    names = {}
    for snippet in snippets:
        exec(compile(snippet, "docs/packets.md", "exec"), names)


def test_packets_of_many_are_those_of_each():
    codec, _ = codec_and_packets()
    frames = typical_frames(codec.model, 7)
    alone = [codec.compress_packet(frame) for frame in frames]
    assert codec.compress_packets(frames) == alone
    assert codec.compress_packets(frames[:0]) == []
    checked = codec.compress_packets(frames, checksum=True)
    assert [codec.decompress_packet(each, checksum=True).tolist() for each in checked] == [
        codec.decompress_packet(each).tolist() for each in alone
    ]


@pytest.mark.parametrize("checksum", [False, True])
def test_many_packets_at_once_are_those_one_by_one(checksum):
    codec = Codec(tiny_model("int16", (3, 2), 3, 2))
    frames = typical_frames(codec.model, 9)
    packets = [
        codec.compress_packet(frame, 1 + number % 2, checksum=checksum)
        for number, frame in enumerate(frames)
    ]
    alone = [codec.decompress_packet(packet, checksum=checksum) for packet in packets]
    assert_identical(codec.decompress_packets(packets, checksum=checksum), np.array(alone))
    assert_identical(codec.decompress_packets(iter(packets), checksum=checksum), np.array(alone))
    assert codec.decompress_packets([]).shape == (0, 3, 2)
    packets[4] = b"\xff\xff"
    with pytest.raises(FormatError, match="packet 4, counted from 0: packet"):
        codec.decompress_packets(packets, checksum=checksum)
    faulty = []
    some = codec.decoder.decompress_packets(
        packets, checksum=checksum, on_error=lambda number, error: faulty.append(number)
    )
    assert faulty == [4]
    assert_identical(some, np.delete(np.array(alone), 4, axis=0))


def test_one_packet_is_no_list_of_packets():
    codec = Codec(tiny_model("int16", (3, 2), 3, 2))
    with pytest.raises(FormatError, match="decompress_packet"):
        codec.decompress_packets(codec.compress_packet(typical_frames(codec.model, 1)[0]))
