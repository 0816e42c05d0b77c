"""Zarr stores in folders: an array, or one variable of a group, `store.zarr:variable`.

Dimensions, coordinates and attributes are kept where xarray finds them; a bare array keeps its
attributes. Chunks are made anew.
"""

from __future__ import annotations

from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.errors import DataError, needing
from narrows.signals.formats.contract import Format, chosen_member
from narrows.signals.formats.damage import damage_named
from narrows.signals.formats.datasets import AS_STORED, data_set_of, refused, source_of, xarray
from narrows.signals.formats.values import as_json, from_json
from narrows.signals.source import Attributes, FileSource

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
            return source_of(opened, str(path), name)
        found = [key for key, each in arrays.items() if each.dtype.kind in "biuf" and each.shape]
        chosen = chosen_member(str(path), name, found, "array")
        return _bare(path, arrays[chosen], chosen)


def _has_dimensions(array: Any) -> bool:
    names = getattr(array.metadata, "dimension_names", None)
    return bool(names) or "_ARRAY_DIMENSIONS" in array.attrs or not array.shape


def _bare(path: Path, array: Any, name: str) -> FileSource:
    if array.dtype.kind not in "biufc":
        raise DataError(f"{str(path)!r} holds {array.dtype}, no numbers")
    attributes = {"bare": name, "attributes": as_json(dict(array.attrs))}
    dtype = array.dtype.newbyteorder("=")
    return FileSource(array.shape, dtype, partial(_read_part, path, name), attributes)


def _read_part(path: Path, name: str, start: int, stop: int) -> npt.NDArray[Any]:
    with damage_named(path, "Zarr"):
        node = _zarr().open(str(path), mode="r")
        x = np.asarray((node[name] if name else node)[start:stop])
    return np.ascontiguousarray(x, x.dtype.newbyteorder("="))


def save_zarr(path: Path, array: npt.NDArray[Any], attributes: Attributes) -> None:
    """Write a store of the one array or variable; DataError where it cannot hold it."""
    try:
        if "bare" in attributes:
            name = attributes["bare"]
            group = _zarr().create_group(str(path)) if name else None
            new = _zarr().create_array if group is None else group.create_array
            place = {"store": str(path)} if group is None else {"name": str(name)}
            kept = new(**place, data=array)
            kept.attrs.update(_plain(from_json(attributes.get("attributes"))))
        else:
            _zarr()
            data_set_of(array, attributes).to_zarr(path, mode="w-", consolidated=False)
    except (ValueError, TypeError, RuntimeError) as error:
        raise refused(error, "Zarr") from error


def _plain(attributes: dict[str, Any]) -> dict[str, Any]:
    """Return attributes in JSON's own types, which are all that a store takes."""
    return {
        key: value.tolist() if isinstance(value, np.ndarray | np.generic) else value
        for key, value in attributes.items()
    }


ZARR = Format("Zarr", is_zarr, open_zarr, ".zarr", save=save_zarr, axes="field", has_members=True)
