"""Networks that are trained a little further with their weights rounded as they will be.

Rounding weights in steps s adds an error of c s**2. Gradients at the rounded weights move those
that are not (straight-through estimation, Bengio, Leonard & Courville 2013) until the error is
taken back: weights then take about half of the bytes at the same quality (docs/experiments.md).

    latents of the rounded encoder            ->  those of the encoder as it was trained
    what the rounded decoder makes of symbols ->  what the trained one makes of them

They learn from these and not from the signals (distillation, Hinton, Vinyals & Dean 2015; with
rounded weights Polino, Pascanu & Alistarh 2018): of few signals, decoders would learn the noise.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import Tensor

from narrows.training.adam import Adam, Group
from narrows.training.architectures import Autoencoder
from narrows.training.freeze.weights import (
    Steps,
    choose_weight_steps,
    layers_of,
    rounded_weights,
)

SHARE_OF_UPDATES, SHARE_IN_BUDGET = 0.1, 0.05
"""Of the training's updates, so that a short one does not become a long one; of one that has a
budget, which keeps a tenth for freezing."""
MOST_UPDATES, LEAST_UPDATES = 600, 150  # fewer bring nothing
BATCH, RATE = 256, 0.01  # of a step of the weights, an update
PLANNED_DB = tuple(0.03 * 2.0 ** (k / 2) for k in range(15))  # 0.03 to 3.84
"""Losses of PSNR that are considered for a number of signals: from one to the next a quarter of a
bit a weight is saved."""
TAKEN_BACK = 0.7
"""Of the error that rounding adds, by training further: more of small ones."""
BITS_PER_DB = math.log2(10.0) / 20.0  # a latent, of Gaussian signals at high rates


@dataclass(frozen=True)
class Rounding:
    """How networks are trained further with rounded weights.

    Attributes
    ----------
    updates : int
        Of each of both networks; 0 leaves them as they are.
    expected : int or None
        The signals that are to be coded: archive and decoder together then take the fewest bytes.
    bits_per_error : float or None
        The slope of the rate: bits for the squared error of a frame, summed, for a peak of 1.
        None: that of Gaussian latents.
    """

    updates: int = 0
    expected: int | None = None
    bits_per_error: float | None = None

    @classmethod
    def after(cls, updates: int, *, in_budget: bool = False) -> Rounding:
        """Return what a training of so many updates has time for."""
        share = SHARE_IN_BUDGET if in_budget else SHARE_OF_UPDATES
        own = min(int(share * updates), MOST_UPDATES)
        return cls(own if own >= LEAST_UPDATES else 0)

    def bits(self, error: float, added: float, latent_size: int) -> float:
        """Return the bits a signal that would take back what is `added` to its squared error."""
        if self.bits_per_error is not None:
            return self.bits_per_error * added
        return latent_size * BITS_PER_DB * 10.0 * math.log10(1.0 + added / error)


@torch.no_grad()
def bytes_of_weights(steps: Steps) -> float:
    """Return about how many bytes weights take in steps: their entropy, layer by layer."""
    total = 0.0
    for layer, step in steps.items():
        _, counts = torch.unique(torch.round(layer.weight / step), return_counts=True)
        share = counts.double() / counts.sum()
        total -= float((counts * share.log2()).sum()) / 8.0
    return total


@torch.no_grad()
def planned_loss(autoencoder: Autoencoder, scaled: Tensor, rounding: Rounding) -> float:
    """Return the loss in dB at which a decoder and the archives of the signals are smallest.

    Parameters
    ----------
    autoencoder : Autoencoder
    scaled : (n, *frame_shape)
        Frames on which errors are measured.
    rounding : Rounding
        With a number of signals.
    """
    assert rounding.expected is not None
    layers, best = layers_of(autoencoder.decoder), (math.inf, 0.0)
    middle = (autoencoder.n_qualities - 1) // 2
    error = autoencoder.squared_error(scaled, middle) / len(scaled)
    latent_size = autoencoder.latents(scaled[:1], middle).shape[1]
    left = 1.0 - TAKEN_BACK if rounding.updates else 1.0
    for loss_db in PLANNED_DB:
        steps = choose_weight_steps(autoencoder, scaled, loss_db, layers)
        added = left * error * (10.0 ** (loss_db / 10.0) - 1.0)
        bits = rounding.bits(error, added, latent_size)
        best = min(best, (bytes_of_weights(steps) + rounding.expected * bits / 8.0, loss_db))
    return best[1]


def train_rounded(
    autoencoder: Autoencoder, scaled: Tensor, steps: Steps, rounding: Rounding
) -> None:
    """Train networks further with their weights rounded, which they then are; in place.

    Parameters
    ----------
    autoencoder : Autoencoder
    scaled : (n, *frame_shape)
        Training frames.
    steps : dict
        Of the weights of all layers.
    rounding : Rounding
    """
    generator = torch.Generator().manual_seed(0)
    rows = torch.randint(len(scaled), (rounding.updates, BATCH), generator=generator)
    exact, n_qualities = deepcopy(autoencoder), autoencoder.n_qualities

    def of_latents(number: int) -> Tensor:
        x, quality = scaled[rows[number]], number % n_qualities
        with torch.no_grad():
            wanted = exact.latents(x, quality)
        return (autoencoder.latents(x, quality) - wanted).square().mean()

    def of_outputs(number: int) -> Tensor:
        x, quality = scaled[rows[number]], number % n_qualities
        with torch.no_grad():
            symbols = torch.round(autoencoder.latents(x, quality))
            wanted = exact.output(symbols, quality)
        loss = (autoencoder.output(symbols, quality) - wanted).square().mean()
        return loss / loss.detach().clamp(min=1e-30)  # as a share: qualities count alike

    for network, loss in ((autoencoder.encoder, of_latents), (autoencoder.decoder, of_outputs)):
        _move({layer: steps[layer] for layer in layers_of(network)}, loss, rounding.updates)


def _move(steps: Steps, loss: Callable[[int], Tensor], updates: int) -> None:
    """Move the weights of layers by the gradients of a loss at the rounded ones, and round them."""
    optimiser = Adam([Group(list(layer.parameters()), 0.0) for layer in steps])
    for number in range(updates):
        decayed = 0.5 * RATE * (1.0 + math.cos(math.pi * number / updates))
        for group, step in zip(optimiser.groups, steps.values(), strict=True):
            group.rate = decayed * step
        optimiser.forget_gradients()
        with rounded_weights(steps):
            loss(number).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    with torch.no_grad():
        for layer, step in steps.items():
            layer.weight.copy_(torch.round(layer.weight / step) * step)
