"""Blocks that hold signals as they are, deflated or stored, where that takes the fewest bytes."""

import io
import tracemalloc
import zlib
from math import prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from narrows.codec.archive import Block, IndexedArchive, Mode
from narrows.codec.archive import raw_blocks as raw
from narrows.codec.archive.raw_blocks import may_deflate_below, pack_raw, unpack_raw
from narrows.errors import FormatError
from tests.helpers.tiny_models import (
    DTYPES,
    ODD_SHAPES,
    assert_identical,
    examples,
    refusing,
    tiny_codec,
    typical_frames,
)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", ODD_SHAPES)
@given(data=st.data())
@examples(6)
def test_signals_are_unpacked_as_they_were_packed(dtype, shape, data):
    fill = data.draw(st.sampled_from([None, st.nothing()]))
    x = data.draw(hnp.arrays(dtype, (data.draw(st.integers(1, 9)), *shape), fill=fill))
    block = pack_raw(x, 3)
    assert (block.quality, block.n_signals) == (3, len(x))
    assert len(block.payload) <= x.nbytes
    assert_identical(unpack_raw(block, np.dtype(dtype), shape), x)


def test_what_deflates_is_deflated_and_what_does_not_is_stored():
    smooth, rng = np.zeros((50, 20), np.int16), np.random.default_rng(0)
    noise = rng.integers(-(2**15), 2**15, (50, 20)).astype(np.int16)
    assert pack_raw(smooth, 1).mode is Mode.DEFLATED
    assert pack_raw(noise, 1).mode is Mode.STORED


def test_stored_bytes_are_little_endian_and_row_major():
    x = np.array([[1, -2], [3, 256]], ">i2")
    assert pack_raw(x, 1).payload == b"\x01\x00\xfe\xff\x03\x00\x00\x01"
    assert pack_raw(np.asfortranarray(x), 1).payload == b"\x01\x00\xfe\xff\x03\x00\x00\x01"


def test_deflated_bytes_are_planes():
    x = np.tile(np.array([[0x0102, 0x0304]], np.uint16), (20, 1))
    assert zlib.decompress(pack_raw(x, 1).payload) == b"\x02\x04" * 20 + b"\x01\x03" * 20


def refused(mode, payload, n=2, dtype="int16", shape=(3,)):
    with refusing(FormatError):
        unpack_raw(Block(mode, 1, n, payload), np.dtype(dtype), shape)


@pytest.mark.parametrize("size", [0, 1, 11, 13, 24, 1000])
def test_another_number_of_bytes_is_refused(size):
    refused(Mode.STORED, bytes(size))
    refused(Mode.DEFLATED, zlib.compress(bytes(size)))


def test_damaged_deflated_bytes_are_refused():
    payload = zlib.compress(bytes(range(12)))
    whole = unpack_raw(Block(Mode.DEFLATED, 1, 2, payload), np.dtype("int16"), (3,))
    for position in range(len(payload)):
        for bit in range(8):
            damaged = bytearray(payload)
            damaged[position] ^= 1 << bit
            try:
                x = unpack_raw(Block(Mode.DEFLATED, 1, 2, bytes(damaged)), np.dtype("int16"), (3,))
            except FormatError:
                continue
            assert_identical(x, whole)  # a filling bit before the checksum
        refused(Mode.DEFLATED, payload[:position])
    refused(Mode.DEFLATED, payload + b"\0")
    refused(Mode.DEFLATED, payload + payload)


def test_a_deflated_bomb_takes_no_more_memory_than_its_signals():
    bomb = zlib.compress(bytes(50_000_000), 9)
    tracemalloc.start()
    refused(Mode.DEFLATED, bomb)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_000_000


@given(st.binary(max_size=40), st.sampled_from([Mode.STORED, Mode.DEFLATED]),
       st.sampled_from(DTYPES), st.sampled_from(ODD_SHAPES), st.integers(1, 4))  # fmt: skip
@examples(100)
def test_random_payloads_are_refused_unless_they_have_the_right_size(
    payload, mode, dtype, shape, n
):
    size = n * prod(shape) * np.dtype(dtype).itemsize
    are_elements = dtype != "bool" or set(payload) <= {0, 1}
    if mode is Mode.STORED and len(payload) == size and are_elements:
        x = unpack_raw(Block(mode, 1, n, payload), np.dtype(dtype), shape)
        assert x.tobytes() == payload
    else:
        refused(mode, payload, n, dtype, shape)


CODEC = tiny_codec(frame_shape=(28, 28), latent_size=40)


def modes(blob):
    archive = IndexedArchive(io.BytesIO(blob))
    return [archive.block(i).mode for i in range(len(archive.entries))]


@pytest.mark.parametrize("order", ["random", "in turn", "sorted"])
def test_1200_frames_of_which_20_are_distinct_are_kept_exactly_where_that_is_smaller(order):
    rng = np.random.default_rng(0)
    different = np.kron(rng.integers(0, 256, (20, 4, 4), np.uint8), np.ones((1, 7, 7), np.uint8))
    rows = {"random": rng.integers(0, 20, 1200), "in turn": np.arange(1200) % 20,
            "sorted": np.arange(1200) // 60}[order]  # fmt: skip
    x = different[rows]
    blob, coded = CODEC.compress(x), CODEC.decoder.blocks.pack(CODEC.encode(x), np.ones(1200, int))
    deflated = len(pack_raw(x, 1).payload)
    assert deflated < len(coded.payload)
    assert modes(blob) == [Mode.DEFLATED]
    assert np.array_equal(CODEC.decompress(blob), x)


def test_signals_that_are_all_alike_are_kept_exactly():
    x = np.full((3000, 28, 28), 200, np.uint8)
    assert set(modes(CODEC.compress(x))) == {Mode.DEFLATED}


def test_signals_that_nothing_but_their_model_makes_small_are_not_deflated_in_vain(monkeypatch):
    x, sizes = typical_frames(CODEC.model, 2600), []
    deflate = raw.deflate_planes
    monkeypatch.setattr(
        raw, "deflate_planes", lambda x, level: sizes.append(x.nbytes) or deflate(x, level)
    )
    assert not may_deflate_below(x, x.nbytes // 40)
    assert sum(sizes) <= 3 * raw.SAMPLE_BYTES
    sizes.clear()
    assert not may_deflate_below(x, x.nbytes // (raw.MAX_DEFLATE_RATIO + 1))
    assert not sizes
