"""Principal components of signals with gaps are those of what is known, not of what fills gaps."""

import numpy as np
import torch

from narrows.training.closed_form.pca import components_of_known, principal_components


def share_kept(x, components):
    """Return the share of the variance of `(n, size)` rows that components keep."""
    centred = x - x.mean(0)
    kept = centred @ components.T
    return float(kept.square().sum() / centred.square().sum())


def test_gaps_do_not_turn_the_components():
    generator = torch.Generator().manual_seed(0)
    basis = torch.linalg.qr(torch.randn(20, 2, generator=generator)).Q.T
    x = torch.randn(2000, 2, generator=generator) @ basis * torch.tensor([[3.0]]) + 1.0
    gone = torch.rand(x.shape, generator=generator) < 0.3
    filled = torch.where(gone, 10.0, x)  # nothing like what is there
    _, naive = principal_components(filled, 2)
    mean, found = components_of_known(filled, 2, gone)
    assert share_kept(x, naive) < 0.9
    assert share_kept(x, found) > 0.99
    assert float((mean - x.mean(0)).abs().max()) < 0.5 * float((filled.mean(0) - x.mean(0)).max())


def test_without_gaps_they_are_the_same():
    x = torch.from_numpy(np.random.default_rng(0).normal(size=(50, 6)).astype("float32"))
    for found, plain in zip(
        components_of_known(x, 3, None), principal_components(x, 3), strict=True
    ):
        assert torch.equal(found, plain)
