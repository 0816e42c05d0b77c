"""How the weights move: Muon for matrices between hidden units, Adam for all else."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from narrows.training.architectures import Autoencoder
from narrows.training.loop.state import TrainingState

DENSITY_SPEED = 5.0  # learning rate of the density, which has to follow the latents
WEIGHT_DECAY = 0.1  # Loshchilov & Hutter 2019; on MNIST 0.15 dB better than none
BETAS = (0.9, 0.99)
MOMENTUM = 0.95
STEP_SIZE = 0.2  # root mean square of an update's elements at rate 1, close to Adam's
NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)  # a x + b x**3 + c x**5 maps 0 .. 1 close to 1
ITERATIONS = 4
MIN_MUON_SIDE = 17
"""Smaller matrices are moved by Adam, among them the outermost convolutions of usual width."""


class Muon(torch.optim.Optimizer):
    """Momentum whose singular values are made equal (Jordan et al. 2024).

    Weights of more than two axes count as matrices of as many rows as the first is long. Updates
    are as large as those of Adam, so that one learning rate serves both (Liu et al. 2025).

    torch has one too, for matrices alone and in bfloat16, which few CPUs multiply fast.

    Parameters
    ----------
    parameters : iterable of nn.Parameter
    rate : float
    """

    def __init__(self, parameters: Iterable[nn.Parameter], rate: float) -> None:
        super().__init__(parameters, {"lr": rate, "weight_decay": WEIGHT_DECAY})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Change the parameters once by their gradients."""
        for group in self.param_groups:
            for weight in group["params"]:
                state = self.state[weight]
                if not state:
                    state["momentum"] = torch.zeros_like(weight)
                momentum = state["momentum"].lerp_(weight.grad, 1.0 - MOMENTUM)
                direction = torch.lerp(weight.grad, momentum, MOMENTUM).flatten(1)
                change = orthogonalised(direction).reshape(weight.shape)
                size = STEP_SIZE * max(direction.shape) ** 0.5
                weight.mul_(1.0 - group["lr"] * group["weight_decay"])
                weight.add_(change, alpha=-group["lr"] * size)


def orthogonalised(matrix: Tensor) -> Tensor:
    """Return an `(m, n)` matrix with singular values close to 1, but for those of almost 0.

    A Newton-Schulz iteration multiplies a matrix X by polynomials in X X^T. These commute, so all
    products but the first and the last are of squares of the shorter side.
    """
    a, b, c = NEWTON_SCHULZ
    x = matrix.mT if matrix.shape[0] > matrix.shape[1] else matrix
    gram = x @ x.mT  # (s, s), s the shorter side
    norm = gram.diagonal().sum().sqrt() + 1e-12
    gram = gram / norm.square()
    one = torch.eye(len(gram), device=gram.device)
    product = one
    for _ in range(ITERATIONS):
        factor = torch.addmm(a * one + b * gram, gram, gram, alpha=c)
        product = factor @ product
        gram = factor @ gram @ factor
    x = product @ x / norm
    return x.mT if matrix.shape[0] > matrix.shape[1] else x


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
        self, model: Autoencoder, density: nn.Module, rate: float, *, with_muon: bool
    ) -> None:
        networks = [*model.encoder.parameters(), *model.decoder.parameters()]
        hidden = [p for p in networks if with_muon and _is_hidden(p)]
        moved = {id(p) for p in hidden}
        others = [p for p in networks if id(p) not in moved]
        gains = [p for p in (model.log_gain, model.log_step) if p is not None]
        groups = [
            {"params": others, "lr": rate, "weight_decay": WEIGHT_DECAY},
            {"params": list(density.parameters()), "lr": rate * DENSITY_SPEED, "weight_decay": 0.0},
            *([{"params": gains, "lr": rate, "weight_decay": 0.0}] if gains else []),
        ]
        self._all: dict[str, torch.optim.Optimizer] = {
            "adam": torch.optim.AdamW(groups, betas=BETAS, fused=True),
            **({"muon": Muon(hidden, rate)} if hidden else {}),
        }
        self._highest = [group["lr"] for group in self._groups()]

    def _groups(self) -> list[dict[str, Any]]:
        return [group for each in self._all.values() for group in each.param_groups]

    def step(self, loss: Tensor, factor: float) -> None:
        """Change all parameters once, at `factor` times the highest learning rates."""
        for group, highest in zip(self._groups(), self._highest, strict=True):
            group["lr"] = highest * factor
        for each in self._all.values():
            each.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        for each in self._all.values():
            each.step()

    def parts(self) -> dict[str, dict[str, Tensor]]:
        """Return the moments of each parameter, under "adam.NUMBER" and "muon.NUMBER"."""
        return {
            f"{name}.{number}": tensors
            for name, each in self._all.items()
            for number, tensors in each.state_dict()["state"].items()
        }

    def restore(self, state: TrainingState) -> None:
        """Restore the moments, in the memory layout of the weights: the fused Adam expects it."""
        for name, each in self._all.items():
            weights = [weight for group in each.param_groups for weight in group["params"]]
            moments: dict[int, dict[str, Tensor]] = {}
            for label, tensor in state.under(f"{name}.").items():
                number, _, part = label.partition(".")
                weight = weights[int(number)]
                alike = torch.empty_like(weight) if tensor.shape == weight.shape else tensor.clone()
                moments.setdefault(int(number), {})[part] = alike.detach().copy_(tensor)
            groups = each.state_dict()["param_groups"]
            each.load_state_dict({"state": moments, "param_groups": groups})


def _is_hidden(weight: nn.Parameter) -> bool:
    return weight.ndim > 1 and min(weight.shape[0], weight[0].numel()) >= MIN_MUON_SIDE
