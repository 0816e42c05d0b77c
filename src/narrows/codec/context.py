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
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.backend import EXACT_FLOAT32, EXACT_FLOAT64, Array, Float
from narrows.codec.checks import check_whole
from narrows.codec.tables import TOTAL, Frequencies, Row
from narrows.errors import FormatError, UnprovenModelError

LOG_UNIT = 32  # logarithms of frequencies count in bits / 32
EXP_BITS = 16
EXP_MANTISSAS = (  # 2**16 * 2**(-i / 32), rounded
    65536, 64132, 62757, 61413, 60097, 58809, 57549, 56316,
    55109, 53928, 52773, 51642, 50535, 49452, 48393, 47356,
    46341, 45348, 44376, 43425, 42495, 41584, 40693, 39821,
    38968, 38133, 37316, 36516, 35734, 34968, 34219, 33486,
)  # fmt: skip
LARGEST_LOG = LOG_UNIT * (EXP_BITS + 1)  # below the largest: from there on, the exponential is 0
ROOM_BITS = 24  # behind the point of what one unit of an exponential is worth
PART_ENTRIES = 1 << 15  # of the frequencies made at a time: they stay in a core's cache
MAX_SHIFT, MAX_LIMIT = 40, 1 << 24
MAX_UNITS, MAX_OUTPUTS = 1 << 10, 1 << 5  # a block's then take half a gigabyte at most

Tensors = dict[str, npt.NDArray[Any]]
TENSORS = {
    "order": np.int32,
    "hidden_weight": np.int16,
    "hidden_bias": np.int32,
    "output_weight": np.int16,
    "output_bias": np.int32,
    "basis": np.int16,
    "base": np.int32,
}


def exponentials() -> npt.NDArray[np.float64]:
    """Give 2**16 * 2**(-d / 32), an integer each, for d from 0 to LARGEST_LOG."""
    values = [EXP_MANTISSAS[d % LOG_UNIT] >> (d // LOG_UNIT) for d in range(LARGEST_LOG + 1)]
    return np.array(values, dtype=np.float64)


@dataclass(frozen=True, eq=False)
class ContextModel:
    """An autoregressive network over the table entries of one signal.

    Position p = 0 .. k - 1 is the place of a latent in the coding order. With x[p] the entry of
    the table at p, less half the table's size, u hidden units and m outputs a position:

        hidden[p]  = leaky(clip(floor((x[:p] @ W[p] + b[p]) * 2**-hidden_shift)))      p from 1 on
        output[p]  = clip(floor((sum of hidden[q] @ V[q, p] over q <= p + c[p]) * 2**-output_shift))
        log[p]     = floor((output[p] @ basis[p] + base[p]) * 2**-row_shift)
        weights[p] = 1 + the rest of 2**24, shared out as 2**(log[p] / 32)

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
        `(m, size)` of each position, one after the other.
    base : (sum of the sizes,) int32
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
            limit = MAX_SHIFT if name.endswith("shift") else MAX_LIMIT
            check_whole(value, int(name.endswith("limit")), limit, f"{name} of a context model")
        k, pairs = self.k, self.k * (self.k - 1) // 2
        if k < 2 or not np.array_equal(np.sort(self.order), np.arange(k)) or len(self.sizes) != k:
            raise FormatError(
                f"context model with the order {self.order[:9].tolist()} of {k} latents"
            )
        u, m, entries = self.n_units, self.n_outputs, sum(self.sizes)
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
    def bases(self) -> list[tuple[npt.NDArray[np.int16], npt.NDArray[np.int32]]]:
        """Basis, `(m, size)`, and base, `(size,)`, of each position."""
        m = self.n_outputs
        basis = _split(self.basis, [m * size for size in self.sizes])
        base = _split(self.base, list(self.sizes))
        return [(a.reshape(m, -1), b) for a, b in zip(basis, base, strict=True)]

    @cached_property
    def peaks(self) -> tuple[int, int, int]:
        """The largest absolute values of hidden sums, output sums and logarithms, unshifted."""
        x = np.array([size // 2 for size in self.sizes])
        hidden = max(
            int((x[: len(w)] @ _absolute(w)).max()) for w in self.hidden_weights
        ) + _largest(self.hidden_bias)
        sums = np.zeros(self.k * self.n_outputs, dtype=np.int64)
        for v in self.output_weights:
            sums[-v.shape[1] :] += _absolute(v).sum(axis=0)
        output = int(sums.max()) * self.hidden_limit + _largest(self.output_bias)
        tilt = max(int(_absolute(basis).sum(axis=0).max()) for basis, _ in self.bases)
        return hidden, output, tilt * self.output_limit + _largest(self.base)

    @property
    def n_parameters(self) -> int:
        """The number of integers in all tensors."""
        return sum(tensor.size for tensor in self.tensors().values())

    def settings(self) -> dict[str, Any]:
        """Give what describes the model besides its tensors, as canonical JSON values."""
        return {
            "hidden_shift": self.hidden_shift,
            "hidden_limit": self.hidden_limit,
            "output_shift": self.output_shift,
            "output_limit": self.output_limit,
            "row_shift": self.row_shift,
        }

    def tensors(self) -> Tensors:
        """Give the tensors by name."""
        return {name: getattr(self, name) for name in TENSORS}

    @classmethod
    def build(
        cls, settings: dict[str, Any], tensors: Mapping[str, npt.NDArray[Any]], row: Row
    ) -> ContextModel:
        """Make the model from `settings()` and `tensors()`, for a row of tables."""
        order = tensors["order"]
        if order.ndim != 1 or sorted(order.tolist()) != list(range(len(row))):
            raise FormatError(f"context model whose order is none of {len(row)} latents")
        parts: dict[str, Any] = {**settings, **tensors}
        return cls(**parts, sizes=tuple(row[j].weights.size for j in order))


def _split(flat: npt.NDArray[Any], lengths: list[int]) -> list[npt.NDArray[Any]]:
    return np.split(flat, np.cumsum(lengths)[:-1])


def _absolute(x: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    return np.abs(x.astype(np.int64))


def _largest(x: npt.NDArray[Any]) -> int:
    return int(_absolute(x).max())


class ContextTables:
    """The frequencies of a context model: other ones for every symbol of every signal.

    Parameters
    ----------
    row : sequence of FrequencyTable
        What symbols there are; their own frequencies are not used.
    context : ContextModel
    """

    def __init__(self, row: Row, context: ContextModel) -> None:
        self.row = row
        self.context = context
        self.order: list[int] = context.order.tolist()
        hidden, output, logs = (
            np.float32 if peak < EXACT_FLOAT32 else np.float64 for peak in context.peaks
        )
        down = 2.0**-context.hidden_shift
        biases = context.hidden_bias.reshape(-1, context.n_units)
        self.hidden = [
            _columns(w * down, b * down, hidden)
            for w, b in zip(context.hidden_weights, biases, strict=True)
        ]
        down = 2.0**-context.output_shift
        self.outputs = [_columns(v * down, v[0], output)[0] for v in context.output_weights]
        self.output_bias = (context.output_bias * down).astype(output)[:, None]
        down = 2.0**-context.row_shift
        self.rows = [_columns(a * down, b * down, logs) for a, b in context.bases]
        self.exponentials = exponentials()

    def start(self, n: int) -> ContextPass:
        """Begin with n signals of which no symbol is known."""
        return ContextPass(self, n)


def _columns(weight: Array, bias: Array, dtype: Float) -> tuple[Array, Array]:
    """Give `weight`, `(inputs, outputs)`, and `bias` for signals that are columns."""
    return np.ascontiguousarray(weight.T, dtype), np.ascontiguousarray(bias[:, None], dtype)


class ContextPass:
    """One pass over the latents of n signals, in coding order; here a signal is a column."""

    def __init__(self, tables: ContextTables, n: int) -> None:
        self._tables = tables
        self._x = np.zeros((len(tables.order), n), tables.hidden[0][0].dtype)
        self._outputs = np.repeat(tables.output_bias, n, axis=1)
        self._position = 0

    def parts(self, position: int) -> list[slice]:
        """Cut the signals into parts whose frequencies are made together."""
        n, size = self._x.shape[1], self._tables.context.sizes[position]
        step = max(1, PART_ENTRIES // size)
        return [slice(start, min(start + step, n)) for start in range(0, n, step)]

    def see(self, entries: npt.NDArray[np.int32]) -> None:
        """Take the `(n,)` table entries of the next position."""
        tables, p = self._tables, self._position
        self._x[p] = entries - tables.context.sizes[p] // 2
        self._position = p = p + 1
        if p == len(tables.order):
            return
        weight, bias = tables.hidden[p - 1]
        hidden = weight @ self._x[:p]
        hidden += bias
        np.floor(hidden, out=hidden)
        limit = tables.context.hidden_limit
        np.clip(hidden, -limit, limit, out=hidden)
        hidden = np.maximum(hidden, np.floor(hidden * 0.125))
        weight = tables.outputs[p - 1]
        self._outputs[-len(weight) :] += weight @ hidden.astype(weight.dtype, copy=False)

    def frequencies(self, position: int, rows: slice) -> Frequencies:
        """Give the `(n, size)` frequencies at a position of which all before it were seen."""
        tables, m = self._tables, self._tables.context.n_outputs
        basis, base = tables.rows[position]
        limit = tables.context.output_limit
        outputs = np.floor(self._outputs[position * m : (position + 1) * m, rows])
        np.clip(outputs, -limit, limit, out=outputs)
        logs = basis @ outputs.astype(basis.dtype, copy=False)
        logs += base
        np.floor(logs, out=logs)
        logs = logs.max(axis=0) - logs
        np.minimum(logs, LARGEST_LOG, out=logs)
        return shared_out(tables.exponentials.take(logs.astype(np.intp), mode="clip"))


def shared_out(parts: npt.NDArray[np.float64]) -> Frequencies:
    """Share 2**24 out in proportion to `(size, n)` whole numbers, at least 1 each.

    The last entry, the escape, has what is left over. In float64 all of it is exact: a part has at
    most 17 bits, and `unit`, as a column's largest part is 2**16, at most 33.

    Returns
    -------
    (n, size) float64
    """
    room = (TOTAL - len(parts)) << ROOM_BITS
    unit = room // parts.sum(axis=0).astype(np.int64)
    parts *= unit * 2.0**-ROOM_BITS
    np.floor(parts, out=parts)
    parts[-1] += (TOTAL - len(parts)) - parts.sum(axis=0)
    parts += 1.0
    return np.ascontiguousarray(parts.T)
