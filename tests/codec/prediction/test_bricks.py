"""Arrays coded by wavelets: decoders have what encoders had, to the last bit."""

import io
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrows.codec.archive import ArchiveReader, ArchiveWriter, Block, Mode
from narrows.codec.codec import Codec
from narrows.codec.encoding.brick_encoder import BrickEncoder
from narrows.codec.prediction.bands import bands_of, n_features, phases_of
from narrows.codec.prediction.bricks import Brick, array_of, bricks_of, cut_to_tiles
from narrows.codec.prediction.coefficients import pack_coefficients, unpack_coefficients
from narrows.codec.prediction.lifting import LIMIT, analysed, synthesised
from narrows.codec.prediction.wavelets import logarithm
from narrows.codec.sequence import Archive
from narrows.errors import DataError, FormatError
from tests.helpers.tiling import brick_of, smooth, tiny_tiling
from tests.helpers.tiny_models import examples

MODEL = tiny_tiling()
OWN = MODEL.wavelets
SIZES = st.lists(st.integers(1, 20), min_size=2, max_size=2)
GROUPS = {1: [[[0]]], 2: [[[0, 1]], [[0], [1]]], 3: [[[0, 1, 2]], [[0], [1, 2]], [[1], [0, 2]]]}


@examples(60)
@given(seed=st.integers(0, 2**32 - 1), shape=SIZES)
def test_unpacking_undoes_packing(seed, shape):
    rng = np.random.default_rng(seed)
    symbols = np.rint(rng.laplace(0, rng.choice([0.3, 3, 1e4]), shape)).astype(np.int32)
    payload, n = pack_coefficients(symbols, OWN, 2), -(-shape[0] // 3) * -(-shape[1] // 4)
    assert np.array_equal(unpack_coefficients(payload, n, (3, 4), OWN, 2), symbols)


@examples(100)
@given(seed=st.integers(0, 2**32 - 1))
def test_damaged_payloads_are_refused_or_coefficients_of_a_brick(seed):
    rng = np.random.default_rng(seed)
    symbols = np.rint(rng.laplace(0, 2, (9, 16))).astype(np.int32)
    payload = bytearray(pack_coefficients(symbols, OWN, 2))
    for _ in range(int(rng.integers(1, 4))):
        payload[rng.integers(len(payload))] ^= 1 << int(rng.integers(8))
    del payload[int(rng.choice([len(payload), rng.integers(len(payload) + 1)])) :]
    try:
        back = unpack_coefficients(bytes(payload), 12, (3, 4), OWN, 2)
    except FormatError:
        return
    assert cut_to_tiles(OWN.values(back, 2), (3, 4)).shape == (12, 3, 4)


@examples(40)
@given(seed=st.integers(0, 2**32 - 1), n_axes=st.integers(1, 3), data=st.data())
def test_bands_and_phases_have_every_place_once(seed, n_axes, data):
    shape = tuple(np.random.default_rng(seed).integers(1, 24 // n_axes, n_axes).tolist())
    groups = data.draw(st.sampled_from(GROUPS[n_axes]))
    coefficients, seen = np.zeros(shape, np.int32), np.zeros(shape, int)
    for phase in phases_of(coefficients, groups):
        seen[phase.places] += 1
        assert len(phase.features) == n_features(n_axes, len(groups))
        assert {each.shape for each in phase.features} == {seen[phase.places].shape}
    assert (seen == 1).all()
    assert sum(coefficients[band.places].size for band in bands_of(shape, groups)) == seen.size


@pytest.mark.parametrize("groups", GROUPS[3])
@pytest.mark.parametrize("shape", [(12, 7, 33), (1, 5, 4), (19, 18, 17)])
def test_values_come_back_near_and_coefficients_keep_their_energy(shape, groups):
    x = np.cumsum(np.random.default_rng(0).normal(0, 4000, shape), axis=0)
    found = analysed(x, groups)
    assert np.abs(synthesised(np.rint(found).astype(np.int64), groups) - x).max() < 20
    assert 0.6 < np.square(found).sum() / np.square(x).sum() < 1.6


def test_no_coefficients_leave_64_bits():
    signs = np.random.default_rng(0).choice([-1, 1], (40, 41, 9))
    most = synthesised(signs * 2**61, [[0, 1, 2]])
    assert np.abs(most).max() <= LIMIT
    assert np.array_equal(most, synthesised(signs * LIMIT, [[0, 1, 2]]))


@pytest.mark.parametrize("shape", [(3, 4), (12, 17), (31, 5), (3, 40)])
@pytest.mark.parametrize("dtype", ["int16", "float32", "uint8"])
def test_decoders_have_what_encoders_had(dtype, shape):
    codec = Codec(tiny_tiling(dtype))
    brick = brick_of(codec.model, smooth(codec.model, shape))
    coded, own = BrickEncoder(codec.transform).encode(brick, 2), codec.model.wavelets
    decoded = codec.decoder.blocks.decode(
        codec.decoder.blocks.predicted.pack_brick(coded.coefficients, len(brick), 2)
    )
    tiles = cut_to_tiles(own.values(coded.coefficients, 2), codec.model.frame_shape)
    expected = codec.model.normaliser.from_integers(tiles.astype(np.float64))
    assert np.array_equal(decoded, expected)


@pytest.mark.parametrize(
    ("frame_shape", "groups", "shape"),
    [
        ((5,), [[0]], (60,)), ((5,), None, (61,)), ((3, 4), [[0], [1]], (13, 13)),
        ((2, 3, 2), [[1], [0, 2]], (5, 8, 6)),
    ],
)  # fmt: skip
def test_arrays_of_one_to_three_axes_come_back_near(frame_shape, groups, shape):
    codec = Codec(tiny_tiling("float32", frame_shape, groups, latent_size=12))
    x = smooth(codec.model, shape)
    brick = brick_of(codec.model, x)
    assert np.array_equal(array_of(brick), x)
    assert np.array_equal(cut_to_tiles(x, frame_shape)[brick.known], brick.frames[brick.known])
    blob = codec.compress(brick.frames, quality=2, bricks=[shape])
    (block,) = ArchiveReader(io.BytesIO(blob))
    assert block.mode is Mode.PREDICTED
    error = (codec.decompress(blob) - brick.frames)[brick.known]
    assert np.square(error).mean() < 0.1 * x.var()


@given(st.integers(1, 2**52))
def test_logarithms_are_whole_and_near(value):
    found = int(logarithm(np.array([float(value)]))[0])
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


def test_gaps_are_kept_and_targets_are_met_in_bricks():
    model = tiny_tiling("float32")
    codec, shape = Codec(model), (20, 21)
    x = brick_of(model, smooth(model, shape)).frames
    gappy = x.copy()
    gappy[7, 1] = np.nan
    blob = codec.compress(gappy, bricks=[shape])
    (block,) = ArchiveReader(io.BytesIO(blob))
    assert block.kind == "predicted_patched"
    assert np.array_equal(np.isnan(codec.decompress(blob)), np.isnan(gappy))
    best = codec.decompress(codec.compress(x, quality=2, bricks=[shape]))
    known = brick_of(model, smooth(model, shape)).known
    psnr = 10 * np.log10(model.peak**2 / np.square((best - x)[known].astype(float)).mean())
    blob = codec.compress(x, bricks=[shape], target_psnr=psnr - 1)
    (block,) = ArchiveReader(io.BytesIO(blob))
    assert block.mode is Mode.PREDICTED
    error = np.square((codec.decompress(blob) - x)[known].astype(float)).mean()
    assert 10 * np.log10(model.peak**2 / error) >= psnr - 1
    size = len(block.payload) / len(x)
    (block,) = ArchiveReader(io.BytesIO(codec.compress(x, bricks=[shape], target_bytes=size)))
    assert len(block.payload) <= size * len(x)


def test_tiles_without_a_place_are_coded_alone():
    codec = Codec(MODEL)
    x = brick_of(MODEL, smooth(MODEL, (6, 8))).frames
    (block,) = ArchiveReader(io.BytesIO(codec.compress(x)))
    assert block.mode is Mode.CODED


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


@pytest.mark.parametrize("length", [0, 6, 10, 127])
def test_a_block_of_no_brick_is_refused(length):
    codec, shape = Codec(MODEL), (9, 16)
    x = brick_of(MODEL, smooth(MODEL, shape)).frames
    (block,) = ArchiveReader(io.BytesIO(codec.compress(x, bricks=[shape])))
    assert block.payload[0] == 9
    with pytest.raises(FormatError, match="brick of 12 tiles that is"):
        codec.decoder.blocks.decode(replace(block, payload=bytes([length]) + block.payload[1:]))


def test_a_model_predicts_windows_or_has_wavelets():
    from tests.helpers.predicting import predicting

    with pytest.raises(FormatError, match="both a prediction of windows and wavelets"):
        predicting(MODEL)
    with pytest.raises(FormatError, match="other axes"):
        replace(tiny_tiling("int16", (5,)), wavelets=OWN)


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
