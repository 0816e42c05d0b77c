"""Squared errors, rounded alike everywhere, so that comparisons agree on every machine."""

from __future__ import annotations

from math import fsum, inf, isqrt, prod
from typing import Any

import numpy as np
import numpy.typing as npt

LARGEST_SUM = 2**52


def errors(
    decoded: npt.NDArray[Any], x: npt.NDArray[Any], units: float | npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Compute the signed errors of `(n, *frame_shape)` frames in whole units, `(n, size)`.

    `units` are those in one of the signals' own, one number or one a channel. Errors are clipped
    where sums of their squares could pass 2**52.
    """
    size = prod(x.shape[1:])
    limit = float(isqrt(LARGEST_SUM // size))
    e = decoded.reshape(-1, size).astype(np.float64)
    with np.errstate(over="ignore"):
        e -= x.reshape(-1, size)
        e *= np.broadcast_to(units, x.shape[1:]).reshape(size) if np.ndim(units) else units
    np.rint(e, out=e)
    return np.clip(e, -limit, limit, out=e)


def with_known(
    decoded: npt.NDArray[Any], x: npt.NDArray[Any], known: npt.NDArray[np.bool_] | None
) -> npt.NDArray[Any]:
    """Return decoded frames without errors where nothing is known of them; None: all is known."""
    return decoded if known is None else np.where(known, decoded, x)


def squared(e: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Sum the squares of `(n, size)` errors to `(n,)` distortions, exactly."""
    return np.asarray(np.einsum("ij,ij->i", e, e))


def squared_errors(decoded: npt.NDArray[Any], x: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Sum the squared errors of `(n, *frame_shape)` signals to `(n,)`; inf where it is too large.

    Errors, squares and sums are rounded once each: the same on every machine.
    """
    with np.errstate(over="ignore"):
        e = decoded.astype(np.float64) - x
        e = np.asarray(np.square(e.reshape(len(e), prod(e.shape[1:]))))
    if x.dtype.kind != "f" and x.dtype.itemsize < 4:
        return np.asarray(e.sum(axis=1, dtype=np.int64), dtype=np.float64)  # below 2**59
    return np.array([_sum(row) for row in e.tolist()], dtype=np.float64)


def _sum(squares: list[float]) -> float:
    try:
        return fsum(squares)
    except OverflowError:
        return inf
