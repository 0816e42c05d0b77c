"""WFDB records there and back; a header's own sums say whether samples are read right."""

import os

import numpy as np
import pytest

from narrows.errors import DataError
from narrows.signals import read_signals
from narrows.signals.formats.wfdb import open_wfdb, pack_212, save_wfdb, unpack_212
from narrows.signals.members import files_in
from narrows.signals.reading import Reading
from tests.helpers.tiny_models import refusing

RNG = np.random.default_rng(0)


def record(folder, lines, name="x"):
    """Write a header of some lines, and return its path."""
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.hea").write_text("\n".join(lines) + "\n")
    return folder / f"{name}.hea"


def sums(x):
    """Return the sums of channels as headers have them: 16 bits, signed."""
    return ((x.sum(axis=0, dtype=np.int64) + 0x8000) % 0x10000 - 0x8000).tolist()


@pytest.mark.parametrize("n", range(7))
def test_pairs_of_12_bits_come_back(n):
    x = RNG.integers(-2048, 2048, n).astype(np.int16)
    x[: n // 2] = [-2048, 2047, -1][: n // 2]
    stored = pack_212(x)
    assert len(stored) == (3 * n + 1) // 2
    assert np.array_equal(unpack_212(stored), x)


def test_bytes_of_212_are_those_of_the_specification():
    # Low bytes first and third; the middle one has the high bits, those of the first below.
    assert pack_212(np.array([0x123, 0x456], np.int16)).tolist() == [0x23, 0x41, 0x56]


@pytest.mark.parametrize("kind", ["212", "16"])
@pytest.mark.parametrize(("length", "channels"), [(5, 1), (5, 3), (6, 2), (1, 1), (0, 2)])
def test_records_come_back(tmp_path, kind, length, channels):
    x = RNG.integers(-2048, 2048, (length, channels)).astype(np.int16)
    lines = [f"x {channels} 360 {length}", *[f"x.dat {kind} 200 11 1024 0 0 0 lead I"] * channels]
    attributes = {"rate": 360, "header": "\n".join([*lines, "# 69 M"])}
    save_wfdb(tmp_path / "x.hea", x, attributes)
    source = open_wfdb(tmp_path / "x.hea")
    assert (source.shape, source.dtype, source.attributes["rate"]) == (x.shape, np.int16, 360)
    assert np.array_equal(source.read(), x)
    assert np.array_equal(source.part(1, 4), x[1:4])
    written = source.attributes["header"].splitlines()
    assert written[0] == lines[0]
    assert written[-1] == "# 69 M"
    assert [line.split()[6] for line in written[1:-1]] == [str(total) for total in sums(x)]
    assert all(line.endswith(" 0 lead I") for line in written[1:-1])


def test_files_of_several_channels_get_the_name_of_the_record(tmp_path):
    x = RNG.integers(-999, 999, (9, 3)).astype(np.int16)
    header = "a 3 100 9\n# between\na.dat 16+24\na.dat 16\na_2.dat 212 50"
    save_wfdb(tmp_path / "b.hea", x, {"header": header})
    lines = (tmp_path / "b.hea").read_text().splitlines()
    assert lines[:2] == ["b 3 100 9", "# between"]
    assert lines[2].startswith(f"b.dat 16 200 12 0 {x[0, 0]} ")
    assert lines[4].startswith(f"a_2.dat 212 50 12 0 {x[0, 2]} ")
    assert np.array_equal(open_wfdb(tmp_path / "b.hea").read(), x)


def test_lossy_samples_stay_in_12_bits(tmp_path):
    x = np.array([[3000], [-3000]], np.int16)
    save_wfdb(tmp_path / "x.hea", x, {"header": "x 1 360 2\nx.dat 212"})
    assert open_wfdb(tmp_path / "x.hea").read().tolist() == [[2047], [-2048]]


@pytest.mark.parametrize("header", [None, "", "x 1 360 7\nx.dat 16", "x 2 360\n../y 16\ny 16"])
def test_samples_that_no_header_fits_get_a_plain_one(tmp_path, header):
    x = RNG.integers(-32768, 32768, (4, 2)).astype(np.int16)
    save_wfdb(tmp_path / "x.hea", x, {"rate": 8000, "header": header})
    source = open_wfdb(tmp_path / "x.hea")
    assert source.attributes["header"].startswith("x 2 8000 4\nx.dat 16 200 12 0 ")
    assert np.array_equal(source.read(), x)
    assert sorted(os.listdir(tmp_path)) == ["x.dat", "x.hea"]


def test_names_that_meet_write_nothing(tmp_path):
    x = np.zeros((2, 3), np.int16)
    for file in ("x.hea", "X.HEA", "nul.dat"):
        with pytest.raises(DataError, match="rename"):
            save_wfdb(tmp_path / "x.hea", x, {"header": f"x 3 1\n{file} 16\ny 16\n{file} 16"})
    assert os.listdir(tmp_path) == []


FAULTS = [
    (["x/3 2 360 100"], "several segments"),
    (["x 2 360 4", "x.dat 212"], "2 channels announced, 1 described"),
    (["x 0 360 4"], "0 channels announced"),
    (["x 1 360 4", "x.dat 8"], "the WFDB format 8; accepted are 212 and 16"),
    (["x 1 360 4", "x.dat 212x4"], "the WFDB format 212x4"),
    (["x 1 360 4", "../x.dat 16"], "'../x.dat' as its samples; accepted is a file beside it"),
    (["x 1 360 4", "y.dat 16"], "y.dat' cannot be read: No such file"),
    (["x 1 360 5", "x.dat 16"], "holds 4 samples a channel where .* says 5"),
    (["x one 360 5"], "damaged or incomplete"),
    ([], "damaged or incomplete"),
]


@pytest.mark.parametrize(("lines", "message"), FAULTS)
def test_what_cannot_be_read_is_named_in_one_line(tmp_path, lines, message):
    (tmp_path / "x.dat").write_bytes(bytes(8))
    with refusing(DataError, match=message):
        open_wfdb(record(tmp_path, lines)).read()


def test_files_of_records_are_not_read_on_their_own(tmp_path):
    for name in ("a.dat", "a.atr", "b.npy"):
        (tmp_path / name).write_bytes(b"")
    record(tmp_path, ["a 1"], "a")
    assert [path.name for path in files_in(tmp_path)] == ["a.hea", "b.npy"]


def test_published_records_have_the_sums_of_their_headers(tmp_path, real_data):
    folder = real_data / "ecg"
    source = open_wfdb(folder / "100.hea")
    x = source.read()
    assert x.shape == (650_000, 2)
    assert (x[0].tolist(), sums(x)) == ([995, 1011], [-22131, 20052])
    save_wfdb(tmp_path / "100.hea", x, source.attributes)
    for name in ("100.hea", "100.dat"):
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()
    windows = read_signals(str(folder), reading=Reading(window=256))
    assert windows.shape[1:] == (256, 2)
