"""Bare numbers without a header, `.f32` or `.dat`: shape and type are the user's to know."""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from narrows.errors import DataError
from narrows.signals.formats.contract import Format
from narrows.signals.formats.damage import damage_named
from narrows.signals.formats.pieces import write_numbers
from narrows.signals.source import Attributes, FileSource


def open_raw(path: Path, shape: tuple[int, ...], dtype: np.dtype[Any]) -> FileSource:
    """Open bare numbers in C order, to be read where they are needed.

    Parameters
    ----------
    path : Path
    shape : tuple of int
        The first length may be -1: as many as there are.
    dtype : numpy dtype
        In the byte order of the file.

    Raises
    ------
    DataError
        If the file is longer or shorter.
    """
    row = prod(shape[1:]) * dtype.itemsize
    with damage_named(path, "bare numbers"):
        n_bytes = path.stat().st_size
    if shape[0] == -1 and row and n_bytes % row == 0:
        shape = (n_bytes // row, *shape[1:])
    if row * shape[0] != n_bytes or min(shape) < 0:
        raise DataError(
            f"{str(path)!r} has {n_bytes} bytes, and shape {','.join(map(str, shape))} of "
            f"{dtype.name} takes {row * abs(shape[0])}: give the --shape and --dtype that it has "
            "(-1 for the first length: as many as there are)"
        )

    def part(start: int, stop: int) -> npt.NDArray[Any]:
        with damage_named(path, "bare numbers"):
            count = (stop - start) * prod(shape[1:])
            x = np.fromfile(path, dtype, count, offset=start * row)
            native = x.astype(dtype.newbyteorder("="), copy=False)
            return native.reshape(stop - start, *shape[1:])

    attributes = {} if dtype.str[0] in "<|" else {"order": "big"}
    return FileSource(shape, dtype.newbyteorder("="), part, attributes)


def write_raw(stream: BinaryIO, array: npt.NDArray[Any], attributes: Attributes) -> None:
    """Write bare numbers, little-endian unless the attributes say otherwise."""
    big, little = array.dtype.newbyteorder(">"), array.dtype.newbyteorder("<")
    write_numbers(stream, array, big if attributes.get("order") == "big" else little)


RAW = Format(
    "bare numbers", lambda head, path: False, lambda path, member: _unknown(path), "", write_raw
)  # told by the options of a command alone


def _unknown(path: Path) -> FileSource:
    raise DataError(f"{str(path)!r} holds bare numbers: give --shape and --dtype")
