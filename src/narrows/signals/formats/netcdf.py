"""NetCDF files: one variable, `file.nc:variable`, with its dimensions, coordinates, attributes."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy.typing as npt

from narrows.signals.formats.contract import Format
from narrows.signals.formats.damage import damage_named
from narrows.signals.formats.datasets import AS_STORED, data_set_of, refused, source_of, xarray
from narrows.signals.formats.hdf5 import MAGIC as HDF5_MAGIC
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
