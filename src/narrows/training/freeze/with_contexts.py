"""A finished model to one with context models, where they take fewer bytes in all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from narrows.codec.codec import Codec
from narrows.codec.entropy.context_model import ContextModel
from narrows.codec.entropy.tables import Row, Symbols
from narrows.codec.model.model import Model
from narrows.codec.transform import Transform
from narrows.training.data.frames import counted_of
from narrows.training.freeze.context import fit_contexts
from narrows.training.freeze.signals import TrainingSignals


def contexts_for(
    codec: Codec, signals: TrainingSignals, symbols: Mapping[int, Symbols], tables: Sequence[Row]
) -> list[ContextModel | None]:
    """Fit a context model to the symbols of each quality; None where it does not pay.

    Parameters
    ----------
    codec : Codec
    signals : TrainingSignals
        Context models are measured on `validation`.
    symbols : mapping of int to (n, k) int32
        Of training signals, by quality.
    tables : sequence of rows of FrequencyTable
        Without a context model.
    """
    held_out = codec.encoder.encode_at_all_qualities(signals.validation)
    return fit_contexts(list(symbols.values()), list(held_out.values()), tables)


def with_contexts(codec: Codec, signals: TrainingSignals) -> Codec:
    """Make a codec with context models, at the qualities where they pay.

    It is for codecs that were frozen without any, to be compared. It is returned where none pays.
    """
    symbols = codec.encoder.encode_at_all_qualities(counted_of(signals.train))
    contexts = contexts_for(codec, signals, symbols, codec.model.tables)
    return coded_in(codec.model, contexts) if any(contexts) else codec


def coded_in(model: Model, contexts: Sequence[ContextModel | None]) -> Codec:
    """Return a codec with these context models, and the answers that it is known by."""
    finished = replace(model, contexts=contexts, known_answers=None)
    assert model.known_answers is not None
    answers = Transform(finished).answer(model.known_answers.symbols)
    return Codec(replace(finished, known_answers=answers))
