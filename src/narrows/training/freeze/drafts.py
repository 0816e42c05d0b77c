"""Which integers networks become: the coarsest, and the fewest levels, that lose little.

trained further with rounded weights ─► few levels ─► more ─┐
as they are ─► fewer and fewer lost ─► more levels ─────────┴─► the first that loses little
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from copy import deepcopy
from functools import cache, partial
from itertools import chain
from typing import NamedTuple

import numpy as np
import torch

from narrows.codec.codec import Codec
from narrows.codec.entropy.counting import count_table
from narrows.codec.model.model import Model
from narrows.errors import TrainingError, UnprovenModelError
from narrows.training.architectures import Autoencoder
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
from narrows.training.freeze.rounding import Rounding, planned_loss, train_rounded
from narrows.training.freeze.signals import TrainingSignals
from narrows.training.freeze.weights import Steps, choose_weight_steps, layers_of
from narrows.training.freeze.worst import worst_layer
from narrows.training.loop.trainer import psnr_of

LOG = logging.getLogger(__name__)
CALIBRATION_SIGNALS = 2048
BATCH = 512  # of more, memory comes from the system anew for each
LATENT_FRACTION = 2.0**-8  # of a rounding step: the greatest unit of the encoder's output
OUTPUT_FRACTION = 2.0**-10  # of 1: the greatest unit of the decoder's output for integers
FLOAT_FRACTION = 2.0**-12  # of the spread of float signals: what 1 stands for there
ALLOWED_LOSS_DB = 0.05
ROUNDED_FURTHER = (0.5, 0.2)
"""The loss in dB that rounding weights would cause, before they are trained further."""
FINER = ((Levels(4000), Levels(1500)), (Levels(4000), Levels(4000)))
FEW = (Levels(639), Levels(1500), Levels(639, most=True))
ROUNDINGS = (
    *((loss, encoder, decoder) for loss in (0.03, 0.02, 0.012)
      for encoder, decoder in (*zip(FEW, FEW, strict=True), FINER[0])),
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


class Attempt(NamedTuple):
    """Networks, and how they become integers."""

    networks: Autoencoder
    ranges: Ranges
    steps: Steps
    levels: tuple[Levels, Levels]  # of the encoder's and the decoder's activations


def best_draft(
    autoencoder: Autoencoder, signals: TrainingSignals, architecture: str, rounding: Rounding
) -> tuple[Model, float]:
    """Return the first model that loses little in PSNR, or else the best, and its loss in dB."""
    scaled = signals.scaled_train[:CALIBRATION_SIGNALS].cpu()
    allowed, wanted = ALLOWED_LOSS_DB, None
    if rounding.expected is not None:
        wanted = planned_loss(autoencoder, scaled, rounding)
        allowed = max(allowed, wanted)
    attempts = chain(
        _trained_further(autoencoder, signals, rounding, wanted, allowed),
        _as_they_are(autoencoder, signals),
    )
    found: list[tuple[float, Model, Attempt, list[FrozenNetwork]]] = []
    for attempt in attempts:
        try:
            draft, *frozen = _integer_model(attempt, signals, architecture)
            loss = _loss_db(autoencoder, Codec(draft), signals)
        except UnprovenModelError:
            continue
        found = [min([*found, (loss, draft, attempt, frozen)], key=lambda each: each[0])]
        if loss <= allowed:
            return draft, loss
    if not found:
        raise TrainingError(
            "the networks' numbers are beyond what exact integers hold; train again with a smaller "
            "learning rate, or with architecture linear"
        )
    loss, draft, attempt, frozen = found[0]
    held_out = signals.scaled_validation[:BATCH].cpu()
    worst = worst_layer(
        attempt.networks, Codec(draft), frozen, signals.validation[:BATCH], held_out
    )
    LOG.warning(
        "the codec in exact integers is %.2g dB worse than the trained networks on the validation "
        "signals; the largest error is in %s",
        loss, worst,
    )  # fmt: skip
    return draft, loss


def _trained_further(
    autoencoder: Autoencoder,
    signals: TrainingSignals,
    rounding: Rounding,
    wanted: float | None,
    allowed: float,
) -> Iterator[Attempt]:
    """Yield networks that were trained with rounded weights, where that loses little.

    `wanted` is the loss in dB that rounding the decoder alone would cause, where it is known.
    """
    train = signals.scaled_train.cpu()
    scaled = train[:CALIBRATION_SIGNALS]
    alone = () if wanted is None else ROUNDINGS[0][:1]  # the decoder's weights, and no training
    for planned in ROUNDED_FURTHER if rounding.updates else alone:
        networks = deepcopy(autoencoder)
        steps = choose_weight_steps(networks, scaled, planned, layers_of(networks))
        if wanted is not None:
            steps |= choose_weight_steps(networks, scaled, wanted, layers_of(networks.decoder))
        train_rounded(networks, train, steps, rounding)
        loss = _loss_of_rounding(autoencoder, networks, signals)
        LOG.debug("rounded in steps that cost %.2g dB, then trained: %.3f dB", planned, loss)
        if loss > allowed:
            continue
        ranges = _ranges_of(networks, signals)
        for levels in (*zip(FEW, FEW, strict=True), *FINER):
            yield Attempt(networks, ranges, steps, levels)


def _loss_of_rounding(
    autoencoder: Autoencoder, networks: Autoencoder, signals: TrainingSignals
) -> float:
    """Return the PSNR that other networks lose on held-out signals, in dB, where most is lost."""
    parts = torch.split(signals.scaled_validation.cpu(), BATCH)
    ratios = [1e-12]
    for quality in range(autoencoder.n_qualities):
        before, after = (
            sum(each.squared_error(part, quality) for part in parts)
            for each in (autoencoder, networks)
        )
        ratios.append(after / before if before > 0 else 1.0)
    return 10.0 * math.log10(max(ratios))


def _as_they_are(autoencoder: Autoencoder, signals: TrainingSignals) -> Iterator[Attempt]:
    """Yield the networks, with weights and activations that become finer and finer."""
    scaled = signals.scaled_train[:CALIBRATION_SIGNALS].cpu()
    layers = layers_of(autoencoder)
    steps_for = cache(partial(choose_weight_steps, autoencoder, scaled, layers=layers))
    ranges = _ranges_of(autoencoder, signals)
    for loss_db, *levels in ROUNDINGS:
        yield Attempt(autoencoder, ranges, steps_for(loss_db), (levels[0], levels[1]))


def _ranges_of(autoencoder: Autoencoder, signals: TrainingSignals) -> Ranges:
    """Measure the ranges of activations, on held-out signals as well."""
    each = signals.scaled_train, signals.scaled_validation
    return measure_ranges(autoencoder, (x.cpu() for y in each for x in torch.split(y, BATCH)))


def _integer_model(
    attempt: Attempt, signals: TrainingSignals, architecture: str
) -> tuple[Model, FrozenNetwork, FrozenNetwork]:
    """Return a model of both networks with empty tables, and both frozen networks."""
    autoencoder, ranges, steps, (encoder_levels, decoder_levels) = attempt
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
