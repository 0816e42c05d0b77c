"""How much of a signal's class is left in its latents: probes, beside PCA and the raw signal.

    signals, labels ──split by the seed──► 4/5 to learn from, 1/5 to test on
      features: latents | PCA scores | raw signal | latents of a supervised encoder
        └─► logistic regression, and the nearest neighbours' vote: accuracy on the fifth

An autoencoder never sees a label, so what its latents tell of the class came along with what they
keep of the signal (Alain & Bengio 2016 call such classifiers linear probes).
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.codec.codec import Codec
from narrows.codec.model.groups import ENCODED
from narrows.codec.model.model import Model
from narrows.codec.networks.layers import Dense, Reshape
from narrows.errors import DataError, needing
from narrows.signals import as_labels

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


MAX_SIGNALS = 20_000
"""Of more, so many are drawn by the seed: a probe then takes half a minute."""
MAX_ELEMENTS = 1 << 24
"""Of the signals drawn: 128 MB as float64, held a few times."""
MIN_SIGNALS = 10
TEST_SHARE = 0.2


@dataclass(frozen=True)
class FeatureProbe:
    """The accuracy of classifiers on one kind of features."""

    name: str
    numbers: int  # a signal
    linear_accuracy: float  # share of the test signals whose class is found
    neighbour_accuracy: float


@dataclass(frozen=True)
class Probe:
    """The comparison of all features."""

    signals: int  # drawn from those given: at most 20,000, and 2**24 elements
    train_signals: int
    test_signals: int
    classes: int
    most_frequent: float  # share of the test signals in the largest class: a constant's accuracy
    seed: int
    features: list[FeatureProbe]

    def as_json(self) -> dict[str, Any]:
        """Return the fields."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class Split:
    """Signals and their classes, the first of them to test on."""

    x: npt.NDArray[Any]  # (n, *frame_shape)
    classes: Labels  # (n,), counted from 0
    n_test: int
    seed: int

    @property
    def x_train(self) -> npt.NDArray[Any]:
        """The signals to learn from."""
        return self.x[self.n_test :]

    @property
    def train_classes(self) -> Labels:
        """Their classes."""
        return self.classes[self.n_test :]

    def probe(self, name: str, features: Features) -> FeatureProbe:
        """Learn from `(n, numbers)` features of the signals, and test."""
        train, test = features[self.n_test :], features[: self.n_test]
        classes = self.train_classes, self.classes[: self.n_test]
        linear = linear_accuracy(train, test, *classes)
        neighbours = neighbour_accuracy(train, test, *classes)
        return FeatureProbe(name, features.shape[1], linear, neighbours)

    def pca_scores(self, raw: Features, k: int) -> Features:
        """Return the scores of `(n, size)` signals, by components of those to learn from."""
        return pca_scores(raw[self.n_test :], raw, k, self.seed)


def probe(
    codec: Codec,
    x: npt.NDArray[Any],
    labels: Labels,
    seed: int = 0,
    *,
    supervised: bool = False,
    progress: Callable[[str, int, int], None] = lambda what, done, total: None,
) -> Probe:
    """Measure how well classes are found from latents, from PCA of the same size, and from signals.

    Latents are the integers that an archive stores, at the default quality.

    Parameters
    ----------
    codec : Codec
    x : (n, *frame_shape) of the model's dtype
        Best held out from the model's training.
    labels : (n,) integers
        The class of each signal.
    seed : int, default 0
        Draws the signals, splits them, and starts the supervised encoder.
    supervised : bool, default False
        Also train an encoder of the same layers for the classes, and probe its latents.
    progress : callable, optional
        Called with what begins, how many features are done, and how many there are.

    Raises
    ------
    DataError
        If the labels are no classes of these signals, or these no signals of the model's.
    ModelError
        If the model has no encoder.
    MissingExtraError
        If scikit-learn is not installed, or torch, for `supervised`.
    """
    _check_extras(supervised)
    labels = as_labels(labels)
    x = codec.transform.check_frames(x)
    split = split_signals(x, labels, seed)
    raw = split.x.reshape(len(split.x), -1).astype(np.float64)
    columns = codec.model.columns(ENCODED)
    kinds: dict[str, Callable[[], Features]] = {
        "latents of the model": lambda: codec.encode(split.x, effort=0)[:, columns].astype(float),
        "PCA of the same size": lambda: split.pca_scores(raw, codec.model.groups[ENCODED]),
        "raw signal": lambda: raw,
    }
    if supervised:
        kinds["supervised encoder"] = lambda: _supervised_latents(codec, split)
    features = []
    for done, (name, features_of) in enumerate(kinds.items()):
        progress(f"probing {name}", done, len(kinds))
        features.append(split.probe(name, features_of()))
    return Probe(
        signals=len(split.x),
        train_signals=len(split.x_train),
        test_signals=split.n_test,
        classes=int(split.classes.max()) + 1,
        most_frequent=int(np.bincount(split.classes[: split.n_test]).max()) / split.n_test,
        seed=seed,
        features=features,
    )


def split_signals(x: npt.NDArray[Any], labels: Labels, seed: int) -> Split:
    """Draw at most MAX_SIGNALS signals by the seed, in an order whose first fifth is for testing.

    Raises
    ------
    DataError
        If there is not one label a signal, or the labels are no classes.
    """
    _check_labels(x, labels)
    most = max(MIN_SIGNALS, min(MAX_SIGNALS, MAX_ELEMENTS // max(1, x[0].size)))
    order = np.random.default_rng([seed, len(x)]).permutation(len(x))[:most]
    drawn = np.ascontiguousarray(x[order])
    if not np.isfinite(drawn).all():
        raise DataError("signals with NaN or infinite values; a probe needs finite numbers")
    names, classes = np.unique(labels[order], return_inverse=True)
    split = Split(drawn, classes.astype(np.int64), math.ceil(TEST_SHARE * len(drawn)), seed)
    if len(np.unique(split.train_classes)) < 2:
        raise DataError(
            f"labels of {len(names)} classes, but a single one among the {len(split.x_train)} "
            "signals to learn from; give more signals of the others, or another seed"
        )
    return split


def _check_labels(x: npt.NDArray[Any], labels: Labels) -> None:
    if len(labels) != len(x):
        raise DataError(
            f"{len(labels)} labels for {len(x)} signals; one label a signal is needed, in the "
            "same order"
        )
    if len(x) < MIN_SIGNALS:
        raise DataError(f"{len(x)} signals; a probe needs at least {MIN_SIGNALS}")
    n_classes = len(np.unique(labels))
    if n_classes < 2:
        raise DataError("labels of a single class; a probe needs at least 2")
    if n_classes > len(x) // 2:
        raise DataError(
            f"labels of {n_classes} classes for {len(x)} signals; a probe needs several signals a "
            "class: are these targets of a regression? put them into a few classes first"
        )


def _supervised_latents(codec: Codec, split: Split) -> Features:
    from narrows.evaluation.probe.supervised import train_supervised

    layers = encoder_layers(codec.model)
    encoder = train_supervised(split.x_train, split.train_classes, layers, split.seed)
    return encoder.latents(split.x)


def encoder_layers(model: Model) -> list[int | str]:
    """Describe an encoder: the width of each dense layer, the kind of each activation."""
    assert model.encoder is not None
    if model.architecture == "conv":
        dense = [layer for layer in model.encoder.layers if isinstance(layer, Dense)]
        return ["conv", dense[0].weight.shape[1], model.groups[ENCODED]]
    return [
        layer.weight.shape[1] if isinstance(layer, Dense) else layer.kind
        for layer in model.encoder.layers
        if not isinstance(layer, Reshape)
    ]


def _check_extras(supervised: bool) -> None:
    with needing("scikit-learn", "probing", "train"):
        import sklearn  # noqa: F401
    if supervised:
        with needing("torch", "a supervised encoder", "train"):
            import torch  # noqa: F401
