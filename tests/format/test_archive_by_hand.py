"""Whole archives and a model file worked out by hand: no byte of them can change unseen.

docs/FORMAT.md explains the model and the first archive, field by field.
"""

import hashlib
import json
import struct

import numpy as np
import pytest

from narrows.codec.archive import Block, Mode
from narrows.codec.archive.raw_blocks import unpack_raw
from narrows.codec.codec import Codec
from narrows.codec.entropy.stacks import ConstrictionStack, PlainStack
from narrows.codec.model.model_file import pack_model, unpack_model
from narrows.codec.model.packed_tensors import unpack_tensor
from tests.helpers.by_hand import (
    DECODING,
    DECODING_TENSORS,
    ENCODER,
    ENCODER_DIGEST,
    ENCODER_TENSORS,
    MODEL_ID,
    ROWS,
    SIGNALS,
    TENSORS,
    model_by_hand,
    model_file_by_hand,
    stored_deflate,
)

DECODED = np.array([[2, 2], [0, 0], [6, 6], [2, 2]], dtype=np.uint8)


def crc(*parts):
    """CRC-32 as its definition says, bit by bit, as four little-endian bytes."""
    register = 0xFFFFFFFF
    for byte in b"".join(parts):
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ (0xEDB88320 if register & 1 else 0)
    return (register ^ 0xFFFFFFFF).to_bytes(4, "little")


def header_by_hand(flags=0):
    start = b"".join(
        (
            b"\x89NRW",  # magic
            b"\x00",  # format version
            bytes([flags]),
            MODEL_ID,
            b"\x00",  # element type uint8
            b"\x01",  # one dimension ...
            b"\x02",  # ... of size 2
        )
    )
    return start + crc(start)


def block_by_hand(first, n_signals, payload):
    """All three numbers stay below 128 here, so each varint is the byte itself."""
    start = bytes([first, n_signals, len(payload)])
    return start + crc(start, payload) + payload


def trailer_by_hand(*entries):
    """Entries are (signals, bytes of the block), all below 128."""
    index = b"\x0f" + bytes([len(entries)]) + b"".join(bytes(entry) for entry in entries)
    length = len(index) + 4  # with its CRC-32
    return index + crc(index) + struct.pack("<I", length) + b"WRN\x98"


def coded_archive_by_hand():
    """The four signals have the sums 4, 0, 12, 3, so the symbols 1, 0, 3, 1.

    The table covers 0 and 1, so 3 is an escape: the entries are 1, 0, 2, 1. Pushing (frequency w,
    start c) turns the state s into (s // w) * 2**24 + s % w + c. The last signal goes first:

        entry 1: w = 0x400000, c = 0x800000:  s = 0                                    -> 0x00800000
        entry 2: w = 0x400000, c = 0xC00000:  s =  2 * w, so  2 * 2**24 + c            -> 0x02C00000
        entry 0: w = 0x800000, c = 0:         s =  5 * w + 0x400000                    -> 0x05400000
        entry 1: w = 0x400000, c = 0x800000:  s = 21 * w, so 21 * 2**24 + c            -> 0x15800000

    It never reaches 2**32, so it is the only word. The escaped 3 is the second symbol above the
    table's last, 1: the number 2, in Exp-Golomb code 3 = 0b11 after one zero.
    """
    payload = (
        b"\x01"  # one word
        b"\x00\x00\x80\x15"  # 0x15800000
        b"\x60"  # 011, and five zeros to the end of the byte
    )
    block = block_by_hand(0x10, 4, payload)  # mode 0 = CODED, quality 1
    assert len(block) == 13  # 1 + 1 + 1 + 4 + 6
    return header_by_hand() + block + trailer_by_hand((4, 13))


def stored_archive_by_hand():
    """The signal (6, 6) alone, an escape: six bytes if coded, more than two in zlib, so stored."""
    block = block_by_hand(0x12, 1, b"\x06\x06")  # mode 2 = STORED, quality 1
    assert len(block) == 9  # 1 + 1 + 1 + 4 + 2
    return header_by_hand() + block + trailer_by_hand((1, 9))


def deflated_archive_by_hand():
    """Sixteen signals (0, 0): 32 zero bytes in a zlib stream with the fixed Huffman codes.

    Bits in the order of reading, the first one lowest in its byte:

        1         last block
        10        fixed codes (the number 1, lowest bit first)
        00110000  the byte 0
        0010000   length 31 (code 272) ...
        00        ... its two extra bits
        00000     ... from distance 1
        0000000   end
    """
    payload = (
        b"\x78\x01"  # zlib: deflate, window of 32 KiB, no dictionary
        b"\x63\x20\x00\x00"  # the 32 bits
        b"\x00\x20\x00\x01"  # Adler-32: 32 sums of 1, then the 1
    )
    block = block_by_hand(0x11, 16, payload)  # mode 1 = DEFLATED, quality 1
    assert len(block) == 17  # 1 + 1 + 1 + 4 + 10
    return header_by_hand() + block + trailer_by_hand((16, 17))


ARCHIVES = {
    "coded": (coded_archive_by_hand, SIGNALS, DECODED),
    "stored": (stored_archive_by_hand, SIGNALS[2:3], SIGNALS[2:3]),
    "no signals": (lambda: header_by_hand() + trailer_by_hand(), SIGNALS[:0], SIGNALS[:0]),
}


def test_the_bitwise_crc_gives_the_published_check_value():
    assert crc(b"123456789") == bytes.fromhex("2639f4cb")


def test_the_model_id_is_the_hash_of_the_digests_of_settings_and_tensors_written_by_hand():
    assert model_by_hand().encoder_digest == ENCODER_DIGEST
    assert model_by_hand().model_id == MODEL_ID
    assert MODEL_ID.hex() == "d06dc50029cb82f5263ce96123730220"


@pytest.mark.parametrize("kind", ARCHIVES)
def test_compress_writes_the_bytes_worked_out_by_hand(kind):
    archive_by_hand, signals, _ = ARCHIVES[kind]
    assert Codec(model_by_hand()).compress(signals).hex(" ") == archive_by_hand().hex(" ")


@pytest.mark.parametrize("kind", ARCHIVES)
def test_decompress_reads_the_bytes_worked_out_by_hand(kind):
    archive_by_hand, _, decoded = ARCHIVES[kind]
    assert_same(Codec(model_by_hand()).decompress(archive_by_hand()), decoded)


def test_decompress_reads_a_deflated_block_worked_out_by_hand():
    decoded = Codec(model_by_hand()).decompress(deflated_archive_by_hand())
    assert_same(decoded, np.zeros((16, 2), dtype=np.uint8))


def test_an_embedded_model_stands_behind_the_header_with_its_length_and_crc():
    codec = Codec(model_by_hand())
    model = pack_model(codec.model.without_encoder())
    assert 128 <= len(model) < 2**14
    length = bytes([len(model) & 0x7F | 0x80, len(model) >> 7])
    embedded = length + model + crc(length, model)
    archive = header_by_hand(flags=0x01) + embedded + trailer_by_hand()
    assert codec.compress(SIGNALS[:0], embed_model=True) == archive


def test_planes_hold_the_first_bytes_of_all_elements_then_the_second_ones():
    # zlib with one uncompressed block: five bytes before the data, Adler-32 behind.
    planes = bytes.fromhex("02 04 01 03")
    a = 1 + 2 + 4 + 1 + 3
    b = 4 + 4 * 2 + 3 * 4 + 2 * 1 + 1 * 3
    payload = bytes.fromhex("78 01 01 04 00 fb ff") + planes + bytes([b >> 8, b, a >> 8, a])
    block = Block(Mode.DEFLATED, 1, 1, payload)
    decoded = unpack_raw(block, np.dtype("uint16"), (2,))
    assert_same(decoded, np.array([[0x0102, 0x0304]], dtype=np.uint16))


@pytest.mark.parametrize("stack", [PlainStack, ConstrictionStack])
def test_the_coder_emits_the_words_worked_out_by_hand(stack):
    """Entries 2, 1, 1 of the frequencies 2**24 - 3, 2, 1, pushed from the last to the first.

    entry 1: w = 2, c = 0xFFFFFD:  s = 0                              -> 0xFFFFFD
    entry 1: w = 2, c = 0xFFFFFD:  s = 2 * 0x7FFFFE + 1               -> 0x7FFFFEFFFFFE
    entry 2: w = 1, c = 0xFFFFFF:  s >> 40 = 0x7F is not below w: the word 0xFEFFFFFE leaves,
                                   s = 0x7FFF                         -> 0x7FFFFFFFFF
    At the end the state itself leaves: 0xFFFFFFFF, then 0x7F.
    """
    if stack is ConstrictionStack:
        pytest.importorskip("constriction", reason="it has no wheel for this platform")
    words, frequencies = [0xFEFFFFFE, 0xFFFFFFFF, 0x0000007F], np.array([2**24 - 3, 2, 1])
    pushed, full = stack(), stack(np.array(words, dtype=np.uint32))
    pushed.push(np.array([2, 1, 1], dtype=np.int32), frequencies)
    assert pushed.words().tolist() == words
    assert full.pop(3, frequencies).tolist() == [2, 1, 1]
    full.check_empty()


@pytest.mark.parametrize("with_encoder", [True, False])
def test_a_model_file_written_by_hand_is_read(with_encoder):
    model = unpack_model(model_file_by_hand(with_encoder=with_encoder))
    assert model.model_id == MODEL_ID
    assert (model.encoder is not None) == with_encoder
    assert_same(Codec(model).decompress(coded_archive_by_hand()), DECODED)
    if with_encoder:
        assert Codec(model).compress(SIGNALS) == coded_archive_by_hand()


@pytest.mark.parametrize("with_encoder", [True, False])
def test_a_model_file_is_read_and_checked_by_hand(with_encoder):
    model = model_by_hand()
    data = pack_model(model if with_encoder else model.without_encoder())
    assert data[:5] == b"\x89NRM\x00"
    position = 9 + struct.unpack_from("<I", data, 5)[0]
    text = data[9:position].decode("ascii")
    content = json.loads(text)
    assert content["model_id"] == MODEL_ID.hex()
    assert content["encoder_sha256"] == ENCODER_DIGEST.hex()
    assert f'"decoding":{DECODING},' in text
    assert f'"encoder":{ENCODER if with_encoder else "null"},' in text
    tensors = DECODING_TENSORS + (ENCODER_TENSORS if with_encoder else ())
    tensors = {line.split()[0].decode(): tensor for line, tensor in tensors}
    assert content["tensors"].keys() == tensors.keys() | {"training"}
    for name, size in content["tensors"].items():
        unpacked = unpack_tensor(data[position : position + size])
        assert unpacked.tobytes() == tensors.get(name, b"{}")
        position += size
    assert data[position:] == hashlib.sha256(data[:position]).digest()


@pytest.mark.parametrize("name", ROWS)
def test_rows_written_by_hand_are_the_tensors(name):
    tensors = {line.split(maxsplit=2)[0].decode(): (line, data) for line, data in TENSORS}
    unpacked = unpack_tensor(ROWS[name])
    line = f"\n{name} {unpacked.dtype.name} {list(unpacked.shape)}\n".encode()
    expected = tensors.get(name, (b"\ntraining uint8 [2]\n", b"{}"))
    assert (line, unpacked.astype(unpacked.dtype.newbyteorder("<")).tobytes()) == expected


def test_a_packed_tensor_with_raw_bits_written_by_hand_is_read():
    """-4, -5, -2, -4 shifted by 1: the lowest bits 0, 1, 0, 0, above them -2, -3, -1, -2."""
    row = (
        b"\x01"  # int16
        b"\x01\x04"  # one dimension, of size 4
        b"\x01"  # shift 1
        b"\x00"  # the values themselves
        b"\x01"  # one raw bit each
        b"\x01"  # one plane
        b"\x40"  # 0100, and four bits to the end of the byte
    ) + stored_deflate(b"\xfe\xfd\xff\xfe")
    assert_same(unpack_tensor(row), np.array([-8, -10, -4, -8], dtype=np.int16))


def assert_same(decoded, expected):
    assert decoded.dtype == expected.dtype
    assert decoded.shape == expected.shape
    assert np.array_equal(decoded, expected)
