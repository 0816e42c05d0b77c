"""FORMAT.md, "Exact values": elements that are kept exactly beside what is coded."""

import math

import numpy as np

from .conventions import Cursor, Shape, need
from .raw_blocks import flat_elements, inflate, raw_of_planes


def read_exact(
    payload: bytes, shape: Shape, dtype: np.dtype
) -> tuple[np.ndarray, np.ndarray, bytes]:
    """Read the mask of signals (n, *frame_shape), the elements it names, and what follows them."""
    cursor, size = Cursor(payload), math.prod(shape)
    n_runs = cursor.varint()
    need(1 <= n_runs <= (size + 1) // 2, "no runs, or more than fit")
    raw = raw_of_planes(inflate(cursor.take(cursor.varint()), 8 * n_runs), 4)
    gaps, lengths = np.frombuffer(raw, "<u4").astype(np.int64).reshape(2, n_runs)
    need(lengths.all() and gaps[1:].all(), "a run of no elements, or two that touch")
    need(gaps.sum() + lengths.sum() <= size, "runs go on after the last element")
    mask, at = np.zeros(size, bool), 0
    for gap, length in zip(gaps.tolist(), lengths.tolist(), strict=True):
        mask[at + gap : at + gap + length] = True
        at += gap + length
    planes = inflate(cursor.take(cursor.varint()), int(lengths.sum()) * dtype.itemsize)
    values = flat_elements(raw_of_planes(planes, dtype.itemsize), dtype)
    return mask.reshape(shape), values, cursor.rest()
