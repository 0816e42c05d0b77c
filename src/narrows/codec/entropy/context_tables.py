"""The frequencies that a context model makes, as the symbols before them become known.

All is in whole numbers, held in floating point where a proof says that it is exact.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.entropy.context_model import EXP_ZERO, LARGEST_LOG, ContextModel
from narrows.codec.entropy.tables import TOTAL, Frequencies, Row
from narrows.codec.networks.backend import EXACT_FLOAT32, Array, Float

EXP_SHIFT = 18  # a logarithm's place in float32, which reads it as 32 .. 63 times a power of two
MAX_NARROW_ENTRIES = 63  # of a table whose frequencies float32 holds
NARROW_ROOM_BITS, WIDE_ROOM_BITS = 12, 24  # behind the point of what one unit of a part is worth
PART_ENTRIES = 1 << 15  # of the frequencies made at a time: they stay in a core's cache

Rows = slice | npt.NDArray[np.intp]


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
            (_transposed(w * down, hidden), _transposed(b[None] * down, hidden))
            for w, b in zip(context.hidden_weights, biases, strict=True)
        ]
        down = 2.0**-context.output_shift
        self.outputs = [_transposed(v * down, output) for v in context.output_weights]
        self.output_bias = _transposed(context.output_bias[None] * down, output)
        down = 2.0**-context.row_shift
        self.of_quantisers = [
            [_transposed(np.vstack([basis, base]) * down, logs) for basis, base in row]
            for row in zip(*context.bases, strict=True)
        ]
        self.rows = self.of_quantisers[0]

    def start(self, n: int) -> ContextPass:
        """Begin with n signals of which no symbol is known."""
        return ContextPass(self, n)


def _transposed(x: Array, dtype: Float) -> Array:
    """Return `(inputs, outputs)` weights, or a row of biases, for signals that are columns."""
    return np.ascontiguousarray(x.T, dtype)


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

    @np.errstate(invalid="ignore")  # some BLAS kernels set the flag for lanes that they discard
    def advance(self, entries: npt.NDArray[np.int32]) -> None:
        """Go on to the next position, given the `(n,)` table entries at this one."""
        tables, p = self._tables, self._position
        self._x[p] = entries - tables.context.sizes[p] // 2
        self._position = p = p + 1
        if p == len(tables.order):
            return
        weight, bias = tables.hidden[p - 1]
        hidden = weight @ self._x[:p]  # (u, p) @ (p, n)
        hidden += bias
        np.floor(hidden, out=hidden)
        limit = tables.context.hidden_limit
        np.clip(hidden, -limit, limit, out=hidden)
        hidden = np.maximum(hidden, np.floor(hidden * 0.125))
        weight = tables.outputs[p - 1]
        hidden = hidden.astype(weight.dtype, copy=False)
        self._outputs[-len(weight) :] += weight @ hidden  # ((k - p) * m, u) @ (u, n)

    @np.errstate(invalid="ignore")
    def frequencies(self, position: int, rows: Rows, quantiser: int = 0) -> Frequencies:
        """Return the `(n, size)` frequencies at a position, all before which are known."""
        tables, m = self._tables, self._tables.context.n_outputs
        row, limit = tables.of_quantisers[quantiser][position], tables.context.output_limit
        outputs = self._outputs[position * m : (position + 1) * m, rows]
        factors = np.ones((m + 1, outputs.shape[1]), row.dtype)  # the last is that of the base
        np.floor(outputs, out=factors[:m], casting="same_kind")
        np.clip(factors[:m], -limit, limit, out=factors[:m])
        return shared_out(exponentials(row @ factors))  # (size, m + 1) @ (m + 1, n)


def exponentials(logs: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Return about 2**(5 + 13 + log / 32) of `(size, n)` logarithms less a column's largest.

    Whole numbers: `(32 + log % 32) << (log // 32)` of what is left of 13 octaves, which is what
    float32 reads from such bits (Schraudolph 1999): powers of two, and straight lines between them,
    at most 6.2 % too high. `logs` is overwritten.
    """
    top = np.floor(logs.max(axis=0))
    top -= LARGEST_LOG
    logs -= top
    np.maximum(logs, EXP_ZERO, out=logs)
    bits = logs.astype(np.int32)
    bits <<= EXP_SHIFT
    return bits.view(np.float32)


def shared_out(parts: npt.NDArray[np.float32]) -> Frequencies:
    """Share 2**24 out in proportion to the `(size, n)` exponentials, at least 1 each.

    The last entry, the escape, has what is left over. All of it is exact: a part has 6 bits, in
    a narrow table `unit` at most 18 and the sum at most 24; in a wide one all is float64. `parts`
    may be overwritten.

    Returns
    -------
    (n, size) float32, or float64 in a wide table
    """
    size = len(parts)
    narrow = size <= MAX_NARROW_ENTRIES
    dtype, bits = (np.float32, NARROW_ROOM_BITS) if narrow else (np.float64, WIDE_ROOM_BITS)
    sums = parts.sum(axis=0, dtype=dtype).astype(np.float64)
    unit = np.floor(((TOTAL - size) << bits) / sums) * 2.0**-bits
    weights: npt.NDArray[Any] = parts.astype(dtype, copy=False)
    weights *= unit.astype(dtype)
    np.floor(weights, out=weights)
    weights[-1] += (TOTAL - size) - weights.sum(axis=0)
    weights += 1.0
    return np.ascontiguousarray(weights.T)
