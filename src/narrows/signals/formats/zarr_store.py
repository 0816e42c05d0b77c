"""NetCDF files and Zarr stores in folders: an array, or one variable of a data set.

Of Zarr, a bare array keeps its attributes, chunks and fill value, and all the version of the
format; compressors are Zarr's own.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.errors import DataError, needing
from narrows.signals.formats.contract import Format, chosen_member
from narrows.signals.formats.damage import damage_named
from narrows.signals.formats.datasets import AS_STORED, data_set_of, refused, source_of, xarray
from narrows.signals.formats.hdf5 import MAGIC as HDF5_MAGIC
from narrows.signals.formats.values import as_json, from_json
from narrows.signals.source import Attributes, FileSource

CLASSIC = b"CDF"
SUFFIXES = (".nc", ".nc4", ".cdf", ".netcdf")


def is_netcdf(head: bytes, path: Path) -> bool:
    """Return whether a file is of the classic form, or HDF5 with a name of NetCDF's."""
    in_hdf5 = head.startswith(HDF5_MAGIC) and path.suffix.lower() in SUFFIXES
    return in_hdf5 or (head.startswith(CLASSIC) and head[3:4] in (b"\1", b"\2"))


def open_netcdf(path: Path, name: str | None = None) -> FileSource:
    """Open a variable, to be read where it is needed; errors as of `source_of`."""
    xarray()
    with damage_named(path, "NetCDF"):
        with path.open("rb") as stream:
            classic = stream.read(3) == CLASSIC
        engine = "scipy" if classic else "h5netcdf"
        opened = partial(xarray().open_dataset, path, engine=engine, **AS_STORED)
        source = source_of(opened, str(path), name)
    own = {"classic": True} if classic else {}
    return FileSource(source.shape, source.dtype, source.read_part, {**source.attributes, **own})


def save_netcdf(path: Path, array: npt.NDArray[Any], attributes: Attributes) -> None:
    """Write a data set of the one variable; DataError where the form cannot hold it."""
    data = data_set_of(array, attributes)
    classic = attributes.get("classic") is True
    form = {"format": "NETCDF3_64BIT", "engine": "scipy"} if classic else {"engine": "h5netcdf"}
    try:
        data.to_netcdf(path, mode="w", **form)
    except (ValueError, TypeError, RuntimeError) as error:
        raise refused(error, "NetCDF") from error


NETCDF = Format(
    "NetCDF", is_netcdf, open_netcdf, ".nc", save=save_netcdf, axes="field", has_members=True,
    other_suffixes=SUFFIXES[1:],
)  # fmt: skip


_MARKS = ("zarr.json", ".zarray", ".zgroup")


@cache
def _zarr() -> Any:
    with needing("zarr", "reading and writing Zarr stores", "xarray"):
        import zarr
    return zarr


def is_zarr(head: bytes, path: Path) -> bool:
    """Return whether a folder is a store."""
    return not head and any((path / mark).is_file() for mark in _MARKS)


def open_zarr(path: Path, name: str | None = None) -> FileSource:
    """Open an array of a store, to be read where it is needed.

    Raises
    ------
    DataError
        If there is no such array, or several and none is named; those there are are listed.
    """
    zarr = _zarr()
    with damage_named(path, "Zarr"):
        node = zarr.open(str(path), mode="r")
        if isinstance(node, zarr.Array):
            return _bare(path, node, "")
        arrays = dict(sorted(node.arrays()))
        named = {key: _has_dimensions(each) for key, each in arrays.items()}
        if arrays and all(named.values()):
            xarray()
            is_quick = node.metadata.consolidated_metadata is not None
            how = {"engine": "zarr", "consolidated": is_quick, **AS_STORED}
            opened = partial(xarray().open_dataset, path, **how)
            source = source_of(opened, str(path), name)
            version = {"version": node.metadata.zarr_format}
            return replace(source, attributes={**source.attributes, **version})
        found = [key for key, each in arrays.items() if each.dtype.kind in "biuf" and each.shape]
        chosen = chosen_member(str(path), name, found, "array")
        return _bare(path, arrays[chosen], chosen)


def _has_dimensions(array: Any) -> bool:
    names = getattr(array.metadata, "dimension_names", None)
    return bool(names) or "_ARRAY_DIMENSIONS" in array.attrs or not array.shape


def _bare(path: Path, array: Any, name: str) -> FileSource:
    if array.dtype.kind not in "biufc":
        raise DataError(f"{str(path)!r} holds {array.dtype}, no numbers")
    own = {"fill_value": np.asarray(array.fill_value)}
    attributes = {
        "bare": name,
        "attributes": as_json(dict(array.attrs)),
        "chunks": list(array.chunks),
        "version": array.metadata.zarr_format,
        "fill": as_json(own),
    }
    dtype = array.dtype.newbyteorder("=")
    return FileSource(array.shape, dtype, partial(_read_part, path, name), attributes)


def _read_part(path: Path, name: str, start: int, stop: int) -> npt.NDArray[Any]:
    with damage_named(path, "Zarr"):
        node = _zarr().open(str(path), mode="r")
        x = np.asarray((node[name] if name else node)[start:stop])
    return np.ascontiguousarray(x, x.dtype.newbyteorder("="))


def save_zarr(path: Path, array: npt.NDArray[Any], attributes: Attributes) -> None:
    """Write a store of the one array or variable; DataError where it cannot hold it."""
    version = 2 if attributes.get("version") == 2 else 3
    try:
        if "bare" in attributes:
            name = attributes["bare"]
            group = _zarr().create_group(str(path), zarr_format=version) if name else None
            new = _zarr().create_array if group is None else group.create_array
            place: dict[str, Any] = {"name": str(name)}
            if group is None:
                place = {"store": str(path), "zarr_format": version}
            kept = new(**place, data=array, **_storage(array, attributes))
            kept.attrs.update(_plain(from_json(attributes.get("attributes"))))
        else:
            _zarr()
            data_set_of(array, attributes).to_zarr(
                path, mode="w-", consolidated=False, zarr_format=version
            )
    except (ValueError, TypeError, RuntimeError) as error:
        raise refused(error, "Zarr") from error


def _storage(array: npt.NDArray[Any], attributes: Attributes) -> dict[str, Any]:
    """Return the chunks and the fill value of an array, where they are of one such."""
    found: dict[str, Any] = {}
    match attributes.get("chunks"):
        case [*chunks] if len(chunks) == array.ndim:
            if all(type(each) is int and each > 0 for each in chunks):
                found["chunks"] = tuple(chunks)
    fill = from_json(attributes.get("fill")).get("fill_value")
    if isinstance(fill, np.generic) and fill.dtype == array.dtype:
        found["fill_value"] = fill
    return found


def _plain(attributes: dict[str, Any]) -> dict[str, Any]:
    """Return attributes in JSON's own types, which are all that a store takes."""
    return {
        key: value.tolist() if isinstance(value, np.ndarray | np.generic) else value
        for key, value in attributes.items()
    }


ZARR = Format("Zarr", is_zarr, open_zarr, ".zarr", save=save_zarr, axes="field", has_members=True)
