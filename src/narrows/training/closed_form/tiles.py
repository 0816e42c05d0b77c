"""Tiles of arrays: the axes of what their neighbours do not say of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from narrows.signals.bricks import arrays_of
from narrows.training.choices import GIVEN
from narrows.training.closed_form.pca import Coded
from narrows.training.data.stationary import Covariances
from narrows.training.plan import RATE_RATIO, Plan

RIM = 2  # elements; three gained nothing
USUAL_NOISE_DB = 25.0  # below the variance, where no quality is asked for
SHARE_OF_NOISE = 0.1  # latents of less variance than that are left out


def covariances_of_tiles(
    scaled: Tensor, shapes: Sequence[tuple[int, ...]], missing: Tensor | None = None
) -> tuple[float, Covariances]:
    """Learn the mean of arrays, and how the elements of a tile and of its rim vary together.

    Parameters
    ----------
    scaled : (n, *frame_shape)
        The tiles as the encoder sees them.
    shapes : sequence of tuple
        Of the arrays.
    missing : (n, *frame_shape) bool, optional
        Which elements were filled in: nothing is learnt from them.
    """
    arrays, frame_shape = arrays_of(scaled.double().numpy(), shapes), tuple(scaled.shape[1:])
    known = () if missing is None else arrays_of(~missing.numpy(), shapes)
    mean = sum(float(a.sum()) for a in arrays) / sum(a.size for a in arrays)
    return mean, Covariances.of(arrays, _rim_of(frame_shape), frame_shape, known)


def axes_of_tiles(
    mean: float, learnt: Covariances, plan: Plan
) -> tuple[tuple[Tensor, Tensor], Coded]:
    """Find the axes of the tiles of arrays.

    Parameters
    ----------
    mean, learnt
        From `covariances_of_tiles`.
    plan : Plan
        As many latents as it was given, or as are worth coding.

    Returns
    -------
    axes : pair of Tensor
        The mean `(size,)`, and components `(k, size)`.
    coded : Coded
        What neighbours do not say.
    """
    noise = learnt.variance * 10.0 ** (-(plan.aimed_snr or USUAL_NOISE_DB) / 10.0)
    variances, vectors = np.linalg.eigh(learnt.unpredicted(noise, learnt.weights(noise)))
    variances, vectors = np.maximum(variances[::-1], 0.0), vectors[:, ::-1]
    # The finest quality has less noise, about by the square of what its rate is more.
    finer = RATE_RATIO ** (2 * (plan.qualities - 1 - plan.middle_quality))
    k = max(1, int((variances > SHARE_OF_NOISE * noise / finer).sum()))
    k = plan.latent_size if plan.why("latent_size") == GIVEN else k
    signs = np.sign(np.take_along_axis(vectors, np.abs(vectors).argmax(axis=0)[None], axis=0))
    components = (vectors * signs).T[:k].copy()
    deviations = torch.from_numpy(np.sqrt(variances[:k])).float()
    axes = torch.full((components.shape[1],), mean), torch.from_numpy(components).float()
    return axes, Coded(deviations, float(variances[k:].sum()))


def _rim_of(shape: tuple[int, ...]) -> npt.NDArray[np.int64]:
    """Return the places right before a tile along some axis, `(n_rim, axes)`."""
    rim = min(RIM, *shape)
    grid = np.meshgrid(*(np.arange(-rim, length) for length in shape), indexing="ij")
    places = np.stack([axis.ravel() for axis in grid], axis=1)
    return np.asarray(places[(places < 0).any(axis=1)], dtype=np.int64)
