"""Packets: one signal in a few bytes, the only form that it has, and no damage that crashes."""

import random
import re
import time
from fractions import Fraction
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrows.codec.codec import Codec
from narrows.codec.entropy.ans import ideal_bits
from narrows.codec.entropy.packets import PacketCoder
from narrows.codec.entropy.tables import TOTAL, FixedTables, FrequencyTable, count_table
from narrows.errors import DataError, FormatError, SettingError
from tests.helpers.tiny_models import (
    INT32,
    ODD_SHAPES,
    any_int32,
    assert_identical,
    assert_one_line,
    examples,
    noise_frames,
    tiny_model,
    typical_frames,
)

DOCS = Path(__file__).parents[3] / "docs"
MODEL_ID = bytes(range(16))
LONGEST_SECONDS = 0.05  # of one packet of a tiny model, damaged or not

HALF_AND_QUARTERS = FrequencyTable(0, np.array([TOTAL // 2, TOTAL // 4, TOTAL // 4]))


def table_of(low, *weights):
    """A table of these weights, the last entry given what is missing."""
    return FrequencyTable(low, np.array([*weights, TOTAL - sum(weights)]))


TINY_ROWS = (
    (HALF_AND_QUARTERS,),
    (HALF_AND_QUARTERS, HALF_AND_QUARTERS),
    (table_of(-1, 9_000_000, 3, 7_000_000), table_of(5, TOTAL - 1)),
    (table_of(0, 1, TOTAL // 3), table_of(-2, TOTAL // 5, TOTAL // 7, TOTAL // 11)),
    (table_of(INT32.max - 1, 1, 1), table_of(INT32.min, 5_000_001, 5_000_003)),
)


@cache
def row_of(k, seed=0):
    """Make k tables, narrow and wide ones."""
    rng = np.random.default_rng(seed)
    spreads = rng.uniform(0.2, 12, k)
    return [count_table(np.round(rng.laplace(size=500) * s).astype(np.int32)) for s in spreads]


def coder_of(*rows):
    return PacketCoder(MODEL_ID, [FixedTables(row) for row in rows])


def int32s(*symbols):
    return np.array(symbols, np.int32)


@st.composite
def rows_and_symbols(draw):
    row = row_of(draw(st.integers(1, 9)), draw(st.integers(0, 5)))
    inside = [st.integers(table.low, table.high) for table in row]
    outside = draw(st.sets(st.integers(0, len(row) - 1), max_size=3))
    drawn = [draw(any_int32 if j in outside else s) for j, s in enumerate(inside)]
    return row, int32s(*drawn)


# ---------------------------------------------------------------- inverse


@given(rows_and_symbols(), st.booleans())
@examples(200)
def test_any_int32_symbols_are_decoded_as_they_were_coded(case, checksum):
    row, symbols = case
    coder = coder_of(row)
    decoded, quality = coder.decode(coder.encode(symbols, 1, checksum=checksum), checksum=checksum)
    assert quality == 1
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


@given(rows_and_symbols())
@examples(200)
def test_a_packet_takes_at_most_two_bytes_more_than_the_ideal_bits(case):
    row, symbols = case
    packet = coder_of(row).encode(symbols, 1)
    assert len(packet) <= ideal_bits(symbols[None], FixedTables(row))[0] / 8 + 2


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
    text = (DOCS / "FORMAT.md").read_text(encoding="utf-8").split("### Packets worked out")[1]
    rows = re.findall(r"^\| (-?\d.*?) \|.*\| `([0-9A-F ]+)` \| `([0-9A-F ]+)` \|$", text, re.M)
    assert len(rows) >= 5
    for listed, packet, checksum in rows:
        symbols = int32s(*map(int, listed.split(",")))
        coder = coder_of(len(symbols) * [HALF_AND_QUARTERS])
        assert coder.encode(symbols, 1).hex(" ").upper() == packet
        assert coder.encode(symbols, 1, checksum=True).hex(" ").upper() == f"{packet} {checksum}"


# ---------------------------------------------------------------- damage


def outcome(codec, packet, checksum=False):
    """Decode; None where it is refused. Any other exception is an error of the test."""
    before = time.process_time()
    try:
        x = codec.decompress_packet(packet, checksum=checksum)
    except FormatError as error:
        x = None
        assert_one_line(error)
    assert time.process_time() - before < LONGEST_SECONDS
    if x is not None:
        assert x.shape == codec.model.frame_shape
        assert x.dtype == codec.model.dtype
        # What decodes is what would be coded: no packet has a second form.
        symbols, quality = codec._packets.decode(packet, checksum=checksum)
        assert codec._packets.encode(symbols, quality, checksum=checksum) == packet
    return x


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


@cache
def codec_and_packets(checksum=False):
    codec = Codec(tiny_model("int16", (3, 2), latent_size=4, n_qualities=3))
    shape = (10, *codec.model.frame_shape)
    frames = [*typical_frames(codec.model, 10), *noise_frames("int16", shape)]
    packets = [
        codec.compress_packet(x, quality, checksum=checksum) for x in frames for quality in (1, 3)
    ]
    assert any(packet[0] & 0x10 for packet in packets)
    return codec, packets


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


@given(st.binary(max_size=12), st.integers(0, len(TINY_ROWS) - 1), st.integers(0, 31))
@examples(500)
def test_what_is_not_refused_is_the_packet_of_what_it_decodes_to(payload, number, first):
    coder = coder_of(TINY_ROWS[number])
    try:
        symbols, quality = coder.decode(bytes([first]) + payload)
    except FormatError:
        return
    assert coder.encode(symbols, quality) == bytes([first]) + payload


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
    tables, symbols = [FixedTables(row_of(6))], [int32s(*range(i, i + 6)) for i in range(64)]
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
    with pytest.raises(FormatError, match="must be bytes") as caught:
        codec.decompress_packet(packet)
    assert_one_line(caught.value, type(packet).__name__)


@pytest.mark.parametrize("quality", range(4, 9))
def test_a_quality_that_the_model_does_not_have_is_refused(quality):
    codec, packets = codec_and_packets()
    packet = bytes([packets[0][0] & 0x1F | (quality - 1) << 5]) + packets[0][1:]
    with pytest.raises(FormatError, match=f"quality {quality}"):
        codec.decompress_packet(packet)
    with pytest.raises(SettingError, match=f"quality {quality}"):
        codec.compress_packet(np.zeros((3, 2), np.int16), quality)


@pytest.mark.parametrize("shape", [(), (6,), (1, 3, 2), (4, 3, 2), (2, 3), (0, 3, 2)])
def test_anything_but_one_signal_is_refused(shape):
    codec, _ = codec_and_packets()
    with pytest.raises(DataError, match="one signal") as caught:
        codec.compress_packet(np.zeros(shape, np.int16))
    assert_one_line(caught.value, str(shape), "(3, 2)", "x[0]")


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
    with pytest.raises(DataError, match="NaN or infinity") as caught:
        codec.compress_packet(x)
    assert_one_line(caught.value, "archive")


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
