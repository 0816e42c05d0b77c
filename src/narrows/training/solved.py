"""Training in closed form: solved again and again until the finished codec meets the aim."""

from __future__ import annotations

import logging
import math
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from narrows.clock import Clock
from narrows.signals.channels import has_length
from narrows.signals.channels import n_channels as channels_of
from narrows.training.architectures import Autoencoder, like
from narrows.training.choices import PREDICTIVE
from narrows.training.closed_form.pca import (
    MAX_EXACT_SIZE,
    TakenFor,
    components_of_known,
    fit_linear,
)
from narrows.training.closed_form.steps import entropy_bits
from narrows.training.closed_form.tiles import axes_of_tiles, covariances_of_tiles
from narrows.training.data.frames import spread_over
from narrows.training.data.likely import PLAIN, kind_for
from narrows.training.data.stationary import Covariances
from narrows.training.finer import in_contexts_if_better, in_trellis_if_better
from narrows.training.finishing import finished
from narrows.training.freeze import with_contexts
from narrows.training.loop.trainer import TrainingResult
from narrows.training.plan import RATE_RATIO, Plan
from narrows.training.preparing import Prepared
from narrows.training.reached import Reached, variances_of
from narrows.training.run import Outcome

if TYPE_CHECKING:
    from narrows.codec.codec import Codec

LOG = logging.getLogger(__name__)
MAX_SOLVED = 5  # models, each nearer to the aim
Axes = tuple[Tensor, Tensor]
ESTIMATED_FROM, ESTIMATED_ON = 16_384, 2048  # signals


class Solver:
    """Models in closed form for the aim of a plan, of which the nearest to it counts.

    Parameters
    ----------
    prepared : Prepared
    plan : Plan
        Of the architecture linear or predictive.
    clock : Clock
    """

    def __init__(self, prepared: Prepared, plan: Plan, clock: Clock) -> None:
        self.prepared, self.plan, self.clock = prepared, plan, clock
        self.found: list[tuple[Plan, Codec, Reached]] = []
        self._next: Plan | None = plan
        self._found_axes: Axes | None = None
        self._finer: tuple[Codec, Codec, Reached] | None = None

    def solve(self, most: int = MAX_SOLVED) -> tuple[Codec, Reached]:
        """Solve until the aim is met, or so many times in all; return the nearest to the aim."""
        frames = self.prepared.signals.scaled_train
        while self._next is not None and len(self.found) < most:
            tried = self._next
            LOG.debug("finding principal components and steps")
            if self.prepared.signals.bricks:
                fitted = self._fitted_to_tiles(tried)
            else:
                axes = self._axes(tried.latent_size)
                fitted = self._fitted(tried, frames, self._missing, axes)
            outcome = Outcome(TrainingResult(fitted, [], 0, False, []), tried)
            self.clock.lap("training")
            codec = finished(
                outcome, self.prepared, self.plan.architecture, self.clock,
                in_contexts=not self._contexts_wait,
            )  # fmt: skip
            signals, scaling = self.prepared.signals, self.prepared.scaling
            reached = Reached.by(codec, signals, signals, scaling.scale)
            short = reached.is_short(self.plan)
            beyond = [each for each in self.found if each[2].is_short(self.plan) != short]
            others = [(one, got) for one, _, got in beyond or self.found]
            self.found.append((tried, codec, reached))
            before = others[-1] if others else None
            # Arrays as a whole are coded by wavelets, to which more latents make no difference.
            most_latents = tried.latent_size if signals.bricks else signals.train[0].size
            self._next = reached.nearer(tried, self.plan, most_latents, before)
        _, codec, reached = min(self.found, key=lambda each: each[2].misses(self.plan))
        if self._finer is None or self._finer[0] is not codec:
            self._finer = codec, *self._in_fewer_bytes(codec, reached)
        return self._finer[1:]

    @property
    def _contexts_wait(self) -> bool:
        """Whether context models are fitted to the last codec alone: an SNR hardly needs them."""
        return self.plan.aimed_snr is not None

    def _in_fewer_bytes(self, codec: Codec, reached: Reached) -> tuple[Codec, Reached]:
        """Return the codec that is kept, with all that makes its archives smaller."""
        signals, scaling = self.prepared.signals, self.prepared.scaling
        if self._contexts_wait and self.plan.architecture != PREDICTIVE:
            LOG.debug("fitting context models")
            other = with_contexts(codec, signals)
            if other is not codec:
                codec, reached = other, Reached.by(other, signals, signals, scaling.scale)
            self.clock.lap("context model")
        LOG.debug("trying a trellis")
        better = in_trellis_if_better(codec, reached, self.plan, self.prepared)
        self.clock.lap("trellis")
        LOG.debug("trying context models of magnitudes")
        better = in_contexts_if_better(*better, self.plan, self.prepared)
        self.clock.lap("context model")
        return better

    @property
    def _missing(self) -> Tensor | None:
        return self.prepared.signals.missing_train

    def _fitted(
        self, plan: Plan, frames: Tensor, missing: Tensor | None, axes: Axes | None
    ) -> Autoencoder:
        aims = plan.of_qualities(plan.aimed_bits, RATE_RATIO)
        scaling, snr = self.prepared.scaling, plan.aimed_snr
        size = plan.latent_size
        return fit_linear(frames, size, aims, scaling, aimed_snr=snr, axes=axes, missing=missing)

    def _fitted_to_tiles(self, plan: Plan) -> Autoencoder:
        """Fit the axes of what neighbours do not say of tiles."""
        signals, scaling = self.prepared.signals, self.prepared.scaling
        frames = signals.scaled_train
        axes, coded = axes_of_tiles(*self._covariances, plan)
        aims, k = plan.of_qualities(plan.aimed_bits, RATE_RATIO), len(axes[1])
        return fit_linear(
            frames, k, aims, scaling, aimed_snr=plan.aimed_snr, axes=axes, missing=self._missing,
            coded=coded,
        )  # fmt: skip

    @cached_property
    def _covariances(self) -> tuple[float, Covariances]:
        """What tiles of arrays have in common, whatever the aim."""
        signals = self.prepared.signals
        return covariances_of_tiles(signals.scaled_train, signals.bricks, self._missing)

    def _axes(self, latent_size: int) -> Axes:
        """Return mean and components: all of small frames, of large ones so many or more.

        They are the same for every aim.
        """
        if self._found_axes is None or len(self._found_axes[1]) < latent_size:
            flat = self.prepared.signals.scaled_train.flatten(1)
            missing = None if self._missing is None else self._missing.flatten(1)
            size = flat.shape[1]
            k = size if size <= MAX_EXACT_SIZE else latent_size
            self._found_axes = components_of_known(
                flat, k, missing, self.plan.latent_size, self._taken_for
            )
        return self._found_axes

    @cached_property
    def _taken_for(self) -> TakenFor | None:
        """What the covariance of windows is taken for; None where it is as it was measured."""
        signals = self.prepared.signals
        shape = signals.train.shape[1:]
        if not has_length(shape):
            return None
        x, n_channels = signals.scaled_train.flatten(1).numpy(), channels_of(shape)
        kind = kind_for(x, n_channels, signals.sources, self.plan.aimed_bits)
        if kind == PLAIN:
            return None
        LOG.debug("components: %s", kind.words)
        return lambda scatter: torch.from_numpy(kind.of(scatter.numpy(), n_channels))

    @torch.no_grad()
    def estimate(self) -> tuple[float, float]:
        """Estimate the bytes of a held-out signal and the SNR in dB, without the finished codec."""
        some = spread_over(self.prepared.signals.scaled_train, ESTIMATED_FROM)
        gone = None if self._missing is None else spread_over(self._missing, ESTIMATED_FROM)
        few = None if gone is None else gone.flatten(1)
        k = self.plan.latent_size
        axes = components_of_known(some.flatten(1), k, few, taken_for=self._taken_for)
        model, quality = self._fitted(self.plan, some, gone, axes), self.plan.middle_quality
        x = spread_over(self.prepared.signals.scaled_validation, ESTIMATED_ON)
        bits = entropy_bits(torch.round(model.latents(x, quality)))
        scaling = self.prepared.scaling
        flat = (some * like(some, scaling.weight / scaling.scale / scaling.peak)).numpy()
        known = None if gone is None else ~gone.numpy()
        variance = float(variances_of(flat, known, np.size(scaling.scale)).mean())
        error = max(model.squared_error(x, quality) / x.numel(), 1e-30)
        return bits / 8.0, 10.0 * math.log10(max(variance, 1e-30) / error)
