"""What Python holds arrays in <-> an array, and JSON that makes the like of it again.

A torch tensor, a pandas DataFrame of numbers and an xarray DataArray come back as such from
`narrows.decompress`; what they say besides their numbers is kept in the archive's metadata.
"""

from __future__ import annotations

import base64
import io
from contextlib import nullcontext
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.element_types import ends_of
from narrows.errors import FormatError, MissingExtraError

Array = npt.NDArray[Any]
KEY = "container"
"""Of an archive's metadata."""


def described(x: Any) -> dict[str, Any] | None:
    """Return JSON of what holds an array, besides its numbers; None where nothing is to keep."""
    kinds = {(c.__module__.partition(".")[0], c.__name__) for c in type(x).__mro__}
    if ("torch", "Tensor") in kinds:
        return {"kind": "torch"}
    if ("pandas", "DataFrame") in kinds:
        dtypes = [str(dtype) for dtype in x.dtypes]
        return {"kind": "pandas", "rows": _labels(x.index), "columns": _labels(x.columns),
                "dtypes": dtypes[:1] if len(set(dtypes)) == 1 else dtypes}  # fmt: skip
    if ("xarray", "DataArray") in kinds:
        from narrows.signals.formats.datasets import source_of

        name = "data" if x.name is None else str(x.name)
        whole = x.to_dataset(name=name)
        kept = dict(source_of(lambda: nullcontext(whole), "signals", name).attributes)
        return {"kind": "xarray", "named": x.name is not None, "attributes": kept}
    return None


def like(array: Array, container: Any) -> Any:
    """Return an array in what `described` was given; the array itself where that is nothing.

    Raises
    ------
    FormatError
        If a description is of something else.
    MissingExtraError
        If what is to hold the array is not installed.
    """
    kind = container.get("kind") if isinstance(container, dict) else None
    if kind not in _MAKERS:
        return array
    try:
        return _MAKERS[kind](array, container)
    except MissingExtraError:
        raise
    except ImportError as error:
        extra = {"torch": "train", "pandas": "xarray", "xarray": "xarray"}[kind]
        raise MissingExtraError(kind, f"giving a {kind} object back", extra, error) from None
    # pandas, Arrow and xarray raise a dozen types on damaged descriptions.
    except Exception as error:
        raise FormatError(f"archive of a {kind} object that is none ({error})") from error


def _tensor(array: Array, container: dict[str, Any]) -> Any:
    import torch

    return torch.from_numpy(np.require(array, requirements="W"))


def _table(array: Array, container: dict[str, Any]) -> Any:
    import pandas as pd

    rows, columns = _index(container["rows"]), _index(container["columns"])
    dtypes = container["dtypes"] * (len(columns) if len(container["dtypes"]) == 1 else 1)
    parts = [
        pd.Series(_rounded(array[:, number], dtype.lower()), index=rows).astype(dtype)
        for number, dtype in enumerate(dtypes)
    ]
    table = pd.concat(parts, axis=1)
    table.columns = columns
    return table


def _rounded(values: Array, dtype: str) -> Array:
    """Return values that a column of whole numbers or truth values takes; others as they are."""
    wanted = np.dtype(bool if dtype == "boolean" else dtype)
    if values.dtype.kind != "f" or wanted.kind == "f":
        return values
    return np.clip(np.rint(values), *ends_of(wanted)).astype(wanted)


def _data_array(array: Array, container: dict[str, Any]) -> Any:
    from narrows.signals.formats.datasets import data_set_of

    kept = container["attributes"]
    name = kept["name"]
    found = data_set_of(array, kept).set_coords(list(kept["coordinates"]))[name]
    return found if container["named"] else found.rename(None)


_MAKERS = {"torch": _tensor, "pandas": _table, "xarray": _data_array}


def _labels(index: Any) -> Any:
    """Return the labels of rows or columns: a table without columns, of Arrow, as text; a range."""
    import pandas as pd

    if isinstance(index, pd.RangeIndex) and isinstance(index.name, str | None):
        return [index.start, index.stop, index.step, index.name]
    from narrows.signals.formats.tables import arrow, compressed

    table = arrow().Table.from_pandas(pd.DataFrame(index=index))
    return base64.b64encode(compressed(table)).decode()


def _index(labels: Any) -> Any:
    """Undo `_labels`."""
    import pandas as pd

    if isinstance(labels, list):
        start, stop, step, name = labels
        return pd.RangeIndex(start, stop, step, name=name)
    from narrows.signals.formats.tables import arrow

    stream = io.BytesIO(base64.b64decode(labels, validate=True))
    return arrow().parquet.read_table(stream).to_pandas().index
