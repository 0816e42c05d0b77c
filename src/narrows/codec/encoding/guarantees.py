"""What is promised of every element: asked for by a user, and kept by whoever compresses."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.archive.guarantee import Guarantee
from narrows.errors import SettingError

Bounds = float | Sequence[float]
Range = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]


def check_bounds(name: str, given: Any) -> tuple[float, ...]:
    """Return a bound, or those by channel, as a tuple; SettingError for what is none."""
    values = given if isinstance(given, Sequence) and not isinstance(given, str) else [given]
    for value in values:
        is_number = isinstance(value, int | float | np.integer | np.floating)
        if isinstance(value, bool) or not is_number or not math.isfinite(value):
            raise SettingError(f"{name} {value!r}; it must be a finite number above 0")
        if value == 0:
            raise SettingError(f"{name} 0; give lossless (--lossless) for signals without errors")
        if value < 0:
            raise SettingError(f"{name} {value!r}; it must be above 0: errors have no sign")
    if not len(values):
        raise SettingError(f"{name} of no numbers; give one, or one a channel")
    return tuple(float(value) for value in values)


def parse_bounds(text: str | None) -> float | list[float] | None:
    """Read `0.1`, or `0.1,0.5` by channel; SettingError for anything else."""
    if text is None:
        return None
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError:
        raise SettingError(
            f"bound {text!r}; accepted are a number, or numbers with commas, one a channel"
        ) from None
    return values if len(values) > 1 else values[0]


def absolute(bounds: tuple[float, ...], dtype: np.dtype[Any], shape: tuple[int, ...]) -> Guarantee:
    """Return a promise in units of the signals; SettingError where the type cannot have it."""
    _check_channels("max_error", bounds, shape)
    least = 1.0 if dtype.kind != "f" else float(np.finfo(dtype).smallest_subnormal)
    if min(bounds) < least:
        raise SettingError(
            f"max_error {min(bounds):g} is below the resolution of {dtype}, {least:g}; give "
            "lossless (--lossless)"
        )
    return Guarantee(bounds)


def relative(
    parts: tuple[float, ...], dtype: np.dtype[Any], shape: tuple[int, ...], spanned: Range
) -> Guarantee:
    """Return a promise in parts of the range of values, from `range_of`.

    Where that is below what the type resolves, nothing is lost at all.
    """
    _check_channels("max_relative_error", parts, shape)
    if dtype.kind == "f" and min(parts) < float(np.finfo(dtype).eps) / 2:
        raise SettingError(
            f"max_relative_error {min(parts):g} is below the resolution of {dtype}, "
            f"{float(np.finfo(dtype).eps) / 2:.2g}; give lossless (--lossless)"
        )
    low, high = spanned
    with np.errstate(over="ignore", invalid="ignore"):  # a range may be wider than any number
        width = high - low if len(parts) > 1 else np.array([high.max() - low.min()])
        bounds = tuple((np.array(parts) * width).tolist())
    least = 1.0 if dtype.kind != "f" else float(np.finfo(dtype).smallest_subnormal)
    if not all(least <= bound < math.inf for bound in bounds):
        return Guarantee()
    return Guarantee(bounds, parts)


def range_of(blocks: Iterable[npt.NDArray[Any]], shape: tuple[int, ...]) -> Range:
    """Return the least and the greatest finite value of signals, by the last axis of a frame."""
    n = shape[-1] if shape else 1
    low, high = np.full(n, math.inf), np.full(n, -math.inf)
    for block in blocks:
        rows = block.reshape(-1, n)
        if block.dtype.kind == "f":
            finite = np.isfinite(rows)
            low = np.minimum(low, rows.min(axis=0, where=finite, initial=math.inf))
            high = np.maximum(high, rows.max(axis=0, where=finite, initial=-math.inf))
        elif len(rows):
            low = np.minimum(low, rows.min(axis=0).astype(np.float64))
            high = np.maximum(high, rows.max(axis=0).astype(np.float64))
    return low, high


def _check_channels(name: str, bounds: tuple[float, ...], shape: tuple[int, ...]) -> None:
    if len(bounds) > 1 and (not shape or shape[-1] != len(bounds)):
        raise SettingError(
            f"{name} of {len(bounds)} numbers, for signals of shape {shape}; give one, or as many "
            "as the last axis has channels"
        )
