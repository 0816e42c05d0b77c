"""Bricks of arrays to the wavelet coefficients that stand for them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from narrows.codec.encoding.window_costs import LARGEST, bits_of
from narrows.codec.encoding.window_encoder import in_output_units
from narrows.codec.prediction.bands import Phase, Places, phases_of
from narrows.codec.prediction.bricks import Brick, array_of
from narrows.codec.prediction.coefficients import Coefficients, Numbers
from narrows.codec.prediction.lifting import analysed
from narrows.codec.prediction.wavelets import Wavelets
from narrows.codec.transform import Transform
from narrows.errors import ModelError

Floats = npt.NDArray[np.float64]
LAMBDA = 0.12  # squared steps that a bit is worth


@dataclass(frozen=True, eq=False)
class Coded:
    """What was decided for a brick.

    Attributes
    ----------
    coefficients : array of the brick's shape
    phases : list of Phase
        In their order, where they were asked for.
    numbers : list of places and arrays
        Of the table of each coefficient, by phase.
    """

    coefficients: Coefficients
    phases: list[Phase]
    numbers: list[tuple[Places, Numbers]]


class BrickEncoder:
    """Encodes bricks with a model that has wavelets.

    Parameters
    ----------
    transform : Transform
    """

    def __init__(self, transform: Transform) -> None:
        own = transform.model.wavelets
        if own is None:
            raise ModelError(f"model {transform.model_id} has no wavelets")
        self._normaliser, self._own = transform.model.normaliser, own
        self._costs = costs_of(own)

    def encode(self, brick: Brick, quality: int, thrift: float = 1.0, keep: bool = False) -> Coded:
        """Decide for a brick of finite numbers.

        Parameters
        ----------
        brick : Brick
        quality : int
        thrift : float
            How many times as much as usual a bit is worth.
        keep : bool
            Return what training learns from, too.
        """
        steps = in_steps(in_output_units(array_of(brick), self._normaliser), self._own, quality)
        return decided(steps, self._own, self._costs, quality, LAMBDA * thrift, keep)


def in_steps(values: npt.NDArray[np.int64], own: Wavelets, quality: int) -> Floats:
    """Return the coefficients of an array of values of the decoder's output, in steps."""
    found = analysed(values - own.mean, own.groups)
    found *= 2.0**own.finer / float(own.step[quality - 1])
    return found


def costs_of(own: Wavelets) -> Floats:
    """Return the bits of each symbol from `-LARGEST` to `LARGEST`, by table: `(n, symbols)`."""
    return np.array([bits_of(table, -LARGEST, LARGEST) for table in own.tables])


def decided(
    steps: Floats, own: Wavelets, costs: Floats, quality: int, price: float, keep: bool = False
) -> Coded:
    """Return the symbols of least cost of coefficients, each where those before are decided."""
    coefficients = np.zeros(steps.shape, dtype=np.int32)
    phases, all_numbers = [], []
    for phase in phases_of(coefficients, own.groups):
        numbers = own.number(phase, quality)
        coefficients[phase.places] = _least(steps[phase.places], numbers, costs, price)
        all_numbers.append((phase.places, numbers))
        if keep:
            phases.append(phase)
    return Coded(coefficients, phases, all_numbers)


def _least(steps: Floats, numbers: Numbers, costs: Floats, price: float) -> Coefficients:
    """Return the nearest, the next to 0, or 0: whatever costs least."""
    symbols = np.zeros(steps.shape, dtype=np.int32)
    far = np.abs(steps) > 0.5
    own, table = steps[far], numbers[far]
    nearest = np.rint(own)
    is_small = np.abs(nearest) <= LARGEST
    nearest = np.clip(nearest, -(2.0**30), 2.0**30).astype(np.int64)
    chosen, least = np.zeros_like(nearest), np.square(own) + price * costs[table, LARGEST]
    for tried in (nearest - np.sign(nearest), nearest):
        bits = costs[table, np.clip(tried, -LARGEST, LARGEST) + LARGEST]
        cost = np.square(own - tried) + price * bits
        better = cost < least
        chosen, least = np.where(better, tried, chosen), np.where(better, cost, least)
    symbols[far] = np.where(is_small, chosen, nearest)
    return symbols
