"""HDF5, NetCDF and Zarr there and back: names, dimensions, coordinates, attributes, types."""

import numpy as np
import pytest

from narrows.errors import DataError, FormatError
from narrows.signals import read_signals
from narrows.signals.formats.datasets import data_set_of
from narrows.signals.formats.hdf5 import HDF5, open_hdf5, save_hdf5
from narrows.signals.formats.registry import find_format
from narrows.signals.formats.values import pack_arrays, unpack_arrays
from narrows.signals.formats.zarr_store import (
    NETCDF,
    ZARR,
    open_netcdf,
    open_zarr,
    save_netcdf,
    save_zarr,
)
from narrows.signals.reading import Reading
from tests.helpers.tiny_models import refusing

h5py = pytest.importorskip("h5py", reason="HDF5 is read by h5py; extra hdf5")
xr = pytest.importorskip("xarray", reason="data sets are read by xarray; extra xarray")
zarr = pytest.importorskip("zarr", reason="Zarr is read by zarr; extra xarray")

RNG = np.random.default_rng(0)


def climate(kind="float32"):
    """Return a data set of one field with coordinates, and things that belong to them."""
    field = RNG.normal(280, 9, (20, 9, 7)).astype(kind)
    data = xr.Dataset(
        {
            "air": (
                ("time", "lat", "lon"),
                field,
                {"units": "K", "_FillValue": field.dtype.type(-9)},
            )
        },
        {
            "time": (
                "time",
                np.arange(20, dtype=np.float64) * 6,
                {"units": "hours since 2024-01-01"},
            ),
            "lat": ("lat", np.linspace(75, 15, 9, dtype=np.float32)),
            "lon": ("lon", np.linspace(200, 330, 7, dtype=np.float32), {"axis": "X"}),
            "area": (("lat", "lon"), RNG.uniform(size=(9, 7))),
            "level": ((), np.int32(850)),
        },
        {"title": "reanalysis", "version": np.float32(1.5)},
    )
    data["air"].attrs["coordinates"] = "area level"
    return data


def same(one, two):
    """Compare data sets as they are stored, whatever their order."""
    assert set(one.variables) == set(two.variables)
    for name in one.variables:
        a, b = one[name], two[name]
        assert (a.dims, a.dtype) == (b.dims, b.dtype), name
        assert np.array_equal(a.values, b.values), name
        assert set(a.attrs) == set(b.attrs), name
        for key, value in a.attrs.items():  # of which some are NaN
            assert np.array_equal(np.array(value, "S"), np.array(b.attrs[key], "S")), (name, key)
            assert type(value) is type(b.attrs[key]), (name, key)
    assert dict(one.attrs) == dict(two.attrs)


def stored(path, **engine):
    with xr.open_dataset(path, decode_cf=False, **engine) as data:
        return data.load()


def written(data, path, kind):
    """Write a data set as others would."""
    data = data.copy()
    data["air"].attrs.pop("coordinates")  # xarray writes its own
    data["air"].encoding["_FillValue"] = data["air"].attrs.pop("_FillValue")
    if kind == "zarr":
        data.to_zarr(path, consolidated=False)
    else:
        data.to_netcdf(path, **kind)


KINDS = {
    "netcdf4": ({"engine": "h5netcdf"}, "x.nc", NETCDF, open_netcdf, save_netcdf),
    "classic": ({"engine": "scipy"}, "x.nc", NETCDF, open_netcdf, save_netcdf),
    "zarr": ("zarr", "x.zarr", ZARR, open_zarr, save_zarr),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", ["float32", "int16", "float64"])
def test_variables_come_back_with_all_that_belongs_to_them(tmp_path, kind, dtype):
    engine, name, format_, opened, save = KINDS[kind]
    path, again = tmp_path / name, tmp_path / f"again-{name}"
    written(climate(dtype), path, engine)
    assert find_format(path) is format_
    source = opened(path)
    assert (source.shape, source.dtype) == ((20, 9, 7), np.dtype(dtype))
    save(again, source.read(), source.attributes)
    how = {"engine": "zarr", "consolidated": False} if kind == "zarr" else {}
    same(stored(path, **how), stored(again, **how))
    with xr.open_dataset(again, **how) as one, xr.open_dataset(path, **how) as two:
        assert one.equals(two)  # decoded, with times
    assert np.array_equal(source.part(3, 5), source.read()[3:5])
    assert again.is_dir() if kind == "zarr" else again.read_bytes()[:3] == path.read_bytes()[:3]


def test_fields_are_cut_in_tiles(tmp_path):
    climate().to_netcdf(
        tmp_path / "x.nc", engine="h5netcdf", encoding={"air": {"_FillValue": None}}
    )
    tiles = read_signals(tmp_path / "x.nc", Reading(tile=(4, 4)))
    assert tiles.shape == (20 * 3 * 2, 4, 4)


@pytest.mark.parametrize("kind", ["zarr", "netcdf4"])
def test_one_of_several_variables_is_named(tmp_path, kind):
    engine, name, _, opened, _ = KINDS[kind]
    written(climate().assign(wind=lambda data: data.air * 2), tmp_path / name, engine)
    with pytest.raises(DataError, match=f"several variables, air, wind; give .*{name}:air"):
        opened(tmp_path / name)
    with pytest.raises(DataError, match="no variable 'rain' of numbers; it has air, wind"):
        opened(tmp_path / name, "rain")
    assert opened(tmp_path / name, "wind").attributes["name"] == "wind"


@pytest.mark.parametrize("version", [2, 3])
def test_bare_zarr_arrays_come_back(tmp_path, version):
    x = RNG.integers(0, 99, (50, 8)).astype(np.int16)
    stored = {"chunks": (7, 4), "fill_value": -9, "zarr_format": version}
    about = {"site": "north", "rate": 5}
    zarr.create_array(str(tmp_path / "x.zarr"), data=x, attributes=about, **stored)
    source = open_zarr(tmp_path / "x.zarr")
    save_zarr(tmp_path / "y.zarr", source.read(), source.attributes)
    again = zarr.open_array(str(tmp_path / "y.zarr"), mode="r")
    assert np.array_equal(again[:], x)
    assert dict(again.attrs) == about
    assert (again.chunks, again.fill_value) == ((7, 4), -9)
    assert again.metadata.zarr_format == version
    group = zarr.create_group(str(tmp_path / "g.zarr"), zarr_format=version)
    for name in "ab":
        group.create_array(name, data=x)
    with pytest.raises(DataError, match=r"several arrays, a, b; give .*g\.zarr:a"):
        open_zarr(tmp_path / "g.zarr")
    source = open_zarr(tmp_path / "g.zarr", "b")
    save_zarr(tmp_path / "h.zarr", source.read(), source.attributes)
    again = zarr.open_group(str(tmp_path / "h.zarr"), mode="r")
    assert np.array_equal(again["b"][:], x)
    assert again.metadata.zarr_format == version


@pytest.mark.parametrize("dtype", ["uint8", ">i2", "float32", "float64"])
def test_hdf5_data_sets_come_back(tmp_path, dtype):
    x = RNG.integers(0, 99, (30, 4, 5)).astype(dtype)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        kept = {"compression": "gzip", "shuffle": True, "fletcher32": True}
        layout = {"chunks": (10, 4, 5), "maxshape": (None, 4, 5)}
        data = file.create_dataset("/run/frames", data=x, **kept, **layout)
        data.attrs.update({"gain": np.float32(0.5), "unit": "mV", "ends": np.arange(3)})
        file.attrs["text"] = "of the file"
        file["name"] = "no numbers"
    assert find_format(tmp_path / "x.h5") is HDF5
    source = open_hdf5(tmp_path / "x.h5")
    assert source.dtype.isnative
    assert np.array_equal(source.read(), x)
    save_hdf5(tmp_path / "y.h5", source.read(), source.attributes)
    with h5py.File(tmp_path / "y.h5") as file:
        again = file["run/frames"]
        assert np.array_equal(again[:], x)
        assert {each: getattr(again, each) for each in kept} == kept
        assert {each: getattr(again, each) for each in layout} == layout
        assert file.attrs["text"] == "of the file"
        assert (again.attrs["gain"], again.attrs["unit"]) == (0.5, "mV")
        assert (again.attrs["gain"].dtype, again.attrs["ends"].tolist()) == (np.float32, [0, 1, 2])


@pytest.mark.parametrize("kind", ["hdf5", "zarr", "bare zarr"])
def test_truth_values_are_chosen_as_numbers_are(tmp_path, kind):
    x = RNG.random((40, 6)) < 0.3
    if kind == "hdf5":
        with h5py.File(tmp_path / "x", "w") as file:
            file["mask"], file["about"] = x, "no numbers"
        source = open_hdf5(tmp_path / "x")
    else:
        group = zarr.create_group(str(tmp_path / "x"))
        names = None if kind == "bare zarr" else ("time", "place")
        group.create_array("mask", data=x, dimension_names=names)
        source = open_zarr(tmp_path / "x")
    assert source.dtype == bool
    assert np.array_equal(source.read(), x)


def test_hdf5_says_what_there_is(tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["a/b"], file["c"] = np.zeros(3), np.zeros((3, 2))
    with pytest.raises(DataError, match=r"several data sets, a/b, c; give .*x\.h5:a/b"):
        open_hdf5(tmp_path / "x.h5")
    with pytest.raises(DataError, match="no data set 'd' of numbers; it has a/b, c"):
        open_hdf5(tmp_path / "x.h5", "d")
    assert open_hdf5(tmp_path / "x.h5", "/a/b").shape == (3,)
    with h5py.File(tmp_path / "e.h5", "w"):
        pass
    with pytest.raises(DataError, match="holds no data set of numbers"):
        open_hdf5(tmp_path / "e.h5")


@pytest.mark.parametrize("content", [b"\x89HDF\r\n\x1a\n" + bytes(50), b"CDF\1" + bytes(9)])
def test_damaged_files_are_named_in_one_line(tmp_path, content):
    for name in ("x.h5", "x.nc"):
        (tmp_path / name).write_bytes(content)
        with refusing(DataError, match=name.replace(".", r"\.")):
            find_format(tmp_path / name).open(tmp_path / name, None)


def test_attributes_of_someone_elses_do_no_harm(tmp_path):
    x = RNG.normal(size=(4, 3)).astype(np.float32)
    for number, attributes in enumerate(
        [{}, {"dims": ["a"]}, {"attributes": [1]}, {"global": {"x": {"dtype": "O", "value": []}}}]
    ):
        save_netcdf(tmp_path / f"{number}.nc", x, attributes)
        save_zarr(tmp_path / f"{number}.zarr", x, attributes)
        save_hdf5(tmp_path / f"{number}.h5", x, attributes | {"name": "../a//b"})
        assert np.array_equal(open_hdf5(tmp_path / f"{number}.h5").read(), x)
    values = pack_arrays({"lat": np.zeros(9)})
    for described in ({}, {"lat": {}}, {"lat": {"dims": ["dim_0"]}}, {"lat": 3}):
        with pytest.raises(FormatError, match="do not fit"):
            data_set_of(x, {"values": values, "coordinates": described})


def test_packed_arrays_come_back_and_are_limited():
    arrays = {
        "a/b": np.linspace(0, 1, 9),
        "é": np.array(["x", "yy"]),
        "o": np.array(["s", "t"], "O"),
    }
    for name, array in unpack_arrays(pack_arrays(arrays)).items():
        assert array.tolist() == arrays[name].tolist()
    for text in ("", "AAAA", "no base64!", None, pack_arrays(arrays)[:-8]):
        with pytest.raises(FormatError):
            unpack_arrays(text)
    bomb = pack_arrays({"z": np.zeros(1 << 26)})
    with pytest.raises(FormatError, match="bytes of coordinates"):
        unpack_arrays(bomb)
