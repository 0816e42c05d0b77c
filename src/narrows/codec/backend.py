"""Where the arithmetic of an exact network runs.

The layers are written against the functions that numpy and torch name alike (`floor`, `clip`,
`maximum`, `where`, `@`), so one definition serves both. A backend says which library that is and
carries arrays over. The one for torch lives in `narrows.integrations.torch_backend`.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Array = Any
"""A numpy array, or the array type of another backend."""

Float = type[np.float32] | type[np.float64]


class Backend(Protocol):
    """A library that multiplies matrices of integers held in floating point."""

    @property
    def xp(self) -> Any:
        """The module with `floor`, `clip`, `maximum` and `where`."""
        ...

    @property
    def float32_is_exact(self) -> bool:
        """Whether float32 products below 2**24 are certain to be exact (no TF32, no Winograd)."""
        ...

    def constant(self, values: npt.NDArray[Any], dtype: Float) -> Array:
        """Carry a numpy array into the backend as floating point."""
        ...

    def cast(self, x: Array, dtype: Float) -> Array:
        """Change the floating-point type, without a copy where it is right already."""
        ...

    def take(self, table: Array, index: Array) -> Array:
        """Look integers up: `index` holds whole numbers in floating point."""
        ...

    def to_numpy(self, x: Array) -> npt.NDArray[Any]:
        """Carry an array back to numpy."""
        ...


class NumpyBackend:
    """The default: numpy and whatever BLAS it was built with."""

    xp: Any = np
    float32_is_exact = True

    def constant(self, values: npt.NDArray[Any], dtype: Float) -> Array:
        """Return `values` as a C-contiguous array of `dtype`."""
        return np.ascontiguousarray(values, dtype=dtype)

    def cast(self, x: Array, dtype: Float) -> Array:
        """Return `x` as `dtype`."""
        return x.astype(dtype, copy=False)

    def take(self, table: Array, index: Array) -> Array:
        """Return `table[index]`."""
        return table[index.astype(np.intp)]

    def to_numpy(self, x: Array) -> npt.NDArray[Any]:
        """Return `x` itself."""
        return np.asarray(x)


NUMPY = NumpyBackend()
"""The backend used where none is given; it has no state."""
