"""Never more than raw + 64 bytes + 16 bytes a block, whatever the signals."""

from math import prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrows.codec.archive import MAX_BLOCK_BYTES, MAX_FRAME_BYTES, ArchiveWriter, Block, Mode
from narrows.codec.archive.layout import pack_block, pack_trailer
from narrows.codec.codec import Codec
from narrows.codec.encoding.found import Found
from narrows.codec.entropy.ans import SymbolCoder
from tests.helpers.archives import BLOCK_LIMIT, header_of, written
from tests.helpers.tiny_models import (
    DTYPES,
    INT32,
    ODD_SHAPES,
    assert_identical,
    blocks_of,
    examples,
    noise_frames,
    tiny_codec,
    tiny_model,
)


def assert_near_raw_at_worst(blob, raw_bytes):
    assert len(blob) <= raw_bytes + 64 + 16 * len(blocks_of(blob))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [*ODD_SHAPES, (28, 28), (1000,)])
def test_noise_takes_little_more_than_raw(dtype, shape):
    codec = tiny_codec(dtype, shape, 3, known_answers=False)
    for n in (0, 1, 2, 300):
        x = noise_frames(dtype, (n, *shape))
        assert_near_raw_at_worst(codec.compress(x), x.nbytes)


@pytest.mark.parametrize("dtype", DTYPES)
def test_noise_in_many_small_blocks_takes_little_more_than_raw(dtype, monkeypatch):
    codec = tiny_codec(dtype, (3,), 3, known_answers=False)
    x = noise_frames(dtype, (300, 3))
    monkeypatch.setattr(BLOCK_LIMIT, x[0].nbytes)
    blob = codec.compress(x)
    assert len(blocks_of(blob)) == 300
    assert_near_raw_at_worst(blob, x.nbytes)


def test_as_many_latents_as_bytes_take_little_more_than_raw():
    codec = tiny_codec("uint8", (40,), 40, known_answers=False)
    x = noise_frames("uint8", (1000, 40))
    blob = codec.compress(x)
    assert_near_raw_at_worst(blob, x.nbytes)
    assert_identical(codec.decompress(blob), x)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_storm_of_escapes_takes_little_more_than_raw(dtype, monkeypatch):
    codec = Codec(tiny_model(dtype, (4,), 4, known_answers=False))
    storm = np.random.default_rng(0).integers(INT32.min, INT32.max, (500, 4), dtype=np.int32)
    stormy = lambda x, *_, **__: Found.rounded(storm[: len(x)])  # noqa: E731
    monkeypatch.setattr(codec.encoder.symbol_encoder, "encode", stormy)
    x = noise_frames(dtype, (500, 4))
    assert len(SymbolCoder(codec.model.quality(1).tables).encode(storm)) > 500 * 4 * 8
    blob = codec.compress(x)
    assert_near_raw_at_worst(blob, x.nbytes)
    assert_identical(codec.decompress(blob), x)


@given(st.sampled_from(DTYPES), st.lists(st.integers(1, 2**9), min_size=1, max_size=3), st.data())
@examples(60)
def test_a_block_and_its_index_entry_add_at_most_16_bytes(dtype, shape, data):
    header = header_of(dtype, tuple(shape))
    if header.frame_bytes > 2**24:
        return
    n = data.draw(st.integers(1, header.block_signals) | st.just(header.block_signals))
    assert added_bytes(header, n) <= 16


@pytest.mark.parametrize("frame_bytes", [1, 128, 129, 255, 256, 2**13, 2**14, 2**20, 2**21, 2**24])
def test_a_full_block_and_its_index_entry_add_at_most_16_bytes(frame_bytes):
    header = header_of("uint8", (frame_bytes,))
    assert added_bytes(header, header.block_signals) <= 16


@pytest.mark.parametrize("frame_bytes", [1, 7, 16, 127, 128])
def test_a_larger_block_and_its_index_entry_add_at_most_17_bytes(frame_bytes):
    header = header_of("uint8", (frame_bytes,))
    assert added_bytes(header, header.most_signals) <= 17


def added_bytes(header, n):
    """Return what a stored block of n signals takes beyond its signals."""
    block = Block(Mode.STORED, 15, n, bytes(n * header.frame_bytes))
    packed = len(pack_block(block))
    entry = len(pack_trailer([(n, packed)])) - len(pack_trailer([]))
    return packed - len(block.payload) + entry


def test_many_full_stored_blocks_add_at_most_64_bytes_and_16_a_block():
    header = header_of("uint8", (256,))
    n = header.block_signals
    block = Block(Mode.STORED, 1, n, bytes(n * 256))
    assert len(block.payload) <= MAX_BLOCK_BYTES
    for n_blocks in (1, 50):
        stream = CountingStream()
        writer = ArchiveWriter(stream, header)
        for _ in range(n_blocks):
            writer.write(block)
        writer.close()
        assert stream.size <= n_blocks * len(block.payload) + 64 + 16 * n_blocks


class CountingStream:
    size = 0

    def write(self, data):
        self.size += len(data)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "shape",
    [
        (),
        (1,) * 8,
        (127,) * 3,
        (128,) * 3 + (1,) * 5,
        (2**14, 2**10),
        (130, 1, 130, 1, 130),
        (2**25,),
    ],
)
def test_an_archive_without_blocks_takes_at_most_64_bytes(dtype, shape):
    if prod(shape) * np.dtype(dtype).itemsize <= MAX_FRAME_BYTES:
        assert len(written(header_of(dtype, shape), [])) <= 64
