"""FORMAT.md, "JSON": tests for the values in a model's settings."""

import math
from collections.abc import Callable
from typing import Any

from .conventions import Rejected, need

Settings = dict[str, Any]
Test = Callable[[Any], bool]


def check(value: Any, form: Any, name: str) -> None:
    """Check that a value is as a form says: a test, or an object with one form a key."""
    if callable(form):
        need(form(value), f"{name} has another form")
    else:
        same = isinstance(value, dict) and value.keys() == form.keys()
        need(same, f"{name} has other keys")
        for key in form:
            check(value[key], form[key], f"{name}.{key}")


def fits(value: Any, form: Any) -> bool:
    """Return whether a value is as a form says."""
    try:
        check(value, form, "")
    except Rejected:
        return False
    return True


def anything(value: Any) -> bool:
    """Accept what a decoder has no use for."""
    return True


def integer(least: int, greatest: int) -> Test:
    """Make a test for integers; true and false are none."""
    return lambda value: type(value) is int and least <= value <= greatest


def hexadecimal(n_digits: int) -> Test:
    """Make a test for so many hexadecimal digits in lower case."""
    return lambda v: type(v) is str and len(v) == n_digits and set(v) <= set("0123456789abcdef")


def or_null(test: Test) -> Test:
    """Make a test that null passes too."""
    return lambda value: value is None or test(value)


def list_of(test: Test, least: int = 0, most: int = 2**28) -> Test:
    """Make a test for lists."""
    return lambda v: isinstance(v, list) and least <= len(v) <= most and all(map(test, v))


def is_bool(value: Any) -> bool:
    """Return whether this is true or false."""
    return type(value) is bool


def is_float(text: Any) -> bool:
    """Return whether this is a finite float in the one form that the document allows."""
    try:
        value = float.fromhex(text)
    except (TypeError, ValueError, OverflowError):
        return False
    return math.isfinite(value) and value.hex() == text != "-0x0.0p+0"


def is_positive(text: Any) -> bool:
    """Return whether this is a float above 0."""
    return is_float(text) and float.fromhex(text) > 0


def is_shape(value: Any) -> bool:
    """Return whether this is a list of 0 to 8 sizes, of not too many elements."""
    return list_of(integer(1, 2**28), 0, 8)(value) and math.prod(value) <= 2**28


LIMIT = or_null(integer(1, 2**53 - 1))
