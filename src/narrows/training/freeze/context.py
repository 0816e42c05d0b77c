"""Training of a context model for a codec's symbols, in floats, and its conversion to integers.

The context model is trained on the symbols of the integer networks. It is kept where, for as many
signals as it was trained on, it saves more bytes than it takes in the model.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from narrows.codec.entropy.ans import ideal_bits
from narrows.codec.entropy.context_model import LOG_UNIT, ContextModel
from narrows.codec.entropy.context_tables import ContextTables
from narrows.codec.entropy.counting import count_table
from narrows.codec.entropy.tables import FixedTables, Row, Symbols
from narrows.codec.model.packed_tensors import pack_tensor
from narrows.training.adam import Adam, Group
from narrows.training.context_size import OUTPUTS, may_pay, units_for

EPOCHS, MAX_UPDATES, BATCH = 8, 2000, 256
MAX_POSITIONS = 256_000  # of all updates together: models of many latents have fewer updates
POSITIONS_PER_UPDATE = 32  # whose code length an update lowers
LEARNING_RATE, WEIGHT_DECAY = 1e-2, 0.02
HIDDEN_LIMIT, OUTPUT_LIMIT = 2**9 - 1, 2**11 - 1
WEIGHT_RMS = (6.0, 12.0)  # of the weights as integers: both are tried
BASIS_RMS = 64.0  # of the basis as integers
MIN_SPREAD = 0.05  # of symbols; steadier ones tell nothing, and have fixed frequencies
MEASURED_SIGNALS = 4096
TIMED_UPDATES = 5


def fit_contexts(
    train: Sequence[Symbols], held_out: Sequence[Symbols], tables: Sequence[Row]
) -> list[ContextModel | None]:
    """Fit a context model to the symbols of each quality; None where it does not pay.

    Qualities have much in common. The highest is learned first, and each of the others starts from
    the weights of the next higher one.

    Parameters
    ----------
    train, held_out : sequence of (n, k) int32
        Of each quality.
    tables : sequence of rows of FrequencyTable
        The tables of the symbols without a context model.
    """
    found: list[ContextModel | None] = []
    higher: _Network | None = None
    for q in reversed(range(len(tables))):
        context, higher = _fit_context(train[q], held_out[q], tables[q], higher)
        found.append(context)
    return found[::-1]


def _fit_context(
    train: Symbols, held_out: Symbols, row: Row, higher: _Network | None
) -> tuple[ContextModel | None, _Network | None]:
    """Fit a context model to `(n, k)` symbols; return also the start of the next lower quality."""
    n, k = train.shape
    if k < 2 or not len(held_out):
        return None, None
    fixed, seen = FixedTables(row), held_out[:MEASURED_SIGNALS]
    bits = ideal_bits(seen, fixed).mean()
    if not may_pay(n, k, bits):
        return None, None
    order = _falling_entropy(seen, row) if higher is None else higher.order
    network = _Network(train, row, order, units_for(k))
    if network.moves.sum() < 2:
        return None, higher
    entries = _entries(train, row, order)
    if higher is not None:
        network.start_from(higher)
    _train(network, entries, _updates(n, k))
    found, least = None, bits * n
    for weight_rms in WEIGHT_RMS:
        context = network.frozen(entries[:MEASURED_SIGNALS], weight_rms)
        size = sum(len(pack_tensor(tensor)) for tensor in context.tensors().values())
        taken = ideal_bits(seen, ContextTables(row, context)).mean() * n + 8 * size
        if taken < least:
            found, least = context, taken
    return found, network


def _falling_entropy(symbols: Symbols, row: Row) -> npt.NDArray[np.int32]:
    """Return the coding order: latents of most bits first, which tell most about the others."""
    bits = [
        ideal_bits(symbols[:, j : j + 1], FixedTables([table])).mean()
        for j, table in enumerate(row)
    ]
    return np.argsort(-np.array(bits), kind="stable").astype(np.int32)


def _entries(symbols: Symbols, row: Row, order: npt.NDArray[np.int32]) -> Tensor:
    """Return the `(n, k)` table entries in coding order."""
    columns = [row[j].indices(symbols[:, j]).astype(np.int64) for j in order]
    return torch.from_numpy(np.stack(columns, axis=1))


def fitting_seconds(n: int, k: int, n_qualities: int) -> float:
    """Measure some updates on random symbols, and return what all on `(n, k)` ones will take."""
    if k < 2:
        return 0.0
    symbols = np.random.default_rng(0).integers(-3, 4, (min(n, BATCH), k)).astype(np.int32)
    row = [count_table(column) for column in symbols.T]
    network = _Network(symbols, row, np.arange(k, dtype=np.int32), units_for(k))
    entries = _entries(symbols, row, network.order)
    _train(network, entries, 1)
    began = time.perf_counter()
    _train(network, entries, TIMED_UPDATES)
    one = (time.perf_counter() - began) / TIMED_UPDATES
    return n_qualities * _updates(n, k) * one


def _updates(n: int, k: int) -> int:
    return max(1, min(EPOCHS * n // min(BATCH, n), MAX_UPDATES, MAX_POSITIONS // k))


def _train(network: _Network, entries: Tensor, updates: int) -> None:
    """Train the network: lower the code length of `(n, k)` entries."""
    k, batch = entries.shape[1], min(BATCH, len(entries))
    group = Group(list(network.parameters()), LEARNING_RATE, WEIGHT_DECAY)
    optimiser = Adam([group])
    generator = torch.Generator().manual_seed(0)
    rows = torch.empty(0, dtype=torch.int64)
    for update in range(updates):
        if len(rows) < batch:
            rows = torch.randperm(len(entries), generator=generator)
        chosen, rows = rows[:batch], rows[batch:]
        optimiser.forget_gradients()
        positions = torch.randperm(k, generator=generator)[:POSITIONS_PER_UPDATE]
        network(entries[chosen], positions).backward()
        group.rate = LEARNING_RATE * (0.5 + 0.5 * math.cos(math.pi * update / updates))
        optimiser.step()


class _Network(nn.Module):
    """The float counterpart of a ContextModel: all positions at once, later ones masked.

    Positions whose symbols hardly ever change are masked, too: their weights are 0 and take no
    bytes.
    """

    def __init__(
        self, symbols: Symbols, row: Row, order: npt.NDArray[np.int32], n_units: int
    ) -> None:
        super().__init__()
        k, m, h = len(order), OUTPUTS, n_units * (len(order) - 1)
        self.order, self.n_units = order, n_units
        self.sizes = [row[j].weights.size for j in order]
        x = _entries(symbols[:MEASURED_SIGNALS], row, order).float()
        self.moves = x.std(0) > MIN_SPREAD  # (k,)
        self.mean, self.spread = x.mean(0), x.std(0).clamp(min=0.3)
        position = torch.arange(k)
        group = torch.arange(h) // n_units + 1  # units of a group see the positions before it
        feeds = (group[:, None] <= position) & self.moves  # (h, k)
        self.needed = feeds.any(1)
        self.feeds = feeds.float()[:, :, None]  # (h, k, 1)
        sees = (position[:, None] < group) & self.moves[:, None] & self.needed  # (k, h)
        self.sees = sees.float()
        generator = torch.Generator().manual_seed(0)

        def random(*shape: int, scale: float) -> nn.Parameter:
            return nn.Parameter(torch.randn(*shape, generator=generator) * scale)

        self.hidden_weight = random(k, h, scale=0.3 / k**0.5)
        self.hidden_bias = random(h, scale=0.3)
        self.output_weight = random(h, k, m, scale=0.02)
        self.output_bias = nn.Parameter(torch.zeros(k, m))
        widest = max(self.sizes)
        base = torch.full((k, widest), -math.inf)  # logarithms of frequencies
        basis = torch.zeros(k, m, widest)
        for p, j in enumerate(order):
            size = self.sizes[p]
            base[p, :size] = torch.from_numpy(np.log(row[j].weights / 2.0**24)).float()
            basis[p, :, :size] = _chebyshev(m, size)
        self.mask = torch.where(torch.isinf(base), -math.inf, 0.0)
        self.base = nn.Parameter(base.clamp(min=-20.0))
        self.basis = nn.Parameter(basis)

    @torch.no_grad()
    def start_from(self, other: _Network) -> None:
        """Copy the weights of another quality, but for those that belong to single symbols."""
        for name in ("hidden_weight", "hidden_bias", "output_weight", "output_bias"):
            getattr(self, name).copy_(getattr(other, name))

    def forward(self, entries: Tensor, positions: Tensor) -> Tensor:
        """Return the code length, in nats a symbol, of `(n, k)` entries at some positions."""
        outputs = self.outputs(self.hidden(entries), positions)
        logits = outputs.transpose(0, 1) @ self.basis[positions]  # (p, n, widest)
        logits = logits + (self.base + self.mask)[positions, None]
        return functional.cross_entropy(logits.flatten(0, 1), entries.T[positions].reshape(-1))

    def hidden(self, entries: Tensor) -> Tensor:
        """Return the `(n, h)` hidden units."""
        x = (entries - self.mean) / self.spread
        return functional.leaky_relu(x @ (self.hidden_weight * self.sees) + self.hidden_bias, 0.125)

    def outputs(self, hidden: Tensor, positions: Tensor) -> Tensor:
        """Return the `(n, p, m)` outputs of some positions."""
        weight = self.output_weight[:, positions] * self.feeds[:, positions]
        bias = self.output_bias[positions]
        return (hidden @ weight.flatten(1)).reshape(-1, *bias.shape) + bias

    @torch.no_grad()
    def frozen(self, entries: Tensor, weight_rms: float) -> ContextModel:
        """Convert the weights to integers, in units chosen from typical `(n, k)` entries."""
        hidden = self.hidden(entries)
        hidden_unit = float(hidden.abs().max()) / HIDDEN_LIMIT
        output_unit = (
            float(self.outputs(hidden, torch.arange(len(self.order))).abs().max()) / OUTPUT_LIMIT
        )
        log_unit = math.log(2.0) / LOG_UNIT
        k, u = len(self.order), self.n_units
        w = self.hidden_weight * self.sees / self.spread[:, None] / hidden_unit
        middle = torch.tensor([float(size // 2) for size in self.sizes])
        hidden_bias = self.hidden_bias * self.needed / hidden_unit + (middle - self.mean) @ w
        v = self.output_weight * self.feeds * hidden_unit / output_unit
        w = torch.cat([w[:p, (p - 1) * u : p * u].reshape(-1) for p in range(1, k)])
        v = torch.cat([v[(p - 1) * u : p * u, p:].reshape(-1) for p in range(1, k)])
        basis = torch.cat(
            [b[:, :size].reshape(-1) for b, size in zip(self.basis, self.sizes, strict=True)]
        )
        base = torch.cat(
            [b[:size] - b[:size].max() for b, size in zip(self.base, self.sizes, strict=True)]
        )
        basis, base = basis * output_unit / log_unit, base / log_unit
        shifts = [
            max(0, round(math.log2(rms / float(x.square().mean().sqrt()))))
            for x, rms in ((w, weight_rms), (v, weight_rms), (basis, BASIS_RMS))
        ]
        return ContextModel(
            order=self.order,
            hidden_weight=_whole(w, shifts[0], np.int16),
            hidden_bias=_whole(hidden_bias + 0.5, shifts[0], np.int32),
            output_weight=_whole(v, shifts[1], np.int16),
            output_bias=_whole(
                self.output_bias.reshape(-1) / output_unit + 0.5, shifts[1], np.int32
            ),
            basis=_whole(basis, shifts[2], np.int16),
            base=_whole(base + 0.5, shifts[2], np.int32),
            sizes=tuple(self.sizes),
            hidden_shift=shifts[0],
            hidden_limit=HIDDEN_LIMIT,
            output_shift=shifts[1],
            output_limit=OUTPUT_LIMIT,
            row_shift=shifts[2],
        )


def _whole(x: Tensor, shift: int, dtype: type[np.signedinteger[Any]]) -> npt.NDArray[Any]:
    """Round `x * 2**shift` to integers of a type, clipped to its range."""
    bounds = np.iinfo(dtype)
    return np.clip(np.round(x.double().numpy() * 2.0**shift), bounds.min, bounds.max).astype(dtype)


def _chebyshev(m: int, size: int) -> Tensor:
    """Return `(m, size)` polynomials of the symbol, of degree 1 to m.

    The escape entry has the value of the last symbol.
    """
    x = torch.linspace(-1.0, 1.0, max(2, size - 1))[: size - 1]
    x = torch.cat([x, x[-1:]])
    return torch.stack([torch.cos((degree + 1) * torch.arccos(x)) for degree in range(m)]) * 3.0
