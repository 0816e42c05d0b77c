"""FORMAT.md, "Known answers": what a model must decode on every machine."""

import math
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import numpy as np

from .context_model import ContextModel
from .conventions import need
from .payload import Group
from .trellis import Trellis


def check_known(model: Any, symbols: np.ndarray, digest: str) -> None:
    """Check that this machine decodes the known symbols, and codes them, as it must."""
    quality, n = (len(model.codings) + 1) // 2, len(symbols)
    frames, groups = model.decode(symbols, quality), model.codings[quality - 1]
    hashed = sha256(frames.astype(frames.dtype.newbyteorder("<")).tobytes())
    if any(has_context(group) for group in groups):
        for group in groups:
            symbols_of = symbols.T.tolist()
            columns = [[group.tables[j].entry(s)[0] for s in symbols_of[j]] for j in group.order]
            for p in range(len(columns)):
                tables = group.tables_after(columns[:p], n)
                # Where all signals have one table, its frequencies follow once.
                rows = [table.weights for table in tables]
                rows = rows if has_context(group) else rows[:1]
                hashed.update(np.array(rows, "<i4").tobytes())
    for predicted in known_predictions(model):
        hashed.update(predicted.astype("<i8").tobytes())
    need(hashed.hexdigest() == digest, "the known answers come out otherwise")


def has_context(group: Group) -> bool:
    """Return whether a group's frequencies follow from the entries before them."""
    if isinstance(group, Trellis):
        return group.context is not None
    return isinstance(group, ContextModel)


def known_predictions(model: Any) -> Iterator[np.ndarray]:
    """Return what is made of inputs that are all over their range."""
    own, wavelets, chains = model.prediction, model.wavelets, []
    if own is not None:
        chains = [(own.border, own.b * own.c, 2 * own.limit)]
        chains.append((own.residual, len(own.tables[0]), own.residual_limit))
    if wavelets is not None:
        shape = (11, 10, 9)[: len(model.frame_shape)]
        numbers = np.arange(math.prod(shape)).reshape(shape)
        for quality in range(1, len(wavelets.steps) + 1):
            yield wavelets.values(40503 * numbers % 2001 - 1000, quality)
    for chain, size, limit in chains:
        number = np.arange(3)[:, None] * 40503 + np.arange(size) * 2654435761
        yield chain.run(number % (2 * limit + 1) - limit)
    if model.levels is not None:
        yield from model.levels.answers()
