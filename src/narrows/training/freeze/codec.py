"""A trained float autoencoder and its training signals to a codec."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from narrows.clock import Clock
from narrows.codec.codec import Codec
from narrows.codec.entropy.context_model import ContextModel
from narrows.codec.entropy.counting import count_table
from narrows.codec.entropy.tables import FrequencyTable
from narrows.codec.model.model import Model
from narrows.codec.transform import Transform
from narrows.errors import TrainingError, UnprovenModelError
from narrows.training.architectures import Autoencoder
from narrows.training.choices import PREDICTIVE
from narrows.training.data.frames import counted_of
from narrows.training.freeze.context import fit_contexts
from narrows.training.freeze.correction import with_correction
from narrows.training.freeze.latents import freeze_latents, input_grid, normaliser_of
from narrows.training.freeze.networks import (
    ACTIVATION_LIMIT,
    WIDE_LIMIT,
    FrozenNetwork,
    Levels,
    Units,
    freeze_network,
    without_idle_activation,
)
from narrows.training.freeze.ranges import Ranges, measure_ranges
from narrows.training.freeze.recordings import with_prediction
from narrows.training.freeze.tradeoffs import fit_tradeoffs, measure_fit
from narrows.training.freeze.wavelets import with_wavelets
from narrows.training.freeze.weights import Steps, choose_weight_steps
from narrows.training.freeze.worst import worst_layer
from narrows.training.loop.trainer import psnr_of

LOG = logging.getLogger(__name__)
CALIBRATION_SIGNALS = 2048
BATCH = 1024
LATENT_FRACTION = 2.0**-8  # of a rounding step: the greatest unit of the encoder's output
OUTPUT_FRACTION = 2.0**-10  # of 1: the greatest unit of the decoder's output for integers
FLOAT_FRACTION = 2.0**-12  # of the spread of float signals: what 1 stands for there
ALLOWED_LOSS_DB = 0.05
FEW = (Levels(639), Levels(1500), Levels(639, most=True))
ROUNDINGS = (
    *((loss, encoder, decoder) for loss in (0.03, 0.02, 0.012)
      for encoder, decoder in (*zip(FEW, FEW, strict=True), (Levels(4000), Levels(1500)))),
    *((loss, Levels(4000), Levels(4000)) for loss in (0.03, 0.02, 0.012, 0.003)),
    (0.0, Levels(ACTIVATION_LIMIT), Levels(ACTIVATION_LIMIT)),
    (0.0, Levels(WIDE_LIMIT, all=WIDE_LIMIT), Levels(WIDE_LIMIT, all=WIDE_LIMIT)),
)  # fmt: skip
"""The loss in dB that rounding weights may cause, and the levels of the encoder's and the decoder's
activations.

They are tried in this order: fast ones first, and of these the small ones. Fewer than 639 levels
always lost too much. Finer weights leave room for fewer levels. Where these are too few, the
encoder gets more before weights are finer, as it decides alone and the model is then smaller; where
those are too few, activations have all levels, which is slow. The last has more levels than 16
bits, for signals of which a few reach far beyond all others.
"""
MIN_ELEMENTS = 4096  # of held-out signals on which the loss is measured
NEGLIGIBLE_MSE = 1e-8  # of the integers, for a peak of 1
KNOWN_ANSWERS = 3


@dataclass(frozen=True)
class TrainingSignals:
    """The signals of a training, `(n, *frame_shape)`, in their own dtype and scaled.

    Where elements were missing, masks say which were filled in; `stand_ins` are values that stood
    for missing ones. `recordings` is how many windows each recording has, where order counts, and
    `bricks` the shapes of the arrays whose tiles they are.
    """

    train: npt.NDArray[Any]
    validation: npt.NDArray[Any]
    scaled_train: Tensor
    scaled_validation: Tensor
    missing_train: Tensor | None = None
    missing_validation: Tensor | None = None
    stand_ins: Sequence[float] = ()
    recordings: Sequence[int] = ()
    bricks: Sequence[tuple[int, ...]] = ()
    validation_bricks: Sequence[tuple[int, ...]] = ()


def freeze(
    autoencoder: Autoencoder,
    signals: TrainingSignals,
    architecture: str,
    training: dict[str, Any],
    lambdas: Sequence[float] = (),
    rate_ratio: float | None = None,
    aimed_error: float | None = None,
    clock: Clock | None = None,
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
    draft, loss = _best_draft(autoencoder, signals, architecture)
    LOG.debug("fitting tables and context models")
    train = counted_of(signals.train)
    symbols = Codec(draft).encoder.encode_at_all_qualities(train)
    tables: list[Sequence[FrequencyTable]] = [
        [count_table(c) for c in s.T] for s in symbols.values()
    ]
    held_out = Codec(draft).encoder.encode_at_all_qualities(signals.validation)
    clock.lap("freezing")
    contexts: list[ContextModel | None] = [None] * draft.n_qualities
    if architecture != PREDICTIVE:  # few windows are coded by the networks' symbols then
        contexts = fit_contexts(list(symbols.values()), list(held_out.values()), tables)
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


def _best_draft(
    autoencoder: Autoencoder, signals: TrainingSignals, architecture: str
) -> tuple[Model, float]:
    """Return the first model that loses little in PSNR, or else the best, and its loss in dB."""
    scaled = signals.scaled_train[:CALIBRATION_SIGNALS].cpu()
    steps_for = cache(partial(choose_weight_steps, autoencoder, scaled))
    # Activations get their range from held-out signals as well.
    each = signals.scaled_train, signals.scaled_validation
    ranges = measure_ranges(autoencoder, (x.cpu() for y in each for x in torch.split(y, BATCH)))
    found: list[tuple[float, Model, list[FrozenNetwork]]] = []
    for loss_db, *levels in ROUNDINGS:
        steps = steps_for(loss_db)
        try:
            draft, *frozen = _integer_model(
                autoencoder, signals, architecture, ranges, steps, *levels
            )
            loss = _loss_db(autoencoder, Codec(draft), signals)
        except UnprovenModelError:
            continue
        found = [min([*found, (loss, draft, frozen)], key=lambda each: each[0])]
        if loss <= ALLOWED_LOSS_DB:
            return draft, loss
    if not found:
        raise TrainingError(
            "the networks' numbers are beyond what exact integers hold; train again with a smaller "
            "learning rate, or with architecture linear"
        )
    loss, draft, frozen = found[0]
    held_out = signals.scaled_validation[:BATCH].cpu()
    LOG.warning(
        "the codec in exact integers is %.2g dB worse than the trained networks on the validation "
        "signals; the largest error is in %s",
        loss, worst_layer(autoencoder, Codec(draft), frozen, signals.validation[:BATCH], held_out),
    )  # fmt: skip
    return draft, loss


def _integer_model(
    autoencoder: Autoencoder,
    signals: TrainingSignals,
    architecture: str,
    ranges: Ranges,
    steps: Steps,
    encoder_levels: Levels,
    decoder_levels: Levels,
) -> tuple[Model, FrozenNetwork, FrozenNetwork]:
    """Return a model of both networks with empty tables, and both frozen networks."""
    scaling, dtype = autoencoder.scaling, signals.train.dtype
    grid = input_grid(dtype, scaling, (signals.train, signals.validation))
    latents = freeze_latents(autoencoder, ranges.latents)
    finest_unit = 1.0 / (autoencoder.latent_scale * float(latents.gain.max()))
    encoder = freeze_network(
        autoencoder.encoder,
        Units(float(np.max(scaling.scale / grid.scale)), grid.limit),
        signals.scaled_train[:1].cpu(),
        ranges.outputs,
        steps,
        finest_unit * LATENT_FRACTION,
        encoder_levels,
    )
    decoder_module = without_idle_activation(autoencoder.decoder, scaling)
    decoder = freeze_network(
        decoder_module,
        Units(latents.unit, latents.limit),
        torch.zeros(1, latents.gain.shape[1]),
        ranges.outputs,
        steps,
        OUTPUT_FRACTION
        * (1.0 / float(np.max(scaling.output_scale)) if scaling.integer else FLOAT_FRACTION),
        decoder_levels,
    )
    quantiser = latents.quantiser(encoder.units[-1] * autoencoder.latent_scale)
    empty = count_table(np.zeros(1, dtype=np.int32))
    model = Model(
        frame_shape=tuple(signals.train.shape[1:]),
        normaliser=normaliser_of(dtype, grid, scaling, decoder.units[-1]),
        encoder=encoder.network,
        quantiser=quantiser,
        decoder=decoder.network,
        tables=[[empty] * quantiser.latent_size] * quantiser.n_qualities,
        contexts=[None] * quantiser.n_qualities,
        architecture=architecture,
        peak=scaling.peak,
    )
    return model, encoder, decoder


def _loss_db(autoencoder: Autoencoder, codec: Codec, signals: TrainingSignals) -> float:
    """Return the PSNR lost to integers on held-out signals, in dB, at the quality that loses most.

    Where these are too few, a single latent near one half decides: all signals are then used.
    """
    x, scaled, peak = signals.validation, signals.scaled_validation, autoencoder.scaling.peak
    if x.size < MIN_ELEMENTS:
        x = np.concatenate([x, signals.train])
        scaled = torch.cat([scaled, signals.scaled_train])
    losses = []
    for quality, symbols in codec.encoder.encode_at_all_qualities(x).items():
        parts = torch.split(scaled.cpu(), BATCH)
        in_floats = sum(autoencoder.squared_error(part, quality - 1) for part in parts)
        errors = codec.decode(symbols, quality).astype(np.float64) - x
        in_integers = float(np.square(errors * (autoencoder.scaling.weight / peak)).sum())
        if (in_integers - in_floats) / x.size <= NEGLIGIBLE_MSE:
            in_integers = min(in_integers, in_floats)
        # Errors that are negligible count as such, for the PSNR of an exact copy has no end.
        mses = (max(error / x.size, NEGLIGIBLE_MSE**2) for error in (in_floats, in_integers))
        of_floats, of_integers = (psnr_of(mse, 1.0) for mse in mses)
        losses.append(of_floats - of_integers)
    return max(losses) if all(map(math.isfinite, losses)) else math.inf
