"""The two ends of the networks: the user's numbers to integers, and integers to numbers.

Each operation is separately rounded float64, which IEEE 754 fixes on every machine. None of them
may be fused: a fused multiply-add rounds once where two roundings are specified.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.backend import NUMPY, Array, Backend
from narrows.errors import FormatError, UnprovenModelError

MAX_OUTPUT = 2**52  # the halves added before floor are exact up to here


@dataclass(frozen=True)
class Normaliser:
    """Signal values <-> the integers at the networks' ends.

    Attributes
    ----------
    dtype : numpy dtype
        Of the signals.
    offset, scale : float
        Input: `floor((x - offset) * scale + 0.5)`.
    limit : int
        The input integers are clipped to -limit .. limit.
    output_shift : int
        Output to integer dtypes: `floor(y * 2**-output_shift + 0.5) + output_offset`.
    output_scale : float
        Output to float dtypes: `y * output_scale + output_offset`.
    output_offset : float
        A whole number for integer dtypes.
    """

    dtype: np.dtype[Any]
    offset: float
    scale: float
    limit: int
    output_shift: int
    output_scale: float
    output_offset: float

    def __post_init__(self) -> None:
        finite = np.isfinite([self.offset, self.scale, self.output_scale, self.output_offset])
        if not finite.all() or not -32 <= self.output_shift < 52 or not 0 < self.limit < 2**32:
            raise FormatError(f"normaliser outside its limits: {self}")

    def check_output(self, output_limit: int) -> None:
        """Prove the output end exact for integers of at most `output_limit`.

        Raises
        ------
        UnprovenModelError
            If a sum of `output_limit` and one half could need more than 53 bits.
        """
        largest = output_limit << max(0, -self.output_shift)
        if largest >= MAX_OUTPUT:
            raise UnprovenModelError(
                f"the decoder's output could reach {largest:.3g}; the limit is 2**52"
            )

    def to_integers(self, x: npt.NDArray[Any], backend: Backend = NUMPY) -> Array:
        """Map signals to the encoder's input.

        Parameters
        ----------
        x : (n, *frame_shape) of `dtype`
        backend : Backend, optional
            Where to compute; numpy by default.

        Returns
        -------
        (n, *frame_shape) float64
            Integers in -limit .. limit; NaN becomes 0.
        """
        y = backend.constant(x, np.float64)
        y = y - self.offset
        y *= self.scale
        y += 0.5
        backend.xp.floor(y, out=y)
        backend.xp.clip(y, -self.limit, self.limit, out=y)
        return backend.xp.where(y == y, y, 0.0) if self.dtype.kind == "f" else y  # noqa: PLR0124

    def from_integers(self, y: Array, backend: Backend = NUMPY) -> npt.NDArray[Any]:
        """Map the decoder's output to signals.

        Parameters
        ----------
        y : (n, *frame_shape) float
            Integers.
        backend : Backend, optional
            The backend that `y` is of; numpy by default.

        Returns
        -------
        (n, *frame_shape) of `dtype`
            Clipped to the range of the dtype.
        """
        xp = backend.xp
        y = backend.cast(y, np.float64)
        if self.dtype.kind == "f":
            largest = float(np.finfo(self.dtype).max)
            x = y * self.output_scale
            x += self.output_offset
            xp.clip(x, -largest, largest, out=x)
            with np.errstate(under="ignore"):
                # Adding +0.0 turns a -0.0 that the cast may have made into +0.0.
                return np.asarray(backend.to_numpy(x).astype(self.dtype) + self.dtype.type(0.0))
        x = y * 2.0**-self.output_shift
        x += 0.5
        xp.floor(x, out=x)
        x += self.output_offset
        bounds = np.iinfo(self.dtype)
        xp.clip(x, int(bounds.min), int(bounds.max), out=x)
        return backend.to_numpy(x).astype(self.dtype)

    def settings(self) -> dict[str, Any]:
        """Give canonical JSON values; floats in hexadecimal, which is exact."""
        return {
            "dtype": self.dtype.name,
            "offset": float(self.offset).hex(),
            "scale": float(self.scale).hex(),
            "limit": self.limit,
            "output_shift": self.output_shift,
            "output_scale": float(self.output_scale).hex(),
            "output_offset": float(self.output_offset).hex(),
        }

    @classmethod
    def build(cls, settings: dict[str, Any]) -> Normaliser:
        """Make a normaliser from `settings()`: its inverse."""
        floats = {
            # Adding +0.0 makes sure that no offset is -0.0.
            name: float.fromhex(settings[name]) + 0.0
            for name in ("offset", "scale", "output_scale", "output_offset")
        }
        return cls(
            dtype=np.dtype(settings["dtype"]),
            limit=settings["limit"],
            output_shift=settings["output_shift"],
            **floats,
        )
