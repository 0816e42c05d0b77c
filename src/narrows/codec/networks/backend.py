"""The library that computes an exact network: numpy, or another one behind the same functions.

The layers use the functions that numpy and torch name alike (`floor`, `clip`, `maximum`, `where`,
`@`), so one definition serves both. A backend names the library and converts arrays. The backend
of torch is in `narrows.integrations.torch_backend`.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Array = Any
"""A numpy array, or the array type of another backend."""

Float = type[np.float32] | type[np.float64]
Shape = tuple[int, ...]

EXACT_FLOAT64, EXACT_FLOAT32 = 2**53, 2**24
"""Integers, and sums of integers, are exact below these in float64 and float32."""

PART_ELEMENTS = 1 << 18
"""One megabyte of float32, about a core's second-level cache: the fastest of 0.25 to 8 MB."""


class Backend(Protocol):
    """A library that multiplies matrices of integers held in floating point."""

    @property
    def xp(self) -> Any:
        """The module with `floor`, `clip`, `maximum`, `where` and `matmul`."""
        ...

    @property
    def float32_is_exact(self) -> bool:
        """Whether float32 products below 2**24 are certain to be exact (no TF32, no Winograd)."""
        ...

    @property
    def part_elements(self) -> int:
        """The number of elements above which a layer computes an intermediate array in parts."""
        ...

    def zeros(self, shape: Shape, dtype: Float) -> Array:
        """Return an array of zeros."""
        ...

    def empty(self, shape: Shape, dtype: Float) -> Array:
        """Return an array of undefined content."""
        ...

    def constant(self, values: npt.NDArray[Any], dtype: Float) -> Array:
        """Convert a numpy array to an array of the backend."""
        ...

    def cast(self, x: Array, dtype: Float) -> Array:
        """Return `x` in another floating-point type, without a copy where it has that type."""
        ...

    def take(self, table: Array, index: Array) -> Array:
        """Return `table[index]`; `index` holds whole numbers in floating point."""
        ...

    def windows(self, x: Array, sizes: Shape, kernel: Shape, stride: Shape) -> Array:
        """Return a view of `(n, *spatial, c)` as `(n, *sizes, *kernel, c)`, windows at a stride."""
        ...

    def to_numpy(self, x: Array) -> npt.NDArray[Any]:
        """Convert an array to numpy."""
        ...


class NumpyBackend:
    """The default: numpy and whatever BLAS it was built with."""

    xp: Any = np
    float32_is_exact = True
    part_elements = PART_ELEMENTS

    def __reduce__(self) -> str:
        """Pickle as the name of the one there is."""
        return "NUMPY"

    def zeros(self, shape: Shape, dtype: Float) -> Array:
        """Return zeros."""
        return np.zeros(shape, dtype)

    def empty(self, shape: Shape, dtype: Float) -> Array:
        """Return an array of undefined content."""
        return np.empty(shape, dtype)

    def constant(self, values: npt.NDArray[Any], dtype: Float) -> Array:
        """Return `values` as a C-contiguous array of `dtype`."""
        return np.ascontiguousarray(values, dtype=dtype)

    def cast(self, x: Array, dtype: Float) -> Array:
        """Return `x` as `dtype`."""
        return x.astype(dtype, copy=False)

    def take(self, table: Array, index: Array) -> Array:
        """Return `table[index]`."""
        return table[index.astype(np.intp)]

    def windows(self, x: Array, sizes: Shape, kernel: Shape, stride: Shape) -> Array:
        """Return a view of the windows; ValueError where they reach beyond `x`."""
        ends = ((n - 1) * s + k for n, s, k in zip(sizes, stride, kernel, strict=True))
        if any(end > size for end, size in zip(ends, x.shape[1:-1], strict=True)):
            raise ValueError(f"windows {sizes} of {kernel}, {stride} apart, in {x.shape}")
        first, *along, last = x.strides
        apart = (a * s for a, s in zip(along, stride, strict=True))
        return np.lib.stride_tricks.as_strided(
            x,
            (len(x), *sizes, *kernel, x.shape[-1]),
            (first, *apart, *along, last),
            writeable=False,
        )

    def to_numpy(self, x: Array) -> npt.NDArray[Any]:
        """Return `x` itself."""
        return np.asarray(x)


NUMPY = NumpyBackend()
"""The default backend."""


def float_for(peak: int, backend: Backend) -> Float:
    """Return the fastest type of a backend in which integers up to `peak` are exact."""
    return np.float32 if backend.float32_is_exact and peak < EXACT_FLOAT32 else np.float64
