"""Float networks to integer networks.

A float layer `h = W a + b` becomes integers in units: its input in units of u, its weights in
units of their step s, so the products are in units of u s; a shift brings them to the units of
the output. Units may be any real numbers, since what computes never sees them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from narrows.codec.networks.backend import EXACT_FLOAT32
from narrows.codec.networks.layers import MAX_SHIFT, Layer, LeakyReLU, ReLU, Reshape, Table
from narrows.codec.networks.network import IntegerNetwork
from narrows.errors import SettingError
from narrows.training.architectures import SLOPE, FromChannels, Scaling, ToChannels
from narrows.training.freeze.affine import AFFINE, affine_layer, largest_sums
from narrows.training.freeze.ranges import Largest
from narrows.training.freeze.weights import Steps

ACTIVATION_LIMIT = 2**15 - 1
WIDE_LIMIT = 2**20 - 1  # where a few signals reach far beyond all others
HEADROOM = 1.25  # ratio of the clipping limit to the largest activation seen
TABLE_UNIT = 2.0**-9  # of a table's input: the error of a sigmoid is 2**-12 at most
TABLE_OUTPUT_UNIT = 2.0**-14  # for values within -1 .. 1
LAST_TABLE_UNIT = 2.0**-20
RESHAPING = (nn.Flatten, nn.Unflatten, ToChannels, FromChannels)


@dataclass(frozen=True)
class TableActivation:
    """A torch activation that becomes an integer table for inputs of low .. high."""

    function: nn.Module
    low: float
    high: float
    identity_above: bool


def table_activation(module: nn.Module | None) -> TableActivation | None:
    """Return the table of an activation, or None for other modules."""
    if isinstance(module, nn.Sigmoid | nn.Tanh):
        return TableActivation(module, -12.0, 12.0, False)
    if isinstance(module, nn.ELU):
        return TableActivation(module, -12.0, 0.0, True)
    if isinstance(module, nn.GELU):
        return TableActivation(module, -6.0, 6.0, True)
    return None


@dataclass(frozen=True)
class Units:
    """The value of an integer, `real = integer * unit`, and its largest absolute value."""

    unit: float
    limit: int


@dataclass(frozen=True)
class FrozenNetwork:
    """An integer network, and the unit of every layer's output."""

    network: IntegerNetwork
    units: list[float]


class Levels(NamedTuple):
    """The number of levels of activations, where the next layer then fits in float32.

    Attributes
    ----------
    least : int
        Where fewer fit, activations have all levels, and the next layer runs in float64.
    most : bool
        Take as many levels as fit, with sums in parts. Otherwise take the fewest that are not
        below `least`, which is faster.
    all : int
        The levels of activations that have all.
    """

    least: int
    most: bool = False
    all: int = ACTIVATION_LIMIT


@torch.no_grad()
def freeze_network(
    module: nn.Module,
    source: Units,
    example: Tensor,
    largest: Largest,
    steps: Steps,
    output_unit: float,
    levels: Levels,
) -> FrozenNetwork:
    """Compile a torch module to an integer network.

    Parameters
    ----------
    module : nn.Module
        A Sequential of Linear, convolutions, activations and modules that reshape.
    source : Units
        Of the network's input.
    example : (1, *input_shape) float tensor
        An input, in the float network's units.
    largest : dict
        The largest output of each layer with weights: activations get their range from it.
    steps : dict
        The rounding step of each linear layer's weights.
    output_unit : float
        The greatest unit that the output may have.
    levels : Levels
        Of activations.

    Raises
    ------
    SettingError
        Naming the module that has no integer counterpart.
    """
    modules = frozen_modules(module)
    last = max((i for i, m in enumerate(modules) if _ends_a_network(m)), default=-1)
    if last < 0 or not all(isinstance(m, RESHAPING) for m in modules[last + 1 :]):
        end = " ".join(repr(modules[-1]).split()) if modules else "nothing"
        raise SettingError(
            f"cannot freeze a network that ends in {end}; it must end in Linear, a convolution, "
            f"LeakyReLU({SLOPE}), ReLU, ELU, Sigmoid or Tanh, reshaping aside"
        )
    _check_order_of_axes(modules)
    input_shape = tuple(example.shape[1:])
    layers: list[Layer] = []
    units, all_units = source, []
    for number, each in enumerate(modules):
        place = Place(modules[number + 1 :], number == last, output_unit, levels)
        layer, unit = _freeze_module(each, units, example, largest, steps, place)
        layers.append(layer)
        units = Units(unit, layer.magnitudes(units.limit)[1])
        all_units.append(unit)
        example = each(example)
    return FrozenNetwork(IntegerNetwork(layers, input_shape, source.limit), all_units)


def frozen_modules(module: nn.Module) -> list[nn.Module]:
    """Return the modules that become layers, in order, without containers and idle modules."""
    if isinstance(module, nn.Sequential):
        return [m for child in module for m in frozen_modules(child)]
    return [] if isinstance(module, nn.Identity | nn.Dropout) else [module]


def _ends_a_network(module: nn.Module) -> bool:
    return isinstance(module, (*AFFINE, nn.LeakyReLU, nn.ReLU, nn.ELU, nn.Sigmoid, nn.Tanh))


def _check_order_of_axes(modules: list[nn.Module]) -> None:
    """Raise an error for a reshape between convolutions: only in torch channels are first."""
    channels_first = False
    for module in modules:
        if isinstance(module, ToChannels | FromChannels):
            channels_first = isinstance(module, ToChannels)
        convolution = isinstance(module, AFFINE) and not isinstance(module, nn.Linear)
        unordered = isinstance(module, nn.Flatten | nn.Unflatten) and channels_first
        if unordered or (convolution and not channels_first):
            raise SettingError(
                f"cannot freeze {type(module).__name__} where it stands: before convolutions "
                "put ToChannels of narrows.training.architectures, and FromChannels after them, "
                "in place of Unflatten and Flatten"
            )


def without_idle_activation(decoder: nn.Module, scaling: Scaling) -> nn.Module:
    """Return a decoder without a last ReLU or ELU that changes no decoded value.

    Neither changes positive numbers, and both keep negative ones from becoming positive. Where the
    output's zero is the low end of the dtype's range, negative numbers are clipped to it anyway.
    """
    modules = frozen_modules(decoder)
    last = max((i for i, m in enumerate(modules) if _ends_a_network(m)), default=-1)
    if last < 0 or not isinstance(modules[last], nn.ReLU | nn.ELU):
        return decoder
    if np.any(scaling.low < np.array(scaling.output_offset)):
        return decoder
    return nn.Sequential(*modules[:last], *modules[last + 1 :])


@dataclass(frozen=True)
class Place:
    """The place of a module: what follows it, whether it is last, and the unit of the output."""

    following: list[nn.Module]
    is_last: bool
    output_unit: float
    levels: Levels

    @property
    def next_affine(self) -> nn.Module | None:
        """The next module with weights, which receives this one's output, if activated."""
        return next((m for m in self.following if isinstance(m, AFFINE)), None)


def _freeze_module(
    module: nn.Module, source: Units, x: Tensor, largest: Largest, steps: Steps, place: Place
) -> tuple[Layer, float]:
    """Return the layer of one module, and the unit of its output."""
    if isinstance(module, AFFINE):
        return _freeze_affine(module, source, x, largest[module], steps, place)
    if isinstance(module, nn.LeakyReLU) and module.negative_slope == SLOPE:
        return LeakyReLU(), source.unit
    if isinstance(module, nn.ReLU):
        return ReLU(), source.unit
    if isinstance(module, ToChannels | FromChannels):
        return Reshape(module.shape), source.unit
    if isinstance(module, nn.Flatten | nn.Unflatten):
        return Reshape(tuple(module(x[:1]).shape[1:])), source.unit
    activation = table_activation(module)
    if activation is None:
        shown = repr(module).splitlines()[0]
        raise SettingError(
            f"cannot freeze {shown}; layers with an exact integer form are Linear, Conv, "
            "ConvTranspose, Flatten, Unflatten, LeakyReLU(0.125), ReLU, ELU, Sigmoid, Tanh, GELU, "
            "Dropout and Identity"
        )
    return _freeze_table(activation, source, place.is_last)


def _freeze_affine(
    module: Any, source: Units, x: Tensor, largest: float, steps: Steps, place: Place
) -> tuple[Layer, float]:
    unit = source.unit * steps[module]  # of the products
    output = module(x)
    if place.is_last:
        limit, wanted = None, place.output_unit
    else:
        largest = max(largest * HEADROOM, 1e-12)
        limit = _activation_limit(place, steps, largest)
        wanted = 2.0 * largest / limit
        if table_activation(place.following[0]) is not None:
            wanted = max(wanted, 2.0 * TABLE_UNIT)
    # The shift rounds down: the unit of the output is between half of `wanted` and all of it.
    shift = min(max(math.floor(math.log2(wanted / unit)), 0), MAX_SHIFT)
    half = 1 << shift >> 1
    bias = np.zeros(output.shape[1]) if module.bias is None else module.bias.double().numpy()
    # The bias is in halves of the output's unit: a finer one takes more bytes and gains nothing.
    bias_unit = max(half, 1)
    bias = np.round(bias / (unit * bias_unit)).astype(np.int64) * bias_unit + half
    sizes = tuple(output.shape[2:])
    return affine_layer(module, steps[module], bias, shift, limit, sizes), unit * 2.0**shift


def _activation_limit(place: Place, steps: Steps, largest: float) -> int:
    """Return the limit of an activation, such that the next layer fits in float32 if possible.

    The next layer's sums are at most `limit * (sum of its weights + its bias in units of the
    limit)`, and these must stay below 2**24; the bias does not count where sums are in parts.
    """
    following: Any = place.next_affine
    if following is None:
        return place.levels.all
    whole, *parts = largest_sums(following, steps[following])
    bias = 0.0
    if following.bias is not None:
        bias = float(following.bias.abs().max()) / (steps[following] * largest) + 1.0
    each = (int((EXACT_FLOAT32 - 2**16) / max(sums, 1.0)) for sums in (whole + bias, *parts))
    enough = [limit for limit in each if limit >= place.levels.least]
    if not enough:
        return place.levels.all
    return min(max(enough) if place.levels.most else enough[0], ACTIVATION_LIMIT)


def _freeze_table(activation: TableActivation, source: Units, is_last: bool) -> tuple[Layer, float]:
    low = max(round(activation.low / source.unit), -source.limit)
    high = min(round(activation.high / source.unit), source.limit)
    inputs = torch.arange(low, high + 1, dtype=torch.float64) * source.unit
    unit = LAST_TABLE_UNIT if is_last else TABLE_OUTPUT_UNIT
    if activation.identity_above:
        unit = source.unit
    values = np.round(activation.function(inputs).numpy() / unit).astype(np.int32)
    return Table(values, low, activation.identity_above), unit
