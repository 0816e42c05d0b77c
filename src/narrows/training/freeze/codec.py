"""A trained float autoencoder and its training signals to a codec."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from narrows.clock import Clock
from narrows.codec.codec import Codec
from narrows.codec.entropy.context_model import ContextModel
from narrows.codec.entropy.counting import count_table
from narrows.codec.entropy.tables import FrequencyTable
from narrows.codec.transform import Transform
from narrows.training.architectures import Autoencoder
from narrows.training.choices import PREDICTIVE
from narrows.training.data.frames import counted_of
from narrows.training.freeze.correction import with_correction
from narrows.training.freeze.drafts import best_draft
from narrows.training.freeze.recordings import with_prediction
from narrows.training.freeze.rounding import Rounding
from narrows.training.freeze.signals import TrainingSignals
from narrows.training.freeze.tradeoffs import fit_tradeoffs, measure_fit
from narrows.training.freeze.wavelets import with_wavelets
from narrows.training.freeze.with_contexts import contexts_for

LOG = logging.getLogger(__name__)
UNTRAINED = Rounding()
KNOWN_ANSWERS = 3


def freeze(
    autoencoder: Autoencoder,
    signals: TrainingSignals,
    architecture: str,
    training: dict[str, Any],
    lambdas: Sequence[float] = (),
    rate_ratio: float | None = None,
    aimed_error: float | None = None,
    clock: Clock | None = None,
    rounding: Rounding = UNTRAINED,
    *,
    in_contexts: bool = True,
) -> Codec:
    """Convert a trained float autoencoder to a codec.

    Parameters
    ----------
    autoencoder : Autoencoder
    signals : TrainingSignals
        Tables are counted on `train`, of many on some; the loss of freezing is measured on
        `validation`.
    architecture : str
    training : dict
        The training summary that the model file keeps.
    lambdas : sequence of float, optional
        Of each quality, in bits per squared error for a peak of 1; by default found from the
        steps.
    rate_ratio : float, optional
        Of the rates of neighbouring qualities. A quality below its rate is then corrected; by
        default none is.
    aimed_error : float, optional
        Squared error of a frame that the middle quality is to have; see `with_correction`.
    clock : Clock, optional
        Where the time of the training goes; the summary gets it.
    rounding : Rounding
        How networks are trained further with rounded weights; by default not.
    in_contexts : bool, default True
        Whether context models are fitted; see `with_contexts` for later.

    Where every rounding loses more than 0.05 dB on held-out signals, the codec is the one that
    loses least, and the loss is told: a training that came to its end gives a model.

    Raises
    ------
    TrainingError
        If no exact integers can hold the networks' numbers.
    SettingError
        If a module has no integer counterpart.
    """
    LOG.debug("rounding networks to integers")
    autoencoder, clock = autoencoder.cpu().eval(), clock or Clock()
    draft, loss = best_draft(autoencoder, signals, architecture, rounding)
    LOG.debug("fitting tables and context models")
    train = counted_of(signals.train)
    symbols = Codec(draft).encoder.encode_at_all_qualities(train)
    tables: list[Sequence[FrequencyTable]] = [
        [count_table(c) for c in s.T] for s in symbols.values()
    ]
    clock.lap("freezing")
    contexts: list[ContextModel | None] = [None] * draft.n_qualities
    if in_contexts and architecture != PREDICTIVE:  # which codes few windows by these symbols
        contexts = contexts_for(Codec(draft), signals, symbols, tables)
    clock.lap("context model")
    training = {**training, "freezing_loss_db": round(loss, 4)}
    finished = replace(draft, tables=tables, contexts=contexts, training=training)
    weights = np.atleast_1d(autoencoder.scaling.weight).tolist()
    own = weights if len(weights) > 1 else []
    tradeoffs = fit_tradeoffs(Codec(finished), train, symbols, lambdas, own)
    finished = replace(finished, tradeoffs=tradeoffs)
    if rate_ratio is not None:
        LOG.debug("fitting corrections")
        each = signals.train, signals.validation
        finished = with_correction(finished, *each, rate_ratio, aimed_error)
    finished = replace(finished, fit=measure_fit(finished, signals.train, signals.stand_ins))
    if architecture == PREDICTIVE:
        clock.lap("freezing")
        LOG.debug("learning to predict")
        if signals.bricks:
            finished = with_wavelets(finished, signals.train, signals.bricks)
        else:
            finished = with_prediction(finished, signals.train, signals.recordings)
        clock.lap("prediction")
    asked = np.zeros((min(KNOWN_ANSWERS, len(signals.train)), finished.latent_size), np.int32)
    asked[:, : draft.latent_size] = symbols[draft.default_quality][: len(asked)]
    finished = replace(finished, known_answers=Transform(finished).answer(asked))
    clock.lap("freezing")
    return Codec(replace(finished, training={**finished.training, **clock.as_json()}))
