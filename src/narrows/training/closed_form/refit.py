"""The last layer of a decoder, fitted anew to rounded latents, in closed form."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from narrows.training.architectures import Autoencoder
from narrows.training.data.frames import counted_of
from narrows.training.rate_distortion.objective import clipped_error

RIDGES = (1e-2, 1e-3, 1e-4)  # in the features' mean square; smaller ones make weights large
MIN_FRAMES_PER_FEATURE = 4  # fewer training frames can be fitted by chance
RESHAPING = (nn.Flatten, nn.Unflatten, nn.Identity)
BATCH = 1024


@torch.no_grad()
def refit_last_layer(model: Autoencoder, train: Tensor, validation: Tensor) -> bool:
    """Fit a decoder's last fully connected layer by least squares, and return whether it helped.

    Training sees noise in place of rounding, so that decoders are too smooth where frames change
    much from one symbol to the next. The fit is kept if it reduces the squared error of the
    validation frames.

    Parameters
    ----------
    model : Autoencoder
        Its last layer is changed, unless the decoder ends in something else.
    train, validation : (n, *frame_shape)
        Scaled frames.
    """
    layer = _last_layer(model.decoder)
    if layer is None or len(train) < MIN_FRAMES_PER_FEATURE * layer.in_features:
        return False
    gram, moments = _normal_equations(model, layer, counted_of(train))
    kept = layer.weight.clone(), layer.bias.clone()
    best, found = _error(model, validation), False
    weight, bias = kept
    diagonal = torch.eye(len(gram), dtype=gram.dtype) * gram.diagonal().mean()
    for ridge in RIDGES:
        change = torch.linalg.solve(gram + ridge * diagonal, moments).T.float()  # (n_out, n_in + 1)
        layer.weight.copy_(kept[0] + change[:, :-1])
        layer.bias.copy_(kept[1] + change[:, -1])
        error = _error(model, validation)
        if error < best:
            best, found, weight, bias = error, True, layer.weight.clone(), layer.bias.clone()
    layer.weight.copy_(weight)
    layer.bias.copy_(bias)
    return found


def _last_layer(decoder: nn.Module) -> nn.Linear | None:
    """Return the fully connected layer that a decoder ends in, reshaping aside."""
    leaves = [m for m in decoder.modules() if not list(m.children())]
    leaves = [m for m in leaves if not isinstance(m, RESHAPING)]
    last = leaves[-1] if leaves else None
    return last if isinstance(last, nn.Linear) and last.bias is not None else None


def _normal_equations(model: Autoencoder, layer: nn.Linear, train: Tensor) -> tuple[Tensor, Tensor]:
    """Sum `features.T @ features` and `features.T @ errors`; the last feature is 1."""
    size = layer.in_features + 1
    gram = torch.zeros(size, size, dtype=torch.float64)
    moments = torch.zeros(size, layer.out_features, dtype=torch.float64)
    seen: list[Tensor] = []
    hook = layer.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    try:
        for number, x in enumerate(torch.split(train, BATCH)):
            quality = number % model.n_qualities
            output = model.output(torch.round(model.latents(x, quality)), quality)
            missing = -clipped_error(output, model.scaling.target(x), model.scaling)
            features = nn.functional.pad(seen.pop().flatten(1), (0, 1), value=1.0).double()
            gram.addmm_(features.T, features)
            moments.addmm_(features.T, missing.flatten(1).double())
    finally:
        hook.remove()
    return gram, moments


def _error(model: Autoencoder, x: Tensor) -> float:
    """Sum the squared error of all qualities."""
    return sum(
        model.squared_error(part, quality)
        for part in torch.split(x, BATCH)
        for quality in range(model.n_qualities)
    )
