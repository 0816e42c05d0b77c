"""What Python holds arrays in <-> an array, and JSON that makes the like of it again.

A torch tensor, a Series or DataFrame of pandas or polars and an xarray DataArray come back as such
from `narrows.decompress`; what they say besides their numbers is kept in the archive's metadata. Of
a DataFrame with columns that are no numbers, those that are become signals, as in a file of it.
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
from narrows.signals.source import ArraySource

Array = npt.NDArray[Any]
KEY = "container"
"""Of an archive's metadata."""


def described(x: Any) -> dict[str, Any] | None:
    """Return JSON of what holds an array, besides its numbers; None where nothing is to keep."""
    if (table := numbers_of_table(x)) is not None:
        return {"kind": "table", "of": library_of(x), "attributes": dict(table.attributes)}
    kinds = ((c.__module__.partition(".")[0], c.__name__) for c in type(x).__mro__)
    describe = next((_DESCRIBERS[kind] for kind in kinds if kind in _DESCRIBERS), None)
    return None if describe is None else describe(x)


def _described_table(x: Any) -> dict[str, Any]:
    dtypes = [str(dtype) for dtype in x.dtypes]
    own = {"rows": _labels(x.index), "columns": _labels(x.columns)}
    return {"kind": "pandas", **own, "dtypes": dtypes[:1] if len(set(dtypes)) == 1 else dtypes}


def _described_series(x: Any) -> dict[str, Any]:
    name = x.name if isinstance(x.name, str) else None
    return {"kind": "pandas series", "rows": _labels(x.index), "dtype": str(x.dtype), "name": name}


def _described_polars(x: Any) -> dict[str, Any]:
    is_series = not hasattr(x, "get_columns")
    columns = [x] if is_series else x.get_columns()
    return {
        "kind": "polars",
        "series": is_series,
        "names": [each.name for each in columns],
        "dtypes": [str(each.dtype) for each in columns],
    }


def _described_data_array(x: Any) -> dict[str, Any]:
    from narrows.signals.formats.datasets import source_of

    name = "data" if x.name is None else str(x.name)
    whole = x.to_dataset(name=name)
    kept = dict(source_of(lambda: nullcontext(whole), "signals", name).attributes)
    return {"kind": "xarray", "named": x.name is not None, "attributes": kept}


_DESCRIBERS = {
    ("torch", "Tensor"): lambda x: {"kind": "torch"},
    ("pandas", "DataFrame"): _described_table,
    ("pandas", "Series"): _described_series,
    ("polars", "DataFrame"): _described_polars,
    ("polars", "Series"): _described_polars,
    ("xarray", "DataArray"): _described_data_array,
}


def numbers_of_table(x: Any) -> ArraySource | None:
    """Return the numbers of a DataFrame with columns that are none; None for all else.

    Raises
    ------
    DataError
        If it has no column of numbers.
    MissingExtraError
        If pyarrow is not installed.
    """
    if not (hasattr(x, "columns") and hasattr(x, "dtypes")):
        return None
    library = library_of(x)
    if library == "pandas":
        from pandas.api.types import is_numeric_dtype

        is_plain = all(map(is_numeric_dtype, x.dtypes))
    elif library == "polars":
        is_plain = all(each.is_numeric() or str(each) == "Boolean" for each in x.dtypes)
    else:
        return None
    if is_plain:
        return None
    from narrows.signals.formats.tables import array_of, arrow

    table = x.to_arrow() if library == "polars" else arrow().Table.from_pandas(x)
    return array_of(table, "the table")


def library_of(x: Any) -> str:
    """Return the name of the library that made an object."""
    return type(x).__module__.partition(".")[0]


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
        extra = {"torch": "train", "table": "tables"}.get(kind, "xarray")
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


def _series(array: Array, container: dict[str, Any]) -> Any:
    import pandas as pd

    rows, dtype = _index(container["rows"]), str(container["dtype"])
    values = _rounded(array.reshape(len(rows)), dtype.lower())
    return pd.Series(values, index=rows, name=container["name"]).astype(dtype)


def _of_polars(array: Array, container: dict[str, Any]) -> Any:
    import polars as pl

    names, dtypes = list(map(str, container["names"])), container["dtypes"]
    columns = array.reshape(len(array), len(names)).T
    series = [
        pl.Series(name, np.ascontiguousarray(_rounded(column, str(dtype).lower())))
        for name, column, dtype in zip(names, columns, dtypes, strict=True)
    ]
    series = [each.cast(getattr(pl, dtype)) for each, dtype in zip(series, dtypes, strict=True)]
    return series[0] if container.get("series") is True else pl.DataFrame(series)


def _of_table(array: Array, container: dict[str, Any]) -> Any:
    from narrows.signals.formats.tables import table_of

    table = table_of(array, container["attributes"])
    if container["of"] == "pandas":
        return table.to_pandas()
    import polars as pl

    return pl.from_arrow(table)


def _rounded(values: Array, dtype: str) -> Array:
    """Return values that a column of whole numbers or truth values takes; others as they are."""
    wanted = np.dtype(bool if dtype == "boolean" else dtype)  # pandas' and polars' names
    if values.dtype.kind != "f" or wanted.kind == "f":
        return values
    return np.clip(np.rint(values), *ends_of(wanted)).astype(wanted)


def _data_array(array: Array, container: dict[str, Any]) -> Any:
    from narrows.signals.formats.datasets import data_set_of

    kept = container["attributes"]
    name = kept["name"]
    found = data_set_of(array, kept).set_coords(list(kept["coordinates"]))[name]
    return found if container["named"] else found.rename(None)


_MAKERS = {
    "torch": _tensor, "pandas": _table, "pandas series": _series, "polars": _of_polars,
    "table": _of_table, "xarray": _data_array,
}  # fmt: skip


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
