"""Densities of latents, learned beside the networks: they stand for tables and context models."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from narrows.training.architectures import Quality
from narrows.training.context_size import may_pay
from narrows.training.plan import Plan

UNITS = 12  # hidden units of a latent that see those before it
SLOPE = 0.125  # of the leaky rectifier, as in context models
MIN_SPREAD = 0.1  # of a latent, in rounding steps


class FactorisedDensity(nn.Module):
    """A learned density of each latent, independent of the others: a mixture of logistics.

    It stands for the tables during training; freezing replaces it by counts.

    Parameters
    ----------
    latent_size : int
    n_qualities : int, default 1
    components : int, default 3
        Logistics a latent.
    """

    def __init__(self, latent_size: int, n_qualities: int = 1, components: int = 3) -> None:
        super().__init__()
        shape = (n_qualities, latent_size, components)
        self.centre = nn.Parameter(torch.linspace(-2.0, 2.0, components).repeat(*shape[:2], 1))
        self.log_width = nn.Parameter(torch.full(shape, 0.5))
        self.logit = nn.Parameter(torch.zeros(shape))

    @torch.no_grad()
    def start(self, y: Tensor, quality: int) -> None:
        """Fit the spread of `(n, k)` latents, so that rates are right from the beginning."""
        spread = y.std(0, correction=0).clamp(min=MIN_SPREAD)[:, None]  # (k, 1)
        apart = torch.linspace(-1.0, 1.0, self.centre.shape[2], device=y.device)
        self.centre[quality] = y.mean(0)[:, None] + apart * spread
        self.log_width[quality] = torch.log(0.4 * spread)

    def bits(self, y: Tensor, quality: Quality = 0) -> Tensor:
        """Return `-log2 P(y - 1/2 < Y < y + 1/2)`, `(n, k)`, of noisy or rounded latents."""
        return self._bits(y, torch.exp(-self.log_width)[quality], quality)

    def _bits(self, y: Tensor, slope: Tensor, quality: Quality) -> Tensor:
        # The difference of two sigmoids is taken on the side where they are small.
        distance = (y.unsqueeze(-1) - self.centre[quality]).abs()  # (n, k, components)
        mass = torch.sigmoid((0.5 - distance) * slope) - torch.sigmoid((-0.5 - distance) * slope)
        share = self.logit.softmax(-1)[quality]
        return -torch.log2((mass * share).sum(-1) + 1e-9)


class ContextDensity(FactorisedDensity):
    """A density that the latents before each one move and widen (Minnen, Balle & Toderici 2018).

    It stands for a context model, which freezing fits to the symbols, so that networks learn
    latents that tell of each other, and a rate that is aimed at is that of archives. All latents
    are seen at once, through weights of which those of later ones are 0 (Germain et al. 2015).

    Parameters
    ----------
    latent_size : int
    """

    sees: Tensor
    feeds: Tensor
    middle: Tensor
    spread: Tensor

    def __init__(self, latent_size: int) -> None:
        super().__init__(latent_size)
        k, h = latent_size, UNITS * (latent_size - 1)
        generator = torch.Generator().manual_seed(0)
        group = torch.arange(h) // UNITS + 1  # units of a group see the latents before it
        place = torch.arange(k)
        self.hidden_weight = nn.Parameter(torch.randn(k, h, generator=generator) * 0.3 / k**0.5)
        self.hidden_bias = nn.Parameter(torch.randn(h, generator=generator) * 0.3)
        self.output_weight = nn.Parameter(torch.zeros(h, 2, k))
        self._constant("sees", (place[:, None] < group).float())  # (k, h)
        self._constant("feeds", (group[:, None] <= place).float()[:, None])  # (h, 1, k)
        self.register_buffer("middle", torch.zeros(k))
        self.register_buffer("spread", torch.ones(k))

    def _constant(self, name: str, values: Tensor) -> None:
        self.register_buffer(name, values, persistent=False)

    @torch.no_grad()
    def start(self, y: Tensor, quality: int) -> None:
        """See FactorisedDensity; the context sees latents in units of that spread."""
        super().start(y, quality)
        self.middle.copy_(y.mean(0))
        self.spread.copy_(y.std(0, correction=0).clamp(min=MIN_SPREAD))

    def bits(self, y: Tensor, quality: Quality = 0) -> Tensor:
        """See FactorisedDensity: the bits of each latent, where those before it are known."""
        x = (y - self.middle) / self.spread
        seen = x @ (self.hidden_weight * self.sees) + self.hidden_bias
        hidden = functional.leaky_relu(seen, SLOPE)
        outputs = hidden @ (self.output_weight * self.feeds).flatten(1)  # (n, 2 * k)
        moved, wider = outputs.chunk(2, dim=1)
        slope = torch.exp(-(self.log_width[quality] + wider.unsqueeze(-1)))  # (n, k, components)
        return self._bits(y - moved * self.spread, slope, quality)


def density_for(plan: Plan) -> FactorisedDensity:
    """Return the density that latents of a plan are learned by.

    It is one in context for convolutional networks of one quality, where freezing may find that a
    context model pays.
    """
    pays = may_pay(plan.n_train, plan.latent_size, plan.aimed_bits)
    if pays and plan.architecture == "conv" and plan.qualities == 1:
        return ContextDensity(plan.latent_size)
    return FactorisedDensity(plan.latent_size, plan.qualities)
