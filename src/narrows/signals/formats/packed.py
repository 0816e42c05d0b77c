"""Small arrays beside the signals, such as coordinates <-> text in an archive's attributes."""

from __future__ import annotations

import base64
import io
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.errors import FormatError

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
