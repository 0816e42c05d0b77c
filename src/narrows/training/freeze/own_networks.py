"""Networks of the user's own, tried before they are trained: shapes, latents and exact layers."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from narrows.errors import SettingError, UnprovenModelError
from narrows.training.freeze.affine import AFFINE
from narrows.training.freeze.networks import (
    ACTIVATION_LIMIT,
    Levels,
    Units,
    freeze_network,
)
from narrows.training.freeze.weights import MAX_WEIGHT


def latent_size_of(encoder: Any, decoder: Any, frame_shape: tuple[int, ...]) -> int:
    """Return the latents that an encoder gives, after running and freezing copies of both networks.

    Raises
    ------
    SettingError
        If the two do not map frames to latents and back, or have a layer without an exact integer
        form.
    """
    copies = _copy(encoder, "encoder"), _copy(decoder, "decoder")
    frames = torch.zeros(2, *frame_shape)
    latents = _run(copies[0], frames, "encoder")
    if latents.ndim != 2 or len(latents) != 2:
        raise SettingError(
            f"the encoder turns frames {_shape(frames)} into {_shape(latents)}; it must return "
            "latents (n, latent_size): end it with Flatten() and Linear(size, latent_size)"
        )
    output = _run(copies[1], latents, "decoder")
    if output.shape != frames.shape:
        raise SettingError(
            f"the decoder turns latents {_shape(latents)} into {_shape(output)}, where frames are "
            f"{_shape(frames)}: end it with Unflatten(1, {frame_shape})"
        )
    for network, inputs in zip(copies, (frames, latents), strict=True):
        _freeze(network, inputs[:1])
    return latents.shape[1]


def _copy(network: Any, what: str) -> nn.Sequential:
    if not isinstance(network, nn.Module):
        raise SettingError(
            f"the {what} is a {type(network).__name__}; it must be a torch.nn.Module"
        )
    if any(nn.parameter.is_lazy(each) for each in network.parameters()):
        raise SettingError(
            f"the {what} has lazy layers without weights; call it once on frames before training"
        )
    return nn.Sequential(copy.deepcopy(network)).cpu().float().eval()


@torch.no_grad()
def _run(network: nn.Module, inputs: Tensor, what: str) -> Tensor:
    try:
        output = network(inputs)
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise SettingError(
            f"the {what} does not take {_shape(inputs)}: {reason}; give one of that input"
        ) from error
    if not isinstance(output, Tensor):
        raise SettingError(f"the {what} returns a {type(output).__name__}; it must be one tensor")
    return output


def _shape(x: Tensor) -> str:
    sizes = ", ".join(map(str, x.shape[1:]))
    return f"(n, {sizes})" if sizes else "(n,)"


@torch.no_grad()
def _freeze(network: nn.Module, example: Tensor) -> None:
    """Freeze a network as it is, to see whether each layer has an exact form."""
    layers: list[Any] = [m for m in network.modules() if isinstance(m, AFFINE)]
    steps = {m: (float(m.weight.detach().abs().max()) or 1.0) / MAX_WEIGHT for m in layers}
    largest = dict.fromkeys(layers, 1.0)
    source = Units(1.0 / ACTIVATION_LIMIT, ACTIVATION_LIMIT)
    try:
        freeze_network(network, source, example, largest, steps, 2.0**-10, Levels(ACTIVATION_LIMIT))
    except UnprovenModelError:
        return  # with the ranges of real signals it may be proven
