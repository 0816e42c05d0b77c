"""Gzipped `.npy`, as `gzip x.npy` leaves it: unpacked into memory, and gzipped again."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from narrows.signals.formats.contract import Format
from narrows.signals.formats.damage import check_length, damage_named
from narrows.signals.formats.idx import GZIP_MAGIC, check_gzip_size
from narrows.signals.formats.npy import NPY_MAGIC, read_npy_header, write_npy
from narrows.signals.source import ArraySource, Attributes


def is_gzipped_npy(head: bytes, path: Path) -> bool:
    """Return whether a gzip file holds `.npy`; False where it cannot be looked into."""
    if not head.startswith(GZIP_MAGIC) or not path.is_file():
        return False
    try:
        with gzip.open(path, "rb") as stream:
            return stream.read(len(NPY_MAGIC)) == NPY_MAGIC
    except (OSError, EOFError, ValueError, zlib.error):
        return False  # damaged: the reader of gzipped IDX says so


def open_gzipped_npy(path: Path, member: str | None = None) -> ArraySource:
    """Read a gzipped `.npy` file into memory.

    Raises
    ------
    DataError
        If the file is damaged, or longer or shorter than its header says, or no numbers.
    """
    with damage_named(path, "gzipped .npy"), gzip.open(path, "rb") as stream:
        header = read_npy_header(stream, str(path))
        check_gzip_size(path, header.n_bytes)
        content = stream.read(header.n_bytes + 1)  # the one more makes gzip compare its CRC
        check_length(len(content), header.n_bytes)
        flat = np.frombuffer(content, header.dtype)
        return ArraySource(flat.reshape(header.shape, order=header.order))


def write_gzipped_npy(stream: BinaryIO, array: npt.NDArray[Any], attributes: Attributes) -> None:
    """Write an array as gzipped `.npy`, without a time stamp: equal arrays give equal bytes."""
    with gzip.GzipFile("", "wb", compresslevel=6, fileobj=stream, mtime=0) as packed:
        write_npy(packed, array, attributes)  # type: ignore[arg-type]


GZIPPED_NPY = Format(
    ".npy", is_gzipped_npy, open_gzipped_npy, write=write_gzipped_npy, other_suffixes=(".gz",)
)
