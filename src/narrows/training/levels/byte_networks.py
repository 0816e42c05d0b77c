"""Float networks of the passes over bytes: known neighbours in, the bits of each element out.

The codec's integer version is `narrows.codec.levels`; both have the same heads.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

N_LOGISTICS = 3
NEAREST_KINDS = 8  # neighbours of which the network also learns whether they are atoms
NEAREST_ATOMS = 4  # and which
MAX_OWN_BIASES = 1 << 11  # of more places, biases would be most of a model
SLOPE = 0.125
MEAN_UNIT = 128.0  # grey levels that 1 of a mean stands for, about a middle of 128
LOG_SCALE_MIDDLE, LOG_SCALE_UNIT = 3.0, 2.0
LOG_SCALES = -1.5, 6.0
MIX_FLOOR = 0.002  # of the probability, shared out evenly: nothing is impossible
LOG2 = math.log(2.0)


class Scale(Protocol):
    """What the bytes stand for; the codec's `ByteScale` is one."""

    @property
    def atoms(self) -> tuple[int, ...]:
        """Bytes that have a head of their own, the most frequent first; at least one."""

    @property
    def values(self) -> npt.NDArray[Any]:
        """What each byte stands for, `(256,)`."""

    @property
    def edges(self) -> npt.NDArray[Any]:
        """The least value that becomes each byte, and one beyond, `(257,)`."""

    @property
    def grey(self) -> tuple[int, int]:
        """The lowest and the highest byte that is no atom."""


@dataclass(frozen=True)
class BytePasses:
    """What the networks look at.

    Attributes
    ----------
    places : (size,) int
        Flat indices of all elements of a frame, pass by pass.
    near : (k, size) int
        Flat indices of their known neighbours, nearest first; `size` is outside, which looks
        like the first atom.
    ends : sequence of int
        Where each pass ends among the places.
    n_always : int
        How many of the first places go through networks whatever their neighbours are.
    scale : Scale
        What the bytes stand for, and those that have a head of their own.
    """

    places: Tensor
    near: Tensor
    ends: Sequence[int]
    n_always: int
    scale: Scale

    @property
    def n_inputs(self) -> int:
        """Inputs of a network: values, which are the first atom, any other, and which of them."""
        k, others = len(self.near), len(self.scale.atoms) - 1
        kinds = min(NEAREST_KINDS, k)
        return k + kinds * (1 + (others > 0)) + others * min(NEAREST_ATOMS, k)

    @property
    def n_outputs(self) -> int:
        """A logit an atom, and three numbers a logistic."""
        return len(self.scale.atoms) + 3 * N_LOGISTICS


class Rows(NamedTuple):
    """Elements of a batch that are predicted by networks: values, places, neighbours."""

    values: Tensor
    at: Tensor
    near: Tensor
    cuts: list[int]


class ByteNetworks(nn.Module):
    """One hidden layer a pass, with biases of each place where these are not too many."""

    def __init__(self, passes: BytePasses, units: int, seed: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        n_in, n_out, n_passes = passes.n_inputs, passes.n_outputs, len(passes.ends)

        def drawn(*shape: int, scale: float) -> nn.Parameter:
            return nn.Parameter(torch.randn(*shape, generator=generator) * scale)

        self.passes = passes
        self.first = nn.ParameterList(
            [drawn(n_in, units, scale=n_in**-0.5) for _ in range(n_passes)]
        )
        self.second = nn.ParameterList(
            [drawn(units, n_out, scale=0.1 * units**-0.5) for _ in range(n_passes)]
        )
        start = torch.zeros(n_out)
        start[0], start[1] = 1.0, -1.0 if len(passes.scale.atoms) > 1 else 0.0
        means = slice(n_out - 2 * N_LOGISTICS, n_out - N_LOGISTICS)
        start[means] = torch.linspace(-0.8, 0.8, N_LOGISTICS)
        self.second_bias = nn.ParameterList([nn.Parameter(start.clone()) for _ in range(n_passes)])
        self.has_own = len(passes.places) <= MAX_OWN_BIASES
        sizes = torch.diff(torch.as_tensor([0, *passes.ends]))
        n_biases = len(passes.places) if self.has_own else n_passes
        self.bias_of = torch.arange(n_biases) if self.has_own else torch.repeat_interleave(sizes)
        self.bias = nn.Parameter(torch.zeros(n_biases, units))

    def rows(self, frames: Tensor) -> Rows:
        """Lay out the elements of `(n, size)` uint8 frames that go through networks."""
        passes, background = self.passes, self.passes.scale.atoms[0]
        outside = frames.new_full((1, len(frames)), background)
        columns = torch.cat([frames.T.contiguous(), outside])
        near = columns[passes.near]  # (k, size, n)
        live = (near != background).any(0)
        live[: passes.n_always] = True
        at, frame = live.nonzero(as_tuple=True)
        bounds = [0, *live.sum(1).cumsum(0)[torch.as_tensor(passes.ends) - 1].tolist()]
        return Rows(columns[passes.places[at], frame], at, near[:, at, frame].T, bounds)

    def inputs(self, near: Tensor) -> Tensor:
        """Return `(rows, n_inputs)` of `(rows, k)` neighbours."""
        first, *others = self.passes.scale.atoms
        kinds, which = near[:, :NEAREST_KINDS], near[:, :NEAREST_ATOMS]
        values = torch.from_numpy(self.passes.scale.values)[near.long()]
        parts = [values.float() / 128 - 1, (kinds == first).float()]
        if others:
            parts.append(torch.stack([kinds == a for a in others]).any(0).float())
            parts += [(which == a).float() for a in others]
        return torch.cat(parts, 1)

    def biases(self, number: int) -> Tensor:
        """Return the biases of the places of a pass, `(places, units)`, or of all, `(1, units)`."""
        start, end = [0, *self.passes.ends][number : number + 2]
        return self.bias[start:end] if self.has_own else self.bias[number : number + 1]

    def outputs(self, rows: Rows) -> Tensor:
        """Return `(rows, n_outputs)`."""
        x = self.inputs(rows.near)
        sizes = [b - a for a, b in zip(rows.cuts, rows.cuts[1:], strict=False)]
        hidden = [part @ w for part, w in zip(torch.split(x, sizes), self.first, strict=True)]
        h = functional.leaky_relu(torch.cat(hidden) + self.bias[self.bias_of[rows.at]], SLOPE)
        parts = zip(torch.split(h, sizes), self.second, self.second_bias, strict=True)
        return torch.cat([torch.addmm(b, part, w) for part, w, b in parts])

    def bits(self, frames: Tensor) -> Tensor:
        """Return the sum of the bits of all elements of `(n, size)` uint8 frames with a row."""
        rows = self.rows(frames)
        return atom_and_grey_bits(self.outputs(rows), rows.values, self.passes.scale)


def atom_and_grey_bits(outputs: Tensor, values: Tensor, scale: Scale) -> Tensor:
    """Return the sum of the bits that `(rows,)` values take by their heads."""
    first, *others = scale.atoms
    chain, column = others, 1
    total = functional.softplus(torch.where(values == first, -1.0, 1.0) * outputs[:, 0]).sum()
    left = (values != first).nonzero()[:, 0]
    grey = left
    if len(others) > 1:
        is_other = torch.isin(values[left], torch.tensor(others, dtype=values.dtype))
        total = (
            total + functional.softplus(torch.where(is_other, -1.0, 1.0) * outputs[left, 1]).sum()
        )
        grey, left, chain, column = left[~is_other], left[is_other], others[:-1], 2
    for atom in chain:
        is_it = values[left] == atom
        total = (
            total + functional.softplus(torch.where(is_it, -1.0, 1.0) * outputs[left, column]).sum()
        )
        left, column = left[~is_it], column + 1
    grey = left if len(others) == 1 else grey
    mixture = outputs[grey][:, outputs.shape[1] - 3 * N_LOGISTICS :]
    return total / LOG2 + grey_bits(mixture, values[grey], scale).sum()


def grey_bits(mixture: Tensor, values: Tensor, scale: Scale) -> Tensor:
    """Return the bits of `(rows,)` bytes by mixtures of logistics cut to what is no atom."""
    edges, (low, high) = torch.from_numpy(scale.edges - 0.5).float(), scale.grey
    lowest, highest = float(edges[low]), float(edges[high + 1])
    weights, means, scales = mixture.chunk(3, 1)
    weights = weights.softmax(1)
    middle = 128.0 + MEAN_UNIT * means
    inverse = torch.exp(-(LOG_SCALE_MIDDLE + LOG_SCALE_UNIT * scales).clamp(*LOG_SCALES))
    start, end = edges[values.long(), None], edges[values.long() + 1, None]
    side = torch.where(start + end > 2 * middle, -1.0, 1.0)  # differences of sigmoids stay precise
    upper = torch.sigmoid(side * (end - middle) * inverse)
    lower = torch.sigmoid(side * (start - middle) * inverse)
    inside = torch.sigmoid((highest - middle) * inverse) - torch.sigmoid(
        (lowest - middle) * inverse
    )
    found = (weights * (upper - lower).abs()).sum(1)
    share = found / ((weights * inside).sum(1) + 1e-7)
    floor = MIX_FLOOR * (end - start)[:, 0] / (highest - lowest)
    return -torch.log2((1 - MIX_FLOOR) * share + floor)
