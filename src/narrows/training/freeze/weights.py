"""The steps in which weights are rounded: the size of the model against its quality.

Rounding the weights of a layer in steps s adds an error of c s**2, and each doubling of s saves one
bit a weight. At the smallest size for an allowed error, each layer's share of the error therefore
equals its share of the weights.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from narrows.training.architectures import Autoencoder
from narrows.training.freeze.affine import AFFINE

PROBE_STEP = 0.3  # of the weights' spread, at which a layer's sensitivity is measured
COARSEST_STEP = 1.0  # of the weights' spread
MAX_WEIGHT = 2**15 - 1
MIN_ERROR_SHARE = 0.01  # of a small layer
MAX_ROUNDS = 8

Steps = dict[Any, float]
"""The rounding step of each module with weights."""


def layers_of(module: nn.Module) -> list[Any]:
    """Return the layers with weights."""
    return [each for each in module.modules() if isinstance(each, AFFINE)]


@torch.no_grad()
def choose_weight_steps(
    autoencoder: Autoencoder, scaled: Tensor, loss_db: float, layers: Sequence[Any]
) -> Steps:
    """Return the rounding step of the weights of some layers, the others staying as they are.

    The loss is that of the highest quality, whose error is the smallest.

    Parameters
    ----------
    autoencoder : Autoencoder
    scaled : (n, *frame_shape)
        Frames on which the loss is measured.
    loss_db : float
        The PSNR that rounding their weights may cost.
    layers : sequence of modules with weights
    """
    shares = shares_of_error([layer.weight.numel() for layer in layers])
    finest = {layer: (float(layer.weight.abs().max()) or 1.0) / MAX_WEIGHT for layer in layers}
    finest_quality = autoencoder.n_qualities - 1
    budget = autoencoder.squared_error(scaled, finest_quality) * (10 ** (loss_db / 10) - 1)
    exact = autoencoder.decoded(scaled, finest_quality, rounded=False)

    def error_of(steps: Steps) -> float:
        """Return what rounding adds to the error, where it is independent of what is there.

        That of a few signals, with their latents rounded, would go up and down by chance.
        """
        with rounded_weights(steps):
            decoded = autoencoder.decoded(scaled, finest_quality, rounded=False)
        return autoencoder.squared_distance(decoded, exact)

    steps: Steps = {}
    for layer, of_error in zip(layers, shares, strict=True):
        probe = PROBE_STEP * float(layer.weight.std(correction=0))
        added = error_of({layer: probe})
        share = budget * of_error
        step = probe * (share / max(added, share * (PROBE_STEP / COARSEST_STEP) ** 2, 1e-30)) ** 0.5
        steps[layer] = max(step, finest[layer])
    for _ in range(MAX_ROUNDS):
        added = error_of(steps)
        if added <= budget:
            return steps
        finer = 0.95 * max(budget / added, 0.01) ** 0.5
        steps = {layer: max(step * finer, finest[layer]) for layer, step in steps.items()}
    return finest


def shares_of_error(sizes: Sequence[int]) -> list[float]:
    """Return each layer's share of the allowed error: its share of the weights.

    Small layers get some more. That costs little error, and sums of small integers are more often
    proven to fit in float32, which is twice as fast.
    """
    shares = [max(size / sum(sizes), MIN_ERROR_SHARE) for size in sizes]
    return [share / sum(shares) for share in shares]


@contextmanager
@torch.no_grad()
def rounded_weights(steps: Mapping[Any, float]) -> Iterator[None]:
    """Round the weights of some layers to multiples of a step, within a `with` block."""
    kept = {layer: layer.weight.clone() for layer in steps}
    try:
        for layer, step in steps.items():
            if step > 0:
                layer.weight.copy_(torch.round(layer.weight / step) * step)
        yield
    finally:
        for layer, weight in kept.items():
            layer.weight.copy_(weight)
