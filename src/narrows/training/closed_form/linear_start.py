"""A dense autoencoder that begins as PCA: training then has only to improve on it.

A pair of LeakyReLU units can pass a number on unchanged: with slope s below zero,
`leaky(z) - leaky(-z) = (1 + s) z`. Two units a latent and layer make a linear path through the
network; the others begin as usual, and do not contribute to the result.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from narrows.training.architectures import SLOPE, Autoencoder
from narrows.training.closed_form.pca import components_of_known
from narrows.training.closed_form.steps import step_for_entropy

SAMPLE = 20_000  # signals from which the components are learned
PAIR_WEIGHT = 1.0 / (1.0 + SLOPE)


@torch.no_grad()
def start_linear(
    model: Autoencoder, scaled: Tensor, aimed_bits: float, missing: Tensor | None = None
) -> None:
    """Set the weights of a dense autoencoder so that it computes PCA of the aimed rate.

    Parameters
    ----------
    model : Autoencoder
        Networks of `narrows.training.architectures.dense`, without a sigmoid.
    scaled : (n, *frame_shape)
        Frames as the encoder sees them.
    aimed_bits : float
        Of a signal.
    missing : (n, *frame_shape) bool, optional
        Which elements were filled in.
    """
    encoder, decoder = (_linear_layers(part) for part in (model.encoder, model.decoder))
    width, latent_size = encoder[0].out_features, encoder[-1].out_features
    k = min(latent_size, width // 2)
    sample = scaled[:SAMPLE].flatten(1)
    gone = None if missing is None else missing[:SAMPLE].flatten(1)
    mean, components = components_of_known(sample, k, gone)  # (size,), (k, size)
    y = (sample - mean) @ components.T
    step = step_for_entropy(y, aimed_bits) * model.latent_scale
    _begin(encoder, components / step, -(components @ mean) / step)
    _begin(decoder, torch.eye(k, latent_size), torch.zeros(k))
    last_encoder, last_decoder = encoder[-1], decoder[-1]
    _end(last_encoder, torch.eye(latent_size, k), torch.zeros(latent_size))
    _end(last_decoder, components.T * step, mean)


def _linear_layers(part: nn.Module) -> list[nn.Linear]:
    return [module for module in part.modules() if isinstance(module, nn.Linear)]


def _begin(layers: list[nn.Linear], weight: Tensor, bias: Tensor) -> None:
    """Make pairs of the hidden units carry `weight x + bias`, `(k,)`."""
    first, *others = layers[:-1]
    _set_pairs(first, weight, bias)
    for layer in others:
        identity = torch.zeros(len(weight), layer.in_features)
        _difference(identity, torch.eye(len(weight)))
        _set_pairs(layer, identity, torch.zeros(len(weight)))


def _set_pairs(layer: nn.Linear, weight: Tensor, bias: Tensor) -> None:
    k = len(weight)
    for rows, sign in ((slice(0, k), 1.0), (slice(k, 2 * k), -1.0)):
        layer.weight[rows] = sign * weight
        layer.bias[rows] = sign * bias


def _difference(weight: Tensor, matrix: Tensor) -> None:
    """Write `(n, width)` weights that multiply the numbers that pairs carry by `matrix`."""
    k = matrix.shape[1]
    weight[:, :k] = PAIR_WEIGHT * matrix
    weight[:, k : 2 * k] = -PAIR_WEIGHT * matrix


def _end(layer: nn.Linear, matrix: Tensor, bias: Tensor) -> None:
    layer.weight.zero_()
    _difference(layer.weight, matrix)
    layer.bias.copy_(bias)
