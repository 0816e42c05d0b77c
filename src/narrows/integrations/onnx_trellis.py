"""A trellis as operators of ONNX: which quantiser a symbol has follows from those before it.

Of the two bits of a state the first says the quantiser, and next comes (second + parity, first),
modulo 2: see `entropy.trellis.NEXT_STATES`. So the quantiser of a latent is the sum, modulo 2, of
the parities one, three, five ... latents before it: a product of matrices where all symbols are
known. Rounding needs each symbol before it rounds the next, and goes latent by latent.
"""

from __future__ import annotations

import numpy as np

from narrows.codec.entropy.trellis import TrellisTables
from narrows.codec.networks.quantiser import SYMBOL_MAX, SYMBOL_MIN
from narrows.integrations.onnx_layers import Floats, Graph


def add_levels(graph: Graph, symbols: str, trellis: TrellisTables) -> str:
    """Add `TrellisTables.levels` of `(n, latent_size)` float64 symbols."""
    k = np.arange(len(trellis.row))
    apart = k - k[:, None]
    before = ((apart > 0) & (apart % 2 == 1)).astype(np.float64)
    parity = _parities(graph, symbols, *map(graph.constant, _ends(trellis)))
    quantiser = _modulo_2(graph, graph.op("MatMul", parity, graph.constant(before)))
    twice = graph.op("Add", symbols, symbols)
    return graph.op("Sub", twice, graph.op("Mul", graph.op("Sign", symbols), quantiser))


def add_nearest(graph: Graph, levels: str, trellis: TrellisTables) -> str:
    """Add `TrellisTables.nearest` of `(n, latent_size)` float64 levels."""
    step = Graph("each_")
    quantiser, second = (step.input(name, np.dtype(float), ()) for name in ("quantiser", "second"))
    level = step.input("level", np.dtype(float), ())
    ends = [step.input(name, np.dtype(float), None) for name in ("low", "end")]
    away = step.op("Mul", step.op("Sign", level), quantiser)
    halves = step.op("Mul", step.op("Add", level, away), step.constant(np.float64(0.5)))
    rounded = step.op("Floor", step.op("Add", halves, step.constant(np.float64(0.5))))
    symbol = step.clip(rounded, SYMBOL_MIN, SYMBOL_MAX)
    parity = _parities(step, symbol, *ends)
    changed = step.op("Abs", step.op("Sub", second, parity))
    for name, value in (("next", changed), ("then", quantiser), ("symbol", symbol)):
        step.output(value, name, np.dtype(float), ())
    zero = graph.op("Mul", levels, graph.constant(np.float64(0.0)))
    start = graph.op("ReduceSum", zero, graph.constant(np.array([1])), keepdims=0)
    each = [graph.constant(values[:, None]) for values in _ends(trellis)]
    rows = graph.op("Transpose", levels)
    return graph.op("Transpose", graph.scan(step, [start, start], [rows, *each]))


def _ends(trellis: TrellisTables) -> tuple[Floats, Floats]:
    """Return the least symbol of each table, and the one behind the greatest."""
    low = np.array([table.low for table in trellis.row], np.float64)
    return low, low + [table.escape for table in trellis.row]


def _parities(graph: Graph, symbols: str, low: str, end: str) -> str:
    """Add which symbols are odd, 1 or 0; those outside of their table count as even."""
    inside = graph.op(
        "And", graph.op("GreaterOrEqual", symbols, low), graph.op("Less", symbols, end)
    )
    return graph.op("Mul", _modulo_2(graph, symbols), graph.cast(inside, np.float64))


def _modulo_2(graph: Graph, x: str) -> str:
    """Add the rest of whole numbers, 0 or 1."""
    half = graph.op("Floor", graph.op("Mul", x, graph.constant(np.float64(0.5))))
    return graph.op("Sub", x, graph.op("Add", half, half))
