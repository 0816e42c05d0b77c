"""Tables <-> arrays of their columns of numbers, or of lists of numbers; Parquet files."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from narrows.errors import DataError, FormatError, needing
from narrows.signals.formats.contract import Format
from narrows.signals.formats.damage import damage_named
from narrows.signals.source import ArraySource, Attributes

Array = npt.NDArray[Any]

TYPES = tuple(map(np.dtype, ("uint8", "int8", "uint16", "int16", "int32", "float32", "float64")))
MAX_WHOLE = 1 << 53  # whole numbers up to here are float64 numbers
SHOWN = 12  # names in an error message


@cache
def arrow() -> Any:
    """Import Arrow."""
    with needing("pyarrow", "reading and writing tables", "tables"):
        import pyarrow
        import pyarrow.compute
        import pyarrow.csv
        import pyarrow.parquet
    return pyarrow


def array_of(table: Any, name: str, chosen: str | None = None) -> ArraySource:
    """Return the numbers of a table as an array, and the rest of it as attributes.

    Parameters
    ----------
    table : pyarrow.Table
    name : str
        What error messages call it.
    chosen : str, optional
        The columns to take, with commas between; the others are kept exactly.

    Raises
    ------
    DataError
        If there are no such columns, or none of numbers.
    """
    check_columns(table.column_names, name)
    numbers = _chosen(table, name, chosen) if chosen else _numbers(table, name)
    columns = [table.column(each) for each in numbers]
    lists = len(columns) == 1 and _list_shape(columns[0].type) is not None
    array = _of_lists(columns[0], name) if lists else _of_columns(columns)
    attributes: dict[str, Any] = {"numbers": numbers, "schema": _text(table.schema.serialize())}
    gaps = [each.null_count > 0 for each in columns]
    if any(gaps):
        attributes["gaps"] = gaps
    rest = table.drop_columns(numbers)
    if rest.num_columns:
        attributes["rest"] = _text(compressed(rest))
    return ArraySource(array, attributes, "rows" if lists else None)


def check_columns(names: Sequence[str], name: str) -> None:
    """Raise DataError where two columns have one name."""
    if len(set(names)) < len(names):
        twice = next(each for each in names if names.count(each) > 1)
        raise DataError(f"{name} has two columns {twice!r}; give each a name of its own")


def table_of(array: Array, attributes: Attributes) -> Any:
    """Return the table that `(rows, ...)` numbers and attributes were made of.

    Raises
    ------
    DataError
        If they are of something else.
    """
    pa = arrow()
    try:
        schema = pa.ipc.read_schema(pa.py_buffer(_bytes(attributes["schema"])))
        numbers = list(attributes["numbers"])
        kept = {name: schema.field(name) for name in schema.names}
        rest = pa.table({})
        if "rest" in attributes:
            rest = pa.parquet.read_table(io.BytesIO(_bytes(attributes["rest"])))
        gaps = attributes.get("gaps", [False] * len(numbers))
        fits = set(schema.names) == {*numbers, *rest.column_names} and len(gaps) == len(numbers)
        if not fits or (rest.num_columns and rest.num_rows != len(array)):
            raise ValueError("other columns than its schema")
        columns = {name: rest.column(name) for name in rest.column_names}
        for number, (name, has_gaps) in enumerate(zip(numbers, gaps, strict=True)):
            column = array if _list_shape(kept[name].type) else array[:, number]
            columns[name] = _column(column, kept[name].type, has_gaps)
        return pa.table([columns[name] for name in schema.names], schema=schema)
    except (KeyError, TypeError, ValueError, IndexError, pa.ArrowException) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise FormatError(f"archive with a table that is none: {reason}") from error


def _chosen(table: Any, name: str, chosen: str) -> list[str]:
    """Return the columns that are asked for, all of them of numbers."""
    wanted = [each.strip() for each in chosen.split(",")]
    for each in wanted:
        if each not in table.column_names:
            there = ", ".join(map(repr, table.column_names[:SHOWN]))
            raise DataError(f"{name} has no column {each!r}; it has {there}")
        column = table.column(each)
        if not _is_numeric(column.type) and _list_shape(column.type) is None:
            raise DataError(f"{name} has no numbers in its column {each!r}, but {column.type}")
    lists = [each for each in wanted if _list_shape(table.column(each).type) is not None]
    if lists and len(wanted) > 1:
        raise DataError(f"{name}: {lists[0]!r} is a column of lists; give it alone")
    return wanted


def _numbers(table: Any, name: str) -> list[str]:
    """Return the columns that are signals: one of lists, or all of numbers."""
    lists = [each.name for each in table.schema if _list_shape(each.type) is not None]
    if len(lists) > 1:
        raise DataError(
            f"{name} has several columns of lists, {', '.join(map(repr, lists[:SHOWN]))}; choose "
            f"one as FILE:{lists[0]}"
        )
    found = lists or [each for each in table.column_names if _is_signal(table.column(each))]
    if not found:
        kinds = ", ".join(f"{each.name!r} of {each.type}" for each in table.schema)
        hint = "give another table"
        if any(_is_numeric(each.type) for each in table.schema):
            hint = "whole numbers that rise count the rows: FILE:NAME,NAME takes such columns, too"
        raise DataError(
            f"{name} has no column of numbers that may come back nearly, only {kinds or 'nothing'};"
            f" {hint}"
        )
    return found


def _is_numeric(kind: Any) -> bool:
    types = arrow().types
    return bool(types.is_floating(kind) or types.is_integer(kind))


def _list_shape(kind: Any) -> tuple[int, ...] | None:
    """Return the shape of each value of a column of lists of numbers, or None for another."""
    pa = arrow()
    if isinstance(kind, pa.FixedShapeTensorType):
        fits = kind.permutation in (None, list(range(len(kind.shape))))
        return tuple(kind.shape) if fits and _is_numeric(kind.value_type) else None
    if pa.types.is_fixed_size_list(kind) and _is_numeric(kind.value_type):
        return (kind.list_size,)
    return None


def _is_signal(column: Any) -> bool:
    """Return whether a column's numbers may come back nearly: it is no index."""
    types, compute = arrow().types, arrow().compute
    if not _is_numeric(column.type):
        return False
    if not types.is_integer(column.type) or column.length() < 2:
        return True
    if max(abs(each or 0) for each in compute.min_max(column).as_py().values()) > MAX_WHOLE:
        return False
    rises = compute.greater(column.slice(1), column.slice(0, column.length() - 1))
    return column.null_count > 0 or not bool(compute.all(rises).as_py())


def _of_columns(columns: Sequence[Any]) -> Array:
    """Return `(rows, columns)` in a type that holds all; gaps are NaN."""
    parts = [_numpy(column) for column in columns]
    dtype = next(
        (each for each in TYPES if all(np.can_cast(part.dtype, each) for part in parts)), TYPES[-1]
    )
    out = np.empty((len(parts[0]), len(parts)), dtype)
    for number, part in enumerate(parts):
        out[:, number] = part
    return out


def _numpy(column: Any) -> Array:
    """Return a column's numbers, in floats where some are missing."""
    pa = arrow()
    if column.null_count and pa.types.is_integer(column.type):
        column = column.cast(pa.float32() if column.type.bit_width <= 16 else pa.float64())
    return np.asarray(column.to_numpy())


def _of_lists(column: Any, name: str) -> Array:
    """Return `(rows, *shape)` of a column of lists."""
    shape = _list_shape(column.type)
    assert shape is not None
    if column.null_count:
        raise DataError(
            f"{name} has {column.null_count} rows without a list; leave those out, e.g. with "
            "table.drop_null()"
        )
    chunks = [getattr(chunk, "storage", chunk).flatten() for chunk in column.chunks]
    values = [np.asarray(chunk.to_numpy(zero_copy_only=False)) for chunk in chunks]
    flat = np.concatenate(values) if values else np.empty(0, np.float32)
    if flat.dtype not in (*TYPES, np.float16):
        flat = flat.astype(np.float64)
    return flat.reshape(-1, *shape)


def _column(values: Array, kind: Any, has_gaps: bool) -> Any:
    """Return numbers as a column of its type: rounded, and clipped, where that is of integers."""
    pa = arrow()
    shape = _list_shape(kind)
    of_one = kind.value_type if shape else kind
    target = np.dtype(of_one.to_pandas_dtype())
    flat = values.reshape(-1)
    mask = np.isnan(flat) if has_gaps and flat.dtype.kind == "f" else None
    if target.kind in "iu" and flat.dtype.kind == "f":
        bounds = np.iinfo(target)
        low, high = max(bounds.min, -MAX_WHOLE), min(bounds.max, MAX_WHOLE)
        flat = np.clip(np.rint(np.nan_to_num(flat)), low, high)
    column = pa.array(flat.astype(target), of_one, mask=mask)
    if not shape:
        return column
    storage = kind.storage_type if isinstance(kind, pa.FixedShapeTensorType) else kind
    lists = pa.FixedSizeListArray.from_arrays(column, type=storage)
    return lists if storage is kind else pa.ExtensionArray.from_storage(kind, lists)


def compressed(table: Any) -> bytes:
    """Write a table in few bytes: what rises evenly takes next to nothing."""
    pa, stream = arrow(), io.BytesIO()
    whole = pa.types.is_integer
    deltas = {
        each.name: "DELTA_BINARY_PACKED"
        for each in table.schema
        if whole(each.type) or pa.types.is_timestamp(each.type) or pa.types.is_date(each.type)
    }
    fronts = {
        each.name: "DELTA_BYTE_ARRAY"
        for each in table.schema
        if pa.types.is_string(each.type) or pa.types.is_large_string(each.type)
    }
    pa.parquet.write_table(
        table, stream, compression="zstd", compression_level=19, use_dictionary=False,
        column_encoding={**deltas, **fronts} or None, store_schema=True,
    )  # fmt: skip
    return stream.getvalue()


def _text(content: Any) -> str:
    return base64.b64encode(content).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


MAGIC = b"PAR1"


def open_parquet(path: Path, columns: str | None = None) -> ArraySource:
    """Read a table; of its columns, those named with commas between, or all of numbers."""
    pa = arrow()
    # As a stream, since a folder's name such as `year=2024` would add columns.
    with damage_named(path, "Parquet"), path.open("rb") as stream:
        table = pa.parquet.read_table(stream)
    return array_of(table, repr(str(path)), columns)


def write_parquet(stream: BinaryIO, array: npt.NDArray[Any], attributes: Attributes) -> None:
    """Write the table that numbers were made of."""
    arrow().parquet.write_table(table_of(array, attributes), stream, compression="zstd")


PARQUET = Format(
    "Parquet", lambda head, _: head.startswith(MAGIC), open_parquet, ".parquet", write_parquet,
    has_members=True,
)  # fmt: skip
