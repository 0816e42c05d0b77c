"""Denoising autoencoders (Vincent et al. 2008): the encoder sees a damaged signal in training."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from narrows.errors import SettingError


@dataclass(frozen=True)
class Corruption:
    """How the frames of a batch are damaged; the loss still compares with the whole ones.

    Attributes
    ----------
    kind : str
        "noise": Gaussian noise is added, `amount` its deviation where the data's range is 1.
        "mask": a share `amount` of the elements becomes 0 in the encoder's units: the lowest value
        where these are 0 .. 1, the mean where they are standardised.
    amount : float
    """

    kind: str
    amount: float

    @classmethod
    def parse(cls, text: str) -> Corruption:
        """Read `noise:0.3` or `mask:0.5`; SettingError for anything else."""
        kind, _, number = text.partition(":")
        try:
            amount = float(number)
        except ValueError:
            amount = math.nan
        highest = {"noise": math.inf, "mask": 1.0}.get(kind, 0.0)
        if not 0.0 < amount < highest:
            raise SettingError(
                f"corrupt {text!r}; accepted are noise:A, of deviation A where the range is 1, "
                "and mask:S, for a share S of the elements between 0 and 1"
            )
        return cls(kind, amount)

    def __call__(self, x: Tensor, extent: float, generator: torch.Generator) -> Tensor:
        """Damage `(n, *frame_shape)` frames whose range is `extent` in the encoder's units."""
        if self.kind == "noise":
            return x + torch.randn(x.shape, generator=generator).to(x.device) * self.amount * extent
        return x * (torch.rand(x.shape, generator=generator).to(x.device) >= self.amount)
