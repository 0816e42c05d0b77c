"""How the weights move: Muon for matrices between hidden units, Adam for all else."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import partial

import torch
from torch import Tensor, nn

from narrows.training.adam import Adam, Group, Optimiser, State
from narrows.training.architectures import Autoencoder
from narrows.training.loop.state import TrainingState
from narrows.training.loop.workers import Workers
from narrows.training.ranks import ALONE, Ranks
from narrows.training.torch_modes import short_products

WARM_UP = 0.03  # share of the updates in which the learning rate rises
DENSITY_SPEED = 5.0  # learning rate of the density, which has to follow the latents
WEIGHT_DECAY = 0.1  # Loshchilov & Hutter 2019; on MNIST 0.15 dB better than none
BETAS = (0.9, 0.99)
MOMENTUM = 0.95
STEP_SIZE = 0.2  # root mean square of an update's elements at rate 1, close to Adam's
NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)  # a x + b x**3 + c x**5 maps 0 .. 1 close to 1
ITERATIONS = 4
MIN_MUON_SIDE = 17
"""Smaller matrices are moved by Adam, among them the outermost convolutions of usual width."""

Gradients = Sequence[Tensor | None]
"""Of each of the weights."""


class Muon(Optimiser):
    """Momentum whose singular values are made equal (Jordan et al. 2024).

    Weights of more than two axes count as matrices of as many rows as the first is long. Updates
    are as large as those of Adam, so that one learning rate serves both (Liu et al. 2025).

    torch has one too, for matrices alone and always in bfloat16.

    Parameters
    ----------
    groups : iterable of Group
    workers : Workers, optional
        Threads that share the weights.
    """

    def __init__(self, groups: Iterable[Group], workers: Workers | None = None) -> None:
        super().__init__(groups)
        self._workers = workers or Workers()

    def _nothing(self, weight: Tensor) -> State:
        return {"momentum": torch.zeros_like(weight).detach()}

    def _move(
        self, group: Group, weights: list[Tensor], gradients: list[Tensor], states: list[State]
    ) -> None:
        self._workers.map(partial(self._move_one, group), weights, gradients, states)

    @torch.no_grad()
    def _move_one(self, group: Group, weight: Tensor, gradient: Tensor, state: State) -> None:
        momentum = state["momentum"].lerp_(gradient, 1.0 - MOMENTUM)
        direction = torch.lerp(gradient, momentum, MOMENTUM).flatten(1)
        change = orthogonalised(direction).reshape(weight.shape)
        size = STEP_SIZE * max(direction.shape) ** 0.5
        weight.mul_(1.0 - group.rate * group.weight_decay)
        weight.add_(change, alpha=-group.rate * size)


def orthogonalised(matrix: Tensor) -> Tensor:
    """Return an `(m, n)` matrix with singular values close to 1, but for those of almost 0.

    A Newton-Schulz iteration multiplies a matrix X by polynomials in X X^T. These commute, so all
    products but the first and the last are of squares of the shorter side. In bfloat16, of large
    matrices, singular values end as close to 1.
    """
    x = matrix.mT if matrix.shape[0] > matrix.shape[1] else matrix
    side, length = x.shape
    with short_products(x.device, side * side * (2 * length + 3 * ITERATIONS * side)):
        x = _iterated(x).float()
    return x.mT if matrix.shape[0] > matrix.shape[1] else x


def _iterated(x: Tensor) -> Tensor:
    """Do the iteration for a matrix that is at least as long as it is high."""
    a, b, c = NEWTON_SCHULZ
    gram = x @ x.mT  # (s, s), s the shorter side
    norm = gram.diagonal().sum().sqrt() + 1e-12
    gram = gram / norm.square()
    one = torch.eye(len(gram), device=gram.device)
    product = factor = torch.addmm(a * one + b * gram, gram, gram, alpha=c)
    for _ in range(1, ITERATIONS):
        gram = factor @ gram @ factor
        factor = torch.addmm(a * one + b * gram, gram, gram, alpha=c)
        product = factor @ product
    return product @ x / norm


class Optimisers:
    """Muon and Adam side by side, by one schedule of the learning rate.

    Parameters
    ----------
    model : Autoencoder
    density : nn.Module
        Learns five times as fast.
    rate : float
        The learning rate at its highest.
    with_muon : bool
        Whether Muon moves the matrices between hidden units, in place of Adam.
    """

    def __init__(
        self,
        model: Autoencoder,
        density: nn.Module,
        rate: float,
        *,
        with_muon: bool,
        workers: Workers | None = None,
    ) -> None:
        networks = [*model.encoder.parameters(), *model.decoder.parameters()]
        hidden = [p for p in networks if with_muon and _is_hidden(p)]
        moved = {id(p) for p in hidden}
        others = [p for p in networks if id(p) not in moved]
        gains = [p for p in (model.log_gain, model.log_step) if p is not None]
        groups = [
            Group(others, rate, WEIGHT_DECAY),
            Group(list(density.parameters()), rate * DENSITY_SPEED),
            *([Group(gains, rate)] if gains else []),
        ]
        self._all: dict[str, Optimiser] = {
            "adam": Adam(groups, BETAS),
            **({"muon": Muon([Group(hidden, rate, WEIGHT_DECAY)], workers)} if hidden else {}),
        }
        self._highest = [group.rate for group in self._groups()]

    def _groups(self) -> list[Group]:
        return [group for each in self._all.values() for group in each.groups]

    @property
    def _weights(self) -> list[nn.Parameter]:
        return [weight for group in self._groups() for weight in group.parameters]

    def gradients(self, loss: Tensor) -> Gradients:
        """Return the gradient of a loss at each of the weights, None where it is not used."""
        return torch.autograd.grad(loss, self._weights, allow_unused=True)

    def step(self, parts: Sequence[Gradients], factor: float, ranks: Ranks = ALONE) -> None:
        """Change all parameters once, at `factor` times the highest learning rates.

        Parameters
        ----------
        parts : sequence of Gradients
            Of the parts of the loss that this process has; those of all processes are added.
        factor : float
        ranks : Ranks, optional
        """
        for group, highest in zip(self._groups(), self._highest, strict=True):
            group.rate = highest * factor
        weights = self._weights
        for weight, *gradients in zip(weights, *parts, strict=True):
            weight.grad = _sum_like(weight, [each for each in gradients if each is not None])
        ranks.sum(weight.grad for weight in weights if weight.grad is not None)
        for each in self._all.values():
            each.step()

    def parts(self) -> dict[str, dict[str, Tensor]]:
        """Return the moments of each parameter, under "adam.NUMBER" and "muon.NUMBER"."""
        return {
            f"{name}.{number}": tensors
            for name, each in self._all.items()
            for number, tensors in enumerate(each.state)
        }

    def restore(self, state: TrainingState) -> None:
        """Restore the moments, in the memory layout of the weights: the fused Adam expects it."""
        for name, each in self._all.items():
            for label, tensor in state.under(f"{name}.").items():
                number, _, part = label.partition(".")
                each.state[int(number)][part].copy_(tensor)


def share_of_rate(done: float) -> float:
    """Return the share of the highest learning rates.

    Linear warm-up, then half a cosine down to a thousandth (Loshchilov & Hutter 2017).
    """
    return min(1.0, done / WARM_UP) * 0.5 * (1.0 + math.cos(math.pi * done)) + 1e-3


def _sum_like(weight: Tensor, gradients: Sequence[Tensor]) -> Tensor | None:
    """Add gradients of a weight up, in its memory layout: the fused Adam expects it."""
    if not gradients:
        return None
    total = gradients[0]
    for each in gradients[1:]:
        total = total + each
    is_alike = total.stride() == weight.stride()
    return total if is_alike else torch.empty_like(weight).copy_(total).detach()


def _is_hidden(weight: nn.Parameter) -> bool:
    return weight.ndim > 1 and min(weight.shape[0], weight[0].numel()) >= MIN_MUON_SIDE
