"""Parquet files: their columns of numbers, or of lists of numbers, as `tables` says.

`file.parquet:temperature,pressure` takes these columns alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

import numpy.typing as npt

from narrows.signals.formats.contract import Format
from narrows.signals.formats.damage import damage_named
from narrows.signals.formats.tables import array_of, arrow, table_of
from narrows.signals.source import ArraySource, Attributes

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
