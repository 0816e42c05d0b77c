"""The classifiers and components of a probe, from scikit-learn (extra `train`)."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import numpy.typing as npt

NEIGHBOURS = 5
HELD_OUT_SHARE = 0.2
PENALTIES = (1.0, 0.1, 0.01)
"""C of LogisticRegression: a large one is best for few features, a small one for many."""
MAX_ITERATIONS = 1000
"""Of L-BFGS; 784 features of 8,000 signals take 40, in a second."""

Features = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]


def linear_accuracy(
    train: Features, test: Features, train_classes: Labels, test_classes: Labels
) -> float:
    """Fit logistic regression to standardised features, and give its accuracy.

    Its penalty is the one of PENALTIES that does best on a fifth of the training signals.
    """
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(train)
    # float32 takes a third less time, and the features are standardised.
    a, b = (scaler.transform(part).astype(np.float32) for part in (train, test))
    held = math.ceil(HELD_OUT_SHARE * len(a))
    chosen = PENALTIES[0]
    if len(np.unique(train_classes[held:])) > 1:
        a_held, held_classes = a[:held], train_classes[:held]
        scores = {
            c: _logistic(a[held:], train_classes[held:], c).score(a_held, held_classes)
            for c in PENALTIES
        }
        chosen = max(scores, key=lambda c: scores[c])
    return float(_logistic(a, train_classes, chosen).score(b, test_classes))


def _logistic(features: npt.NDArray[np.float32], classes: Labels, c: float) -> Any:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=c, tol=1e-3, max_iter=MAX_ITERATIONS)
    with warnings.catch_warnings():
        # Where so many iterations were not enough, more would hardly change a class.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(features, classes)


def neighbour_accuracy(
    train: Features, test: Features, train_classes: Labels, test_classes: Labels
) -> float:
    """Let the 5 nearest neighbours vote, by the distance of features as they are."""
    from sklearn.neighbors import KNeighborsClassifier

    model = KNeighborsClassifier(min(NEIGHBOURS, len(train)), algorithm="brute")
    return float(model.fit(train, train_classes).score(test, test_classes))


def pca_scores(train: Features, x: Features, k: int, seed: int) -> Features:
    """Return the scores of `(n, size)` signals on the first k principal components of `train`.

    Fewer where the training signals have not so many components.
    """
    from sklearn.decomposition import PCA

    pca = PCA(min(k, *train.shape), random_state=seed)
    with np.errstate(invalid="ignore"):  # constant signals have no variance to explain
        pca.fit(train)
    return np.asarray(pca.transform(x), dtype=np.float64)
