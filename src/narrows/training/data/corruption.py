"""Denoising autoencoders (Vincent et al. 2008): the encoder sees a damaged signal in training."""

from __future__ import annotations

import torch
from torch import Tensor

from narrows.training.settings import parse_corruption


def corrupted(x: Tensor, corrupt: str, extent: float, generator: torch.Generator) -> Tensor:
    """Damage frames; the loss still compares with the whole ones.

    Parameters
    ----------
    x : (n, *frame_shape)
    corrupt : str
        "noise:A" adds Gaussian noise of deviation A, where the data's range is 1. "mask:S" sets
        a share S of the elements to 0 in the encoder's units: the lowest value where these are
        0 .. 1, the mean where they are standardised.
    extent : float
        The data's range in the encoder's units.
    generator : torch.Generator
    """
    kind, amount = parse_corruption(corrupt)
    if kind == "noise":
        return x + torch.randn(x.shape, generator=generator).to(x.device) * amount * extent
    return x * (torch.rand(x.shape, generator=generator).to(x.device) >= amount)
