"""Samples and transformers for the tests of the scikit-learn estimator."""

import numpy as np

from narrows.sklearn import Autoencoder


def mixtures(n, n_features=12, seed=0):
    """Make samples of three hidden numbers, so that a few latents hold them."""
    rng = np.random.default_rng(seed)
    basis = np.random.default_rng(99).normal(size=(3, n_features))
    return rng.normal(size=(n, 3)) @ basis + 0.05 * rng.normal(size=(n, n_features))


def quick(**options):
    """Make a transformer that fits in an instant and reconstructs well."""
    return Autoencoder(**{"architecture": "linear", "bits_per_latent": 7.0, **options})
