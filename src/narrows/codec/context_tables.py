"""The frequencies that a context model makes, as the symbols before them become known.

All is in whole numbers, held in floating point where a proof says that it is exact.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from narrows.codec.backend import EXACT_FLOAT32, Array, Float
from narrows.codec.context import ContextModel
from narrows.codec.tables import TOTAL, Frequencies, Row

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


def exponentials() -> npt.NDArray[np.float64]:
    """Give 2**16 * 2**(-d / 32), an integer each, for d from 0 to LARGEST_LOG."""
    values = [EXP_MANTISSAS[d % LOG_UNIT] >> (d // LOG_UNIT) for d in range(LARGEST_LOG + 1)]
    return np.array(values, dtype=np.float64)


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
        self.rows = [
            (_transposed(a * down, logs), _transposed(b[None] * down, logs))
            for a, b in context.bases
        ]
        self.exponentials = exponentials()

    def start(self, n: int) -> ContextPass:
        """Begin with n signals of which no symbol is known."""
        return ContextPass(self, n)


def _transposed(x: Array, dtype: Float) -> Array:
    """Give `(inputs, outputs)` weights, or a row of biases, for signals that are columns."""
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
