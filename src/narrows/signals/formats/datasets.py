"""xarray data sets <-> the array of one variable, and attributes that hold what belongs to it.

What belongs to a variable is the names of its dimensions, its attributes and those of the data
set, and the variables that give coordinates: of its dimensions or, as text says, of it. Numbers
are those that are stored: scales, offsets and fill values stay attributes, undecoded.
"""

from __future__ import annotations

from functools import cache, partial
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.errors import DataError, FormatError, needing
from narrows.signals.formats.contract import chosen_member
from narrows.signals.formats.values import as_json, from_json, pack_arrays, unpack_arrays
from narrows.signals.source import Attributes, FileSource

AS_STORED = {"decode_cf": False, "cache": False}
MAX_COORDINATE_BYTES = 1 << 24  # of one; larger ones are arrays of their own


@cache
def xarray() -> Any:
    """Import xarray."""
    with needing("xarray", "reading and writing data sets", "xarray"):
        import xarray
    return xarray


def source_of(opened: Any, path: str, name: str | None) -> FileSource:
    """Return a variable of a data set as a source.

    Parameters
    ----------
    opened : callable
        Opens the data set, as it is stored.
    path : str
        What error messages call it.
    name : str, optional
        Of the variable; without it, the only one of numbers that gives no coordinates.

    Raises
    ------
    DataError
        If there is no such variable, or several and none is named; those there are are listed.
    """
    with opened() as data:
        found = sorted(str(each) for each in data.data_vars if _is_signal(data, each))
        if name is not None and name in data.variables and data[name].dims:
            chosen = name
        else:
            chosen = chosen_member(path, name, found, "variable", " that are no coordinates")
        variable = data[chosen]
        kept = [each for each in data.variables if each != chosen and _belongs(data, each, chosen)]
        attributes = {
            "name": chosen,
            "dims": [str(each) for each in variable.dims],
            "attributes": as_json(variable.attrs),
            "global": as_json(data.attrs),
            "coordinates": {
                str(each): {
                    "dims": [str(dim) for dim in data[each].dims],
                    "attributes": as_json(data[each].attrs),
                }
                for each in kept
            },
        }
        if kept:
            attributes["values"] = pack_arrays({str(each): data[each].values for each in kept})
        shape, dtype = variable.shape, variable.dtype.newbyteorder("=")
    return FileSource(shape, dtype, partial(_read_part, opened, chosen), attributes)


def _is_signal(data: Any, name: str) -> bool:
    variable = data[name]
    coordinates = " ".join(str(each.attrs.get("coordinates", "")) for each in _all(data)).split()
    bounds = {each.attrs.get("bounds") for each in _all(data)}
    numbers = variable.dtype.kind in "biuf" and variable.dims != (name,) and variable.ndim > 0
    return numbers and name not in coordinates and name not in bounds


def _all(data: Any) -> list[Any]:
    return [data[each] for each in data.variables]


def _belongs(data: Any, name: str, signal: str) -> bool:
    """Return whether a variable gives coordinates of another, and is small."""
    variable, other = data[name], data[signal]
    if not set(variable.dims) <= set(other.dims) or variable.nbytes > MAX_COORDINATE_BYTES:
        return False
    said = f"{other.attrs.get('coordinates', '')} {other.attrs.get('grid_mapping', '')}".split()
    return len(variable.dims) <= 1 or name in said


def _read_part(opened: Any, name: str, start: int, stop: int) -> npt.NDArray[Any]:
    with opened() as data:
        x = np.asarray(data[name][start:stop].values)
    return np.ascontiguousarray(x, x.dtype.newbyteorder("="))


def data_set_of(array: npt.NDArray[Any], attributes: Attributes) -> Any:
    """Return the data set of a variable's numbers and attributes.

    Raises
    ------
    FormatError
        If they do not fit each other.
    """
    name, dims = str(attributes.get("name") or "data"), attributes.get("dims")
    if not isinstance(dims, list) or len(dims) != array.ndim:
        dims = [f"dim_{axis}" for axis in range(array.ndim)]
    values = unpack_arrays(attributes["values"]) if "values" in attributes else {}
    described = attributes.get("coordinates")
    described = described if isinstance(described, dict) else {}
    variables = {name: (dims, array, from_json(attributes.get("attributes")))}
    try:
        for each, content in values.items():
            own = described.get(each, {})
            variables[each] = (own["dims"], content, from_json(own.get("attributes")))
        data = xarray().Dataset(variables, attrs=from_json(attributes.get("global")))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        reason = next(iter(str(error).splitlines()), "")
        raise FormatError(f"archive with coordinates that do not fit ({reason})") from error
    for variable in data.variables.values():
        # xarray would add a fill value, and coordinates it has heard of.
        variable.encoding["_FillValue"] = (
            None if "_FillValue" not in variable.attrs else (variable.attrs.pop("_FillValue"))
        )
        variable.encoding["coordinates"] = variable.attrs.pop("coordinates", None)
    return data


def refused(error: Exception, kind: str) -> DataError:
    """Return what a library says of a data set that it cannot write."""
    reason = next(iter(str(error).splitlines()), type(error).__name__)
    return DataError(f"{kind} cannot hold this data set ({reason}); write .npy instead")
