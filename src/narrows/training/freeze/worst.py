"""Which layer's integers are furthest from its floats, where freezing loses too much."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from narrows.codec.codec import Codec
from narrows.training.architectures import Autoencoder
from narrows.training.freeze.latents import frozen_unit
from narrows.training.freeze.networks import (
    FrozenNetwork,
    frozen_modules,
    without_idle_activation,
)
from narrows.words import percent


@torch.no_grad()
def worst_layer(
    autoencoder: Autoencoder,
    codec: Codec,
    frozen: list[FrozenNetwork],
    x: npt.NDArray[Any],
    scaled: Tensor,
) -> str:
    """Return the name of the layer whose integers differ most from its floats.

    Parameters
    ----------
    autoencoder : Autoencoder
    codec : Codec
        What it was frozen to.
    frozen : list of FrozenNetwork
        Encoder and decoder.
    x, scaled : (n, *frame_shape)
        Signals, and the same scaled.
    """
    highest = codec.model.qualities[-1]
    symbols = codec.encode(x, highest.number, effort=0)
    inputs = codec.model.quantiser.to_latents(symbols, highest.step)
    in_floats = torch.from_numpy(inputs * frozen_unit(autoencoder)).float()
    ends = (
        ("encoder", autoencoder.encoder, scaled, codec.model.normaliser.to_integers(x)),
        ("decoder", without_idle_activation(autoencoder.decoder, autoencoder.scaling),
         in_floats, inputs),
    )  # fmt: skip
    worst, name = -1.0, "no layer"
    for (side, module, real, integers), network in zip(ends, frozen, strict=True):
        values = (real, integers)
        steps = zip(
            frozen_modules(module), network.network.compile().steps, network.units, strict=True
        )
        for number, (child, step, unit) in enumerate(steps):
            values = child(values[0]), step(values[1])  # both (n, *layer's output shape)
            frozen_value = torch.from_numpy(np.array(values[1] * unit))
            if frozen_value.shape != values[0].shape:  # the runtime has channels last
                frozen_value = frozen_value.movedim(-1, 1)
            error = values[0] - frozen_value
            share = float(error.abs().mean()) / (float(values[0].std()) or 1.0)
            if share > worst:
                worst, name = share, f"layer {number} of the {side}"
    return f"{name} (off by {percent(worst)} of its spread)"
