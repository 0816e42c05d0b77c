"""Gzipped IDX files, as MNIST is published."""

from __future__ import annotations

import gzip
import math
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from narrows.errors import DataError
from narrows.signals.formats.contract import Format
from narrows.signals.formats.damage import check_length, damage_named
from narrows.signals.formats.idx import as_source, is_idx, read_idx_header, write_idx
from narrows.signals.source import ArraySource

GZIP_MAGIC = b"\x1f\x8b"
_LARGEST_GZIP_RATIO = 1032  # deflate: at most 258 bytes from two bits


def write_gzipped_idx(stream: BinaryIO, array: npt.NDArray[Any]) -> None:
    """Write an array as gzipped IDX, without a time stamp: equal arrays give equal bytes."""
    with gzip.GzipFile("", "wb", compresslevel=6, fileobj=stream, mtime=0) as packed:
        write_idx(packed, array)  # type: ignore[arg-type]


def open_gzipped_idx(path: Path, member: str | None = None) -> ArraySource:
    """Read a gzipped IDX file into memory.

    Raises
    ------
    DataError
        If the file is damaged, or its content is not IDX.
    """
    with damage_named(path, "IDX"), gzip.open(path, "rb") as stream:
        _refuse_other_content(stream, path)
        dtype, shape = read_idx_header(stream)
        n_bytes = math.prod(shape) * dtype.itemsize
        # Before memory is taken for them: a damaged header may ask for exabytes.
        if n_bytes > _LARGEST_GZIP_RATIO * path.stat().st_size:
            raise ValueError(f"its header promises {n_bytes} bytes, more than gzip can hold there")
        content = stream.read(n_bytes + 1)  # the one more byte makes gzip compare its CRC
        check_length(len(content), n_bytes)
        return as_source(np.frombuffer(content, dtype).reshape(shape))


def _refuse_other_content(stream: gzip.GzipFile, path: Path) -> None:
    head = stream.peek(4)[:4]
    if not is_idx(head):
        raise DataError(
            f"{str(path)!r} is gzip but not gzipped IDX: its content begins with {head!r}; "
            "if that is .npy or .npz, unpack it first: gunzip FILE"
        )


GZIPPED_IDX = Format(
    "IDX",
    lambda head, path: head.startswith(GZIP_MAGIC),
    open_gzipped_idx,
    ".gz",
    write_gzipped_idx,
)
