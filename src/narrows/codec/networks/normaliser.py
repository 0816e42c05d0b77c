"""Signal values to the encoder's integers, and the decoder's integers to signal values.

Either end has one set of numbers for all elements, or one for each channel: each place on the last
axis of a frame, such as a lead, a colour or a column of a table.

Each operation is separately rounded float64, which IEEE 754 fixes on every machine. None of them
may be fused: a fused multiply-add rounds once where two roundings are specified.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.checks import check_whole
from narrows.codec.networks.backend import NUMPY, Array, Backend
from narrows.element_types import ends_of
from narrows.errors import FormatError, UnprovenModelError

FLOATS = ("offset", "scale", "output_scale", "output_offset")
BY_CHANNEL = (*FLOATS, "output_multiplier", "output_shift")
MAX_OUTPUT = 2**52  # the halves added before floor are exact up to here

Floats = float | tuple[float, ...]
"""One number for all elements, or one for each channel."""
Integers = int | tuple[int, ...]


@dataclass(frozen=True)
class Normaliser:
    """Signal values <-> the integers at the networks' ends.

    All numbers but `limit` are single, or tuples with one for each channel.

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
    offset: Floats
    scale: Floats
    limit: int
    output_shift: Integers
    output_scale: Floats
    output_offset: Floats
    output_multiplier: Integers = 1

    def __post_init__(self) -> None:
        check_whole(self.limit, 1, 2**32 - 1, "limit of a normaliser")
        sizes = {_size(getattr(self, name)) for name in BY_CHANNEL}
        if len(sizes) > 1 or sizes & {0, 1}:
            raise FormatError(f"normaliser with numbers for {sizes} channels; it must be one count")
        for multiplier in _each(self.output_multiplier):
            check_whole(multiplier, 1, 2**15, "output_multiplier of a normaliser")
        for shift in _each(self.output_shift):
            check_whole(shift, -32, 51, "output_shift of a normaliser")
        for name in FLOATS:
            self._check_floats(name)

    def _check_floats(self, name: str) -> None:
        values = _each(getattr(self, name))
        for value in values:
            if not math.isfinite(value) or (value <= 0 and name.endswith("scale")):
                raise FormatError(f"normaliser with {name} {value}")
            whole = float(value).is_integer() and abs(value) < MAX_OUTPUT
            if name == "output_offset" and self.dtype.kind != "f" and not whole:
                raise FormatError(f"normaliser with output_offset {value} for integers")
        # Adding +0.0 makes sure that no offset is -0.0.
        exact = tuple(float(value) + 0.0 for value in values)
        single = not isinstance(getattr(self, name), tuple)
        object.__setattr__(self, name, exact[0] if single else exact)

    @property
    def n_channels(self) -> int | None:
        """How many channels have numbers of their own; None where they are single."""
        return _size(self.offset)

    def check_output(self, output_limit: int) -> None:
        """Raise an error unless the output is exact for integers of at most `output_limit`.

        Raises
        ------
        UnprovenModelError
            If a sum of `output_limit` and one half could need more than 53 bits.
        """
        both = zip(_each(self.output_multiplier), _each(self.output_shift), strict=True)
        largest = max(output_limit * factor << max(0, -shift) for factor, shift in both)
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
            y = y - self._over(x.shape[1:], self.offset, backend)
            y *= self._over(x.shape[1:], self.scale, backend)
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
        y, shape = backend.cast(y, np.float64), tuple(y.shape[1:])
        offset = self._over(shape, self.output_offset, backend)
        if self.dtype.kind == "f":
            least, largest = ends_of(self.dtype)
            with np.errstate(under="ignore", over="ignore"):
                x = y * self._over(shape, self.output_scale, backend)
                x += offset
                xp.clip(x, least, largest, out=x)
                # Adding +0.0 turns a -0.0 that the cast may have made into +0.0.
                return np.asarray(backend.to_numpy(x).astype(self.dtype) + self.dtype.type(0.0))
        x = y * self._over(shape, self.slope, backend)  # by a power of two: exact
        x += 0.5
        xp.floor(x, out=x)
        x += offset
        xp.clip(x, *map(float, ends_of(self.dtype)), out=x)
        return backend.to_numpy(x).astype(self.dtype)

    @property
    def slope(self) -> Floats:
        """The value, in the signals' units, of 1 at the decoder's output."""
        if self.dtype.kind == "f":
            return self.output_scale
        both = zip(_each(self.output_multiplier), _each(self.output_shift), strict=True)
        slopes = tuple(factor * 2.0**-shift for factor, shift in both)
        return slopes if self.n_channels else slopes[0]

    def _over(self, shape: tuple[int, ...], values: Floats, backend: Backend) -> Any:
        """Return one number, or those of the channels over a whole frame: rows are then long."""
        if not isinstance(values, tuple):
            return values
        return backend.constant(np.broadcast_to(np.array(values), shape), np.float64)

    def settings(self) -> dict[str, Any]:
        """Return canonical JSON values; floats are in hexadecimal, which is exact."""
        numbers = {name: getattr(self, name) for name in BY_CHANNEL}
        floats = {name: _mapped(float.hex, numbers[name]) for name in FLOATS}
        integers = {n: _mapped(int, numbers[n]) for n in BY_CHANNEL if n not in FLOATS}
        return {"dtype": self.dtype.name, "limit": self.limit, **floats, **integers}

    @classmethod
    def build(cls, settings: dict[str, Any]) -> Normaliser:
        """Build a normaliser from `settings()`: its inverse."""
        read = {name: _tupled(settings[name]) for name in BY_CHANNEL}
        floats = {name: _floats(read[name]) for name in FLOATS}
        return cls(**{**settings, **read, **floats, "dtype": np.dtype(settings["dtype"])})


def _each(values: Any) -> tuple[Any, ...]:
    return values if isinstance(values, tuple) else (values,)


def _size(values: Any) -> int | None:
    return len(values) if isinstance(values, tuple) else None


def _mapped(function: Callable[[Any], Any], values: Any) -> Any:
    return list(map(function, values)) if isinstance(values, tuple) else function(values)


def _tupled(values: Any) -> Any:
    return tuple(values) if isinstance(values, list) else values


def _floats(values: Any) -> Floats:
    if isinstance(values, tuple):
        return tuple(map(float.fromhex, values))
    return float.fromhex(values)
