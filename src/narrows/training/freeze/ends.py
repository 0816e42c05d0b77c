"""The two ends of the networks: float maps between signals and networks to a normaliser."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.networks.normaliser import Normaliser
from narrows.element_types import ends_of
from narrows.training.architectures import Numbers, Scaling
from narrows.training.freeze.latents import fixed_point

INPUT_LIMIT = 2**15 - 1  # for signals other than whole numbers of at most 16 bits
INPUT_HEADROOM = 2.0


@dataclass(frozen=True, eq=False)
class InputGrid:
    """The encoder's input integers: `floor((x - offset) * scale + 0.5)`, at most `limit`.

    The scales of channels have the ratios that those of the float maps have, so that an integer
    stands for the same in all of them.
    """

    offset: Numbers
    scale: Numbers
    limit: int


def input_grid(
    dtype: np.dtype[Any], scaling: Scaling, signals: tuple[npt.NDArray[Any], ...]
) -> InputGrid:
    """Choose the grid from the range of the signals, with room for as much again."""
    offset, scale = scaling.offset, np.array(scaling.scale)
    integer, relative = scaling.integer, scale / scale.min()  # (n_channels,) or of no dimensions
    axes = tuple(range(signals[0].ndim - scale.ndim))
    ends = np.array([end(x, axis=axes) for x in signals for end in (np.max, np.min)], np.float64)
    largest = float(np.max(np.abs(ends - offset) * relative))
    if integer and dtype.itemsize <= 2 and float(relative.max()) == 1.0:
        least, most = ends_of(dtype)
        limit = np.max([most - np.array(offset), np.array(offset) - least])
        if dtype.itemsize == 2:  # all of its values are seldom of one kind
            limit = min(limit, math.ceil(INPUT_HEADROOM * max(largest, 1.0)))
        return InputGrid(offset, _plain(relative), int(limit))
    if integer and largest <= INPUT_LIMIT and scale.ndim == 0:
        return InputGrid(offset, 1.0, INPUT_LIMIT)
    factor = INPUT_LIMIT / (INPUT_HEADROOM * (largest or 1.0))
    return InputGrid(offset, _plain(relative * factor), INPUT_LIMIT)


def _plain(values: npt.NDArray[np.float64]) -> Numbers:
    return values if values.ndim else float(values)


def normaliser_of(
    dtype: np.dtype[Any], grid: InputGrid, scaling: Scaling, output_unit: float
) -> Normaliser:
    """Make the normaliser of a decoder whose output is in units of `output_unit`."""
    scales = output_unit * np.atleast_1d(scaling.output_scale)
    rows = [(*fixed_point(each), 1.0) if scaling.integer else (1, 0, each) for each in scales]
    multipliers, shifts, output_scales = zip(*rows, strict=True)

    def numbers(values: Any) -> Any:
        whole = np.atleast_1d(values).tolist()
        return tuple(whole) if np.ndim(scaling.scale) else whole[0]

    return Normaliser(
        dtype=dtype,
        offset=numbers(grid.offset),
        scale=numbers(grid.scale),
        limit=grid.limit,
        output_multiplier=numbers(multipliers),
        output_shift=numbers(shifts),
        output_scale=numbers(output_scales),
        output_offset=numbers(scaling.output_offset),
    )
