"""Float networks to integer networks.

A float layer `h = W a + b` becomes integers by powers of two: its input is held in units of u, its
weights in units of 2**-e, and a shift brings the products to the units of its output. Whatever is
no power of two, the scaling of the signals and of the latents, is folded into the weights.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from narrows.codec.layers import Dense, Layer, LeakyReLU, ReLU, Reshape, Table
from narrows.codec.network import IntegerNetwork
from narrows.errors import SettingError
from narrows.training.architectures import SLOPE

WEIGHT_BITS = 16
ACTIVATION_LIMIT = 2**15 - 1
HEADROOM = 2.0  # activations of unseen signals may be this much larger before they are clipped
TABLE_FRACTION = 9  # table inputs are held in 2**-9: a sigmoid is then off by 2**-12 at most
MAX_FRACTION = 40
EXACT_SUMS = 2.0**50  # leaves room below 2**52 for the halves that rounding adds


@dataclass(frozen=True)
class TableActivation:
    """A torch activation that becomes an integer table over low .. high."""

    function: nn.Module
    low: float
    high: float
    identity_above: bool


def table_activation(module: nn.Module | None) -> TableActivation | None:
    """Describe the activations that have a table; None for other modules."""
    if isinstance(module, nn.Sigmoid | nn.Tanh):
        return TableActivation(module, -12.0, 12.0, False)
    if isinstance(module, nn.ELU):
        return TableActivation(module, -12.0, 0.0, True)
    if isinstance(module, nn.GELU):
        return TableActivation(module, -6.0, 6.0, True)
    return None


@dataclass(frozen=True)
class Units:
    """What integers stand for: `real = integer * unit`, at most `limit` in absolute value."""

    unit: float
    limit: int


@dataclass(frozen=True)
class Target:
    """The units a network's output must have: 2**-fraction of `float output * scale + offset`.

    `fraction` is an upper bound; the integers are coarser where the arithmetic demands it.
    """

    scale: float = 1.0
    offset: float = 0.0
    fraction: int = MAX_FRACTION


@dataclass(frozen=True)
class FrozenNetwork:
    """An integer network, the units of its output, and those of every layer."""

    network: IntegerNetwork
    fraction: int
    units: list[float]


@torch.no_grad()
def freeze_network(
    module: nn.Module, source: Units, calibration: Tensor, target: Target
) -> FrozenNetwork:
    """Compile a torch module to an integer network.

    Parameters
    ----------
    module : nn.Module
        A Sequential of Linear, Flatten, Unflatten and activations.
    source : Units
        Of the network's input.
    calibration : (n, *input_shape) float tensor
        Typical inputs, in the float network's units; they say how large activations become.
    target : Target

    Raises
    ------
    SettingError
        Naming the module that has no integer counterpart.
    """
    modules = frozen_modules(module)
    scalable = [i for i, m in enumerate(modules) if isinstance(m, nn.Linear | nn.Sigmoid | nn.Tanh)]
    if not scalable or not all(
        isinstance(m, nn.Flatten | nn.Unflatten) for m in modules[scalable[-1] + 1 :]
    ):
        raise SettingError("a network must end in a Linear, Sigmoid or Tanh layer")
    input_shape = tuple(calibration.shape[1:])
    layers: list[Layer] = []
    units, all_units = source, []
    for number, each in enumerate(modules):
        after = modules[number + 1] if number + 1 < len(modules) else None
        end = target if number == scalable[-1] else None
        layer, unit = _freeze_module(each, units, calibration, after, end)
        layers.append(layer)
        units = Units(unit, layer.magnitudes(units.limit)[1])
        all_units.append(unit)
        calibration = each(calibration)
    network = IntegerNetwork(layers, input_shape, source.limit)
    return FrozenNetwork(network, -round(math.log2(units.unit)), all_units)


def frozen_modules(module: nn.Module) -> list[nn.Module]:
    """List the modules that become layers, in order: those inside Sequentials, if they compute."""
    if isinstance(module, nn.Sequential):
        return [m for child in module for m in frozen_modules(child)]
    return [] if isinstance(module, nn.Identity | nn.Dropout) else [module]


def _freeze_module(
    module: nn.Module, source: Units, x: Tensor, after: nn.Module | None, target: Target | None
) -> tuple[Layer, float]:
    """Compile one module; give the layer and the unit of its output."""
    if isinstance(module, nn.Linear):
        return _freeze_linear(module, source, x, after, target)
    if isinstance(module, nn.LeakyReLU) and module.negative_slope == SLOPE:
        return LeakyReLU(), source.unit
    if isinstance(module, nn.ReLU):
        return ReLU(), source.unit
    if isinstance(module, nn.Flatten | nn.Unflatten):
        return Reshape(tuple(module(x[:1]).shape[1:])), source.unit
    activation = table_activation(module)
    if activation is None:
        shown = repr(module).splitlines()[0]
        raise SettingError(
            f"cannot freeze {shown}; layers with an exact integer form are Linear, Flatten, "
            "Unflatten, LeakyReLU(0.125), ReLU, ELU, Sigmoid, Tanh, GELU, Dropout and Identity"
        )
    return _freeze_table(activation, source, target)


def _freeze_linear(
    module: nn.Linear, source: Units, x: Tensor, after: nn.Module | None, target: Target | None
) -> tuple[Layer, float]:
    end = target or Target()
    weight = module.weight.double().numpy().T * (source.unit * end.scale)  # (n_in, n_out)
    bias = np.zeros(module.out_features) if module.bias is None else module.bias.double().numpy()
    bias = bias * end.scale + end.offset
    exponent = _exponent(weight, bias, source.limit)
    if target is None:
        largest = float(module(x).abs().max()) * HEADROOM
        fraction = math.floor(math.log2(ACTIVATION_LIMIT / max(largest, 1e-12)))
        if table_activation(after) is not None:
            fraction = min(fraction, TABLE_FRACTION)
    else:
        fraction = target.fraction
    fraction = min(fraction, exponent)
    shift = min(exponent - fraction, 52)
    layer = Dense(
        weight=np.round(np.ldexp(weight, exponent)).astype(np.int16),
        bias=np.round(np.ldexp(bias, exponent)).astype(np.int64) + (1 << shift >> 1),
        shift=shift,
        limit=ACTIVATION_LIMIT if target is None else None,
    )
    return layer, 2.0 ** (shift - exponent)


def _exponent(weight: npt.NDArray[np.float64], bias: npt.NDArray[np.float64], limit: int) -> int:
    """Choose the exponent at which weights fill their bits, and sums stay exact."""
    largest = max(float(np.abs(weight).max()), 1e-30)
    sums = max(float(np.abs(weight).sum(0).max()) * limit + float(np.abs(bias).max()), 1e-30)
    by_bits = math.floor(math.log2((2 ** (WEIGHT_BITS - 1) - 1) / largest))
    by_sums = math.floor(math.log2(EXACT_SUMS / sums))
    return min(by_bits, by_sums, MAX_FRACTION)


def _freeze_table(
    activation: TableActivation, source: Units, target: Target | None
) -> tuple[Layer, float]:
    low = max(round(activation.low / source.unit), -source.limit)
    high = min(round(activation.high / source.unit), source.limit)
    inputs = torch.arange(low, high + 1, dtype=torch.float64) * source.unit
    values = activation.function(inputs).numpy()
    if activation.identity_above:
        fraction = -round(math.log2(source.unit))
    elif target is None:
        fraction = 14  # values within -1 .. 1 fill 16 bits
    else:
        values = values * target.scale + target.offset
        largest = max(float(np.abs(values).max()), 1e-12)
        fraction = min(target.fraction, math.floor(math.log2(2.0**30 / largest)))
    table = np.round(np.ldexp(values, fraction)).astype(np.int32)
    return Table(table, low, activation.identity_above), 2.0**-fraction
