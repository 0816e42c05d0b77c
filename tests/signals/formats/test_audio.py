"""Recordings by libsndfile there and back: rates, channels, bits and values."""

import numpy as np
import pytest

from narrows.errors import DataError
from narrows.signals.formats.audio import AUDIO, LOSSY_AUDIO, open_audio, save_audio
from narrows.signals.formats.registry import find_format
from tests.helpers.tiny_models import refusing

soundfile = pytest.importorskip("soundfile", reason="recordings are read by soundfile; extra audio")

RNG = np.random.default_rng(0)
CASES = [
    (".flac", "PCM_16", "int16", 16),
    (".flac", "PCM_24", "int32", 24),
    (".flac", "PCM_S8", "int16", 8),
    (".aiff", "PCM_16", "int16", 16),
    (".aif", "PCM_32", "int32", 32),
    (".aiff", "FLOAT", "float32", 0),
    (".w64", "PCM_U8", "int16", 8),
    (".caf", "DOUBLE", "float64", 0),
    (".au", "PCM_24", "int32", 24),
]
LOSSY = [(".ogg", "OGG", "VORBIS"), (".mp3", "MP3", "MPEG_LAYER_III")]


def recorded(dtype, bits, shape):
    if not bits:
        return RNG.uniform(-1, 1, shape).astype(dtype)
    return RNG.integers(-(1 << bits - 1), 1 << bits - 1, shape).astype(dtype)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("suffix", "subtype", "dtype", "bits"), CASES)
def test_samples_rates_and_kinds_come_back(tmp_path, suffix, subtype, dtype, bits, channels):
    x = recorded(dtype, bits, (501, channels)[:channels])
    path = tmp_path / f"x{suffix}"
    save_audio(path, x, {"rate": 11_025, "subtype": subtype})
    info = soundfile.info(str(path))
    assert (info.samplerate, info.channels, info.subtype) == (11_025, channels, subtype)
    assert find_format(path) is AUDIO
    source = open_audio(path)
    assert (source.shape, source.dtype) == (x.shape, x.dtype)
    assert np.array_equal(source.read(), x)
    assert np.array_equal(source.part(100, 103), x[100:103])
    save_audio(tmp_path / f"y{suffix}", source.read(), source.attributes)
    assert np.array_equal(open_audio(tmp_path / f"y{suffix}").read(), x)


def test_what_other_programs_wrote_has_its_values(tmp_path):
    x = recorded("int16", 16, (300, 2))
    soundfile.write(tmp_path / "x.flac", x, 8000, "PCM_16")
    assert np.array_equal(open_audio(tmp_path / "x.flac").read(), x)
    save_audio(tmp_path / "y.flac", x, {})
    assert np.array_equal(soundfile.read(tmp_path / "y.flac", dtype="int16")[0], x)


@pytest.mark.parametrize(("suffix", "kind", "subtype"), LOSSY)
def test_lossy_recordings_come_back_as_flac(tmp_path, suffix, kind, subtype):
    x = (8000 * np.sin(np.arange(4000) / 9)).astype(np.int16)
    soundfile.write(tmp_path / f"x{suffix}", x, 8000, subtype, format=kind)
    assert find_format(tmp_path / f"x{suffix}") is LOSSY_AUDIO
    source = open_audio(tmp_path / f"x{suffix}")
    assert source.dtype == np.int16
    assert LOSSY_AUDIO.written_as in AUDIO.suffixes
    save_audio(tmp_path / "x.flac", source.read(), source.attributes)
    assert np.array_equal(open_audio(tmp_path / "x.flac").read(), source.read())


def test_values_beyond_24_bits_are_clipped(tmp_path):
    save_audio(
        tmp_path / "x.flac", np.array([1 << 30, -(1 << 30)], np.int32), {"subtype": "PCM_24"}
    )
    assert open_audio(tmp_path / "x.flac").read().tolist() == [(1 << 23) - 1, -(1 << 23)]


@pytest.mark.parametrize(
    ("suffix", "x"),
    [
        (".flac", np.zeros(9, np.float32)),
        (".flac", np.zeros((2, 2, 2), np.int16)),
        (".aiff", np.zeros(9, np.uint16)),
        (".flac", np.zeros((9, 12), np.int16)),
    ],
)
def test_what_a_format_cannot_hold_is_said(tmp_path, suffix, x):
    with refusing(DataError, match=r"write \.wav"):
        save_audio(tmp_path / f"x{suffix}", x, {})


def test_attributes_of_someone_elses_do_no_harm(tmp_path):
    x = recorded("int16", 16, 9)
    for number, attributes in enumerate([{"rate": -1}, {"rate": "a"}, {"subtype": ["x"]}]):
        path = tmp_path / f"{number}.flac"
        save_audio(path, x, attributes)
        assert np.array_equal(open_audio(path).read(), x)


def test_damage_is_named(tmp_path):
    for content in (b"fLaC", b"fLaC" + bytes(60), b"OggS" + bytes(60)):
        (tmp_path / "x.flac").write_bytes(content)
        with refusing(DataError, match=r"x\.flac"):
            open_audio(tmp_path / "x.flac").read()
