"""Adam over a plan of epochs, for the networks of the passes."""

from __future__ import annotations

import logging
import math

import torch
from torch import Tensor

from narrows.training.adam import Adam, Group
from narrows.training.levels.byte_networks import ByteNetworks

LOG = logging.getLogger(__name__)
BATCH = 64
LEARNING_RATE, LAST_RATE = 5e-3, 2e-5
BETAS = 0.9, 0.99
WARM_UP = 100  # updates, but at most a tenth of all


def train_networks(networks: ByteNetworks, frames: Tensor, epochs: float, seed: int) -> float:
    """Train on `(n, size)` uint8 frames; return the bits an element of the last tenth.

    The loss is the bits of what goes through the networks. Every update sees 64 frames, in an
    order that the seed draws; warm-up, then a cosine.
    """
    generator = torch.Generator().manual_seed(seed)
    size = min(BATCH, len(frames))
    per_epoch = max(1, len(frames) // size)
    n_updates = max(1, round(epochs * per_epoch))
    group = Group(list(networks.parameters()), LEARNING_RATE)
    adam = Adam([group], BETAS)
    warm_up = min(WARM_UP, 1 + n_updates // 10)
    last: list[float] = []
    order = torch.empty(0, dtype=torch.long)
    for update in range(n_updates):
        if update % per_epoch == 0:
            order = torch.randperm(len(frames), generator=generator)
        rate = LEARNING_RATE * min(1.0, (update + 1) / warm_up)
        rate *= 0.5 + 0.5 * math.cos(math.pi * update / n_updates)
        group.rate = rate + LAST_RATE
        at = update % per_epoch * size
        batch = frames[order[at : at + size]]
        adam.forget_gradients()
        loss = networks.bits(batch) / batch.numel()
        loss.backward()  # type: ignore[no-untyped-call]
        adam.step()
        if update >= 0.9 * n_updates:
            last.append(float(loss.detach()))
        if update % 500 == 0:
            LOG.debug("update %d of %d: %.4f bits", update, n_updates, float(loss.detach()))
    return sum(last) / max(1, len(last))
