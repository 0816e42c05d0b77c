"""The rounding step of a plain autoencoder's latents, chosen when its training is over."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from narrows.errors import SettingError
from narrows.training.architectures import Autoencoder
from narrows.training.loop.trainer import psnr_of

MAX_LOSS_DB = 0.1
AIMED_LOSS_DB = 0.09
"""What rounding costs on training signals; held-out ones then mostly stay below MAX_LOSS_DB."""
SENSITIVITY_SAMPLE = 512
DIFFERENCE = 0.1  # between two outputs of which a derivative is taken, in spreads of a latent
MIN_GAIN = 2.0**-5  # a frozen gain has 15 bits, and the smallest must still be precise
MAX_STEPS, MIN_STEPS = 2.0**16, 2.0**-4  # in the spread of a latent
HALVINGS = 18  # of the 20 octaves between the two: exact to a ten-thousandth


@torch.no_grad()
def choose_latent_steps(model: Autoencoder, scaled: Tensor, held_out: Tensor) -> float:
    """Choose the largest steps with which rounding the latents costs at most 0.1 dB.

    Each latent's step is in inverse proportion to how much the output moves with it: uniform
    rounding then adds the same error by each, the best division at high rate.

    Parameters
    ----------
    model : Autoencoder
        Its `latent_scale` and `log_gain` are set; the decoder's first layer is divided by the
        gains.
    scaled : (n, *frame_shape)
        Training frames.
    held_out : (m, *frame_shape)
        Others, on which the cost may not be above 0.1 dB either.

    Returns
    -------
    float
        The PSNR that rounding costs on the held-out frames, in dB.
    """
    latents = model.latents(scaled)
    sensitivity = decoder_sensitivity(model.decoder, latents[:SENSITIVITY_SAMPLE])
    gain = (sensitivity / sensitivity.max().clamp(min=1e-30)).clamp(min=MIN_GAIN)
    _first_linear(model.decoder).weight.div_(gain)
    model.log_gain = nn.Parameter(gain.log()[None], requires_grad=False)
    spread = float((latents * gain).std(0, correction=0).max()) or 1.0
    low, high = MIN_STEPS / spread, MAX_STEPS / spread
    exact = model.squared_error(scaled, rounded=False)
    for _ in range(HALVINGS):
        model.latent_scale = (low * high) ** 0.5
        too_coarse = _loss_db(model.squared_error(scaled), exact) > AIMED_LOSS_DB
        low, high = (model.latent_scale, high) if too_coarse else (low, model.latent_scale)
    model.latent_scale = high
    while (loss_db := quantising_loss_db(model, held_out)) > MAX_LOSS_DB:
        model.latent_scale *= 1.05
    return loss_db


def quantising_loss_db(model: Autoencoder, scaled: Tensor) -> float:
    """Return the PSNR that rounding the latents costs on `(n, *frame_shape)` frames, in dB."""
    return _loss_db(model.squared_error(scaled), model.squared_error(scaled, rounded=False))


def _loss_db(rounded: float, exact: float) -> float:
    return 0.0 if rounded == exact else psnr_of(exact, 1.0) - psnr_of(rounded, 1.0)


def decoder_sensitivity(decoder: nn.Module, latents: Tensor) -> Tensor:
    """Return the root mean square, `(k,)`, of how far the output moves with each latent.

    Parameters
    ----------
    decoder : nn.Module
    latents : (n, k)
    """
    moves = DIFFERENCE * latents.std(0, correction=0).clamp(min=1e-6)  # (k,)
    norms = []
    for move in torch.diag(moves):
        moved = decoder(latents + move) - decoder(latents - move)
        norms.append(moved.flatten(1).square().sum(1).mean().sqrt())
    return torch.stack(norms) / (2.0 * moves)


def _first_linear(decoder: nn.Module) -> nn.Linear:
    for module in decoder.modules():
        if isinstance(module, nn.Linear):
            return module
    raise SettingError("a decoder without a Linear layer; it must begin with one")
