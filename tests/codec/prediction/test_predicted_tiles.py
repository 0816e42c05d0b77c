"""Tiles predicted from decoded neighbours: decoders have what encoders had, to the last bit."""

import io
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrows.codec.archive import ArchiveReader, ArchiveWriter, Block, Mode
from narrows.codec.codec import Codec
from narrows.codec.encoding.tile_encoder import TileEncoder
from narrows.codec.prediction.lattice import Brick, bricks_of
from narrows.codec.prediction.tile_prediction import rim_of
from narrows.codec.prediction.tiles import (
    logarithm,
    pack_tiles,
    parts_of,
    rebuild_tiles,
    unpack_tiles,
)
from narrows.codec.sequence import Archive
from narrows.errors import DataError, FormatError
from tests.helpers.tiling import brick_of, smooth, tiny_tiling
from tests.helpers.tiny_models import examples

MODEL = tiny_tiling()
OWN = MODEL.tiles
K = MODEL.latent_size
SIZES = st.lists(st.integers(1, 5), min_size=2, max_size=2)


@examples(60)
@given(seed=st.integers(0, 2**32 - 1), counts=SIZES)
def test_unpacking_undoes_packing(seed, counts):
    rng, n = np.random.default_rng(seed), counts[0] * counts[1]
    symbols = np.rint(rng.laplace(0, rng.choice([0.3, 3, 1e4]), (n, K))).astype(np.int32)
    payload = pack_tiles(symbols, tuple(counts), OWN, 2)
    back, there = unpack_tiles(payload, n, OWN, 2)
    assert np.array_equal(back, symbols)
    assert there == tuple(counts)


@examples(150)
@given(seed=st.integers(0, 2**32 - 1))
def test_damaged_payloads_are_refused_or_tiles_of_a_decoder(seed):
    rng = np.random.default_rng(seed)
    symbols = np.rint(rng.laplace(0, 2, (12, K))).astype(np.int32)
    payload = bytearray(pack_tiles(symbols, (3, 4), OWN, 2))
    for _ in range(int(rng.integers(1, 4))):
        payload[rng.integers(len(payload))] ^= 1 << int(rng.integers(8))
    del payload[int(rng.choice([len(payload), rng.integers(len(payload) + 1)])) :]
    try:
        back, counts = unpack_tiles(bytes(payload), 12, OWN, 2)
    except FormatError:
        return
    values = rebuild_tiles(np.zeros((12, 12), np.int64), counts, OWN)
    assert back.shape == (12, K)
    assert values.shape == (12, 3, 4)


@pytest.mark.parametrize("shape", [(3, 4), (12, 17), (31, 5), (3, 40)])
@pytest.mark.parametrize("dtype", ["int16", "float32", "uint8"])
def test_decoders_have_what_encoders_had(dtype, shape):
    codec = Codec(tiny_tiling(dtype))
    brick = brick_of(codec.model, smooth(codec.model, shape))
    coded = TileEncoder(codec.transform).encode(brick, 2)
    block = codec.decoder.blocks.pack_tiles(coded.symbols, brick.counts, 2)
    decoded = codec.decoder.blocks.decode(block)
    expected = codec.model.normaliser.from_integers(coded.values.astype(np.float64))
    assert np.array_equal(decoded, expected)


@pytest.mark.parametrize(
    ("frame_shape", "rim", "shape"),
    [((5,), 2, (60,)), ((5,), 5, (61,)), ((3, 4), 1, (13, 13)), ((2, 3, 2), 2, (5, 8, 6))],
)
def test_arrays_of_one_to_three_axes_come_back_near(frame_shape, rim, shape):
    codec = Codec(tiny_tiling("float32", frame_shape, rim, latent_size=12))
    x = smooth(codec.model, shape)
    brick = brick_of(codec.model, x)
    blob = codec.compress(brick.frames, quality=2, bricks=[shape])
    (block,) = ArchiveReader(io.BytesIO(blob))
    assert block.mode is Mode.PREDICTED
    error = (codec.decompress(blob) - brick.frames)[brick.known]
    assert np.square(error).mean() < 0.1 * x.var()


def test_a_rim_is_all_that_lies_before_a_tile_up_to_its_ends():
    assert rim_of((4,), 2).ravel().tolist() == [-2, -1]
    assert rim_of((2, 2), 1).tolist() == [[-1, -1], [-1, 0], [-1, 1], [0, -1], [1, -1]]
    assert len(rim_of((4, 8, 8), 2)) == 6 * 10 * 10 - 4 * 8 * 8


def test_parts_of_latents_double():
    assert [(p.start, p.stop) for p in parts_of(11)] == [(0, 1), (1, 2), (2, 4), (4, 8), (8, 11)]
    assert [(p.start, p.stop) for p in parts_of(8)][-1] == (4, 8)
    assert [(p.start, p.stop) for p in parts_of(1)] == [(0, 1)]


@given(st.integers(1, 2**52))
def test_logarithms_are_whole_and_near(value):
    found = int(logarithm(np.array([value]))[0])
    power = value.bit_length() - 1
    assert found == 32 * power + 32 * (value - (1 << power)) // (1 << power)
    assert abs(found - 32 * np.log2(value)) < 4


def test_what_is_beyond_the_end_of_an_array_costs_and_counts_nothing():
    x = smooth(MODEL, (10, 9))
    brick, codec = brick_of(MODEL, x), Codec(MODEL)
    wild = brick.frames.copy()
    wild[~brick.known] = np.iinfo("int16").max // 4
    blobs = [codec.compress(f, bricks=[(10, 9)]) for f in (brick.frames, wild)]
    assert blobs[0] == blobs[1]


def test_bricks_are_decoded_alone_and_at_random():
    codec, shapes = Codec(MODEL), [(12, 16), (7, 9), (3, 30)]
    bricks = [brick_of(MODEL, smooth(MODEL, s, seed)) for seed, s in enumerate(shapes)]
    frames = np.concatenate([brick.frames for brick in bricks])
    blob = codec.compress(frames, bricks=shapes)
    assert blob == codec.compress(frames, bricks=shapes, jobs=2)
    decoded = codec.decompress(blob)
    with Archive(io.BytesIO(blob), codec.decoder) as archive:
        assert np.array_equal(archive[20], decoded[20])
        assert np.array_equal(archive[14:30], decoded[14:30])
    alone = codec.decompress(codec.compress(bricks[1].frames, bricks=shapes[1:2]))
    assert np.array_equal(decoded[16:25], alone)


def test_batch_sizes_and_models_without_encoder_change_nothing():
    codec, shape = Codec(MODEL), (20, 21)
    x = brick_of(MODEL, smooth(MODEL, shape)).frames
    blob = codec.compress(x, embed_model=True, bricks=[shape])
    assert blob == Codec(MODEL, batch_size=3).compress(x, embed_model=True, bricks=[shape])
    other = codec.without_encoder()
    assert other.model_id == codec.model_id
    assert np.array_equal(other.decompress(blob), codec.decompress(blob))
    again = Codec.from_bytes(codec.model_bytes)
    assert again.model_bytes == codec.model_bytes
    assert np.array_equal(again.decompress(blob), codec.decompress(blob))


def test_gaps_targets_and_tiles_without_a_place_are_coded_without_prediction():
    model = tiny_tiling("float32")
    codec, shape = Codec(model), (20, 21)
    x = brick_of(model, smooth(model, shape)).frames
    gappy = x.copy()
    gappy[7, 1] = np.nan
    modes = []
    for frames, given_ in (
        (gappy, {"bricks": [shape]}), (x, {"bricks": [shape], "target_psnr": 1}), (x, {}),
    ):  # fmt: skip
        blob = codec.compress(frames, **given_)
        modes += [block.mode for block in ArchiveReader(io.BytesIO(blob))]
        assert np.isnan(codec.decompress(blob)).sum() == np.isnan(frames).sum()
    assert modes == [Mode.PATCHED, Mode.CODED, Mode.CODED]


def test_packets_are_coded_without_prediction():
    codec = Codec(MODEL)
    x = brick_of(MODEL, smooth(MODEL, (6, 8))).frames
    frame = codec.decompress_packet(codec.compress_packet(x[2]))
    assert np.array_equal(frame, codec.decode(codec.encode(x[2:3]))[0])


def test_tiles_that_make_no_brick_are_refused():
    frames = np.zeros((6, 3, 4), np.int16)
    with pytest.raises(DataError, match="6 tiles for arrays that are cut to 4"):
        bricks_of(frames, [(6, 8)])
    with pytest.raises(DataError, match="6 tiles of"):
        Brick(frames, (6, 8))


@pytest.mark.parametrize("n_along", [0, 5, 13])
def test_a_block_of_no_brick_is_refused(n_along):
    codec, shape = Codec(MODEL), (9, 16)
    x = brick_of(MODEL, smooth(MODEL, shape)).frames
    (block,) = ArchiveReader(io.BytesIO(codec.compress(x, bricks=[shape])))
    assert block.payload[0] == 4
    with pytest.raises(FormatError, match="brick of 12 tiles"):
        codec.decoder.blocks.decode(replace(block, payload=bytes([n_along]) + block.payload[1:]))


def test_a_model_predicts_windows_or_tiles_and_decodes_by_one_layer():
    from tests.helpers.predicting import predicting
    from tests.helpers.tiny_models import tiny_model

    with pytest.raises(FormatError, match="both windows and tiles"):
        predicting(MODEL)
    with pytest.raises(FormatError, match="beside a decoder"):
        replace(tiny_model("int16", (3, 4), 7, n_qualities=2), tiles=OWN)


def test_a_damaged_block_loses_its_own_tiles_only():
    codec, shapes = Codec(MODEL), [(12, 16), (7, 9)]
    bricks = [brick_of(MODEL, smooth(MODEL, s)) for s in shapes]
    frames = np.concatenate([brick.frames for brick in bricks])
    whole = list(ArchiveReader(io.BytesIO(codec.compress(frames, bricks=shapes))))
    stream = io.BytesIO()
    writer = ArchiveWriter(stream, codec.encoder.header())
    for block in (Block(Mode.PREDICTED, 1, 16, b"\4\0\0"), whole[1]):
        writer.write(block)
    writer.close()
    first, second = ArchiveReader(io.BytesIO(stream.getvalue()))
    with pytest.raises(FormatError):
        codec.decoder.blocks.decode(first)
    expected = codec.decoder.blocks.decode(whole[1])
    assert np.array_equal(codec.decoder.blocks.decode(second), expected)
