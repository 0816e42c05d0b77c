"""Layers whose weights are drawn from a generator of the run, not from that of the process."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn


class _Undrawn(nn.Module):
    """Keeps a class of torch's behind it from drawing weights where it is made."""

    def reset_parameters(self) -> None:
        """Leave the weights as they are."""


def undrawn(kind: type[nn.Module], *arguments: Any, **options: Any) -> Any:
    """Make a layer of a kind, with weights that are yet to be set."""
    layer = type(kind.__name__, (_Undrawn, kind), {})(*arguments, **options)
    layer.__class__ = kind
    return layer


def drawn(layer: Any, generator: torch.Generator) -> Any:
    """Return a layer with weights and bias as torch draws them by itself."""
    nn.init.kaiming_uniform_(layer.weight, a=math.sqrt(5), generator=generator)
    bound = 1.0 / math.sqrt(layer.weight[0].numel())
    nn.init.uniform_(layer.bias, -bound, bound, generator=generator)
    return layer


def drawn_linear(generator: torch.Generator, n_inputs: int, n_outputs: int) -> nn.Linear:
    """Make a fully connected layer."""
    layer: nn.Linear = drawn(undrawn(nn.Linear, n_inputs, n_outputs), generator)
    return layer
