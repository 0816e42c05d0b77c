"""Checks of what a file says, before anything is built from it."""

from __future__ import annotations

from typing import Any

from narrows.errors import FormatError

MAX_DIMENSIONS = 8
MAX_ELEMENTS = 1 << 28  # of a frame, or of any layer's output


def check_whole(value: Any, low: int, high: int, what: str) -> int:
    """Return `value` if it is an int in low .. high; FormatError otherwise."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        shown = repr(value)[:40]
        raise FormatError(f"{what} is {shown}; it must be a whole number from {low} to {high}")
    return value


def check_sizes(value: Any, n: int, low: int, high: int, what: str) -> tuple[int, ...]:
    """Return a list of `n` ints in low .. high as a tuple; FormatError otherwise."""
    if not isinstance(value, tuple | list) or len(value) != n:
        shown = repr(value)[:40]
        raise FormatError(f"{what} is {shown}; it must be {n} whole numbers from {low} to {high}")
    return tuple(check_whole(each, low, high, f"a number in the {what}") for each in value)


def check_shape(shape: Any, what: str) -> tuple[int, ...]:
    """Return a shape as a tuple of sizes of at least 1; FormatError otherwise."""
    if not isinstance(shape, tuple | list) or len(shape) > MAX_DIMENSIONS:
        raise FormatError(
            f"{what} is {repr(shape)[:40]}; it must be at most {MAX_DIMENSIONS} sizes"
        )
    elements = 1
    for size in shape:
        elements *= check_whole(size, 1, MAX_ELEMENTS, f"a size in the {what}")
    if elements > MAX_ELEMENTS:
        raise FormatError(f"{what} is {repr(shape)[:40]}: more than {MAX_ELEMENTS} elements")
    return tuple(shape)
