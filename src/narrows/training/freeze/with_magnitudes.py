"""A finished model to one with context models of magnitudes, where they take fewer bytes in all."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.codec import Codec
from narrows.codec.entropy.ans import ideal_bits
from narrows.codec.entropy.context_model import ContextModel
from narrows.codec.entropy.tables import Symbols
from narrows.codec.model.groups import ENCODED
from narrows.codec.model.model import Model
from narrows.codec.model.packed_tensors import pack_tensor
from narrows.training.freeze.magnitude_contexts import Coded, can_learn, fit_magnitudes
from narrows.training.freeze.signals import TrainingSignals
from narrows.training.freeze.with_contexts import coded_in

LOG = logging.getLogger(__name__)
LEARNT, MEASURED = 8192, 4096  # signals
LOUDNESS_DEVIATION = 0.5  # of the logarithms of what signals are made louder by


def can_have_magnitudes(model: Model) -> bool:
    """Return whether a model's latents can have context models, and none has one."""
    predicts = model.prediction is not None or model.wavelets is not None
    searches = model.encoder is not None and model.known_answers is not None
    return searches and not predicts and not any(model.contexts)


def with_magnitudes(
    codec: Codec, signals: TrainingSignals, expected: int, *, louder: bool
) -> Codec:
    """Make a codec with context models of magnitudes, at the qualities where they pay.

    Parameters
    ----------
    codec : Codec
        Of a model that `can_have_magnitudes`. It is returned where none of them pays.
    signals : TrainingSignals
        They are learnt from `train`, and measured on `validation`.
    expected : int
        Signals over which the model counts.
    louder : bool
        Whether they also learn from signals made louder and quieter: those of sources that were
        not learnt from often are.
    """
    model = codec.model
    given = [spread(signals.train, LEARNT)]
    if louder:
        given.append(made_louder(given[0]))
    learnt = [codec.encoder.encode_at_all_qualities(each) for each in given]
    seen = codec.encoder.encode_at_all_qualities(spread(signals.validation, MEASURED))
    contexts, start, encoded = list(model.contexts), None, model.columns(ENCODED)
    for q in reversed(range(model.n_qualities)):
        both = [model.tables[q], model.trellis[q]] if model.trellis else [model.tables[q]]
        rows = [row[encoded] for row in both]
        if not can_learn(rows):
            continue
        symbols = np.concatenate([each[q + 1][:, encoded] for each in learnt])
        start = fit_magnitudes(symbols, rows, start)
        context = start.frozen(Coded.of(spread(symbols, MEASURED), rows).entries)
        if _saved_bytes(model, q, context, seen[q + 1]) * expected > _size(context):
            contexts[q] = context
    return coded_in(model, contexts) if any(contexts) else codec


def _saved_bytes(model: Model, q: int, context: ContextModel, symbols: Symbols) -> float:
    """Return the bytes of a signal that a context model saves, at a quality from 0 on."""
    contexts: list[ContextModel | None] = [None] * model.n_qualities
    contexts[q] = context
    other = replace(model, contexts=contexts, known_answers=None)
    before, after = (
        float(ideal_bits(symbols, each.quality(q + 1).tables).mean()) for each in (model, other)
    )
    LOG.debug("quality %d: magnitudes take %.2f bytes for %.2f", q + 1, after / 8, before / 8)
    return (before - after) / 8.0


def _size(context: ContextModel) -> int:
    return sum(len(pack_tensor(tensor)) for tensor in context.tensors().values())


def made_louder(x: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return `(n, *frame_shape)` signals whose differences from their mean are scaled."""
    rng, one = np.random.default_rng(0), (len(x), *[1] * (x.ndim - 1))
    mean = x.mean(axis=0, dtype=np.float64)
    changed = mean + np.exp(LOUDNESS_DEVIATION * rng.standard_normal(one)) * (x - mean)
    is_float = x.dtype.kind == "f"
    bounds = np.finfo(x.dtype) if is_float else np.iinfo(x.dtype)
    changed = np.clip(changed if is_float else np.rint(changed), bounds.min, bounds.max)
    return np.asarray(changed.astype(x.dtype))


def spread(x: npt.NDArray[Any], most: int) -> npt.NDArray[Any]:
    """Return at most so many of `(n, ...)` rows, spread over all of them."""
    return np.asarray(x[np.linspace(0, len(x) - 1, min(len(x), most)).astype(int)])
