"""Blocks without a container: the same signals, fewer bytes, and no damage unnoticed."""

import numpy as np
import pytest

from narrows.chunks import wrap
from narrows.codec.archive import MODEL_ID_BYTES, Block, Header, Mode
from narrows.codec.archive.wrapped import pack_wrapped, take_wrapped
from narrows.codec.codec import Codec
from narrows.codec.encoding.requests import Request
from narrows.errors import FormatError
from tests.helpers.tiny_models import assert_identical, tiny_codec, tiny_model, typical_frames

HEADER = Header(bytes(range(MODEL_ID_BYTES)), np.dtype("int16"), (4,))
CODEC = tiny_codec("int16", (64, 512), 3)  # 31 signals a block
X = typical_frames(CODEC.model, 70)


def test_one_block_has_five_bytes_beside_its_payload():
    block = Block(Mode.CODED, 3, 20, b"payload")
    packed = pack_wrapped([block], HEADER)
    assert len(packed) == len(block.payload) + 5
    assert take_wrapped(packed, HEADER, 20) == [block]


def test_several_blocks_come_back_in_their_order():
    blocks = [Block(Mode.CODED, 0, 300, b"abc"), Block(Mode.STORED, 1, 1, bytes(8))]
    assert take_wrapped(pack_wrapped(blocks, HEADER), HEADER, 301) == blocks


@pytest.mark.parametrize("n", [1, 20, 70])
def test_signals_are_those_of_an_archive(n):
    packed = wrap(X[:n], CODEC, Request(effort=0))
    blob = CODEC.compress(X[:n], effort=0)
    assert_identical(CODEC.decoder.unwrap(packed, n), CODEC.decompress(blob))
    assert len(packed) < len(blob) - 30


def test_what_is_kept_exactly_is_there_too():
    codec = Codec(tiny_model("float32", (8,), 2))
    x = typical_frames(codec.model, 30)
    x[3, 2], x[7] = np.nan, np.inf
    decoded = codec.decoder.unwrap(wrap(x, codec, Request()), 30)
    assert np.isnan(decoded[3, 2])
    assert_identical(decoded[7], x[7])


def test_every_flipped_bit_and_every_cut_is_noticed():
    packed = wrap(X[:2], CODEC, Request(effort=0))
    bits = np.random.default_rng(0).permutation(8 * len(packed))[:200]
    for bit in bits.tolist():
        damaged = bytearray(packed)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(FormatError, match="damaged, or not 2 signals of model"):
            CODEC.decoder.unwrap(bytes(damaged), 2)
    for end in range(len(packed)):
        with pytest.raises(FormatError):
            CODEC.decoder.unwrap(packed[:end], 2)


def test_another_model_and_another_number_of_signals_are_noticed():
    packed = wrap(X[:2], CODEC, Request(effort=0))
    other = tiny_codec("int16", (64, 512), 3, seed=1)
    for codec, n in ((other, 2), (CODEC, 1), (CODEC, 3)):
        with pytest.raises(FormatError, match=f"not {n} signals of model {codec.model_id}"):
            codec.decoder.unwrap(packed, n)


@pytest.mark.parametrize(
    ("blocks", "n"),
    [
        ([Block(Mode.CODED, 1, 4, b"")] * 2, 9),
        ([Block(Mode.CODED, 1, 4, b"")] * 2, 7),
        ([], 1),
        ([Block(Mode.CODED, 1, 0, b"")], 0),
        ([Block(Mode.STORED, 1, 1, bytes(9))], 1),
        ([Block(Mode.CODED, 1, 1 << 17, b"")], 1 << 17),
    ],
    ids=["too few", "too many", "none", "empty", "longer than raw", "beyond a block"],
)
def test_blocks_that_no_writer_makes_are_refused(blocks, n, monkeypatch):
    packed = pack_wrapped(blocks, HEADER)
    total = sum(block.n_signals for block in blocks)
    monkeypatch.setattr(
        "narrows.codec.archive.wrapped._crc", lambda body, header, n: packed[-4:]
    )  # as if the host had said another number when it was written
    assert total != n or total in (0, 1, 1 << 17)
    with pytest.raises(FormatError, match="wrapped"):
        take_wrapped(packed, HEADER, n)
