"""What a model needs beside its networks to predict windows from the decoded past."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.checks import check_whole
from narrows.codec.entropy.tables import (
    FixedTables,
    FrequencyTable,
    Row,
    pack_tables,
    unpack_tables,
)
from narrows.codec.networks.layers.contract import Settings, Tensors, above, below
from narrows.codec.networks.network import CompiledNetwork, IntegerNetwork
from narrows.errors import FormatError

NONE, NEW, MERGE = 0, 1, 2
"""How a window is coded: as the networks code it; predicted, with a lag and gains of its own; or
predicted with those of the window that was predicted last."""

MODES, LAG_PARTS = 3, 3
MAX_GAIN = 10  # in eighths
GAIN_SHIFT = 3
NEAR = 12
"""Samples by which a lag may differ from the last one and be told by the difference."""
FAR = NEAR + 1
"""In the place of a difference: the lag follows, less the length of a window, in two digits."""
DIGIT_BITS = 7  # of the lower one
MAX_MEMORY = 1 << 20
MAX_LIMIT = (1 << 30) - 1  # of the border's network twice that, in 31 bits


@dataclass(frozen=True, eq=False)
class SideTables:
    """The frequencies of modes, lags and gains at one quality.

    Attributes
    ----------
    modes : 3 tables
        After each mode of the window before; the first follows NONE.
    lag : 3 tables
        Of the difference to the last lag, or FAR; of the higher digit, and of the lower one.
    gains : a table for each channel
    """

    modes: Row
    lag: Row
    gains: Row


@dataclass(frozen=True, eq=False)
class Prediction:
    """How windows are predicted; their first axis is time, and channels are all the others.

    Attributes
    ----------
    memory : int
        The longest lag, in samples.
    limit : int
        Bound of decoded values, in the units of the decoder's output.
    border : IntegerNetwork
        From the mismatch of the samples before a window, `(border_length * n_channels,)`, to what
        it says of the window, `(length, ...)`.
    residual : IntegerNetwork
        From latents to what neither match nor border say of a window.
    step : (n_qualities,) int32
        Of these latents.
    side : sequence of SideTables
        One a quality.
    shapes : sequence of FrequencyTable
        The tables of the residual's latents, from narrow ones to wide ones.
    shape_of : (n_qualities, n_latents) int32
        Which of the shapes each latent has.

    Raises
    ------
    FormatError
        If the parts do not fit together.
    """

    memory: int
    limit: int
    border: IntegerNetwork
    residual: IntegerNetwork
    step: npt.NDArray[np.int32]
    side: Sequence[SideTables]
    shapes: Sequence[FrequencyTable]
    shape_of: npt.NDArray[np.int32]

    def __post_init__(self) -> None:
        check_whole(self.limit, 1, MAX_LIMIT, "limit of a prediction")
        frames = self.residual.output_shape
        if not frames or self.border.output_shape != frames:
            raise FormatError(f"prediction of {self.border.output_shape} and {frames}")
        check_whole(self.memory, self.length, MAX_MEMORY, "memory of a prediction")
        inputs = self.border.input_shape
        if len(inputs) != 1 or inputs[0] % self.n_channels or self.border_length > self.length:
            raise FormatError(f"prediction of {frames} from a border of {inputs}")
        if self.border.input_limit != 2 * self.limit:
            raise FormatError("prediction whose border has another limit than its values")
        self._check_latents()
        sizes = {(len(s.modes), len(s.lag), len(s.gains)) for s in self.side}
        if len(self.side) != len(self.step) or sizes != {(MODES, LAG_PARTS, self.n_channels)}:
            raise FormatError("prediction with modes, lags and gains that do not fit")

    def _check_latents(self) -> None:
        inputs = self.residual.input_shape
        if self.step.dtype != np.int32 or self.shape_of.dtype != np.int32:
            raise FormatError(f"prediction with steps of {self.step.dtype}; all are int32")
        if len(inputs) != 1 or self.shape_of.shape != (self.step.size, *inputs):
            raise FormatError(f"prediction with shapes for latents of {self.shape_of.shape}")
        if self.step.ndim != 1 or not 0 <= int(self.step.min()) <= int(self.step.max()) < 2**21:
            raise FormatError("prediction with a step below 0, or of 2**21 or more")
        if not 0 <= int(self.shape_of.min()) <= int(self.shape_of.max()) < len(self.shapes):
            raise FormatError("prediction with latents of a shape that it does not have")

    @property
    def length(self) -> int:
        """Samples of a window."""
        return self.residual.output_shape[0]

    @property
    def n_channels(self) -> int:
        """Numbers of a sample."""
        return prod(self.residual.output_shape[1:])

    @property
    def border_length(self) -> int:
        """Samples before a window that predict it."""
        return self.border.input_shape[0] // self.n_channels

    def tables(self, quality: int) -> FixedTables:
        """Return what the residual's latents are coded with at a quality, counted from 1."""
        return FixedTables([self.shapes[i] for i in self.shape_of[quality - 1].tolist()])

    @cached_property
    def compiled_border(self) -> CompiledNetwork:
        """The border's network, in numpy: it runs window after window."""
        return self.border.compile()

    @cached_property
    def compiled_residual(self) -> CompiledNetwork:
        """The residual's network."""
        return self.residual.compile()

    def residuals(
        self, symbols: npt.NDArray[np.int32], qualities: npt.NDArray[np.intp]
    ) -> npt.NDArray[np.float64]:
        """Return the residuals `(n, n_channels, length)` of `(n, n_latents)` symbols."""
        limit = self.residual.input_limit
        latents = symbols * self.step[qualities - 1, None].astype(np.float64)
        np.minimum(latents, limit, out=latents)
        np.maximum(latents, -limit, out=latents)
        return self._by_channel(self.compiled_residual(latents))

    def borders(self, mismatch: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return what mismatches `(n, n_channels, border_length)` say of windows, as residuals."""
        flat = mismatch.swapaxes(1, 2).reshape(len(mismatch), -1)
        return self._by_channel(self.compiled_border(flat))

    def answers(self) -> list[npt.NDArray[np.int64]]:
        """Return what both networks give for three inputs that are all over their range."""
        return [self.compiled_border.answer(), self.compiled_residual.answer()]

    def _by_channel(self, windows: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """Return `(n, *frame_shape)` windows as `(n, n_channels, length)`."""
        each = windows.reshape(len(windows), self.length, self.n_channels).swapaxes(1, 2)
        return np.ascontiguousarray(each, dtype=np.float64)

    def settings(self) -> dict[str, Any]:
        """Return all but the tensors, as canonical JSON values."""
        networks = {"border": self.border.settings(), "residual": self.residual.settings()}
        return {"memory": self.memory, "limit": self.limit, **networks}

    def tensors(self) -> dict[str, npt.NDArray[Any]]:
        """Return all tensors by name."""
        side = [[*each.modes, *each.lag, *each.gains] for each in self.side]
        return {
            "step": self.step,
            "shape_of": self.shape_of,
            **above("side.", pack_tables(side)),
            **above("shapes.", pack_tables([self.shapes])),
            **above("border.", self.border.tensors()),
            **above("residual.", self.residual.tensors()),
        }

    @classmethod
    def build(cls, settings: Settings, tensors: Tensors) -> Prediction:
        """Build it from `settings()` and `tensors()`: their inverse."""
        (shapes,) = unpack_tables(below("shapes.", tensors))
        ends = MODES, MODES + LAG_PARTS
        side = [
            SideTables(row[: ends[0]], row[ends[0] : ends[1]], row[ends[1] :])
            for row in unpack_tables(below("side.", tensors))
        ]
        border, residual = (
            IntegerNetwork.build(settings[name], below(f"{name}.", tensors))
            for name in ("border", "residual")
        )
        return cls(
            settings["memory"], settings["limit"], border, residual,
            tensors["step"], side, shapes, tensors["shape_of"],
        )  # fmt: skip
