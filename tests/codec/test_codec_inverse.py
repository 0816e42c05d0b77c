"""Signals -> archive -> signals: shapes, dtypes, blocks, numbers that are none, and latents."""

import io
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

import narrows
from narrows.codec.archive import MAX_BLOCK_BYTES, ArchiveReader, Mode
from narrows.codec.codec import Codec
from narrows.codec.encoding.found import Found
from narrows.codec.encoding.requests import Request
from narrows.codec.entropy.ans import SymbolCoder
from narrows.element_types import ends_of
from narrows.errors import DataError, ModelError
from tests.helpers.archives import BLOCK_LIMIT, ShortReads
from tests.helpers.context_models import mixed_model
from tests.helpers.tiny_models import (
    ACTIVATIONS,
    DTYPES,
    FLOAT_DTYPES,
    INT32,
    ODD_SHAPES,
    assert_identical,
    blocks_of,
    noise_frames,
    tiny_codec,
    tiny_conv_model,
    tiny_model,
    typical_frames,
)

ALL = pytest.mark.parametrize("dtype", DTYPES)
FLOATS = pytest.mark.parametrize("dtype", FLOAT_DTYPES)
cached_model = cache(tiny_model)


def codec_of(dtype="uint8", shape=(5,), latent_size=2, n_qualities=1, **options):
    return Codec(cached_model(dtype, shape, latent_size, n_qualities), **options)


def signals_of(codec, n=20):
    """Return signals of every sort: typical, noisy, extreme."""
    x = typical_frames(codec.model, n)
    third = n // 3
    x[:third] = noise_frames(codec.model.dtype, (third, *codec.model.frame_shape))
    if x.dtype.kind != "f":
        x[third : third + 1], x[third + 1 : third + 2] = (*ends_of(x.dtype),)
    return x


def expected_of(codec, x, blob, quality=None):
    """Return what must come back: each block as the networks decode it, or exactly as it was."""
    out, start = [], 0
    for block in blocks_of(blob):
        part = x[start : start + block.n_signals]
        start += block.n_signals
        if block.mode is Mode.CODED:
            part = codec.decode(codec.encode(part, quality), quality)
        if block.mode is Mode.PATCHED:
            symbols, qualities, exact = codec.decoder.blocks.unpack(block)
            assert (exact.mask >= ~np.isfinite(part)).all()
            part = np.where(exact.mask, part, codec.decode(symbols, qualities))
        out.append(part)
    assert start == len(x)
    return np.concatenate([x[:0], *out])


# ---------------------------------------------------------------- inverse


@ALL
@pytest.mark.parametrize("shape", ODD_SHAPES)
def test_what_comes_back_has_the_same_shape_and_dtype(dtype, shape):
    codec = codec_of(dtype, shape)
    for n in (0, 1, 2, 20):
        x = signals_of(codec, n)
        blob = codec.compress(x)
        y = codec.decompress(blob)
        assert_identical(y, expected_of(codec, x, blob))
        assert y.flags.writeable
        assert codec.encode(x).shape == (n, codec.model.latent_size)
        assert codec.encode(x).dtype == np.int32


@ALL
@pytest.mark.parametrize("quality", [1, 2, 3])
def test_a_coded_block_decompresses_to_what_its_symbols_decode_to(dtype, quality):
    codec = codec_of(dtype, (3, 5, 2), 2, 3)
    x = typical_frames(codec.model, 200)
    blob = codec.compress(x, quality)
    (block,) = blocks_of(blob)
    assert block.mode in {Mode.CODED, Mode.LEARNED}
    assert block.quality == quality
    assert len(blob) < x.nbytes / 4
    assert_identical(codec.decompress(blob), codec.decode(codec.encode(x, quality), quality))


@ALL
def test_a_stored_or_deflated_block_comes_back_exactly(dtype, monkeypatch):
    codec = codec_of(dtype, (8,), 8)
    storm = np.random.default_rng(0).integers(INT32.min, INT32.max, (300, 8), dtype=np.int32)
    stormy = lambda x, *_, **__: Found.rounded(storm[: len(x)])  # noqa: E731
    monkeypatch.setattr(codec.encoder.symbol_encoder, "encode", stormy)
    noise = noise_frames(dtype, (300, 8))
    few = np.tile(noise[:1], (300, 1))
    for x in (noise, few):
        blob = codec.compress(x)
        assert Mode.CODED not in [block.mode for block in blocks_of(blob)]
        assert_identical(codec.decompress(blob), x)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_gives_a_codec(activation):
    codec = Codec(tiny_model("int16", (3, 5), 2, 3, activation))
    x = typical_frames(codec.model, 100)
    blob = codec.compress(x, 3)
    assert_identical(codec.decompress(blob), expected_of(codec, x, blob, 3))


def test_the_default_quality_is_the_middle_one():
    codec = codec_of("uint8", (3, 5), 2, 3)
    x = typical_frames(codec.model, 50)
    assert codec.compress(x) == codec.compress(x, 2) != codec.compress(x, 3)
    np.testing.assert_array_equal(codec.encode(x), codec.encode(x, 2))
    y = codec.encode(x)
    np.testing.assert_array_equal(codec.decode(y), codec.decode(y, 2))


def test_no_signals_make_an_archive_without_blocks():
    codec = codec_of("float32", (3, 5, 2))
    blob = codec.compress(np.empty((0, 3, 5, 2), np.float32))
    assert blocks_of(blob) == []
    assert len(blob) <= 64
    assert codec.decompress(blob).shape == (0, 3, 5, 2)


def test_an_embedded_model_is_the_file_of_the_decoder_alone():
    codec = codec_of("int8", (3, 5))
    x = typical_frames(codec.model, 9)
    blob = codec.compress(x, embed_model=True)
    header = ArchiveReader(io.BytesIO(blob)).header
    assert header.embedded_model == codec.without_encoder().model_bytes
    assert len(header.embedded_model) < len(codec.model_bytes)
    again = Codec.from_bytes(header.embedded_model)
    assert_identical(again.decompress(blob), codec.decompress(codec.compress(x)))


# ---------------------------------------------------------------- blocks


def test_large_frames_make_several_blocks():
    codec = codec_of("float64", (64, 64))
    x = typical_frames(codec.model, 150)
    blob = codec.compress(x)
    full = MAX_BLOCK_BYTES // x[0].nbytes
    assert [block.n_signals for block in blocks_of(blob)] == [full, full, 150 - 2 * full]
    assert_identical(codec.decompress(blob), codec.decode(codec.encode(x)))


def test_small_frames_make_blocks_of_16383_signals():
    codec = codec_of("uint8", (1,), 1)
    x = typical_frames(codec.model, 40_000)
    blob = codec.compress(x)
    assert [block.n_signals for block in blocks_of(blob)] == [16_383, 16_383, 7_234]
    assert_identical(codec.decompress(blob), expected_of(codec, x, blob))


def test_larger_blocks_are_made_where_they_are_asked_for():
    codec = codec_of("uint8", (1,), 1)
    x = typical_frames(codec.model, 40_000)
    blob = codec.compress(x, block_signals=30_000)
    assert [block.n_signals for block in blocks_of(blob)] == [30_000, 10_000]
    assert_identical(codec.decompress(blob), expected_of(codec, x, blob))
    with narrows.open(blob, codec) as archive:
        assert_identical(archive[29_999:30_001], codec.decompress(blob)[29_999:30_001])


def test_a_frame_larger_than_a_block_has_a_block_of_its_own(monkeypatch):
    codec = codec_of("int16", (3, 5, 2))
    monkeypatch.setattr(BLOCK_LIMIT, 7)
    x = signals_of(codec)
    blob = codec.compress(x)
    assert [block.n_signals for block in blocks_of(blob)] == [1] * len(x)
    assert_identical(codec.decompress(blob), expected_of(codec, x, blob))


def test_blocks_of_every_mode_come_back_in_order(monkeypatch):
    codec = codec_of("uint8", (3, 5), 12)
    monkeypatch.setattr(BLOCK_LIMIT, 3 * 15)
    parts = [typical_frames(codec.model, 3), noise_frames("uint8", (3, 3, 5)),
             np.full((3, 3, 5), 255, np.uint8)]  # fmt: skip
    x = np.concatenate(parts * 2)
    blob = codec.compress(x)
    modes = [Mode.CODED, Mode.STORED, Mode.DEFLATED] * 2
    assert [block.mode for block in blocks_of(blob)] == modes
    assert_identical(codec.decompress(blob), expected_of(codec, x, blob))


def test_blocks_are_given_one_by_one(monkeypatch):
    codec = codec_of("uint8", (3, 5))
    monkeypatch.setattr(BLOCK_LIMIT, 4 * 15)
    x = typical_frames(codec.model, 10)
    blob = codec.compress(x)
    parts = list(codec.decoder.decompress_from(ShortReads(blob)))
    assert [len(part) for part in parts] == [4, 4, 2]
    assert_identical(np.concatenate(parts), codec.decompress(blob))


def test_compressing_to_a_stream_writes_the_same_bytes(monkeypatch):
    codec = codec_of("uint8", (3, 5))
    monkeypatch.setattr(BLOCK_LIMIT, 4 * 15)
    x = typical_frames(codec.model, 10)
    stream = io.BytesIO()
    codec.encoder.compress_to(stream, codec.encoder.header(), x, Request())
    assert stream.getvalue() == codec.compress(x)
    assert not stream.closed


# ---------------------------------------------------------------- numbers that are none


@FLOATS
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nan_or_infinity_comes_back_and_its_block_is_coded(dtype, value):
    codec = codec_of(dtype, (3, 5))
    x = typical_frames(codec.model, 300)
    whole = codec.compress(x)
    expected = codec.decompress(whole)
    x[7, 1, 2], x[9] = value, value
    blob = codec.compress(x)
    assert [block.mode for block in blocks_of(blob)] == [Mode.PATCHED]
    assert len(blob) < len(whole) + 70
    decoded = codec.decompress(blob)
    others = np.arange(300) % 300 != 7
    others[9] = False
    assert_identical(decoded[others], expected[others])
    assert_identical(decoded[9], x[9])
    assert decoded[7, 1, 2].tobytes() == x[7, 1, 2].tobytes()
    assert np.isfinite(np.delete(decoded[7], 7)).all()


@FLOATS
def test_every_bit_of_a_nan_is_kept(dtype):
    codec = codec_of(dtype, (2,))
    random = np.random.default_rng(0).bytes(2 * 10 * np.dtype(dtype).itemsize)
    x = np.frombuffer(random, dtype).reshape(10, 2).copy()
    bits = x.view(f"u{x.itemsize}")
    exponent = np.array([np.inf], dtype).view(bits.dtype)[0]
    bits |= exponent  # all are NaN now, quiet and signalling, of both signs
    assert np.isnan(x).all()
    assert_identical(codec.decompress(codec.compress(x)), x)


@FLOATS
def test_nan_leaves_other_blocks_alone(dtype, monkeypatch):
    codec = codec_of(dtype, (3, 5))
    x = typical_frames(codec.model, 30)
    monkeypatch.setattr(BLOCK_LIMIT, 10 * x[0].nbytes)
    x[15] = np.nan
    blob = codec.compress(x)
    modes = [block.mode for block in blocks_of(blob)]
    assert modes == [Mode.CODED, Mode.PATCHED, Mode.CODED]
    assert_identical(codec.decompress(blob), expected_of(codec, x, blob))


@FLOATS
def test_minus_zero_never_leaves_the_decoder(dtype):
    codec = codec_of(dtype, (3, 5))
    symbols = np.random.default_rng(0).integers(-50, 50, (500, 2))
    y = codec.decode(np.concatenate([symbols, np.zeros((3, 2), int)]))
    assert not np.signbit(y[y == 0]).any()
    assert np.isfinite(y).all()


@ALL
def test_any_int32_latents_decode_to_signals(dtype):
    codec = codec_of(dtype, (3, 5), 2, 3)
    ends = np.array([[-(2**31), 2**31 - 1], [2**31 - 1, -(2**31)], [0, 0]], np.int32)
    for quality in (1, 2, 3):
        y = codec.decode(ends, quality)
        assert y.dtype == dtype
        assert np.isfinite(y).all()


@pytest.mark.parametrize("kind", ["int8", "uint8", "int16", "uint32", "int64", "uint64"])
def test_latents_may_be_integers_of_any_kind(kind):
    codec = codec_of()
    y = np.array([[1, 2], [3, 100]])
    assert_identical(codec.decode(y.astype(kind)), codec.decode(y))
    assert_identical(codec.decode(y.tolist()), codec.decode(y))


def rounded(latents):
    return np.clip(np.floor(latents + 0.5), -(2**31), 2**31 - 1).astype(np.int32)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("quality", [1, 2, 3])
def test_rounded_latents_are_the_symbols(dtype, quality):
    codec = tiny_codec(dtype, n_qualities=3)
    x = np.concatenate([typical_frames(codec.model, 40), noise_frames(dtype, (20, 5))])
    latents = codec.latents(x, quality)
    assert latents.dtype == np.float64
    assert latents.shape == (60, codec.model.latent_size)
    assert (latents != np.round(latents)).any()
    assert np.array_equal(rounded(latents), codec.encode(x, quality))


def test_the_default_quality_is_that_of_encode():
    codec = tiny_codec(n_qualities=3)
    x = typical_frames(codec.model, 9)
    assert np.array_equal(codec.latents(x), codec.latents(x, 2))


def test_no_signals_have_no_latents():
    codec = tiny_codec()
    assert codec.latents(np.empty((0, 5), np.uint8)).shape == (0, 2)


def test_a_model_without_an_encoder_and_other_signals_are_refused():
    codec = tiny_codec()
    with pytest.raises(ModelError, match="no encoder"):
        codec.without_encoder().latents(typical_frames(codec.model, 3))
    with pytest.raises(DataError, match="uint8"):
        codec.latents(np.zeros((3, 5)))


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float64"])
@pytest.mark.parametrize("quality", [1, 2, 3])
@pytest.mark.parametrize("n", [0, 1, 400])
def test_an_archive_comes_back_as_its_latents_say(dtype, quality, n):
    codec = Codec(tiny_model(dtype, (6, 4), 4, 3, contexts=(2, 3)))
    x = typical_frames(codec.model, n)
    blob = codec.compress(x, quality)
    assert [block.quality for block in blocks_of(blob)] == [quality] * (n > 0)
    assert {block.mode for block in blocks_of(blob)} <= {Mode.CODED, Mode.LEARNED}
    symbols = codec.encode(x, quality)
    assert_identical(codec.decompress(blob), codec.decode(symbols, quality))
    if n:
        (block,) = blocks_of(blob)
        assert_identical(codec.decoder.blocks.unpack(block).values, symbols)


def test_a_context_changes_the_payload_and_not_the_signals():
    model = mixed_model()
    plain = replace(model, contexts=[None] * 3, known_answers=None)
    x = typical_frames(model, 200)
    for quality in (2, 3):
        with_one, without = Codec(model).compress(x, quality), Codec(plain).compress(x, quality)
        assert blocks_of(with_one)[0].payload != blocks_of(without)[0].payload
        assert_identical(Codec(model).decompress(with_one), Codec(plain).decompress(without))
    ours, theirs = (blocks_of(Codec(each).compress(x, 1)) for each in (model, plain))
    assert ours[0].payload == theirs[0].payload


def test_signals_unlike_the_typical_ones_come_back_too():
    codec = Codec(tiny_model("float32", (6, 4), 4, contexts=(1,)))
    x = noise_frames("float32", (40, 6, 4))
    symbols = codec.encode(x)
    coder = SymbolCoder(codec.model.quality(1).tables)
    assert_identical(coder.decode(coder.encode(symbols), 40), symbols)
    for signal, decoded_signal in zip(x, codec.decode(symbols), strict=True):
        packet = codec.compress_packet(signal)
        assert_identical(codec.decompress_packet(packet), decoded_signal)


def test_a_model_of_convolutions_may_have_a_context():
    codec = Codec(tiny_conv_model("uint8", (7, 5), contexts=(1,)))
    x = typical_frames(codec.model, 50)
    again = Codec.from_bytes(codec.model_bytes)
    assert_identical(again.decompress(codec.compress(x)), codec.decode(codec.encode(x)))


def test_info_shows_the_context_model_of_the_default_quality(tmp_path):
    from narrows.cli.info import describe_model

    codec = Codec(tiny_model(n_qualities=3, latent_size=3, contexts=(2,)))
    codec.save(tmp_path / "m.narrows")
    layers = describe_model(str(tmp_path / "m.narrows"))["layers"]
    (row,) = [row for row in layers if row["layer"] == "context model"]
    assert row["part"] == "bottleneck"
    assert row["parameters"] == sum(t.size for t in codec.model.contexts[1].tensors().values())
