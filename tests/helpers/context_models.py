"""Context models of any size, symbols for them, and their frequencies in Python's integers."""

from functools import cache, partial
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import strategies as st

from narrows.codec.entropy.ans import SymbolCoder
from narrows.codec.entropy.context_model import TENSORS, ContextModel
from narrows.codec.entropy.context_tables import ContextTables
from narrows.codec.entropy.context_trellis import ContextTrellis
from narrows.codec.entropy.counting import count_table
from narrows.codec.entropy.native.stack import NativeStack
from narrows.codec.entropy.stacks import ConstrictionStack, PlainStack
from narrows.codec.entropy.tables import TOTAL, FrequencyTable, frequencies_of
from narrows.codec.networks.native.extension import extension
from tests.helpers.altered_models import for_trellis, random_table
from tests.helpers.tiny_models import INT32, any_int32, random_context, rng_of, tiny_model

MODEL_ID = bytes(range(16))
STACKS = {"plain": PlainStack, "constriction": ConstrictionStack}
if extension()[0] is not None:
    STACKS["native"] = partial(NativeStack, extension()[0])
THREE = FrequencyTable(0, np.array([2**23, 2**22, 2**22]))


@cache
def row_of(seed, k):
    """Make k tables, of two entries to some hundreds; one begins at an end of int32."""
    rng, tables = np.random.default_rng(seed), []
    for j in range(k):
        match (seed + j) % 4:
            case 0:
                symbols = np.round(rng.laplace(size=300) * 3)
            case 1:
                symbols = np.round(rng.laplace(size=300) * 0.3)
            case 2:
                symbols = rng.integers(-150, 150, 900)
            case _:
                symbols = np.array([INT32.max])
        tables.append(count_table(symbols.astype(np.int32)))
    return tuple(tables)


@cache
def tables_of(seed, k, wide=False):
    row = row_of(seed, k)
    return ContextTables(row, random_context(rng_of(seed), row, 1 + seed % 4, 1 + seed % 3, wide))


all_tables = st.builds(tables_of, st.integers(0, 12), st.integers(2, 6), st.booleans())


@st.composite
def tables_and_symbols(draw, min_n=0, max_n=8, tables=all_tables):
    tables, n = draw(tables), draw(st.integers(min_n, max_n))
    columns = [
        draw(st.lists(st.integers(t.low, t.high) | any_int32, min_size=n, max_size=n))
        for t in tables.row
    ]
    return tables, np.array(columns, np.int32).reshape(len(tables.row), n).T


def symbols_of(row, n, seed=0, escapes=True):
    """Return `(n, k)` symbols: each entry of the tables as likely as it says, some far outside."""
    rng = rng_of(seed)
    chosen = [t.low + rng.choice(t.escape, n, p=t.weights[:-1] / t.weights[:-1].sum()) for t in row]
    symbols = np.stack(chosen, axis=1).astype(np.int32)
    if escapes:
        symbols[::7, 0], symbols[::5, -1] = INT32.min, INT32.max
    return symbols


def coder_of(kind, tables):
    if kind == "constriction":
        pytest.importorskip("constriction", reason="constriction has no wheel for this platform")
    return SymbolCoder(tables, STACKS[kind])


def all_frequencies(symbols, tables):
    return [np.array(each) for each in frequencies_of(symbols, tables)]


def clip(value, limit):
    return min(max(value, -limit), limit)


def part_of(below):
    """2**(18 - below / 32), on straight lines between powers of two, and 2**5 from 416 on."""
    octave, rest = divmod(max(416 - below, 0), 32)
    return (32 + rest) << octave


def share_out(logs):
    greatest = max(logs)
    parts = [part_of(greatest - log) for log in logs]
    bits = 12 if len(parts) <= 63 else 24
    unit = (TOTAL - len(parts) << bits) // sum(parts)
    weights = [1 + (part * unit >> bits) for part in parts]
    return [*weights[:-1], weights[-1] + TOTAL - sum(weights)]


def slow_frequencies(context, entries):
    """Compute in Python's integers the frequencies of one signal of `(k,)` entries, in order."""
    c = SimpleNamespace(**{name: tensor.tolist() for name, tensor in context.tensors().items()})
    k, sizes = len(c.order), context.sizes
    u, m = len(c.hidden_bias) // (k - 1), len(c.output_bias) // k
    x = [entry - size // 2 for entry, size in zip(entries, sizes, strict=True)]
    sums = [c.output_bias[p * m : (p + 1) * m] for p in range(k)]
    for q in range(1, k):
        first = u * q * (q - 1) // 2  # of W
        first_v = m * u * sum(k - r for r in range(1, q))
        for unit in range(u):
            h = c.hidden_bias[(q - 1) * u + unit]
            h += sum(x[r] * c.hidden_weight[first + r * u + unit] for r in range(q))
            h = clip(h >> context.hidden_shift, context.hidden_limit)
            h = max(h, h >> 3)
            for p in range(q, k):
                for i in range(m):
                    at = first_v + (unit * (k - q) + p - q) * m + i
                    sums[p][i] += h * c.output_weight[at]
    result, first = [], 0
    for p, size in enumerate(sizes):
        outputs = [clip(s >> context.output_shift, context.output_limit) for s in sums[p]]
        logs = [
            c.base[first + e]
            + sum(y * c.basis[m * first + i * size + e] for i, y in enumerate(outputs))
            >> context.row_shift
            for e in range(size)
        ]
        result.append(share_out(logs))
        first += size
    return result


def by_hand(**parts):
    """Make a context model of lists; by default of two latents with three entries each."""
    settings = {"hidden_shift": 0, "hidden_limit": 2**24, "output_shift": 0,
                "output_limit": 2**24, "row_shift": 0, "sizes": (3, 3)}  # fmt: skip
    tensors = {
        "order": [0, 1], "hidden_weight": [64], "hidden_bias": [32],
        "output_weight": [1], "output_bias": [0, -14],
        "basis": [0, 0, 0, -20, 20, 0], "base": [0, 0, -600, 0, 0, -600],
    }  # fmt: skip
    settings |= {name: value for name, value in parts.items() if name in settings}
    tensors |= {name: value for name, value in parts.items() if name in tensors}
    tensors = {name: np.array(value, TENSORS[name]) for name, value in tensors.items()}
    return ContextModel(**tensors, **settings)


@cache
def context_trellis_of(seed, k, wide=False):
    """Make two quantisers in turn, whose frequencies a context model makes."""
    row, rng = row_of(seed, k), rng_of(seed)
    second = [random_table(rng, table) for table in row]
    own = random_context(rng, row, 1 + seed % 4, 1 + seed % 3, wide)
    return ContextTrellis(row, second, for_trellis(own, row, second))


@cache
def mixed_model(dtype="int16"):
    """Three qualities: the first has tables alone, the others have a context model."""
    return tiny_model(dtype, (3, 2), 4, 3, contexts=(2, 3))
