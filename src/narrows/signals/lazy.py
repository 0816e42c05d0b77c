"""Arrays of other libraries that are read where they are needed: of Dask, xarray and Zarr."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.errors import DataError
from narrows.signals.containers import library_of
from narrows.signals.source import FileSource


def lazy_source(x: Any) -> FileSource | None:
    """Return an array that is not in memory as a source, or None for all else.

    Raises
    ------
    DataError
        For an array of Dask that does not know its shape.
    """
    if not _is_lazy(x):
        return None
    if any(np.isnan(size) for size in x.shape):
        raise DataError(
            f"an array of Dask of shape {x.shape}, whose chunks have unknown sizes; give "
            "x.compute_chunk_sizes()"
        )
    dtype = np.dtype(x.dtype).newbyteorder("=")

    def read_part(start: int, stop: int) -> npt.NDArray[Any]:
        return np.ascontiguousarray(np.asarray(x[start:stop]), dtype)

    return FileSource(tuple(map(int, x.shape)), dtype, read_part)


def _is_lazy(x: Any) -> bool:
    if not (hasattr(x, "dtype") and hasattr(x, "shape") and getattr(x, "ndim", 0) > 0):
        return False
    library = library_of(x)
    return library in ("dask", "zarr") or (library == "xarray" and bool(x.chunks))
