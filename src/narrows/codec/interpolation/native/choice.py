"""Whether compiled code codes levels: where it is built, asked for, and gives the known answers."""

from __future__ import annotations

import warnings
from functools import cache
from typing import Any

from narrows.codec.networks.engines import NativeEngine, engine_for
from narrows.codec.networks.native.extension import extension


def native_levels() -> Any:
    """Return the module that codes levels without a network here; None where numpy does."""
    return trusted() if isinstance(engine_for(), NativeEngine) else None


@cache
def trusted() -> Any:
    """Return the module if it gives the known answers; None, with a warning, where it does not."""
    from narrows.codec.interpolation.native.known_answers import CASES, holds

    native, _ = extension()
    if all(holds(case, native) for case in CASES):
        return native
    warnings.warn(
        "compiled code does not give the known answers of levels without a network, so numpy codes "
        "them; please report this processor and compiler",
        RuntimeWarning,
        stacklevel=2,
    )
    return None
