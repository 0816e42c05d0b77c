"""The training objective, rate + lambda * distortion (Balle, Laparra & Simoncelli 2017)."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from narrows.training.architectures import Autoencoder, Quality, Scaling, like, repeated
from narrows.training.rate_distortion.density import FactorisedDensity
from narrows.training.torch_modes import short_products


def mean_squared(output: Tensor, target: Tensor, scaling: Scaling) -> Tensor:
    """Squared error summed over a frame, on the scale where the data's range is 1; `(n,)`.

    Outputs beyond the range count as its ends where the target lies there: decoding clips them.
    """
    return _on_unit_range(output, target, scaling).square().flatten(1).sum(1)


def absolute(output: Tensor, target: Tensor, scaling: Scaling) -> Tensor:
    """Absolute error summed over a frame, on the scale where the data's range is 1; `(n,)`."""
    return _on_unit_range(output, target, scaling).abs().flatten(1).sum(1)


def _on_unit_range(output: Tensor, target: Tensor, scaling: Scaling) -> Tensor:
    factor = scaling.output_scale * scaling.weight / scaling.peak
    error: Tensor = clipped_error(output, target, scaling) * like(output, factor)
    return error


def cross_entropy(output: Tensor, target: Tensor, scaling: Scaling) -> Tensor:
    """Binary cross-entropy in nats, summed over a frame, the range mapped to 0 .. 1; `(n,)`."""
    entropy = functional.binary_cross_entropy(output, target.clamp(0.0, 1.0), reduction="none")
    return entropy.flatten(1).sum(1)


def clipped_error(output: Tensor, target: Tensor, scaling: Scaling) -> Tensor:
    """Return `output - target`, or 0 where decoding clips the output to the target."""
    error = output - target
    if math.isinf(scaling.low) and math.isinf(scaling.high):
        return error
    low, high = (
        like(output, (end - scaling.output_offset) / scaling.output_scale)
        for end in (scaling.low, scaling.high)
    )
    with torch.no_grad():
        counts: Tensor = ((error > 0) | (target > low)) & ((error < 0) | (target < high))
    return error * counts


Distortion = Callable[[Tensor, Tensor, Scaling], Tensor]
DISTORTIONS: dict[str, Distortion] = {"mse": mean_squared, "bce": cross_entropy, "l1": absolute}


class Terms(NamedTuple):
    """The terms of the loss of each signal of a batch, `(n,)`, and the mean penalty."""

    rate: Tensor  # bits
    distortion: Tensor
    penalty: Tensor | float
    error: Tensor  # squared, whatever the distortion is

    def loss(self, lambda_: Tensor | float, weight: Tensor | float = 1.0) -> Tensor:
        """Return the mean of their sum, in bits; lambda and weight may be `(n,)`."""
        return ((self.rate + lambda_ * self.distortion) * weight).mean() + self.penalty

    def detached(self) -> Terms:
        """Return them without the graph that they come from."""
        rate, distortion = self.rate.detach(), self.distortion.detach()
        return Terms(rate, distortion, 0.0, self.error)


class Objective:
    """Rate and distortion of a batch, with uniform noise standing in for rounding.

    Parameters
    ----------
    model : Autoencoder
    density : FactorisedDensity
    loss : str
        A key of DISTORTIONS.
    sparse : float, default 0
        Weight of the sum of a signal's absolute latents, in steps.
    measures_error : bool, default False
        Whether the squared error is wanted beside another distortion.
    """

    def __init__(
        self,
        model: Autoencoder,
        density: FactorisedDensity,
        loss: str,
        sparse: float = 0.0,
        *,
        measures_error: bool = False,
    ) -> None:
        self.model = model
        self.density = density
        self.distortion = DISTORTIONS[loss]
        self.sparse = sparse
        self.measures_error = measures_error

    def __call__(
        self,
        x: Tensor,
        noise: Tensor | None = None,
        seen: Tensor | None = None,
        quality: Quality = 0,
        missing: Tensor | None = None,
    ) -> Terms:
        """Return the terms of the loss.

        Parameters
        ----------
        x : (n, *frame_shape)
            Scaled frames.
        noise : (m * n, k), optional
            Uniform in -1/2 .. 1/2; without it latents are rounded.
        seen : (n, *frame_shape), optional
            What the encoder sees in place of `x`.
        quality : int or (m * n,) tensor, default 0
            With m above 1, each frame is encoded once and decoded m times.
        missing : (n, *frame_shape) bool, optional
            Elements that do not count: nothing is known of them.
        """
        scaling = self.model.scaling
        products = partial(self._products, len(x) if noise is not None else 0)
        with products():
            y = self.model.latents(x if seen is None else seen, quality).float()  # (m * n, k)
        penalty = self.sparse * y.abs().sum(1).mean() if self.sparse else 0.0
        y = torch.round(y) if noise is None else y + noise
        rate = self.density.bits(y, quality).sum(1)  # (m * n,)
        with products():
            output = self.model.output(y, quality).float()
        target = scaling.target(x)
        target = repeated(target, len(output))
        if missing is not None:
            target = torch.where(repeated(missing, len(output)), output.detach(), target)
        distortion = self.distortion(output, target, scaling)
        error = distortion
        if self.measures_error and self.distortion is not mean_squared:
            error = mean_squared(output.detach(), target, scaling)
        return Terms(rate, distortion, penalty, error.detach())

    def _products(self, n_learnt: int) -> AbstractContextManager[object]:
        """Let networks multiply short numbers while they learn from so many frames."""
        weights = list(self.model.parameters())
        n_products = n_learnt * sum(each.numel() for each in weights)
        return short_products(weights[0].device, n_products)
