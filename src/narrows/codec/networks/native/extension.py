"""The compiled part, if it is there: `narrows.codec._native`, built from the folder `native`."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from typing import Any

ENGINE_VARIABLE = "NARROWS_ENGINE"
VERSION = 16
"""Of the description of programs; one that was built for another version is left alone."""
BUILD = "pip install . in a checkout builds it where there is GCC or Clang"


@cache
def extension() -> tuple[Any, str]:
    """Return the module and "", or None and why it is not there."""
    try:
        from narrows.codec import _native
    except ImportError as error:
        found = find_spec("narrows.codec._native") is not None
        return None, f"{f'not to be loaded ({error})' if found else 'not built'}; {BUILD}"
    if _native.VERSION != VERSION:
        return None, f"built for another version of narrows; {BUILD}"
    return _native, ""


def levels() -> list[str]:
    """Name the levels that this processor has, the fastest first: none without the extension."""
    module, _ = extension()
    return [] if module is None else list(module.levels())
