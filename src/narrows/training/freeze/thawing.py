"""Integer networks back to float networks: what freezing does to them, undone.

An integer stands for `integer * unit`, and a model file does not say of which unit. Layers of
weights with ReLU or LeakyReLU between them are positively homogeneous: whatever unit hidden values
have, the network computes the same. So units are chosen such that all weights are as large as those
of new networks, times one factor, which is what the units of input and output ask for.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from math import prod

import numpy as np
from torch import nn

from narrows.codec.networks.layers import (
    Affine,
    Dense,
    Layer,
    LeakyReLU,
    ReLU,
    Reshape,
    TransposedConv,
)
from narrows.codec.networks.network import IntegerNetwork
from narrows.errors import SettingError
from narrows.training.architectures import SLOPE, FromChannels, ToChannels
from narrows.training.freeze.affine import affine_module

Shape = tuple[int, ...]


def check_thaws(network: IntegerNetwork) -> None:
    """Raise SettingError, naming the layer, for a network that has no float counterpart here."""
    known = (Affine, LeakyReLU, ReLU, Reshape)
    for layer in network.layers:
        if not isinstance(layer, known):
            raise SettingError(f"a {layer.kind.replace('_', ' ')} layer")
    if not any(isinstance(layer, Affine) for layer in network.layers):
        raise SettingError("no layer of weights")
    thaw_network(network, 1.0, 1.0)


def thaw_network(network: IntegerNetwork, unit: float, output_unit: float) -> nn.Sequential:
    """Turn an integer network back into a torch module.

    Parameters
    ----------
    network : IntegerNetwork
        Of layers with weights, ReLU, LeakyReLU and layers that reshape.
    unit, output_unit : float
        The value of 1 at its input and at its output, in the float network's units.
    """
    steps = iter(_steps(network.layers, output_unit / unit))
    place = _Place(network.input_shape)
    for layer, shape in zip(network.layers, network.shapes, strict=True):
        if isinstance(layer, Affine):
            place.prepare_for(layer)
            step = next(steps)
            place.add(affine_module(layer, step, unit, place.shape[:-1]), shape)
            unit *= step * 2.0**layer.shift
        elif isinstance(layer, Reshape):
            place.shape = shape
        else:
            activation = nn.LeakyReLU(SLOPE) if isinstance(layer, LeakyReLU) else nn.ReLU()
            place.modules.append(activation)
    place.end()
    return nn.Sequential(*place.modules)


def _steps(layers: Sequence[Layer], ratio: float) -> list[float]:
    """Return the value of 1 among each layer's weights, for a ratio of the units at both ends."""
    weighted = [layer for layer in layers if isinstance(layer, Affine)]
    usual = [_usual_size(layer) / (_size(layer) or 1.0) for layer in weighted]
    logs = [math.log(step) + layer.shift * math.log(2.0)
            for step, layer in zip(usual, weighted, strict=True)]  # fmt: skip
    factor = math.exp((math.log(ratio) - sum(logs)) / len(weighted))
    return [step * factor for step in usual]


def _size(layer: Affine) -> float:
    """Return the root mean square of a layer's integer weights."""
    return float(np.sqrt(np.square(layer.weight.astype(np.float64)).mean()))


def _usual_size(layer: Affine) -> float:
    """Return the root mean square of the weights of a new layer; see `architectures`."""
    fan_in = prod(layer.weight.shape[:-1])
    if isinstance(layer, Dense):
        return 1.0 / math.sqrt(3.0 * fan_in)
    if isinstance(layer, TransposedConv):
        fan_in = max(1, fan_in // prod(layer.stride))
    return math.sqrt(2.0 / fan_in)


class _Place:
    """Where in a network the next module goes: the shape there, and torch's order of axes.

    Shapes are the runtime's, channels last. A reshape becomes a module where the next layer needs
    it, for in torch channels come first.
    """

    def __init__(self, shape: Shape) -> None:
        self.modules: list[nn.Module] = []
        self.shape = self._laid = shape  # as it is to be, and as the modules make it
        self._channels_first = False

    def add(self, module: nn.Module, shape: Shape) -> None:
        """Add a module with weights, for whose input was prepared, and the shape of its output."""
        self.modules.append(module)
        self.shape = self._laid = shape

    def prepare_for(self, layer: Affine) -> None:
        """Bring the input of a layer with weights to its form."""
        if isinstance(layer, Dense):
            self._flatten()
        elif not (self._channels_first and self._laid == self.shape):
            if self._channels_first:
                self._flatten()
            self.modules.append(ToChannels(self.shape))
            self._laid, self._channels_first = self.shape, True

    def end(self) -> None:
        """Bring the output to its shape."""
        if self._channels_first:
            self.modules.append(FromChannels(self.shape))
        elif self._laid != self.shape:
            self._flatten()
            self.modules.append(nn.Unflatten(1, self.shape))

    def _flatten(self) -> None:
        size = (prod(self._laid),)
        if self._channels_first:
            self.modules.append(FromChannels(size))
        elif self._laid != size:
            self.modules.append(nn.Flatten())
        self._laid, self._channels_first = size, False
