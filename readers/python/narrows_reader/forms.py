"""FORMAT.md, "JSON": tests for the values in a model's settings."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from .conventions import need

Settings = dict[str, Any]
Test = Callable[[Any], bool]


class ListOf(NamedTuple):
    """A list of that many values of one form."""

    form: Any
    least: int = 0
    most: int = 2**28


class Either(NamedTuple):
    """A value whose form depends on the value."""

    form_of: Callable[[Any], Any]


def check(value: Any, form: Any, name: str) -> None:
    """Check that a value has a form: a test, one of the classes above, or one form a key."""
    if isinstance(form, Either):
        check(value, form.form_of(value), name)
    elif isinstance(form, ListOf):
        right = isinstance(value, list) and form.least <= len(value) <= form.most
        need(right, f"{name} is no list, or of another length")
        for i, each in enumerate(value):
            check(each, form.form, f"{name}.{i}")
    elif isinstance(form, dict):
        same = isinstance(value, dict) and value.keys() == form.keys()
        need(same, f"{name} has other keys")
        for key in form:
            check(value[key], form[key], f"{name}.{key}")
    else:
        need(form(value), f"{name} has another value")


def anything(value: Any) -> bool:
    """Accept what a decoder has no use for."""
    return True


def integer(least: int, greatest: int) -> Test:
    """Make a test for integers; true and false are none."""
    return lambda value: type(value) is int and least <= value <= greatest


def hexadecimal(n_digits: int) -> Test:
    """Make a test for so many hexadecimal digits in lower case."""
    return lambda v: type(v) is str and len(v) == n_digits and set(v) <= set("0123456789abcdef")


def or_null(form: Any) -> Either:
    """Make a form that null has, too."""
    return Either(lambda value: anything if value is None else form)


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
    right = isinstance(value, list) and len(value) <= 8 and all(map(integer(1, 2**28), value))
    return right and math.prod(value) <= 2**28


LIMIT = or_null(integer(1, 2**53 - 1))
