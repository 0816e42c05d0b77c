"""Dropout in networks of the user's own, drawn from a generator of the run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import torch
from torch import Tensor, nn


@contextmanager
def dropout_drawn_from(generator: torch.Generator, model: nn.Module) -> Iterator[None]:
    """Let the Dropout layers of a model draw from a generator, not from that of the process."""
    layers = [module for module in model.modules() if isinstance(module, nn.Dropout)]
    for layer in layers:
        layer.forward = partial(_dropped, layer, generator)  # type: ignore[method-assign]
    try:
        yield
    finally:
        for layer in layers:
            del layer.forward


def _dropped(layer: nn.Dropout, generator: torch.Generator, x: Tensor) -> Tensor:
    """Compute what the layer does, with the numbers that torch's own dropout takes on a CPU."""
    if not layer.training or layer.p == 0.0:
        return x
    kept = torch.empty_like(x).bernoulli_(1.0 - layer.p, generator=generator)
    return x * kept.div_(1.0 - layer.p or 1.0)
