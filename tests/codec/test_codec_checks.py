"""What a codec refuses, in one line that names what it received and what it takes."""

import io
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import narrows
from narrows.codec.archive import Block, Header, Mode
from narrows.codec.codec import Codec
from narrows.codec.encoding.requests import Request
from narrows.codec.networks.backend import NUMPY
from narrows.errors import DataError, FormatError, SettingError, WrongModelError
from tests.helpers.archives import written
from tests.helpers.tiny_models import (
    DTYPES,
    assert_identical,
    assert_one_line,
    blocks_of,
    refusing,
    tiny_codec,
    typical_frames,
)

CODEC = tiny_codec("uint8", (3, 5), 2, 3)
X = typical_frames(CODEC.model, 20)
HEADER = CODEC.encoder.header()


def refused(function, *args, error=DataError, words=()):
    with refusing(error, *words):
        function(*args)


# ---------------------------------------------------------------- signals


@pytest.mark.parametrize(
    "dtype", [*sorted({*DTYPES, "bool", "int64", "float16"} - {"uint8", "int8"})]
)
@pytest.mark.parametrize("function", [CODEC.compress, CODEC.encode])
def test_signals_of_another_dtype_are_refused(function, dtype):
    x = X.astype(dtype)
    with pytest.raises(DataError) as caught:
        function(x)
    assert_one_line(caught.value, str(np.dtype(dtype)), "(n, 3, 5) of uint8")
    converted = eval(re.findall(r"x\.astype\('\w+'\)", str(caught.value))[0], {"x": x})
    np.testing.assert_array_equal(converted, x)


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (X.astype(np.int16) - 300, "values from -"),
        (X.astype(np.int8) - np.int8(1), "values from -"),
        (X.astype(np.float32) + 300, "do not fit in uint8: train a model"),
        (np.full(X.shape, np.nan), "NaN and infinity do not fit in uint8: fill them in"),
        (X.astype(np.complex64), "np.stack([x.real, x.imag], axis=-1)"),
        (np.full(X.shape, "abc"), "leave out what is no number"),
    ],
)
def test_values_that_do_not_fit_are_not_to_be_cast(x, words):
    with pytest.raises(DataError) as caught:
        CODEC.compress(x)
    assert_one_line(caught.value, words)
    assert "astype('uint8')" not in str(caught.value)


def test_advice_on_the_shape_keeps_every_value_at_its_place():
    for x, signals in ((X.reshape(len(X), -1), X), (X.transpose(0, 2, 1), X), (X[0], X[:1])):
        with pytest.raises(DataError) as caught:
            CODEC.compress(x)
        advice = re.findall(r"x\.\w+\(.*?\)", str(caught.value))[0]
        np.testing.assert_array_equal(eval(advice, {"x": x}), signals)


@pytest.mark.parametrize("dtype", ["uint8", "int16"])
def test_fractions_are_to_be_scaled_before_they_are_cast(dtype):
    codec = tiny_codec(dtype, (3, 5), 2, 3)
    with pytest.raises(DataError) as caught:
        codec.transform.check_frames(np.linspace(0, 1, 30, dtype=np.float32).reshape(2, 3, 5))
    assert_one_line(caught.value, "fractions")
    hint = re.findall(r"np\.rint\(.*?'\)", str(caught.value))[1]
    scaled = eval(hint, {"np": np, "x": np.linspace(0, 1, 30)})
    assert scaled.dtype == dtype
    assert scaled[-1] == min(codec.model.peak, np.iinfo(dtype).max)


def test_floats_of_another_size_need_a_cast_only():
    codec = tiny_codec("float32", (3, 5), 2, 3)
    refused(
        codec.transform.check_frames, np.zeros((2, 3, 5)), words=["with x.astype('float32') or"]
    )


@pytest.mark.parametrize(
    "shape", [(), (5,), (3, 5), (4, 5, 3), (4, 15), (4, 3, 5, 1), (0,), (0, 3), (3, 5, 0)]
)
@pytest.mark.parametrize("function", [CODEC.compress, CODEC.encode])
def test_signals_of_another_shape_are_refused(function, shape):
    words = (str(shape), "(n, 3, 5) of uint8", "reshape")
    refused(function, np.zeros(shape, np.uint8), words=words)


def test_a_single_number_is_no_array_of_signals():
    codec = tiny_codec("uint8", ())
    refused(codec.compress, np.zeros((), np.uint8), words=["()"])
    assert codec.decompress(codec.compress(np.zeros(3, np.uint8))).shape == (3,)


def test_nothing_is_written_where_signals_are_refused():
    stream, compress_to = io.BytesIO(), CODEC.encoder.compress_to
    refused(compress_to, stream, HEADER, X.astype(np.int16), Request())
    refused(compress_to, stream, HEADER, X, Request(99), error=SettingError)
    assert stream.getvalue() == b""


@pytest.mark.parametrize("n", [0, 1, HEADER.block_signals, HEADER.block_signals + 1])
def test_parts_of_any_length_make_an_archive_that_can_be_read_or_are_refused(n):
    parts = [X, typical_frames(CODEC.model, n), X]
    stream = io.BytesIO()
    try:
        CODEC.encoder.compress_to(stream, HEADER, iter(parts), Request())
    except DataError as error:
        assert_one_line(error)
    else:
        y = CODEC.decompress(stream.getvalue())
        assert_identical(y, CODEC.decode(CODEC.encode(np.concatenate(parts))))


# ---------------------------------------------------------------- latents


@pytest.mark.parametrize("shape", [(), (2,), (4, 3), (4, 2, 1), (0,), (0, 3)])
def test_latents_of_another_shape_are_refused(shape):
    refused(CODEC.decode, np.zeros(shape, np.int32), words=(str(shape), "(n, 2)"))


@pytest.mark.parametrize("dtype", ["float32", "float64", "bool", "complex64", "U3"])
def test_latents_that_are_no_integers_are_refused(dtype):
    refused(CODEC.decode, np.zeros((4, 2), dtype), words=(str(np.dtype(dtype)), "integers"))


@pytest.mark.parametrize("value", [2**31, -(2**31) - 1, 2**63 - 1, -(2**63)])
def test_latents_outside_int32_are_refused(value):
    refused(CODEC.decode, np.array([[0, value]]), words=["int32"])
    refused(CODEC.decode, np.array([[2**64 - 1, 0]], np.uint64), words=["int32"])


# ---------------------------------------------------------------- settings


def with_quality(name, quality):
    function = getattr(CODEC, name)
    return function(CODEC.encode(X) if name == "decode" else X, quality)


@pytest.mark.parametrize("quality", [0, 4, -1, 255])
@pytest.mark.parametrize("name", ["compress", "encode", "decode"])
def test_a_quality_that_the_model_has_not_is_refused(name, quality):
    words = (str(quality), "qualities 1 to 3")
    refused(with_quality, name, quality, error=SettingError, words=words)


@pytest.mark.parametrize("quality", [1.5, 2.0, "best", True, [1]])
@pytest.mark.parametrize("name", ["compress", "encode", "decode"])
def test_a_quality_that_is_no_whole_number_is_refused(name, quality):
    refused(with_quality, name, quality, error=SettingError, words=[str(quality)])


def test_a_model_of_one_quality_says_so():
    codec = tiny_codec()
    refused(codec.encode, typical_frames(codec.model, 3), 2, error=SettingError,
            words=["quality 2", "quality 1 alone"])  # fmt: skip


def test_a_quality_may_be_any_kind_of_integer():
    assert CODEC.compress(X, np.int64(3)) == CODEC.compress(X, 3)


@pytest.mark.parametrize("batch_size", [0, -1])
def test_a_batch_size_below_one_is_refused(batch_size):
    refused(Codec, CODEC.model, NUMPY, batch_size, error=SettingError,
            words=[str(batch_size), "at least 1"])  # fmt: skip


# ---------------------------------------------------------------- archives of other models


def test_a_wrong_model_names_both():
    other = tiny_codec("uint8", (3, 5), 2, 3, seed=1)
    for blob in (CODEC.compress(X), CODEC.compress(X, embed_model=True)):
        refused(other.decompress, blob, error=WrongModelError,
                words=[CODEC.model_id, other.model_id, "-m"])  # fmt: skip


def test_a_wrong_model_is_refused_before_a_block_is_read():
    other = tiny_codec(seed=1)
    refused(other.decoder.decompress_from, io.BytesIO(CODEC.compress(X)), error=WrongModelError)


def header_like(codec, **changes):
    model = codec.model
    return replace(Header(model.model_id, model.dtype, model.frame_shape), **changes)


@pytest.mark.parametrize(
    "changes", [{"dtype": np.dtype("int8")}, {"frame_shape": (5, 3)}, {"frame_shape": (15,)}]
)
def test_frames_that_are_not_the_models_are_refused(changes):
    blob = written(header_like(CODEC, **changes), [])
    refused(CODEC.decompress, blob, error=FormatError)


@pytest.mark.parametrize("quality", [4, 9, 15])
def test_a_block_of_a_quality_that_the_model_has_not_is_refused(quality):
    block = replace(blocks_of(CODEC.compress(X))[0], quality=quality)
    blob = written(header_like(CODEC), [block])
    refused(CODEC.decompress, blob, error=FormatError, words=[f"quality {quality}"])


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("payload", [b"", b"\x00", b"\xff" * 15, b"x\x9c", bytes(15), b"\x80" * 6])
def test_payloads_of_garbage_are_refused_or_decode_to_signals(mode, payload):
    blob = written(header_like(CODEC), [Block(mode, 2, 1, payload)])
    try:
        y = CODEC.decompress(blob)
    except FormatError as error:
        assert_one_line(error)
    else:
        assert (y.shape, y.dtype) == ((1, 3, 5), np.uint8)


def test_random_payloads_are_refused_or_decode_to_signals():
    rng = np.random.default_rng(0)
    for _ in range(300):
        n = int(rng.integers(1, 5))
        payload = rng.bytes(int(rng.integers(0, 15 * n + 1)))
        for mode in Mode:
            blob = written(header_like(CODEC), [Block(mode, 2, n, payload)])
            try:
                y = CODEC.decompress(blob)
            except FormatError:
                continue
            assert (y.shape, y.dtype) == ((n, 3, 5), np.uint8)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_latents_stand_for_no_nan_and_no_infinity(value):
    codec = tiny_codec("float32", (3, 5), 2, 3)
    x = typical_frames(codec.model, 4)
    x[2, 1, 3] = value
    for function in (codec.encode, codec.latents):
        refused(function, x, words=["NaN or infinity", "latents", "an archive, which keeps them"])


@pytest.mark.parametrize(
    "blob", ["x.nrw", Path("x.nrw"), None, 3, [1, 2], memoryview(bytes(9))[::2]]
)
def test_what_is_no_archive_in_bytes_is_refused_with_what_reads_a_file(blob):
    for function in (CODEC.decompress, narrows.decompress):
        words = ["must be bytes", "read_bytes()", "narrows.open"]
        refused(function, blob, error=FormatError, words=words)
