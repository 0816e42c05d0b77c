"""WAV files there and back, beside other programs that write and read them."""

import io
import wave

import numpy as np
import pytest

from narrows.errors import DataError
from narrows.signals import read_signals
from narrows.signals.formats import wav
from narrows.signals.formats.wav import open_wav, write_wav
from narrows.signals.reading import Reading
from tests.helpers.tiny_models import refusing

RNG = np.random.default_rng(0)


def samples(dtype, shape, bits=None):
    """Return samples of all values."""
    if dtype.startswith("float"):
        return RNG.uniform(-1, 1, shape).astype(dtype)
    low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
    if bits:
        low, high = -(1 << bits - 1), (1 << bits - 1) - 1
    return RNG.integers(low, high, shape, dtype, endpoint=True)


def written(array, attributes):
    stream = io.BytesIO()
    write_wav(stream, array, attributes)
    return stream.getvalue()


KINDS = [("uint8", None), ("int16", None), ("int32", 24), ("int32", None), ("float32", None),
         ("float64", None)]  # fmt: skip


@pytest.mark.parametrize("shape", [(0,), (1,), (1001,), (333, 2), (7, 5)])
@pytest.mark.parametrize(("dtype", "bits"), KINDS)
def test_samples_and_attributes_come_back(tmp_path, dtype, bits, shape):
    x = samples(dtype, shape, bits)
    attributes = {"rate": 44_100} | ({"bits": 24} if bits else {})
    (tmp_path / "x.wav").write_bytes(content := written(x, attributes))
    source = open_wav(tmp_path / "x.wav")
    assert (source.shape, source.dtype, dict(source.attributes)) == (shape, x.dtype, attributes)
    assert source.read().tobytes() == x.tobytes()
    assert np.array_equal(source.part(3, 6), x[3:6])
    assert written(source.read(), source.attributes) == content


@pytest.mark.parametrize(("dtype", "bits"), KINDS[:4])
@pytest.mark.parametrize("channels", [1, 2])
def test_the_standard_library_reads_what_is_written(dtype, bits, channels):
    x = samples(dtype, (100, channels)[:channels], bits)
    with wave.open(io.BytesIO(written(x, {"rate": 16_000, "bits": bits}))) as file:
        kind = (file.getnchannels(), file.getframerate(), file.getsampwidth(), file.getnframes())
        data = file.readframes(100)
    assert kind == (channels, 16_000, (bits or x.itemsize * 8) // 8, 100)
    if bits:
        low = np.frombuffer(data, np.uint8).reshape(-1, 3)
        assert np.array_equal(low[:, 0], (x.ravel() & 255).astype(np.uint8))
    else:
        assert data == x.astype(x.dtype.newbyteorder("<")).tobytes()


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
@pytest.mark.parametrize("form", ["WAV", "WAVEX"])
@pytest.mark.parametrize("channels", [1, 3])
def test_files_of_libsndfile_are_read(tmp_path, subtype, form, channels):
    soundfile = pytest.importorskip("soundfile")
    x = RNG.uniform(-0.9, 0.9, (500, channels))
    soundfile.write(tmp_path / "x.wav", x, 22_050, subtype=subtype, format=form)
    source = open_wav(tmp_path / "x.wav")
    assert source.attributes["rate"] == 22_050
    scale, shift = {"PCM_U8": (128, 128), "PCM_16": (2**15, 0), "PCM_24": (2**23, 0),
                    "PCM_32": (2**31, 0)}.get(subtype, (1, 0))  # fmt: skip
    back = (source.read().astype(np.float64) - shift) / scale
    theirs, _ = soundfile.read(tmp_path / "x.wav")
    assert back.shape == theirs.shape
    assert np.abs(back - theirs).max() < 1e-12


def test_what_24_bits_cannot_hold_is_clipped(tmp_path):
    x = np.array([2**23, -(2**23) - 1, 2**31 - 1, 5], np.int32)
    (tmp_path / "x.wav").write_bytes(written(x, {"bits": 24}))
    assert open_wav(tmp_path / "x.wav").read().tolist() == [2**23 - 1, -(2**23), 2**23 - 1, 5]


def test_chunks_before_and_after_the_samples_are_passed_over(tmp_path):
    x = samples("int16", (9,))
    content = written(x, {"rate": 8000})
    odd = b"LIST" + (3).to_bytes(4, "little") + b"abc\0"
    (tmp_path / "x.wav").write_bytes(content[:12] + odd + content[12:] + odd)
    assert np.array_equal(open_wav(tmp_path / "x.wav").read(), x)


def test_samples_of_a_length_that_a_pipe_did_not_know_go_to_the_end(tmp_path):
    content = bytearray(written(samples("int16", (9,)), {"rate": 8000}))
    content[40:44] = b"\xff\xff\xff\xff"
    (tmp_path / "x.wav").write_bytes(content)
    assert open_wav(tmp_path / "x.wav").shape == (9,)


@pytest.mark.parametrize("length", [0, 11, 12, 20, 30, 43, 50])
def test_a_truncated_file_is_named_in_one_line(tmp_path, length):
    (tmp_path / "x.wav").write_bytes(written(samples("int16", (50,)), {})[:length])
    with refusing(DataError, match=r"x\.wav"):
        read_signals(tmp_path / "x.wav", Reading(window=4))


def test_compressed_samples_are_refused(tmp_path):
    content = bytearray(written(samples("int16", (9,)), {}))
    content[20:22] = (6).to_bytes(2, "little")  # A-law
    (tmp_path / "x.wav").write_bytes(content)
    with pytest.raises(DataError, match="WAV of code 6 with 16 bits"):
        open_wav(tmp_path / "x.wav")


@pytest.mark.parametrize("array", [np.zeros((2, 3, 4), "i2"), np.zeros(4, "u2")])
def test_what_wav_cannot_hold_is_refused(array):
    with pytest.raises(DataError, match=r"write \.npy instead"):
        written(array, {})


@pytest.mark.parametrize("rate", ["fast", -1, 1 << 32, 0.5, None])
def test_attributes_of_an_archive_are_not_trusted(rate):
    assert int.from_bytes(written(np.zeros(4, "i2"), {"rate": rate})[24:28], "little") == 8000


def test_files_of_more_than_4_gib_are_rf64(tmp_path, monkeypatch):
    x = np.arange(1000, dtype=np.int16)
    monkeypatch.setattr(wav, "MAX_RIFF", 999)
    with (tmp_path / "x.wav").open("wb") as stream:
        wav.write_wav(stream, x, {"rate": 44100})
    content = (tmp_path / "x.wav").read_bytes()
    assert content[:4] == b"RF64"
    assert int.from_bytes(content[20:28], "little") == len(content) - 8
    source = wav.open_wav(tmp_path / "x.wav")
    assert (source.read().tolist(), source.attributes) == (x.tolist(), {"rate": 44100})
    soundfile = pytest.importorskip("soundfile")
    assert np.array_equal(soundfile.read(tmp_path / "x.wav", dtype="int16")[0], x)
