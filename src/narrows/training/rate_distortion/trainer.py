"""Training for rate and distortion together: the loss is `rate + lambda * distortion`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import partial

import torch
from torch import Tensor, nn

from narrows.training.architectures import Autoencoder, Quality
from narrows.training.data.augmentation import n_real
from narrows.training.data.frames import mean_of_scaled, spread_over
from narrows.training.loop.batch import Batch, of_rows
from narrows.training.loop.state import TrainingState
from narrows.training.loop.trainer import Measured, Missing, Trainer
from narrows.training.loop.workers import Workers
from narrows.training.plan import RATE_RATIO, Plan
from narrows.training.ranks import ALONE, Ranks
from narrows.training.rate_distortion.controls import (
    MOST_BITS,
    SPEED,
    SPEED_OF_ALL,
    Control,
    ErrorAim,
    rate_gap,
    weights_of,
)
from narrows.training.rate_distortion.density import density_for
from narrows.training.rate_distortion.objective import Objective, Terms, mean_squared
from narrows.training.rate_distortion.optimisers import Gradients, Optimisers, share_of_rate

FIRST_LAMBDA_RATIO = 2.0  # between neighbouring qualities; measured on MNIST
LAMBDA_RATIOS = 1.4, 2.8  # minimum and maximum, at any time
COPIES = 2  # qualities at which each signal of a batch is decoded, where there are several
FOLLOWING = 0.01  # share of a batch's rate in the mean that other qualities' aims follow
MAX_MEASURED = 4096  # frames whose variance is measured
FIRST_LAMBDA = 14.0
"""In aimed bits over the first batch's distortion; measured on MNIST."""


class RateDistortionTrainer(Trainer):
    """Learns a density of the latents beside the networks (Balle, Laparra & Simoncelli 2017)."""

    needs_noise = True

    def __init__(
        self,
        model: Autoencoder,
        x_train: Tensor,
        x_validation: Tensor,
        plan: Plan,
        missing: Missing = (None, None),
        ranks: Ranks = ALONE,
    ) -> None:
        super().__init__(model, x_train, x_validation, plan, missing, ranks)
        self.density = density_for(plan).to(self.device)
        aims_at_error = plan.aimed_snr is not None
        self.objective = Objective(
            model, self.density, plan.loss, plan.sparse, measures_error=aims_at_error
        )
        self.workers = self._workers()
        self.optimisers = Optimisers(
            model, self.density, plan.learning_rate,
            with_muon=plan.architecture == "conv", workers=self.workers,
        )  # fmt: skip
        self._controls: list[Control] = []
        self._error_aim = self._aim_at_error() if aims_at_error else None
        self._middle_bits = plan.aimed_bits
        # Rates, distortions and penalties of the last validation, and of the best one.
        self._terms = torch.zeros(3, plan.qualities, dtype=torch.float64)
        self._best_terms = self._terms.clone()

    def _workers(self) -> Workers:
        """Return the threads that share each batch: several where layers are convolutions.

        Weights of dense networks are used but once a signal, and what each thread does for them
        takes longer than it saves. Layers that draw random numbers have one generator.
        """
        draws = any(isinstance(module, nn.Dropout) for module in self.model.modules())
        if self.plan.architecture != "conv" or self.device.type != "cpu" or draws:
            return Workers()
        return Workers.for_batches(self.plan.batch_size // self.ranks.size)

    def threads(self) -> AbstractContextManager[object]:
        """See Trainer: each thread has a share of the batch."""
        return self.workers.started()

    def update(self, batch: Batch) -> float:
        """Change the weights once, and give this process's share of the loss in bits a signal."""
        n, qualities = len(batch.x), self._qualities_of(batch)
        shares = self.workers.shares(self.ranks.rows(n))
        if not self._controls:
            self._start(batch, qualities, shares)
        lambdas = torch.tensor([control.lambda_ for control in self._controls])
        learn = partial(self._learn, batch, qualities, (lambdas, weights_of(lambdas)))
        losses, terms, gradients = zip(*self.workers.map(learn, shares), strict=True)
        self.optimisers.step(gradients, share_of_rate(batch.done), self.ranks)
        if self.plan.lambda_ is None:
            self._control(self._of_all(terms, n), n, qualities, batch.done)
        return float(sum(losses))

    def _learn(
        self, batch: Batch, qualities: Quality, weights: tuple[Tensor, Tensor], rows: slice
    ) -> tuple[float, Terms, Gradients]:
        """Return the loss that rows of a batch add to its own, their terms, and gradients.

        The weights are lambda and that in the loss, `(n_qualities,)` each.
        """
        terms = self._terms_of(batch, qualities, rows)
        n, quality = len(batch.x), _of_rows(qualities, len(batch.x), rows)
        lambda_, weight = (each[quality].to(self.device) for each in weights)
        loss = terms.loss(lambda_, weight) * ((rows.stop - rows.start) / n)
        return float(loss.detach()), terms.detached(), self.optimisers.gradients(loss)

    def _terms_of(self, batch: Batch, qualities: Quality, rows: slice) -> Terms:
        """Return the terms of some rows of a batch."""
        own, quality = batch.share(rows), _of_rows(qualities, len(batch.x), rows)
        return self.objective(own.x, own.noise, own.seen, quality, own.missing)

    def _of_all(self, shares: Sequence[Terms], n: int) -> Terms:
        """Return the terms of a whole batch of n, of which this process has some, in shares."""
        parts = (torch.stack([own.rate, own.distortion, own.error]) for own in shares)
        own = torch.cat([part.reshape(3, self.copies, -1) for part in parts], dim=2)
        if self.ranks.size > 1:
            whole = torch.zeros((3, self.copies, n), dtype=own.dtype, device=own.device)
            whole[:, :, self.ranks.rows(n)] = own
            self.ranks.sum([whole])
            own = whole
        rate, distortion, error = own.flatten(1)
        return Terms(rate, distortion, 0.0, error)

    @torch.no_grad()
    def _start(self, batch: Batch, qualities: Quality, shares: list[slice]) -> None:
        """Fit the density to the first batch, and find the first lambdas by its distortion."""
        for quality in range(self.plan.qualities):
            self.density.start(self.model.latents(batch.x, quality), quality)
        terms = [self._terms_of(batch, qualities, rows) for rows in shares]
        self._controlled(float(self._of_all(terms, len(batch.x)).distortion.mean()))

    def _qualities_of(self, batch: Batch) -> Quality:
        """Return a quality for each signal of a batch, in turn, and for its copies, far from it."""
        n_qualities = self.plan.qualities
        if n_qualities == 1:
            return 0
        first = torch.arange(batch.update, batch.update + len(batch.x))
        apart = torch.arange(self.copies)[:, None] * (n_qualities // self.copies)
        return (first + apart).flatten() % n_qualities

    @property
    def copies(self) -> int:
        """See Trainer."""
        return 1 if self.plan.qualities == 1 else COPIES

    def _aim_at_error(self) -> ErrorAim:
        """Return the squared error of a frame at which it has the aimed SNR."""
        scaling, x = self.model.scaling, spread_over(self.x_train, MAX_MEASURED)
        centre = torch.zeros_like(x[:1]) + mean_of_scaled(x, scaling)
        mean, frames = scaling.target(centre), scaling.target(x)
        variance = float(mean_squared(mean.expand_as(frames), frames, scaling).mean())
        aimed = variance * 10.0 ** (-(self.plan.aimed_snr or 0.0) / 10.0)
        return ErrorAim(aimed, MOST_BITS * self.plan.aimed_bits, self.plan.components)

    def _control(self, terms: Terms, n: int, quality: Quality, done: float) -> None:
        """Move each quality's lambda after a batch of n signals.

        Mixtures do not count: their rates are higher than those of signals.
        """
        counted = n_real(n) if self.plan.mixes else n
        rates, errors = (each.detach().reshape(-1, n)[:, :counted] for each in terms[::3])
        for number, control in enumerate(self._controls):
            own: Tensor | slice = slice(None)
            if not isinstance(quality, int):
                own = quality.reshape(-1, n)[:, :counted] == number
            if rates[own].numel():
                rate = float(rates[own].mean())
                control.move(self._gap(number, rate, float(errors[own].mean())), done)
        self._keep_together()

    def _gap(self, number: int, rate: float, error: float) -> float:
        """Return how far a quality is from its aim; above 0, lambda has to grow."""
        away = number - self.plan.middle_quality
        if self._error_aim is None:
            return rate_gap(rate, self.plan.aimed_bits * RATE_RATIO**away)
        if away:
            return rate_gap(rate, self._middle_bits * RATE_RATIO**away)
        self._middle_bits += FOLLOWING * (rate - self._middle_bits)
        return self._error_aim.gap(error, rate)

    def _keep_together(self) -> None:
        """Keep each lambda near the middle one, even where its rate is out of reach."""
        middle = self._controls[self.plan.middle_quality].log_lambda
        for number, control in enumerate(self._controls):
            away = number - self.plan.middle_quality
            bounds = sorted(middle + away * math.log(ratio) for ratio in LAMBDA_RATIOS)
            control.log_lambda = min(max(control.log_lambda, bounds[0]), bounds[1])

    @torch.no_grad()
    def validate(self) -> Measured:
        """Return the mean loss of all qualities, and bits and PSNR in dB of the middle one."""
        middle = self.plan.middle_quality
        self.model.eval()
        self._terms.zero_()
        for terms in self.workers.map(self._validated, self.validation_parts()):
            self._terms += terms
        psnr = self.mean_psnr(lambda x, gone: self.model.squared_error(x, middle, missing=gone))
        self.model.train()
        if self._error_aim is not None:
            self._error_aim.correct(self.x_validation[0].numel() * 10.0 ** (-psnr / 10.0))
        bits, lambda_ = float(self._terms[0, middle]), self._controls[middle].lambda_
        return Measured(self._loss_of(self._terms), psnr, bits, lambda_)

    @torch.no_grad()
    def _validated(self, part: tuple[Tensor, Tensor | None]) -> Tensor:
        """Return what frames add to the means of rates, distortions and penalties."""
        (x, missing), means = part, []
        for quality in range(self.plan.qualities):
            terms = self.objective(x, quality=quality, missing=missing)
            means.append((terms.rate.mean(), terms.distortion.mean(), terms.penalty))
        return torch.tensor(means, dtype=torch.float64).T * (len(x) / self.n_validated)

    def _loss_of(self, terms: Tensor) -> float:
        """Return the mean loss, by the present lambdas, of `(3, n_qualities)` terms."""
        rate, distortion, penalty = terms
        lambdas = torch.tensor(self.log_lambdas, dtype=torch.float64).exp()
        return float((weights_of(lambdas) * (rate + lambdas * distortion) + penalty).mean())

    def best_loss(self) -> float:
        """See Trainer: lambda moves, and losses by different ones cannot be compared."""
        return self._loss_of(self._best_terms) if self.history else math.inf

    def _close_epoch(self, loss: float) -> None:
        super()._close_epoch(loss)
        if self.best_epoch == len(self.history):
            self._best_terms.copy_(self._terms)

    def is_comparable(self, epoch: int) -> bool:
        """See Trainer: in the first half of a run lambda is still far from its last value."""
        return epoch > self.plan.epochs // 2

    @property
    def log_lambdas(self) -> list[float]:
        """The logarithm of each quality's present lambda."""
        return [control.log_lambda for control in self._controls]

    def parts(self) -> dict[str, dict[str, Tensor]]:
        """Return the density and the optimisers' moments."""
        return {
            "density": self.density.state_dict(),
            "validation": {"best": self._best_terms},
            "control": {"state": self._control_state()},
            **self.optimisers.parts(),
        }

    def _control_state(self) -> Tensor:
        shift = 0.0 if self._error_aim is None else self._error_aim.shift
        return torch.tensor([self._middle_bits, shift], dtype=torch.float64)

    def restore_parts(self, state: TrainingState) -> None:
        """Take up density, moments and lambda."""
        self.density.load_state_dict(state.under("density."))
        self._best_terms.copy_(state.under("validation.")["best"])
        self.optimisers.restore(state)
        self._middle_bits, shift = state.under("control.")["state"].tolist()
        if self._error_aim is not None:
            self._error_aim.shift = shift
        self._controlled(1.0)
        for control, log_lambda in zip(self._controls, state.log_lambdas, strict=True):
            control.log_lambda = log_lambda

    def _controlled(self, distortion: float) -> list[Control]:
        """Return the control of each lambda, made at the first batch from its distortion."""
        if not self._controls:
            plan = self.plan
            first = FIRST_LAMBDA * plan.aimed_bits / max(distortion, 1e-9)
            speed, most, aim = SPEED, math.inf, self._error_aim
            if plan.settings["aim"] is not None:
                speed = max(SPEED, SPEED_OF_ALL / (plan.epochs * plan.updates_per_epoch))
            if aim is not None and plan.loss == "mse":
                most = aim.most
                first = min(most, aim.slope(plan.latent_size))
            first = plan.first_lambda or first
            lambdas = plan.of_qualities(plan.lambda_ or min(first, 1e12), FIRST_LAMBDA_RATIO)
            self._controls = [Control(each, speed) for each in lambdas]
            self._controls[plan.middle_quality].log_most = math.log(most)
        return self._controls


def _of_rows(qualities: Quality, n: int, rows: slice) -> Quality:
    """Return the qualities of some of n rows."""
    return qualities if isinstance(qualities, int) else of_rows(qualities, n, rows)
