"""What belongs to an array in a file <-> JSON values: attributes, and small arrays as text."""

from __future__ import annotations

import base64
import io
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.errors import FormatError

NUMBERS = "biuf"


def as_json(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return attributes as JSON values; those that are neither text nor numbers are left out.

    A number of numpy's keeps its type: `{"dtype": "float32", "value": 0.5}`.
    """
    out = {str(name): _as_json(value) for name, value in attributes.items()}
    return {name: value for name, value in out.items() if value is not None}


def _as_json(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, str | bool | int | float) and not isinstance(value, np.generic):
        return value if not isinstance(value, float) else _typed(np.float64(value))
    if isinstance(value, np.str_):
        return str(value)
    if isinstance(value, list | tuple):
        value = np.asarray(value)
    if isinstance(value, np.ndarray) and value.dtype.kind in "OU":
        return {"dtype": "text", "value": [str(each) for each in value.ravel()]}
    if isinstance(value, np.ndarray | np.generic) and value.dtype.kind in NUMBERS:
        return _typed(value)
    return None


def _typed(value: Any) -> dict[str, Any]:
    """Return numbers with their type; floats in hexadecimal, which JSON has infinities in."""
    is_float = value.dtype.kind == "f"
    numbers = value.astype(np.float64).tolist() if is_float else value.tolist()
    if is_float:
        numbers = [n.hex() for n in numbers] if isinstance(numbers, list) else numbers.hex()
    return {"dtype": value.dtype.name, "value": numbers}


def from_json(attributes: object) -> dict[str, Any]:
    """Undo `as_json`; what is of another form is left out."""
    if not isinstance(attributes, Mapping):
        return {}
    out = {str(name): _from_json(value) for name, value in attributes.items()}
    return {name: value for name, value in out.items() if value is not None}


def _from_json(value: Any) -> Any:
    match value:
        case str() | bool() | int():
            return value
        case {"dtype": "text", "value": [*words]}:
            return [str(each) for each in words]
        case {"dtype": str(name), "value": numbers}:
            try:
                dtype = np.dtype(name)
                if dtype.kind == "f":
                    several = isinstance(numbers, list)
                    floats = [float.fromhex(str(n)) for n in (numbers if several else [numbers])]
                    numbers = floats if several else floats[0]
                return dtype.type(numbers) if dtype.kind in NUMBERS else None
            except (TypeError, ValueError, OverflowError):
                return None
        case _:
            return None


MAX_BYTES = 1 << 28  # of all arrays, which a few bytes of someone else's could ask memory for


def pack_arrays(arrays: Mapping[str, npt.NDArray[Any]]) -> str:
    """Return arrays of numbers or text as text: .npz, compressed, in base64."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as file:
        for number, (name, array) in enumerate(arrays.items()):
            if array.dtype.kind == "O":
                array = array.astype(np.str_)  # noqa: PLW2901
            with file.open(f"{number}/{name}", "w") as member:
                np.lib.format.write_array(member, array, allow_pickle=False)
    return base64.b64encode(stream.getvalue()).decode()


def unpack_arrays(text: object) -> dict[str, npt.NDArray[Any]]:
    """Undo `pack_arrays`; FormatError for anything else."""
    try:
        with zipfile.ZipFile(io.BytesIO(base64.b64decode(str(text), validate=True))) as file:
            if sum(info.file_size for info in file.infolist()) > MAX_BYTES:
                raise FormatError(f"archive with more than {MAX_BYTES} bytes of coordinates")
            out = {}
            for info in file.infolist():
                with file.open(info) as member:
                    name = info.filename.partition("/")[2]
                    out[name] = np.lib.format.read_array(member, allow_pickle=False)
            return out
    except FormatError:
        raise
    # zipfile, zlib and numpy raise a dozen types on damaged bytes, and document few.
    except Exception as error:
        raise FormatError(f"archive with coordinates that are none ({error})") from error
