"""HDF5 files: one data set of numbers, `file.h5:/group/data`, its attributes and the file's.

What comes back is a file with that data set under its name. MATLAB 7.3 writes such files as well.
"""

from __future__ import annotations

from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy.typing as npt

from narrows.errors import needing
from narrows.signals.formats.contract import Format, chosen_member
from narrows.signals.formats.damage import damage_named
from narrows.signals.formats.values import as_json, from_json
from narrows.signals.source import Attributes, FileSource

MAGIC = b"\x89HDF\r\n\x1a\n"
_STORAGE = ("compression", "compression_opts", "shuffle", "fletcher32")


@cache
def _h5py() -> Any:
    with needing("h5py", "reading and writing HDF5", "hdf5"):
        import h5py
    return h5py


def open_hdf5(path: Path, name: str | None = None) -> FileSource:
    """Open a data set, to be read where it is needed; without a name, the only one of numbers.

    Raises
    ------
    DataError
        If there is no such data set, or several and none is named; those there are are listed.
    """
    h5py = _h5py()
    with damage_named(path, "HDF5"), h5py.File(path, "r") as file:
        found = _data_sets(file, h5py)
        chosen = chosen_member(str(path), name and name.strip("/"), found, "data set")
        data = file[chosen]
        dtype = data.dtype.newbyteorder("=")
        attributes = {"name": chosen, "attributes": as_json(data.attrs)}
        attributes["file"] = as_json(file.attrs)
        storage = {key: getattr(data, key) for key in _STORAGE}
        shape = data.shape
        if data.maxshape != shape:
            attributes["longest"] = list(data.maxshape)
        if data.chunks:
            attributes["chunks"] = list(data.chunks)
    if storage := {key: v for key, v in storage.items() if v and isinstance(v, str | int)}:
        attributes["storage"] = storage
    return FileSource(shape, dtype, partial(_read_part, path, chosen), attributes)


def _data_sets(file: Any, h5py: Any) -> list[str]:
    """Return the names of all data sets of numbers that have axes."""
    names: list[str] = []

    def note(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and item.dtype.kind in "biufc" and item.shape:
            names.append(name)

    file.visititems(note)
    return names


def _read_part(path: Path, name: str, start: int, stop: int) -> npt.NDArray[Any]:
    with damage_named(path, "HDF5"), _h5py().File(path, "r") as file:
        x: npt.NDArray[Any] = file[name][start:stop]
    return x.astype(x.dtype.newbyteorder("="), copy=False)


def save_hdf5(path: Path, array: npt.NDArray[Any], attributes: Attributes) -> None:
    """Write an array as the data set that it was.

    Raises
    ------
    DataError
        If it cannot have the name that is given.
    """
    name = str(attributes.get("name") or "data")
    storage = attributes.get("storage")
    storage = storage if isinstance(storage, dict) else {}
    options = {key: storage[key] for key in _STORAGE if key in storage}
    options |= _layout(array.shape, attributes.get("longest"), attributes.get("chunks"))
    with _h5py().File(path, "x") as file:
        try:
            data = file.create_dataset(name, data=array, **options)
        except (ValueError, TypeError, KeyError, RuntimeError, OSError):
            file.clear()
            data = file.create_dataset("data", data=array)
        for key, value in from_json(attributes.get("attributes")).items():
            data.attrs[key] = value
        for key, value in from_json(attributes.get("file")).items():
            file.attrs[key] = value


def _layout(shape: tuple[int, ...], longest: Any, chunks: Any) -> dict[str, Any]:
    """Return chunks, and how long axes may become, where an archive's are those of such an array.

    Chunks that are longer than an axis could ask for memory that nobody has.
    """
    found: dict[str, Any] = {}
    if isinstance(longest, list) and len(longest) == len(shape):
        found["maxshape"] = tuple(longest)
    of_ints = isinstance(chunks, list) and all(isinstance(each, int) for each in chunks)
    if of_ints and len(chunks) == len(shape):
        fit = (0 < each <= max(n, 1) for each, n in zip(chunks, shape, strict=True))
        found |= {"chunks": tuple(chunks)} if all(fit) else {}
    return found


HDF5 = Format(
    "HDF5", lambda head, _: head.startswith(MAGIC), open_hdf5, ".h5", save=save_hdf5,
    axes="signals", has_members=True, other_suffixes=(".hdf5", ".mat"),
)  # fmt: skip
