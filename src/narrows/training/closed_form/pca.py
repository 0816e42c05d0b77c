"""The linear autoencoder: principal components, solved in closed form."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from math import prod
from typing import NamedTuple

import torch
from torch import Tensor, nn

from narrows.training.architectures import Autoencoder, Scaling
from narrows.training.architectures.dense import undrawn
from narrows.training.closed_form.steps import (
    MIN_SPREAD,
    energy,
    entropy_bits,
    step_for_entropy,
    step_for_error,
    within_span,
)
from narrows.training.data.frames import spread_over

MAX_EXACT_SIZE = 4096  # elements of a frame; above, a randomised decomposition
POWER_ITERATIONS = 4  # of that
MIN_ESTIMATED = 256  # signals
MIN_ESTIMATE = 0.5  # in rounded latents
IMPUTATIONS, MAX_IMPUTED = 3, 8192  # rounds in which what is missing is found anew; in signals
ROWS = 4096  # taken into float64 at a time
MAX_SUMMED = 1 << 22  # elements: 32 MB of float64
STEP_SAMPLE, STEP_ELEMENTS = 20_000, 1 << 22
"""Signals on which the rounding step is chosen, and elements that they have at most."""
MAX_STEP_OF_ERROR = 5.0  # of tiles of arrays, in root mean squared errors
COMPARED, COMPARED_ELEMENTS = 4096, 1 << 21
"""Signals, and their elements, on which the two ways to decode are compared."""


TakenFor = Callable[[Tensor], Tensor]
"""Makes of a scatter matrix `(size, size)` another one, whose axes are taken in its place."""


class Coded(NamedTuple):
    """What is coded along axes, where that is not all of a frame.

    Attributes
    ----------
    deviations : (k,)
        Along each axis, in the units of the networks.
    left_out : float
        Variance of what is along none of them, summed.
    """

    deviations: Tensor
    left_out: float


def fit_linear(
    scaled: Tensor,
    latent_size: int,
    aimed_bits: Sequence[float],
    scaling: Scaling,
    *,
    aimed_snr: float | None = None,
    axes: tuple[Tensor, Tensor] | None = None,
    missing: Tensor | None = None,
    coded: Coded | None = None,
) -> Autoencoder:
    """Fit PCA and choose the rounding steps at which the latents have the aimed entropies.

    At each quality one step serves all latents: at high rate that is optimal for mean squared
    error. Rounded latents are decoded as they are or, where that is better, each to its best
    estimate in proportion to it.

    Parameters
    ----------
    scaled : (n, *frame_shape)
        Frames as the encoder sees them.
    latent_size : int
    aimed_bits : sequence of float
        Of a signal, at each quality.
    scaling : Scaling
    aimed_snr : float, optional
        In dB, of the middle quality; of the bits then only the ratios count.
    axes : pair of Tensor, optional
        Mean and components where they are known, as many as there are latents or more.
    missing : (n, *frame_shape) bool, optional
        Which elements were filled in: nothing is learned from them, and they do not count.
    coded : Coded, optional
        What is coded along the axes, where that is not all of a frame.
    """
    frame_shape = tuple(scaled.shape[1:])
    flat, size = scaled.flatten(1), prod(frame_shape)
    gone = None if missing is None else missing.flatten(1)
    mean, components = axes or components_of_known(flat, latent_size, gone)
    components = components[:latent_size]
    encoder = nn.Sequential(nn.Flatten(), undrawn(nn.Linear, size, latent_size))
    decoder = nn.Sequential(undrawn(nn.Linear, latent_size, size), nn.Unflatten(1, frame_shape))
    set_affine(encoder[1], components, -mean @ components.T)
    set_affine(decoder[0], components.T, mean)
    some = spread_over(flat, max(1, min(STEP_SAMPLE, STEP_ELEMENTS // size)))
    y = (some - mean) @ components.T
    if coded is not None:
        y = y / y.square().mean(0).sqrt().clamp(min=MIN_SPREAD) * coded.deviations
    if aimed_snr is not None:
        rest = some - mean - y @ components
        left_out = _left_out(rest, gone) if coded is None else coded.left_out
        step = step_for_error(y, size * 10.0 ** (-aimed_snr / 10.0), left_out)
        if coded is not None:  # what is not coded of tiles adds up from one to the next
            step = min(step, MAX_STEP_OF_ERROR * 10.0 ** (-aimed_snr / 20.0))
        ratio = entropy_bits(torch.round(y / step)) / aimed_bits[(len(aimed_bits) - 1) // 2]
        aimed_bits = [bits * ratio for bits in aimed_bits]
    steps = within_span(torch.tensor([step_for_entropy(y, bits) for bits in aimed_bits]))
    middle = steps[(len(steps) - 1) // 2]
    # In closed loop, what shrinks a latent's estimate would take from the tiles after it, too.
    shrunk_by = estimates if coded is None else lambda latents: torch.ones(latents.shape[1])
    shrinking = torch.stack([shrunk_by(y / step) for step in steps])  # (n_qualities, k)
    scale = 1.0 / float(middle)
    if len(steps) == 1:
        shrunk = copy.deepcopy(decoder)
        set_affine(shrunk[0], components.T * shrinking[0], mean)
        models = [Autoencoder(encoder, each, scaling, scale) for each in (decoder, shrunk)]
    else:
        log_gain = (middle / steps).log()[:, None].repeat(1, latent_size)
        models = [
            Autoencoder(encoder, decoder, scaling, scale, log_gain, log_step)
            for log_step in (-log_gain, shrinking.log() - log_gain)
        ]
    # Where decoding clips, as with pictures, shrinking may do more harm than good.
    compared = spread_over(scaled, max(1, min(COMPARED, COMPARED_ELEMENTS // size)))
    return min(models, key=lambda model: _error(model, compared))


def _left_out(rest: Tensor, missing: Tensor | None) -> float:
    """Return the mean energy of `(n, size)` rests, as if all of them were as what is known.

    `missing` is of `(m, size)` signals, over which those of the rests are spread.
    """
    if missing is None:
        return energy(rest)
    gone = spread_over(missing, len(rest))
    share = float((~gone).float().mean())
    return energy(rest.masked_fill(gone, 0.0)) / max(share, 1.0 / gone.numel())


def _error(model: Autoencoder, scaled: Tensor) -> float:
    """Sum the squared error of all qualities."""
    return sum(model.squared_error(scaled, quality) for quality in range(model.n_qualities))


def estimates(y: Tensor) -> Tensor:
    """Return the factors `(k,)` by which rounded latents best estimate `(n, k)` unrounded ones.

    A latent's density falls off from its mean, so that the latents of a step are, on average,
    nearer to the mean than the middle of the step; where the density is Gaussian, a factor
    corrects nearly all of it. With few signals the factors are 1.
    """
    if len(y) < MIN_ESTIMATED:
        return torch.ones(y.shape[1])
    rounded = torch.round(y)
    squares = rounded.square().sum(0)
    best = (y * rounded).sum(0) / squares.clamp(min=1.0)
    return torch.where(squares > 0, best, 1.0).clamp(MIN_ESTIMATE, 1.0 / MIN_ESTIMATE)


def principal_components(
    flat: Tensor, k: int, taken_for: TakenFor | None = None
) -> tuple[Tensor, Tensor]:
    """Return the mean `(size,)` and the first k components `(k, size)` of `(n, size)` rows.

    Components beyond the rank of the data are zero. Those of what their scatter matrix is taken for
    instead, if anything, may be as many as `size`.
    """
    n, size = flat.shape
    mean = _mean(flat)
    rank = min(k, n - 1, size)
    if size <= MAX_EXACT_SIZE:
        return mean.float(), _axes_of(scatter_matrix(flat, mean), k, n, taken_for)
    components = _axes(flat - mean.float(), min(rank + 8, n, size))[:rank].double()
    return mean.float(), _positive(components, k)


def _axes_of(scatter: Tensor, k: int, n: int, taken_for: TakenFor | None) -> Tensor:
    """Return the first k components `(k, size)` of the scatter matrix of n rows."""
    if taken_for is not None:
        scatter, n = taken_for(scatter), len(scatter) + 1
    _, vectors = torch.linalg.eigh(scatter)
    return _positive(vectors.flip(1).T[: min(k, n - 1, len(scatter))], k)


def _positive(components: Tensor, k: int) -> Tensor:
    """Return components in one of their two directions, and others of 0: `(k, size)` in all."""
    # The sign of a component is arbitrary: its largest element is made positive.
    largest = components.abs().argmax(1, keepdim=True)
    components = components * components.gather(1, largest).sign()
    padded = torch.zeros(k, components.shape[1], dtype=torch.float64)
    padded[: len(components)] = components
    return padded.float()


def components_of_known(
    flat: Tensor,
    k: int,
    missing: Tensor | None,
    rank: int | None = None,
    taken_for: TakenFor | None = None,
) -> tuple[Tensor, Tensor]:
    """Return `principal_components` of what is known of `(n, size)` rows.

    What is missing becomes what the first `rank` components say of it, by default all, again and
    again: expectation maximisation, as Roweis 1998, "EM Algorithms for PCA and SPCA", section 4,
    has it.
    """
    if missing is None or flat.shape[1] > MAX_EXACT_SIZE:
        return principal_components(flat, k, taken_for)
    step = -(-len(flat) // MAX_IMPUTED)
    flat, missing = flat[::step], missing[::step]
    mean, components = principal_components(flat, k, taken_for)
    for _ in range(IMPUTATIONS):
        total = torch.zeros(flat.shape[1], flat.shape[1], dtype=torch.float64)
        sums = torch.zeros(flat.shape[1], dtype=torch.float64)
        for rows, gone in zip(torch.split(flat, ROWS), torch.split(missing, ROWS), strict=True):
            centred = (_imputed(rows, gone, mean, components[:rank]) - mean).double()
            total.addmm_(centred.T, centred)
            sums += centred.sum(0)
        moved = sums / len(flat)
        total -= len(flat) * torch.outer(moved, moved)
        mean, components = (mean + moved).float(), _axes_of(total, k, len(flat), taken_for)
    return mean, components


def _imputed(rows: Tensor, missing: Tensor, mean: Tensor, components: Tensor) -> Tensor:
    """Return rows with what components say of what is missing."""
    for _ in range(IMPUTATIONS):
        rows = torch.where(missing, mean + (rows - mean) @ components.T @ components, rows)
    return rows


def _mean(flat: Tensor) -> Tensor:
    """Compute the mean of `(n, size)` rows in float64, no more of which than fits beside them."""
    parts = torch.split(flat, max(1, MAX_SUMMED // flat.shape[1]))
    if len(parts) == 1:
        return flat.mean(0, dtype=torch.float64)
    return torch.stack([part.sum(0, dtype=torch.float64) for part in parts]).sum(0) / len(flat)


def _axes(rows: Tensor, k: int) -> Tensor:
    """Return nearly the first k axes `(k, size)` of centred `(n, size)` rows.

    Algorithms 4.4 and 5.1 of Halko, Martinsson & Tropp 2011, from random numbers that are always
    the same.
    """
    n, size = rows.shape
    tall = rows.T if n < size else rows
    basis = torch.randn(tall.shape[1], k, generator=torch.Generator().manual_seed(0))
    basis = torch.linalg.qr(tall @ basis).Q
    for _ in range(POWER_ITERATIONS):
        basis = torch.linalg.qr(tall.T @ basis).Q
        basis = torch.linalg.qr(tall @ basis).Q
    left, _, right = torch.linalg.svd(basis.T @ tall, full_matrices=False)
    axes: Tensor = (basis @ left).T if n < size else right
    return axes


def scatter_matrix(flat: Tensor, mean: Tensor) -> Tensor:
    """Sum the outer products of `(n, size)` rows less their mean, in float64, part by part."""
    total = torch.zeros(flat.shape[1], flat.shape[1], dtype=torch.float64)
    for rows in torch.split(flat, ROWS):
        centred = rows.double() - mean
        total.addmm_(centred.T, centred)
    return total


@torch.no_grad()
def set_affine(layer: nn.Module, weight: Tensor, bias: Tensor) -> None:
    """Set a linear layer's weight `(n_outputs, n_inputs)` and bias `(n_outputs,)`."""
    assert isinstance(layer, nn.Linear)
    layer.weight.copy_(weight)
    layer.bias.copy_(bias)
