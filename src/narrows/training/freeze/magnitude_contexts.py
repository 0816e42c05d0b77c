"""Context models that know how large the latents before are, and nothing else of them.

A signal that is louder than most, or a window with a beat in it, has larger symbols in all of its
latents. One weight a pair of latents tells how much the magnitude of one says of the other's
spread. That is little to learn and little to keep, so that it also pays where signals are few, and
it holds for sources that were not learnt from.

    entries ─► |symbol - mean|, clipped ─► weighted sums of those before ─► tilt of the frequencies

A magnitude is made of two hidden units: what leaks of one is the other's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from narrows.codec.entropy.context_model import LOG_UNIT, OCTAVES, ContextModel
from narrows.codec.entropy.tables import Row, Symbols
from narrows.codec.entropy.trellis import TrellisPass, TrellisTables
from narrows.training.adam import Adam, Group

UPDATES, LATER_UPDATES, BATCH = 300, 150, 256
"""Of the first quality that is learnt, and of those that go on from it."""
POSITIONS = 32  # whose code length an update lowers
MAX_LOGITS = 1 << 21  # of a batch
LEARNING_RATE = 8e-3
MAX_ENTRIES = 1024  # of a table: there are as good as no symbols that say something of others
MAX_LATENTS = 1024
LARGEST = 2.0  # spreads, from which on magnitudes are all the same
LEAST_SPREAD = 0.3  # of symbols
MIN_SPREAD = 0.05  # steadier ones tell nothing, as in other context models
HIDDEN_LIMIT, OUTPUT_LIMIT = 2**7 - 1, 2**11 - 1
LEAK = 2.0**-3
WEIGHT_RMS, BASIS_RMS = 2.0, 16.0  # as integers
BASE_UNIT = LOG_UNIT // 8  # of logarithms: an eighth of a bit


class Coded(NamedTuple):
    """Symbols of one quality, as they are coded.

    Attributes
    ----------
    entries : (n, k) int64
    quantisers : (n, k) int64
        Which of its tables each has: 0, or in a trellis 0 or 1.
    """

    entries: Tensor
    quantisers: Tensor

    @classmethod
    def of(cls, symbols: Symbols, rows: Sequence[Row]) -> Coded:
        """Code `(n, k)` symbols with the tables of the only quantiser, or of both."""
        columns = zip(symbols.T, rows[0], strict=True)
        entries = np.stack([table.indices(column) for column, table in columns], axis=1)
        quantisers = np.zeros(symbols.shape, np.int64)
        if len(rows) == 2:
            known = TrellisPass(TrellisTables(*rows), len(symbols))
            for j in range(symbols.shape[1]):
                quantisers[:, j] = known.quantiser
                known.advance(entries[:, j])
        return cls(torch.from_numpy(entries.astype(np.int64)), torch.from_numpy(quantisers))


def can_learn(rows: Sequence[Row]) -> bool:
    """Return whether a quality has latents that say something of each other, and not too many."""
    sizes = [table.weights.size for table in rows[0]]
    return 2 <= len(sizes) <= MAX_LATENTS and max(sizes) <= MAX_ENTRIES


def fit_magnitudes(
    symbols: Symbols, rows: Sequence[Row], start: MagnitudeNetwork | None = None
) -> MagnitudeNetwork:
    """Fit a context model of magnitudes to the `(n, k)` symbols of a quality.

    Parameters
    ----------
    symbols : (n, k) int32
    rows : sequence of rows of FrequencyTable
        The tables of the only quantiser, or of both in a trellis.
    start : MagnitudeNetwork, optional
        That of another quality, to go on from.
    """
    coded = Coded.of(symbols, rows)
    network = MagnitudeNetwork(coded.entries, rows)
    if start is not None:
        network.start_from(start)
    updates = UPDATES if start is None else LATER_UPDATES
    group = Group(list(network.parameters()), LEARNING_RATE)
    optimiser, generator = Adam([group]), torch.Generator().manual_seed(0)
    widest = network.base.shape[-1]
    n_positions = max(1, min(POSITIONS, MAX_LOGITS // (BATCH * widest)))
    for update in range(updates):
        chosen = torch.randint(len(symbols), (BATCH,), generator=generator)
        positions = torch.randperm(symbols.shape[1], generator=generator)[:n_positions]
        optimiser.forget_gradients()
        network(coded.entries[chosen], coded.quantisers[chosen], positions).backward()
        group.rate = LEARNING_RATE * (0.5 + 0.5 * math.cos(math.pi * update / updates))
        optimiser.step()
    return network


class MagnitudeNetwork(nn.Module):
    """The float counterpart of a ContextModel of magnitudes: all positions at once."""

    def __init__(self, entries: Tensor, rows: Sequence[Row]) -> None:
        super().__init__()
        self.sizes = [table.weights.size for table in rows[0]]
        k, widest = len(self.sizes), max(self.sizes)
        x = entries.float()
        self.mean, self.spread = x.mean(0), x.std(0).clamp(min=LEAST_SPREAD)
        moves = x.std(0) > MIN_SPREAD
        position = torch.arange(k)
        self.sees = ((position[:, None] < position) & moves[:, None] & moves).float()  # (k, k)
        base = torch.full((len(rows), k, widest), -math.inf)
        for number, row in enumerate(rows):
            for j, table in enumerate(row):
                logs = np.log(table.weights / 2.0**24)
                base[number, j, : self.sizes[j]] = torch.from_numpy(logs).float()
        self.mask = torch.where(torch.isinf(base), -math.inf, 0.0)
        self.base = nn.Parameter(base.clamp(min=-20.0))
        last = torch.tensor(self.sizes)[:, None] - 2  # the escape is taken for it
        at = torch.minimum(torch.arange(widest), last)
        away = (at - self.mean[:, None]).abs() / self.spread[:, None]
        self.basis = nn.Parameter(torch.log1p(away).repeat(len(rows), 1, 1))
        self.weight = nn.Parameter(torch.zeros(k, k))
        self.bias = nn.Parameter(torch.zeros(k))

    @torch.no_grad()
    def start_from(self, other: MagnitudeNetwork) -> None:
        """Copy the weights of another quality, but for those that belong to single symbols."""
        self.weight.copy_(other.weight)
        self.bias.copy_(other.bias)

    def forward(self, entries: Tensor, quantisers: Tensor, positions: Tensor) -> Tensor:
        """Return the code length, in nats a symbol, of `(n, k)` entries at some positions."""
        outputs = self.outputs(entries)[:, positions]
        own = quantisers[:, positions]
        logits = outputs[..., None] * self.basis[own, positions]
        logits = logits + (self.base + self.mask)[own, positions]  # (n, p, widest)
        return functional.cross_entropy(logits.flatten(0, 1), entries[:, positions].reshape(-1))

    def outputs(self, entries: Tensor) -> Tensor:
        """Return the `(n, k)` outputs: how much wider each position is than usual."""
        away = (entries.float() - self.mean).abs() / self.spread
        return away.clamp(max=LARGEST) @ (self.weight * self.sees) + self.bias

    @torch.no_grad()
    def frozen(self, entries: Tensor) -> ContextModel:
        """Convert the weights to integers, in units chosen from typical `(n, k)` entries."""
        k, log_unit = len(self.sizes), math.log(2.0) / LOG_UNIT
        unit = float(self.outputs(entries).abs().max()) / OUTPUT_LIMIT
        to_hidden = HIDDEN_LIMIT / (LARGEST * self.spread)
        hidden_shift = max(0, int(math.log2(2**15 / float(to_hidden.max()))) - 1)
        half = torch.tensor([float(size // 2) for size in self.sizes])
        w = torch.round(to_hidden * 2.0**hidden_shift)
        b = torch.round((half - self.mean) * w)
        signs = torch.tensor([1.0, -1.0])
        hidden_weight = [torch.zeros(p, 2) for p in range(1, k)]
        for p, each in enumerate(hidden_weight):
            each[p] = w[p] * signs
        shares = self.weight * self.sees * (LARGEST / HIDDEN_LIMIT / (1.0 - LEAK) / unit)
        output_weight = torch.cat([shares[p, p + 1 :].repeat(2) for p in range(k - 1)])
        output_shift = _shift(output_weight, WEIGHT_RMS)
        row = [(j, size) for j, size in enumerate(self.sizes)]
        basis = torch.cat([self.basis[:, j, :size].reshape(-1) for j, size in row])
        basis = basis * (unit / log_unit)
        row_shift = _shift(basis, BASIS_RMS)
        base = torch.cat([_in_eighths(self.base[:, j, :size]).reshape(-1) for j, size in row])
        return ContextModel(
            order=np.arange(k, dtype=np.int32),
            hidden_weight=_whole(torch.cat([each.reshape(-1) for each in hidden_weight]), 0, 16),
            hidden_bias=_whole((b[:-1, None] * signs).reshape(-1), 0, 32),
            output_weight=_whole(output_weight, output_shift, 16),
            output_bias=_whole(self.bias / unit + 0.5, output_shift, 32),
            basis=_whole(basis, row_shift, 16),
            base=_whole(base, row_shift, 32),
            sizes=tuple(self.sizes),
            hidden_shift=hidden_shift,
            hidden_limit=HIDDEN_LIMIT,
            output_shift=output_shift,
            output_limit=OUTPUT_LIMIT,
            row_shift=row_shift,
        )


def _in_eighths(base: Tensor) -> Tensor:
    """Return the logarithms of `(quantisers, size)` frequencies, in eighths of a bit."""
    logs = (base - base.max(dim=1, keepdim=True).values) / math.log(2.0)
    return torch.round(logs.clamp(min=-float(OCTAVES)) * LOG_UNIT / BASE_UNIT) * BASE_UNIT


def _shift(x: Tensor, rms: float) -> int:
    """Return the power of two by which numbers have about this root of their mean square."""
    now = float(x.square().mean().sqrt())
    return max(0, round(math.log2(rms / now))) if now > 0 else 0


def _whole(x: Tensor, shift: int, n_bits: int) -> npt.NDArray[np.signedinteger]:
    """Round `x * 2**shift` to integers of so many bits, clipped to their range."""
    bound = 2.0 ** (n_bits - 1)
    whole = np.clip(np.rint(x.double().numpy() * 2.0**shift), -bound, bound - 1)
    return whole.astype(np.int16 if n_bits == 16 else np.int32)
