"""FORMAT.md, "Raw blocks" and "Byte planes": signals that are stored without the model."""

import zlib

import numpy as np

from .conventions import Rejected, need


def inflate(stream: bytes, n_bytes: int, window_bits: int = 15) -> bytes:
    """Return the bytes that a zlib stream holds, which must be that many."""
    z = zlib.decompressobj(window_bits)
    try:
        data = z.decompress(stream, n_bytes + 1)  # no more memory than the limit and one byte
    except zlib.error as error:
        raise Rejected("a zlib stream is damaged") from error
    need(len(data) == n_bytes and z.eof and not z.unused_data, "a zlib stream has another length")
    return data


def raw_of_planes(planes: bytes, itemsize: int) -> bytes:
    """Return the raw bytes of elements whose byte planes these are."""
    return np.frombuffer(planes, np.uint8).reshape(itemsize, -1).T.tobytes()


def elements(raw: bytes, dtype: np.dtype, n: int, frame_shape: tuple[int, ...]) -> np.ndarray:
    """Return the n signals whose raw bytes these are, (n, *frame_shape)."""
    return flat_elements(raw, dtype).reshape(n, *frame_shape)


def flat_elements(raw: bytes, dtype: np.dtype) -> np.ndarray:
    """Return the elements whose raw bytes these are."""
    if dtype.kind == "b":
        need(not raw.strip(b"\0\1"), "a truth value is neither 0 nor 1")
    return np.frombuffer(raw, dtype.newbyteorder("<")).astype(dtype)
