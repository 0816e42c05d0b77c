"""Latents <-> symbols: the integers that are entropy-coded, at a quality's gains and steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.checks import check_whole
from narrows.codec.networks.backend import NUMPY, Array, Backend
from narrows.errors import FormatError, UnprovenModelError

MAX_QUALITIES = 8  # three bits of a packet
SYMBOL_MIN, SYMBOL_MAX = -(2**31), 2**31 - 1
Row = npt.NDArray[np.int32]
EXACT = 2**52
MAX_QUANTISER_SHIFT = 47  # with a gain of 15 bits, a latent of one step then still fits


@dataclass(frozen=True, eq=False)
class Quantiser:
    """Rounding of latents, and its inverse, for every quality of a model.

        symbol  = floor(latent * gain * 2**-shift + 1/2)        clipped to int32
        latent' = symbol * step                                 clipped to -limit .. limit

    Attributes
    ----------
    gain : (n_qualities, latent_size) int32
    shift : int
        A latent of the encoder stands for gain * 2**-shift steps.
    step : (n_qualities, latent_size) int32
    limit : int
        Bound of what the decoder receives.
    """

    gain: npt.NDArray[np.int32]
    shift: int
    step: npt.NDArray[np.int32]
    limit: int

    def __post_init__(self) -> None:
        if self.gain.dtype != np.int32 or self.step.dtype != np.int32:
            raise FormatError(f"gains of {self.gain.dtype} and steps of {self.step.dtype}")
        if self.gain.ndim != 2 or self.gain.shape != self.step.shape or not self.gain.size:
            raise FormatError(f"gains of shape {self.gain.shape}, steps of {self.step.shape}")
        if self.n_qualities > MAX_QUALITIES:
            raise FormatError(f"{self.n_qualities} qualities; the limit is {MAX_QUALITIES}")
        check_whole(self.shift, 0, MAX_QUANTISER_SHIFT, "shift of a quantiser")
        check_whole(self.limit, 1, 2**31 - 1, "limit of a quantiser")
        if self.gain.min() < 0 or self.step.min() < 0 or int(self.step.max()) >= 2**21:
            raise FormatError("a gain or step below 0, or a step of 2**21 or more")

    @property
    def n_qualities(self) -> int:
        """The number of qualities."""
        return int(self.gain.shape[0])

    @property
    def latent_size(self) -> int:
        """The number of latents of a frame."""
        return int(self.gain.shape[1])

    def check_input(self, latent_limit: int) -> None:
        """Raise an error unless rounding is exact for latents of at most `latent_limit`."""
        peak = latent_limit * int(self.gain.max()) + 2**self.shift
        if peak >= EXACT:
            raise UnprovenModelError(
                f"latents times gains could reach 2**{peak.bit_length()}; the limit is 2**52"
            )

    def in_steps(self, latents: Array, gain: Row, backend: Backend = NUMPY) -> Array:
        """Return `(n, m)` latents in units of the rounding step, exact in float64.

        `gain` is a quality's row, of which the first m are used.
        """
        gain = gain[: latents.shape[1]]
        y = backend.cast(latents, np.float64) * backend.constant(gain, np.float64)
        y *= 2.0**-self.shift
        return y

    def to_symbols(
        self, latents: Array, gain: Row, backend: Backend = NUMPY
    ) -> npt.NDArray[np.int32]:
        """Round `(n, m)` latents to `(n, m)` int32 symbols; see `in_steps`."""
        y = self.in_steps(latents, gain, backend)
        y += 0.5
        backend.xp.floor(y, out=y)
        backend.xp.clip(y, SYMBOL_MIN, SYMBOL_MAX, out=y)
        return backend.to_numpy(y).astype(np.int32)

    def to_latents(self, symbols: npt.NDArray[Any], step: Row, backend: Backend = NUMPY) -> Array:
        """Undo `to_symbols` up to the rounding: `(n, latent_size)` integers in float64.

        `step` is a quality's row, or one for each signal, `(n, latent_size)`.
        """
        y = backend.constant(symbols, np.float64)
        y = y * backend.constant(step, np.float64)
        return backend.xp.clip(y, -self.limit, self.limit, out=y)
