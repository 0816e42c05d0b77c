"""What a person may get wrong about files is refused in one line, which says what to do."""

import sys

import numpy as np
import pytest

from narrows.signals.formats import audio, datasets, hdf5, tables, zarr_store
from narrows.signals.formats.wav import write_wav
from tests.helpers.command_line import fails_with_one_line

TRAIN = ("--architecture", "linear", "--latent-size", 2, "-o", "m.narrows")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()


def wav(name, channels=1, dtype="int16", n=400):
    x = np.random.default_rng(0).integers(0, 99, (n, channels)).astype(dtype)
    with open(f"in/{name}.wav", "wb") as stream:
        write_wav(stream, x[:, 0] if channels == 1 else x, {"rate": 8000})


def refused(run, data, *words, options=()):
    assert fails_with_one_line(run("train", data, *TRAIN, *options), *words)


def test_channels_and_types_of_numbers_are_not_mixed(run):
    wav("a")
    wav("b", channels=2)
    one, way = "'a.wav' of 1 channel of int16", "put each kind in a folder of its own"
    refused(run, "in", one, "'b.wav' of 2 channels of int16", way)
    wav("b", dtype="uint8")
    refused(run, "in", one, "'b.wav' of 1 channel of uint8", way)


def test_an_unreadable_file_is_named_and_passed_over_where_that_is_asked(run, tmp_path):
    for name in "ac":
        wav(name)
    (tmp_path / "in" / "b.wav").write_bytes(b"RIFF\x10\0\0\0WAVEfmt ")
    refused(run, "in", "b.wav", "is damaged", "--skip-unreadable")
    done = run("train", "in", *TRAIN, "--window", 16, "--skip-unreadable")
    assert done.code == 0
    assert "skipped: " in done.err
    assert "b.wav" in done.err
    packed = run("compress", "in", "-m", "m.narrows", "--skip-unreadable", "-o", "x.nrw")
    assert packed.code == 0
    assert run("decompress", "x.nrw", "-m", "m.narrows", "-o", "out").code == 0
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["a.wav", "c.wav"]


def test_variables_that_exist_are_listed(run):
    np.savez("x.npz", wind=np.zeros((3, 3)), rain=np.zeros((3, 3)))
    refused(run, "x.npz:snow", "'snow'", "wind", "rain")
    h5py = pytest.importorskip("h5py", reason="HDF5 is read by h5py; extra hdf5")
    with h5py.File("x.h5", "w") as file:
        file["wind"] = file["deep/rain"] = np.zeros((3, 3))
    refused(run, "x.h5:snow", "'snow'", "wind", "deep/rain")
    xr = pytest.importorskip("xarray", reason="data sets are read by xarray; extra xarray")
    data = xr.Dataset({name: (("x", "y"), np.zeros((3, 3))) for name in ("wind", "rain")})
    data.to_netcdf("x.nc", engine="h5netcdf")
    data.to_zarr("x.zarr", consolidated=False)
    for store in ("x.nc", "x.zarr"):
        refused(run, f"{store}:snow", "'snow'", "wind", "rain")
        refused(run, store, "several variables", f"give {store}:rain")


def test_a_window_is_no_longer_than_the_recordings(run):
    wav("a")
    wav("b", n=300)
    longer = "window 401 is longer than the longest recording, 'a.wav' of 400 samples"
    refused(run, "in", longer, "give one of at most 400", options=("--window", 401))


def test_a_table_has_columns_of_numbers(run, tmp_path):
    pytest.importorskip("pyarrow", reason="tables are read by pyarrow; extra tables")
    (tmp_path / "x.csv").write_text("name,place\nAda,here\nBob,there\n")
    refused(run, "x.csv", "no column of numbers", "'name' of string", "give another table")
    (tmp_path / "y.csv").write_text("name,count\n" + "".join(f"a,{n}\n" for n in range(40)))
    refused(run, "y.csv", "'count' of uint8", "FILE:NAME,NAME takes such columns")
    told = run("train", "y.csv:count", *TRAIN, "--window", 8)
    assert told.code == 0, told.err


def test_a_folder_has_files_that_are_signals(run, tmp_path):
    refused(run, "in", "'in' is a folder without files of signals")
    (tmp_path / "in" / ".hidden").write_text("x")
    refused(run, "in", "'in' is a folder without files of signals")
    wav("a", n=0)
    refused(run, "in", "'a.wav'", "empty")


@pytest.mark.parametrize(
    ("name", "head", "package", "loader", "extra"),
    [
        ("x.csv", b"a,b\n1.5,2\n", "pyarrow", tables.arrow, "tables"),
        ("x.parquet", b"PAR1", "pyarrow", tables.arrow, "tables"),
        ("x.h5", hdf5.MAGIC, "h5py", hdf5._h5py, "hdf5"),
        ("x.nc", b"CDF\1", "xarray", datasets.xarray, "xarray"),
        ("x.zarr", None, "zarr", zarr_store._zarr, "xarray"),
        ("x.flac", b"fLaC", "soundfile", audio._soundfile, "audio"),
        ("x.png", b"\x89PNG\r\n\x1a\n", "PIL", None, "images"),
        ("memory://x.npy", b"", "fsspec", None, "remote"),
    ],
)
def test_what_is_not_installed_is_named_with_the_line_that_installs_it(
    run, tmp_path, monkeypatch, name, head, package, loader, extra
):
    if head is None:
        (tmp_path / name).mkdir()
        (tmp_path / name / "zarr.json").write_text("{}")
    elif head:
        (tmp_path / name).write_bytes(head)
    if loader is not None:
        loader.cache_clear()
    monkeypatch.setitem(sys.modules, package, None)
    refused(run, name, f"pip install 'narrows[{extra}]'", "is not installed")
