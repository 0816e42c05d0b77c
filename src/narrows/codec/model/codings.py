"""What the symbols of a quality are coded with: fixed tables, a context model, or a trellis."""

from __future__ import annotations

from itertools import accumulate
from typing import Any

import numpy as np

from narrows.codec.entropy.context_tables import ContextTables
from narrows.codec.entropy.context_trellis import ContextTrellis
from narrows.codec.entropy.tables import (
    CodingTables,
    FixedTables,
    FrequencyTable,
    Row,
    TablesInTurn,
)
from narrows.codec.entropy.trellis import N_STATES, TrellisTables
from narrows.codec.model.groups import CORRECTED, columns_of
from narrows.codec.model.parts import Content, Parts
from narrows.errors import FormatError


def codings_of(model: Parts, q: int) -> CodingTables:
    """Return what symbols are coded with at a quality, counted from 0."""
    if model.trellis:
        return _trellis_of(model, q)
    groups: list[CodingTables] = []
    for name in model.groups:
        columns = columns_of(name, model.groups)
        row, context = model.tables[q][columns], model.contexts[q]
        if name == CORRECTED:
            step = model.quantiser.step[q, columns]
            groups.append(FixedTables(row, np.flatnonzero(step).tolist()))
        else:
            groups.append(FixedTables(row) if context is None else ContextTables(row, context))
    return groups[0] if len(groups) == 1 else TablesInTurn(groups)


def _trellis_of(model: Parts, q: int) -> TrellisTables:
    both, context = (model.tables[q], model.trellis[q]), model.contexts[q]
    return TrellisTables(*both) if context is None else ContextTrellis(*both, context)


def write_trellis(model: Parts) -> Content:
    """Describe the tables of the second quantiser, if there are two."""
    if not model.trellis:
        return Content({}, {})
    weights = [table.weights for row in model.trellis for table in row]
    return Content(
        {"trellis": N_STATES}, {"trellis.weights": np.concatenate(weights).astype(np.int32)}
    )


def read_trellis(content: Content, first: list[list[FrequencyTable]]) -> list[Row]:
    """Undo `write_trellis`, for the tables of the first quantiser, which have the same symbols."""
    settings, tensors = content
    if "trellis" not in settings:
        return []
    if settings["trellis"] != N_STATES or isinstance(settings["trellis"], bool):
        raise FormatError(f"trellis of {settings['trellis']!r:.40} states; known is {N_STATES}")
    weights = tensors["trellis.weights"]
    sizes = [table.weights.size for row in first for table in row]
    if weights.dtype != np.int32 or weights.shape != (sum(sizes),):
        raise FormatError(f"trellis with weights of {weights.dtype} {weights.shape}")
    parts = iter(np.split(weights.astype(np.int64), list(accumulate(sizes))[:-1]))
    return [[FrequencyTable(table.low, next(parts)) for table in row] for row in first]


def check_trellis(model: Parts) -> None:
    """Raise FormatError where a trellis does not fit the model."""
    if not model.trellis:
        if any(each is not None and each.n_quantisers > 1 for each in model.contexts):
            raise FormatError("context model of two quantisers in a model without a trellis")
        return
    others: tuple[Any, ...] = (model.prediction, model.wavelets)
    if CORRECTED in model.groups or any(each is not None for each in others):
        raise FormatError("trellis beside corrected latents or a prediction")
    if [len(row) for row in model.trellis] != [len(row) for row in model.tables]:
        raise FormatError("trellis of other latents or qualities")
    for q in range(len(model.tables)):
        _trellis_of(model, q)  # whose tables have the same symbols
