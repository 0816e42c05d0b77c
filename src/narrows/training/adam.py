"""Adam by torch's fused kernel.

`torch.optim` has it too, and imports torch's compiler with the first optimiser that is made. That
takes more than a second, a third of a short training (docs/experiments.md).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

EPSILON = 1e-8
BETAS = (0.9, 0.999)
State = dict[str, Tensor]


@dataclass
class Group:
    """Parameters that are moved alike."""

    parameters: list[nn.Parameter]
    rate: float
    weight_decay: float = 0.0


class Optimiser:
    """Parameters in groups, and what is remembered of each of them.

    Attributes
    ----------
    groups : list of Group
        Rates may be set before each step.
    """

    def __init__(self, groups: Iterable[Group]) -> None:
        self.groups = list(groups)
        self._states = [[self._nothing(weight) for weight in g.parameters] for g in self.groups]

    @property
    def state(self) -> list[State]:
        """What is remembered of each parameter, group after group."""
        return [state for group in self._states for state in group]

    def _nothing(self, weight: Tensor) -> State:
        """Return what is remembered of a parameter that was never moved."""
        raise NotImplementedError

    def _move(
        self, group: Group, weights: list[Tensor], gradients: list[Tensor], states: list[State]
    ) -> None:
        """Move parameters of a group by their gradients."""
        raise NotImplementedError

    def forget_gradients(self) -> None:
        """Leave no gradient, before the next ones are computed."""
        for group in self.groups:
            for weight in group.parameters:
                weight.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Change the parameters that have a gradient once."""
        for group, states in zip(self.groups, self._states, strict=True):
            each = zip(group.parameters, states, strict=True)
            moved = [(w, w.grad, state) for w, state in each if w.grad is not None]
            if moved:
                weights, gradients, own = zip(*moved, strict=True)
                self._move(group, list(weights), list(gradients), list(own))


class Adam(Optimiser):
    """Adam (Kingma & Ba 2015) with decoupled weight decay (Loshchilov & Hutter 2019).

    Parameters
    ----------
    groups : iterable of Group
    betas : pair of float
    """

    def __init__(self, groups: Iterable[Group], betas: tuple[float, float] = BETAS) -> None:
        super().__init__(groups)
        self._betas = betas

    def _nothing(self, weight: Tensor) -> State:
        moments = {name: torch.zeros_like(weight).detach() for name in ("exp_avg", "exp_avg_sq")}
        return {"step": torch.zeros((), device=weight.device), **moments}

    def _move(
        self, group: Group, weights: list[Tensor], gradients: list[Tensor], states: list[State]
    ) -> None:
        averages, squares = ([state[n] for state in states] for n in ("exp_avg", "exp_avg_sq"))
        torch._fused_adamw_(
            weights, gradients, averages, squares, [], [s["step"].add_(1.0) for s in states],
            amsgrad=False, maximize=False, beta1=self._betas[0], beta2=self._betas[1],
            lr=group.rate, weight_decay=group.weight_decay, eps=EPSILON,
        )  # fmt: skip
