"""Float networks of the passes over whole numbers: inputs of the codec in, mean and scale out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from narrows.training.adam import Adam, Group

SLOPE = 0.125
CLASSES_PER_UNIT = 8.0  # classes of scales that 1 of an output stands for
MIDDLE_CLASS, UNIT_CLASS, PER_OCTAVE = 20, 14, 3  # of an output of 0, of a scale of 1
LEAST_LOG, GREATEST_LOG = -3.2, 7.6
OUTSIDE = 0.0005 / 2048  # about what the tables leave to any number
LOG2 = math.log(2.0)
BATCH, LEAST_BATCH = 8192, 256
LEARNING_RATE, LAST_RATE = 4e-3, 2e-5
BETAS = 0.9, 0.99
WARM_UP = 100  # updates, but at most a tenth of all


class PassRows(NamedTuple):
    """Elements of a pass: inputs `(rows, inputs)` in 128ths, distances from the middle, spreads."""

    x: Tensor
    distance: Tensor
    spread: Tensor
    share: float  # of the pass in all elements


class NumberNetworks(nn.Module):
    """One hidden layer a pass."""

    def __init__(self, n_inputs: Sequence[int], units: int, seed: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)

        def drawn(*shape: int, scale: float) -> nn.Parameter:
            return nn.Parameter(torch.randn(*shape, generator=generator) * scale)

        self.first = nn.ParameterList([drawn(n, units, scale=n**-0.5) for n in n_inputs])
        self.bias = nn.ParameterList([nn.Parameter(torch.zeros(units)) for _ in n_inputs])
        self.second = nn.ParameterList([drawn(units, 2, scale=0.02) for _ in n_inputs])
        self.second_bias = nn.ParameterList([nn.Parameter(torch.zeros(2)) for _ in n_inputs])

    def bits(self, number: int, rows: PassRows) -> Tensor:
        """Return the `(rows,)` bits of elements of a pass."""
        hidden = torch.addmm(self.bias[number], rows.x, self.first[number])
        hidden = functional.leaky_relu(hidden, SLOPE)
        mean, scale = torch.addmm(self.second_bias[number], hidden, self.second[number]).T
        return logistic_bits(rows.distance - rows.spread * mean, scale)


def logistic_bits(distance: Tensor, scale: Tensor) -> Tensor:
    """Return the bits of whole numbers `distance` away from the means of logistics."""
    octaves = (MIDDLE_CLASS - UNIT_CLASS + CLASSES_PER_UNIT * scale) / PER_OCTAVE
    inverse = torch.exp(-(octaves * LOG2).clamp(LEAST_LOG, GREATEST_LOG))
    away = -distance.abs()  # keeps differences of sigmoids precise
    inside = torch.sigmoid((away + 0.5) * inverse) - torch.sigmoid((away - 0.5) * inverse)
    return -torch.log2(0.9995 * inside + OUTSIDE)


def train_numbers(
    networks: NumberNetworks, passes: Sequence[PassRows], updates: int, seed: int
) -> float:
    """Train on rows of all passes; return the bits an element of the last tenth of the updates."""
    generator = torch.Generator().manual_seed(seed)
    group = Group(list(networks.parameters()), LEARNING_RATE)
    adam = Adam([group], BETAS)
    warm_up = min(WARM_UP, 1 + updates // 10)
    passes = [_shuffled(rows, generator) for rows in passes]
    last: list[float] = []
    for update in range(updates):
        rate = LEARNING_RATE * min(1.0, (update + 1) / warm_up)
        rate *= 0.5 + 0.5 * math.cos(math.pi * update / updates)
        group.rate = rate + LAST_RATE
        adam.forget_gradients()
        loss = torch.zeros(())
        for number, rows in enumerate(passes):
            batch = _batch(rows, max(LEAST_BATCH, int(BATCH * rows.share)), generator)
            loss = loss + rows.share * networks.bits(number, batch).mean()
        loss.backward()  # type: ignore[no-untyped-call]
        adam.step()
        if update >= 0.9 * updates:
            last.append(float(loss.detach()))
    return sum(last) / max(1, len(last))


def _shuffled(rows: PassRows, generator: torch.Generator) -> PassRows:
    order = torch.randperm(len(rows.x), generator=generator)
    return PassRows(rows.x[order], rows.distance[order], rows.spread[order], rows.share)


def _batch(rows: PassRows, size: int, generator: torch.Generator) -> PassRows:
    """Return a run of the shuffled rows, from a place drawn at random."""
    start = int(torch.randint(max(1, len(rows.x) - size + 1), (1,), generator=generator))
    part = slice(start, start + size)
    return PassRows(rows.x[part].float(), rows.distance[part], rows.spread[part], rows.share)
