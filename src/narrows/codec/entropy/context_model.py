"""Context models: the frequencies of a latent's symbols, given the symbols coded before it.

Latents that a network makes are not independent: the first ones tell what digit it is, and the
others then hold fewer surprises. A context model is a small autoregressive network over the table
entries of a signal (MADE, Germain et al. 2015), whose outputs tilt each latent's frequencies
(logarithms that are a base and a few functions of the symbol, times the outputs). Like the
networks it is all integers, so both sides make the same frequencies on every machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.checks import check_whole
from narrows.codec.entropy.tables import Row
from narrows.codec.networks.backend import EXACT_FLOAT64
from narrows.errors import FormatError, UnprovenModelError

LOG_UNIT = 32  # logarithms of frequencies count in bits / 32
OCTAVES = 13  # below the largest exponential: from there on, all are alike
EXP_ZERO = LOG_UNIT * (127 + 5)  # the logarithm that float32 reads as 2**5, the least exponential
LARGEST_LOG = LOG_UNIT * OCTAVES + EXP_ZERO
MAX_CONTEXT_SHIFT, MAX_CONTEXT_LIMIT = 40, 1 << 24
MAX_UNITS, MAX_OUTPUTS = 1 << 10, 1 << 5  # a block's then take half a gigabyte at most

TENSORS = {
    "order": np.int32,
    "hidden_weight": np.int16,
    "hidden_bias": np.int32,
    "output_weight": np.int16,
    "output_bias": np.int32,
    "basis": np.int16,
    "base": np.int32,
}


@dataclass(frozen=True, eq=False)
class ContextModel:
    """An autoregressive network over the table entries of one signal.

    Position p = 0 .. k - 1 is the place of a latent in the coding order. With x[p] the entry of
    the table at p, less half the table's size, u hidden units and m outputs a position:

        hidden[p]  = leaky(clip(floor((x[:p] @ W[p] + b[p]) * 2**-hidden_shift)))      p from 1 on
        output[p]  = clip(floor((sum of hidden[q] @ V[q, p] over q <= p + c[p]) * 2**-output_shift))
        log[p]     = floor((output[p] @ basis[p] + base[p]) * 2**-row_shift)
        weights[p] = 1 + the rest of 2**24, shared out as about 2**(log[p] / 32)

    Attributes
    ----------
    order : (k,) int32
        The latent at each position.
    hidden_weight : (u * k * (k - 1) / 2,) int16
        W[p], `(p, u)`, one after the other.
    hidden_bias : ((k - 1) * u,) int32
    output_weight : (m * u * k * (k - 1) / 2,) int16
        V[p], `(u, k - p, m)`, one after the other.
    output_bias : (k * m,) int32
    basis : (m * sum of the sizes,) int16
        `(m, size)` of each position, one after the other. In a trellis each position has two,
        one for each quantiser.
    base : (sum of the sizes,) int32
        In a trellis each position has two as well.
    sizes : tuple of int
        Entries of the table at each position.
    hidden_shift, output_shift, row_shift : int
    hidden_limit, output_limit : int

    Raises
    ------
    FormatError
        If the parts do not fit together.
    UnprovenModelError
        If a value of 2**53 or more could occur.
    """

    order: npt.NDArray[np.int32]
    hidden_weight: npt.NDArray[np.int16]
    hidden_bias: npt.NDArray[np.int32]
    output_weight: npt.NDArray[np.int16]
    output_bias: npt.NDArray[np.int32]
    basis: npt.NDArray[np.int16]
    base: npt.NDArray[np.int32]
    sizes: tuple[int, ...]
    hidden_shift: int
    hidden_limit: int
    output_shift: int
    output_limit: int
    row_shift: int

    def __post_init__(self) -> None:
        for name, dtype in TENSORS.items():
            tensor = getattr(self, name)
            if tensor.dtype != dtype or tensor.ndim != 1:
                raise FormatError(f"context model with {name} of {tensor.dtype} {tensor.shape}")
        for name, value in self.settings().items():
            limit = MAX_CONTEXT_SHIFT if name.endswith("shift") else MAX_CONTEXT_LIMIT
            check_whole(value, int(name.endswith("limit")), limit, f"{name} of a context model")
        k, pairs = self.k, self.k * (self.k - 1) // 2
        if k < 2 or not np.array_equal(np.sort(self.order), np.arange(k)) or len(self.sizes) != k:
            raise FormatError(
                f"context model with the order {self.order[:9].tolist()} of {k} latents"
            )
        u, m, entries = self.n_units, self.n_outputs, self.n_quantisers * sum(self.sizes)
        expected = (k, u * pairs, u * (k - 1), m * u * pairs, m * k, m * entries, entries)
        if tuple(getattr(self, name).size for name in TENSORS) != expected:
            raise FormatError(f"context model of {k} latents whose tensors do not fit together")
        check_whole(u, 1, MAX_UNITS, "number of hidden units of a context model")
        check_whole(m, 1, MAX_OUTPUTS, "number of outputs of a context model")
        peak = max(self.peaks)
        if peak >= EXACT_FLOAT64:
            raise UnprovenModelError(
                f"a context model could reach 2**{peak.bit_length()}; the limit is 2**53"
            )

    @property
    def k(self) -> int:
        """The number of latents."""
        return self.order.size

    @property
    def n_units(self) -> int:
        """The number of hidden units a position."""
        return self.hidden_bias.size // (self.k - 1)

    @property
    def n_outputs(self) -> int:
        """The number of outputs a position, each of which tilts its frequencies."""
        return self.output_bias.size // self.k

    @property
    def n_quantisers(self) -> int:
        """The number of bases a position: 2 in a trellis, otherwise 1."""
        return 1 if self.base.size < 2 * sum(self.sizes) else 2

    @cached_property
    def hidden_weights(self) -> list[npt.NDArray[np.int16]]:
        """W of the positions 1 .. k - 1, `(p, u)` each."""
        parts = _split(self.hidden_weight, [p * self.n_units for p in range(1, self.k)])
        return [part.reshape(-1, self.n_units) for part in parts]

    @cached_property
    def output_weights(self) -> list[npt.NDArray[np.int16]]:
        """V of the positions 1 .. k - 1, `(u, (k - p) * m)` each."""
        u, m, k = self.n_units, self.n_outputs, self.k
        parts = _split(self.output_weight, [u * m * (k - p) for p in range(1, k)])
        return [part.reshape(u, -1) for part in parts]

    @cached_property
    def bases(self) -> list[list[tuple[npt.NDArray[np.int16], npt.NDArray[np.int32]]]]:
        """Basis, `(m, size)`, and base, `(size,)`, of each position, for each quantiser."""
        m, n = self.n_outputs, self.n_quantisers
        basis = _split(self.basis, [n * m * size for size in self.sizes])
        base = _split(self.base, [n * size for size in self.sizes])
        return [
            list(zip(a.reshape(n, m, -1), b.reshape(n, -1), strict=True))
            for a, b in zip(basis, base, strict=True)
        ]

    @cached_property
    def peaks(self) -> tuple[int, int, int]:
        """Bounds of hidden sums, output sums and logarithms, unshifted.

        The last has room for the difference of two logarithms and for where exponentials place it.
        """
        x = np.array([size // 2 for size in self.sizes])
        hidden = max(
            int((x[: len(w)] @ _absolute(w)).max()) for w in self.hidden_weights
        ) + _largest(self.hidden_bias)
        sums = np.zeros(self.k * self.n_outputs, dtype=np.int64)
        for v in self.output_weights:
            sums[-v.shape[1] :] += _absolute(v).sum(axis=0)
        output = int(sums.max()) * self.hidden_limit + _largest(self.output_bias)
        both = chain.from_iterable(self.bases)
        tilt = max(int(_absolute(basis).sum(axis=0).max()) for basis, _ in both)
        logs = tilt * self.output_limit + _largest(self.base)
        return hidden, output, 2 * logs + (LARGEST_LOG << self.row_shift)

    @property
    def n_parameters(self) -> int:
        """The number of integers in all tensors."""
        return sum(tensor.size for tensor in self.tensors().values())

    def settings(self) -> dict[str, Any]:
        """Describe the model without its tensors, as canonical JSON values."""
        return {
            "hidden_shift": self.hidden_shift,
            "hidden_limit": self.hidden_limit,
            "output_shift": self.output_shift,
            "output_limit": self.output_limit,
            "row_shift": self.row_shift,
        }

    def tensors(self) -> dict[str, npt.NDArray[Any]]:
        """Return the tensors by name."""
        return {name: getattr(self, name) for name in TENSORS}

    @classmethod
    def build(
        cls, settings: dict[str, Any], tensors: Mapping[str, npt.NDArray[Any]], row: Row
    ) -> ContextModel:
        """Make the model from `settings()` and `tensors()`, for a row of tables."""
        order = tensors["order"]
        if order.ndim != 1 or sorted(order.tolist()) != list(range(len(row))):
            raise FormatError(f"context model whose order is not one of {len(row)} latents")
        parts: dict[str, Any] = {**settings, **tensors}
        return cls(**parts, sizes=tuple(row[j].weights.size for j in order))


def _split(flat: npt.NDArray[Any], lengths: list[int]) -> list[npt.NDArray[Any]]:
    return np.split(flat, np.cumsum(lengths)[:-1])


def _absolute(x: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    return np.abs(x.astype(np.int64))


def _largest(x: npt.NDArray[Any]) -> int:
    return int(_absolute(x).max())
