"""Signal values to the encoder's integers, and the decoder's integers to signal values.

Each operation is separately rounded float64, which IEEE 754 fixes on every machine. None of them
may be fused: a fused multiply-add rounds once where two roundings are specified.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.checks import check_whole
from narrows.codec.networks.backend import NUMPY, Array, Backend
from narrows.errors import FormatError, UnprovenModelError

FLOATS = ("offset", "scale", "output_scale", "output_offset")
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
    output_shift, output_multiplier : int
        Output to integer dtypes:
        `floor(y * output_multiplier * 2**-output_shift + 0.5) + output_offset`.
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
    output_multiplier: int = 1

    def __post_init__(self) -> None:
        check_whole(self.limit, 1, 2**32 - 1, "limit of a normaliser")
        check_whole(self.output_multiplier, 1, 2**15, "output_multiplier of a normaliser")
        check_whole(self.output_shift, -32, 51, "output_shift of a normaliser")
        for name in FLOATS:
            value = getattr(self, name)
            if not math.isfinite(value) or (value <= 0 and name.endswith("scale")):
                raise FormatError(f"normaliser with {name} {value}")
            # Adding +0.0 makes sure that no offset is -0.0.
            object.__setattr__(self, name, float(value) + 0.0)
        whole = self.output_offset.is_integer() and abs(self.output_offset) < MAX_OUTPUT
        if self.dtype.kind != "f" and not whole:
            raise FormatError(f"normaliser with output_offset {self.output_offset} for integers")

    def check_output(self, output_limit: int) -> None:
        """Raise an error unless the output is exact for integers of at most `output_limit`.

        Raises
        ------
        UnprovenModelError
            If a sum of `output_limit` and one half could need more than 53 bits.
        """
        largest = output_limit * self.output_multiplier << max(0, -self.output_shift)
        if largest >= MAX_OUTPUT:
            raise UnprovenModelError(
                f"the output could reach 2**{largest.bit_length()}; the limit is 2**52"
            )

    def to_integers(self, x: npt.NDArray[Any], backend: Backend = NUMPY) -> Array:
        """Convert signals to the encoder's input.

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
        with np.errstate(over="ignore", invalid="ignore"):
            y = backend.constant(x, np.float64)
            y = y - self.offset
            y *= self.scale
        y += 0.5
        backend.xp.floor(y, out=y)
        backend.xp.clip(y, -self.limit, self.limit, out=y)
        return backend.xp.where(y == y, y, 0.0) if self.dtype.kind == "f" else y  # noqa: PLR0124

    def from_integers(self, y: Array, backend: Backend = NUMPY) -> npt.NDArray[Any]:
        """Convert the decoder's output to signals.

        Parameters
        ----------
        y : (n, *frame_shape) float
            Integers.
        backend : Backend, optional
            The backend of `y`; numpy by default.

        Returns
        -------
        (n, *frame_shape) of `dtype`
            Clipped to the range of the dtype.
        """
        xp = backend.xp
        y = backend.cast(y, np.float64)
        if self.dtype.kind == "f":
            largest = float(np.finfo(self.dtype).max)
            with np.errstate(under="ignore", over="ignore"):
                x = y * self.output_scale
                x += self.output_offset
                xp.clip(x, -largest, largest, out=x)
                # Adding +0.0 turns a -0.0 that the cast may have made into +0.0.
                return np.asarray(backend.to_numpy(x).astype(self.dtype) + self.dtype.type(0.0))
        x = y * (self.output_multiplier * 2.0**-self.output_shift)  # a power of two: exact
        x += 0.5
        xp.floor(x, out=x)
        x += self.output_offset
        bounds = np.iinfo(self.dtype)
        xp.clip(x, int(bounds.min), int(bounds.max), out=x)
        return backend.to_numpy(x).astype(self.dtype)

    def settings(self) -> dict[str, Any]:
        """Return canonical JSON values; floats are in hexadecimal, which is exact."""
        return {
            "dtype": self.dtype.name,
            "offset": float(self.offset).hex(),
            "scale": float(self.scale).hex(),
            "limit": self.limit,
            "output_multiplier": self.output_multiplier,
            "output_shift": self.output_shift,
            "output_scale": float(self.output_scale).hex(),
            "output_offset": float(self.output_offset).hex(),
        }

    @classmethod
    def build(cls, settings: dict[str, Any]) -> Normaliser:
        """Build a normaliser from `settings()`: its inverse."""
        floats = {name: float.fromhex(settings[name]) for name in FLOATS}
        return cls(**{**settings, **floats, "dtype": np.dtype(settings["dtype"])})
