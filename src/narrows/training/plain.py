"""Training a plain autoencoder: the loss is the distortion alone, and nothing is rounded."""

from __future__ import annotations

import math
from contextlib import AbstractContextManager
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from narrows.training.backpropagation import DenseSteps
from narrows.training.graphed import GraphedSteps
from narrows.training.objective import PLAIN_LOSSES
from narrows.training.presets import PRESETS
from narrows.training.state import TrainingState
from narrows.training.trainer import Batch, Measured, Trainer

LEAST_SHARED_PRODUCTS = 10_000_000  # multiply-adds of a layer for which a second core pays


class PlainTrainer(Trainer):
    """Minimises the mean squared error or cross-entropy of a preset's network with Adam."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        settings, model = self.settings, self.model
        make = DenseSteps if self.device.type == "cpu" else GraphedSteps
        self.steps = make(
            model.encoder, model.decoder, settings.loss, self.plan.batch_size, settings.sparse
        )
        self._frames = torch.empty_like(self.x_train[: self.plan.batch_size])
        self._schedule = PRESETS[settings.preset or ""].schedule

    def threads(self) -> AbstractContextManager[object]:
        """Give small products one thread: sharing them out takes longer than computing them."""
        if self.device.type == "cpu" and self._products() < LEAST_SHARED_PRODUCTS:
            from threadpoolctl import threadpool_limits

            return cast(AbstractContextManager[object], threadpool_limits(1))
        return super().threads()

    def _products(self) -> int:
        """Count the multiply-adds of the largest layer on a batch."""
        largest = max(parameter.numel() for parameter in self.model.parameters())
        return largest * self.plan.batch_size

    def take(self, rows: Tensor) -> Tensor:
        """Give some training frames, in a tensor that is made once."""
        if self.device.type != "cpu":
            return torch.index_select(self.x_train, 0, rows, out=self._frames)
        # numpy gathers quicker than torch, where it need not be ready for numbers out of bounds
        x, frames = self.x_train.numpy(), self._frames.numpy()
        np.take(x, rows.numpy(), axis=0, out=frames, mode="clip")
        return self._frames

    def update(self, batch: Batch) -> float:
        """Change the weights once, and give the mean loss of an element."""
        rate = self.settings.learning_rate
        if self._schedule == "cosine":
            rate *= 0.5 * (1.0 + math.cos(math.pi * batch.done))
        x = batch.x.flatten(1)
        return self.steps.update(x, x if batch.seen is batch.x else batch.seen.flatten(1), rate)

    @torch.no_grad()
    def validate(self) -> Measured:
        """Give the mean loss of an element and the PSNR, without rounding."""
        self.model.eval()
        loss = 0.0
        for x in self.validation_batches():
            output = self.model.output(self.model.latents(x))
            loss += float(PLAIN_LOSSES[self.settings.loss](output, x)) * len(x)
        psnr = self.mean_psnr(lambda x: self.model.squared_error(x, rounded=False))
        self.model.train()
        return Measured(loss / self.n_validated, psnr)

    def parts(self) -> dict[str, dict[str, Tensor]]:
        """Give Adam's moments."""
        steps = self.steps
        first, second = steps.moments
        return {"adam": {"first": first, "second": second, "updates": steps.n_updates}}

    def restore_parts(self, state: TrainingState) -> None:
        """Take up Adam's moments."""
        named = state.under("adam.")
        live = (*self.steps.moments, self.steps.n_updates)
        for name, tensor in zip(("first", "second", "updates"), live, strict=True):
            tensor.copy_(named[name])
