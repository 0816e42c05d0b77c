"""Training a plain autoencoder: the loss is the distortion alone, and nothing is rounded."""

from __future__ import annotations

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager

import numpy as np
import torch
from torch import Tensor

from narrows.training.architectures import Autoencoder
from narrows.training.classic.backpropagation import DenseSteps
from narrows.training.classic.graphed import PLAIN_LOSSES, GraphedSteps
from narrows.training.loop.batch import Batch
from narrows.training.loop.state import TrainingState
from narrows.training.loop.trainer import Measured, Missing, Trainer
from narrows.training.plan import Plan
from narrows.training.torch_modes import one_thread

GATHERED_BYTES = 6 << 20
"""Gathered at a time: 62 batches of MNIST. A quarter of it, and four times it, gained less."""
MIN_PRODUCTS_OF_TWO_CORES = 10_000_000  # multiply-adds of a layer and batch


class PlainTrainer(Trainer):
    """Minimises the mean squared error or cross-entropy of a preset's network with Adam."""

    def __init__(
        self,
        model: Autoencoder,
        x_train: Tensor,
        x_validation: Tensor,
        plan: Plan,
        missing: Missing = (None, None),
    ) -> None:
        super().__init__(model, x_train, x_validation, plan, missing)
        make = DenseSteps if self.device.type == "cpu" else GraphedSteps
        self.steps = make(model.encoder, model.decoder, plan.loss, plan.batch_size, plan.sparse)
        shape = 2, self._batches_ahead() * self.plan.batch_size, *self.x_train.shape[1:]
        self._gathered = torch.empty(shape, dtype=self.x_train.dtype, device=self.device)

    def threads(self) -> AbstractContextManager[object]:
        """See Trainer: small products get one thread."""
        if self.device.type == "cpu" and self._products() < MIN_PRODUCTS_OF_TWO_CORES:
            return one_thread()
        return super().threads()

    def _products(self) -> int:
        """Count the multiply-adds of the largest layer on a batch."""
        largest = max(parameter.numel() for parameter in self.model.parameters())
        return largest * self.plan.batch_size

    def _batches_ahead(self) -> int:
        """Choose how many batches are gathered at a time; on a GPU one."""
        if self.device.type != "cpu":
            return 1
        fit = GATHERED_BYTES // self.x_train[: self.plan.batch_size].nbytes
        return max(1, min(fit, self.plan.updates_per_epoch))

    def frames(self, order: Tensor) -> Iterator[Tensor]:
        """See Trainer; on a CPU a second thread gathers the next batches meanwhile."""
        if self.device.type != "cpu":
            for rows in torch.split(order, self.plan.batch_size):
                yield torch.index_select(self.x_train, 0, rows, out=self._gathered[0])
            return
        parts = torch.split(order, self._gathered.shape[1])
        with ThreadPoolExecutor(1) as thread:
            coming = thread.submit(self._gather, parts[0], 0)
            for number, following in enumerate((*parts[1:], None), 1):
                frames = coming.result()
                if following is not None:
                    coming = thread.submit(self._gather, following, number % 2)
                yield from torch.split(frames, self.plan.batch_size)

    def _gather(self, rows: Tensor, place: int) -> Tensor:
        """Copy frames into one of the two buffers."""
        x, frames = self.x_train.numpy(), self._gathered[place, : len(rows)]
        # numpy gathers faster than torch where it need not check the bounds
        np.take(x, rows.numpy(), axis=0, out=frames.numpy(), mode="clip")
        return frames

    def update(self, batch: Batch) -> float:
        """Change the weights once, and give the mean loss of an element."""
        rate = self.plan.learning_rate
        if self.plan.schedule == "cosine":
            rate *= 0.5 * (1.0 + math.cos(math.pi * batch.done))
        x = batch.x.flatten(1)
        return self.steps.update(x, x if batch.seen is batch.x else batch.seen.flatten(1), rate)

    @torch.no_grad()
    def validate(self) -> Measured:
        """Return the mean loss of an element and the PSNR, without rounding."""
        self.model.eval()
        loss = 0.0
        for x, _ in self.validation_parts():
            output = self.model.output(self.model.latents(x))
            loss += float(PLAIN_LOSSES[self.plan.loss](output, x)) * len(x)
        psnr = self.mean_psnr(
            lambda x, gone: self.model.squared_error(x, rounded=False, missing=gone)
        )
        self.model.train()
        return Measured(loss / self.n_validated, psnr)

    def parts(self) -> dict[str, dict[str, Tensor]]:
        """Return Adam's moments."""
        steps = self.steps
        first, second = steps.moments
        return {"adam": {"first": first, "second": second, "updates": steps.n_updates}}

    def restore_parts(self, state: TrainingState) -> None:
        """Take up Adam's moments."""
        named = state.under("adam.")
        live = (*self.steps.moments, self.steps.n_updates)
        for name, tensor in zip(("first", "second", "updates"), live, strict=True):
            tensor.copy_(named[name])
