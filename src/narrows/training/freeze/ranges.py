"""How large the numbers inside a float autoencoder become, over all signals there are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from narrows.training.architectures import Autoencoder
from narrows.training.freeze.affine import AFFINE

Largest = dict[Any, float]
"""The largest absolute output of each module with weights."""


@dataclass
class Ranges:
    """The largest absolute numbers that were seen.

    Attributes
    ----------
    outputs : dict
        Of each module with weights.
    latents : (n_qualities, k) tensor
        Of the symbols of each quality.
    """

    latents: Tensor
    outputs: Largest = field(default_factory=dict)


@torch.no_grad()
def measure_ranges(autoencoder: Autoencoder, batches: Iterable[Tensor]) -> Ranges:
    """Run `(n, *frame_shape)` batches of scaled frames through both networks, and look.

    All signals are looked at, since the few that reach far beyond the others, as artefacts of a
    recording do, are otherwise clipped: one of them can lose more than all others together.
    """
    n_qualities = autoencoder.n_qualities
    ranges = Ranges(torch.zeros(n_qualities, 1))

    def see(module: Any, _: Any, output: Tensor) -> None:
        largest = float(output.abs().max())
        ranges.outputs[module] = max(ranges.outputs.get(module, 0.0), largest)

    seen = [m for m in autoencoder.modules() if isinstance(m, AFFINE)]
    hooks = [module.register_forward_hook(see) for module in seen]
    try:
        for x in batches:
            quality = torch.arange(len(x)) % n_qualities
            symbols = torch.round(autoencoder.latents(x, quality))
            autoencoder.output(symbols, quality)
            for number in range(n_qualities):
                own = symbols[quality == number].abs()
                if len(own):
                    most = torch.maximum(ranges.latents[number], own.amax(0))
                    ranges.latents = ranges.latents.expand(-1, len(most)).clone()
                    ranges.latents[number] = most
    finally:
        for hook in hooks:
            hook.remove()
    return ranges
