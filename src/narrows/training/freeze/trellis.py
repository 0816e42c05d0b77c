"""A model of rounded latents to one whose latents have two quantisers in turn: a trellis.

Networks stay as they are. Steps become finer, and tables are counted on the symbols that the
trellis's own search finds with them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.codec import Codec
from narrows.codec.entropy.counting import count_table, count_tables
from narrows.codec.entropy.tables import Row, Symbols
from narrows.codec.entropy.trellis import TrellisPass, TrellisTables
from narrows.codec.model.model import Model
from narrows.codec.model.tradeoff import Tradeoffs
from narrows.codec.networks.layers.affine import Affine
from narrows.codec.networks.network import IntegerNetwork
from narrows.codec.transform import Transform
from narrows.training.freeze.signals import TrainingSignals
from narrows.training.freeze.tradeoffs import measure_fit

COUNTED = (1024, 2048, 2048, 8192)
"""Signals that are searched and counted, in turn: the first tables are far from the last."""
LEAST_STEP_BITS = 6  # of steps as integers: what is asked for is then met within 1 %
BITS_OF_A_STEP = 3.0
"""Lambda times curvature. It is 8.7 for rounded latents, whose steps are 1.6 times as long."""


def can_have_trellis(model: Model) -> bool:
    """Return whether a model's latents can have two quantisers: linear ones with fixed tables."""
    alone = len(model.groups) == 1 and not any(model.contexts)
    predicts = model.prediction is not None or model.wavelets is not None
    first = model.decoder.layers[0]
    searches = model.encoder is not None and model.tradeoffs is not None
    return alone and not predicts and searches and isinstance(first, Affine)


def in_trellis(codec: Codec, signals: TrainingSignals, fineness: float) -> Codec:
    """Make a codec whose latents have two quantisers in turn.

    Parameters
    ----------
    codec : Codec
        Of a model that `can_have_trellis`.
    signals : TrainingSignals
        Tables are counted on some of `train`.
    fineness : float
        The new steps in those of the codec; about 0.6 gives about the same error.
    """
    draft = with_finer_steps(codec.model, fineness)
    some = _spread(signals.train, COUNTED[-1])
    levels = Codec(draft).encoder.encode_at_all_qualities(some)
    first = [_rough_row(each) for each in levels.values()]
    tradeoffs = _tradeoffs(codec.model, draft)
    model = replace(draft, tables=first, trellis=first, tradeoffs=tradeoffs)
    for n in COUNTED:
        symbols = Codec(model).encoder.encode_at_all_qualities(_spread(signals.train, n))
        model = _counted(model, symbols)
    model = replace(model, fit=measure_fit(model, signals.train, signals.stand_ins))
    assert codec.model.known_answers is not None
    few = signals.train[: len(codec.model.known_answers.symbols)]
    asked = Codec(model).encoder.encode_at_all_qualities(few)[model.default_quality]
    return Codec(replace(model, known_answers=Transform(model).answer(asked)))


def with_finer_steps(model: Model, fineness: float) -> Model:
    """Return a model of rounded latents with other steps; its tables are empty."""
    own, decoder = model.quantiser, model.decoder
    up = max(0, LEAST_STEP_BITS + 1 - int(own.step[own.step > 0].min()).bit_length())
    step = np.maximum(np.rint(own.step * (fineness * 2.0**up)), own.step > 0).astype(np.int32)
    gain = np.rint(own.gain / fineness).astype(np.int32)
    quantiser = replace(own, gain=gain, step=step, limit=min(own.limit << up, 2**31 - 1))
    first = decoder.layers[0]
    assert isinstance(first, Affine)
    first = replace(first, bias=first.bias << up, shift=first.shift + up)
    network = IntegerNetwork((first, *decoder.layers[1:]), decoder.input_shape, quantiser.limit)
    empty = [[count_table(np.zeros(1, dtype=np.int32))] * model.latent_size] * model.n_qualities
    left_out: Mapping[str, Any] = {"known_answers": None, "tradeoffs": None, "fit": None}
    return replace(model, quantiser=quantiser, decoder=network, tables=empty, **left_out)


def _tradeoffs(before: Model, draft: Model) -> Tradeoffs:
    """Return curvatures for the steps of a draft, and lambdas that fit them."""
    assert before.tradeoffs is not None
    own, other = before.quantiser.step, draft.quantiser.step
    up = draft.quantiser.limit / before.quantiser.limit
    ratio = other / np.maximum(own * up, 1.0)
    curvature = np.rint(before.tradeoffs.curvature * np.square(ratio)).astype(np.int32)
    lambdas = [BITS_OF_A_STEP / max(1.0, float(row.mean())) for row in curvature]
    return replace(before.tradeoffs, curvature=curvature, lambda_=lambdas)


def _rough_row(levels: Symbols) -> Row:
    """Count tables of the symbols of `(n, latent_size)` levels, were each coded by itself.

    Odd levels lie between two symbols and count as one or the other by turns: tables that prefer
    even symbols would keep to them.
    """
    turns = np.arange(len(levels))[:, None] & 1
    return [count_table(column) for column in ((levels + turns) >> 1).T]


def _counted(model: Model, symbols: Mapping[int, Symbols]) -> Model:
    """Return a model with the tables of symbols `(n, latent_size)` of each quality."""
    rows = zip(symbols.values(), model.tables, model.trellis, strict=True)
    both = [_count(each, TrellisTables(*tables)) for each, *tables in rows]
    return replace(model, tables=[one for one, _ in both], trellis=[two for _, two in both])


def _count(symbols: Symbols, tables: TrellisTables) -> tuple[Row, Row]:
    """Count the tables of both quantisers on `(n, latent_size)` symbols."""
    known, pairs = TrellisPass(tables, len(symbols)), []
    for column, table in zip(symbols.T, tables.row, strict=True):
        pairs.append(count_tables(column, known.quantiser, 2))
        known.advance(table.indices(column))
    first, second = zip(*pairs, strict=True)
    return first, second


def _spread(x: npt.NDArray[Any], most: int) -> npt.NDArray[Any]:
    """Return at most so many of `(n, ...)` rows, spread over all of them."""
    return np.asarray(x[np.linspace(0, len(x) - 1, min(len(x), most)).astype(int)])
