"""Numbers from one dtype to another, as scikit-learn's estimators take and give them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.arrays import as_array
from narrows.element_types import ends_of


def checked(values: Any) -> Any:
    """Return samples as they are, for scikit-learn to convert, or refuse what that would lose."""
    as_array(values, "X", objects=True)
    return values


def cast_to(x: npt.NDArray[Any], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """Convert numbers to a dtype: rounded for integers, and clipped to its range."""
    if np.can_cast(x.dtype, dtype):
        return x.astype(dtype, copy=False)
    least, most = ends_of(dtype)
    if dtype.kind == "f":
        return np.asarray(np.clip(x, least, most), dtype=dtype)
    return np.clip(np.floor(x.astype(np.float64) + 0.5), least, most).astype(dtype)


def in_float32(latents: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Convert latents, so that each still rounds to the symbol it rounded to.

    Only one just below a half may come out on the half itself, and so be rounded up.
    """
    out = latents.astype(np.float32)
    on_the_half = np.floor(out.astype(np.float64) + 0.5) > np.floor(latents + 0.5)
    out[on_the_half] = np.nextafter(out[on_the_half], np.float32(-np.inf))
    return out
