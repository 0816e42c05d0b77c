"""Probes: what classifiers find in latents, and what they refuse to look at."""

import sys
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="probes are scikit-learn's classifiers; extra train")
pytest.importorskip("torch", reason="training needs torch; extra train")

import narrows
from narrows.errors import DataError, MissingExtraError, ModelError, SettingError
from narrows.evaluation.probe import probe as probing
from narrows.evaluation.probe.probe import (
    encoder_layers,
    linear_accuracy,
    neighbour_accuracy,
    pca_scores,
    probe,
    split_signals,
)
from narrows.signals import read_labels
from tests.helpers.tiny_models import refusing


@pytest.fixture(scope="module")
def labels():
    return read_labels("digits")


@pytest.fixture(scope="module")
def codec(digits):
    return narrows.train(digits, latent_size=8, epochs=15)


@pytest.fixture(scope="module")
def found(codec, digits, labels):
    return probe(codec, digits, labels, supervised=True)


def by_name(found):
    return {row.name: row for row in found.features}


def test_the_features_beat_chance_by_far(found):
    assert 0.08 < found.most_frequent < 0.16
    for row in found.features:
        assert row.linear_accuracy > 0.75, found
        assert row.neighbour_accuracy > 0.85, found


def test_the_features_are_of_the_sizes_they_should_be(found):
    numbers = {row.name: row.numbers for row in found.features}
    assert numbers == {
        "latents of the model": 8,
        "PCA of the same size": 8,
        "raw signal": 64,
        "supervised encoder": 8,
    }
    assert (found.signals, found.train_signals, found.test_signals) == (1797, 1437, 360)
    assert found.classes == 10


def test_an_encoder_trained_for_the_classes_finds_them_better(found):
    rows = by_name(found)
    supervised, latents = rows["supervised encoder"], rows["latents of the model"]
    assert supervised.linear_accuracy > latents.linear_accuracy + 0.03
    assert supervised.linear_accuracy > 0.95


def test_a_seed_gives_the_same_figures(codec, digits, labels):
    first = probe(codec, digits[:400], labels[:400], seed=4, supervised=True)
    assert probe(codec, digits[:400], labels[:400], seed=4, supervised=True) == first
    other = probe(codec, digits[:400], labels[:400], seed=5)
    assert other.features[2] != first.features[2]


def test_labels_that_say_nothing_are_found_no_better_than_by_chance(codec, digits):
    rng = np.random.default_rng(0)
    for row in probe(codec, digits, rng.integers(0, 2, len(digits))).features:
        assert 0.4 < row.linear_accuracy < 0.6
        assert 0.4 < row.neighbour_accuracy < 0.6


def test_labels_may_be_any_integers(codec, digits, labels, found):
    other = probe(codec, digits, labels * 1000 - 3)
    assert other.features == found.features[:3]


def test_test_signals_are_not_among_those_learnt_from(digits, labels):
    split = split_signals(digits, labels, 0)
    train = {frame.tobytes() for frame in split.x_train}
    assert not any(frame.tobytes() in train for frame in split.x[: split.n_test])
    assert len(split.x_train) == len(split.train_classes) == 1797 - split.n_test


def test_classes_stay_with_their_signals():
    x = np.arange(100).reshape(50, 2)
    split = split_signals(x, x[:, 0] // 25, 3)
    assert np.array_equal(split.classes, split.x[:, 0] // 25)


def test_the_number_of_signals_is_bounded(monkeypatch, digits, labels):
    monkeypatch.setattr(probing, "MAX_SIGNALS", 300)
    assert len(split_signals(digits, labels, 0).x) == 300
    monkeypatch.setattr(probing, "MAX_ELEMENTS", 200 * 64)
    assert len(split_signals(digits, labels, 0).x) == 200


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda x, y: (x, y[:-1]), "1796 labels for 1797 signals"),
        (lambda x, y: (x, y * 0), "a single class"),
        (lambda x, y: (x, np.arange(len(x))), "regression"),
        (lambda x, y: (x[:9], y[:9]), "at least 10"),
    ],
)
def test_labels_that_are_no_classes_of_the_signals_are_refused(codec, digits, labels, change, told):
    with refusing(DataError, match=told):
        probe(codec, *change(digits, labels))


def test_a_class_that_only_the_test_signals_have_is_refused(digits):
    order = np.random.default_rng([0, 20]).permutation(20)
    labels = np.where(np.arange(20) == order[0], 1, 0)
    with pytest.raises(DataError, match="a single one among the 16 signals"):
        split_signals(digits[:20], labels, 0)


def test_signals_of_another_model_and_a_model_without_encoder_are_refused(codec, digits, labels):
    with pytest.raises(DataError, match=r"\(n, 8, 8\)"):
        probe(codec, digits.reshape(-1, 4, 16), labels)
    with pytest.raises(DataError, match="uint8"):
        probe(codec, digits.astype(float), labels)
    with pytest.raises(ModelError, match="no encoder"):
        probe(codec.without_encoder(), digits, labels)


def test_signals_with_nan_are_refused():
    x = np.random.default_rng(0).normal(size=(40, 6)).astype(np.float32)
    codec = narrows.train(x, latent_size=2, architecture="linear")
    x[7, 2] = np.nan
    with pytest.raises(DataError, match="NaN"):
        probe(codec, x, np.arange(40) % 2)


def test_constant_signals_give_figures_without_a_warning():
    x, classes = np.full((40, 6), 3.5), np.arange(40) % 2
    codec = narrows.train(x, latent_size=2, architecture="linear")
    for row in probe(codec, x, classes, supervised=True).features:
        assert 0.0 <= row.linear_accuracy <= 1.0


def test_the_supervised_encoder_has_the_layers_of_the_model_s(codec, digits):
    layers = encoder_layers(codec.model)
    assert layers == [256, "leaky_relu", 256, "leaky_relu", 8]
    linear = narrows.train(digits[:300], latent_size=3, architecture="linear")
    assert encoder_layers(linear.model) == [3]
    conv = narrows.train(digits[:300], latent_size=3, epochs=1, architecture="conv")
    assert encoder_layers(conv.model) == ["conv", 256, 3]


def test_an_encoder_that_cannot_be_rebuilt_is_refused_where_it_is_asked_for(codec, digits, labels):
    from narrows.codec.codec import Codec
    from narrows.codec.networks.layers import Table
    from narrows.codec.networks.network import IntegerNetwork

    step = Table(np.array([-1, 1], np.int32), -1, False)
    encoder = codec.model.encoder
    layers = [step if layer.kind == "leaky_relu" else layer for layer in encoder.layers]
    network = IntegerNetwork(layers, encoder.input_shape, encoder.input_limit)
    other = Codec(replace(codec.model, encoder=network))
    assert len(probe(other, digits[:100], labels[:100]).features) == 3
    with pytest.raises(SettingError, match="'table'"):
        probe(other, digits[:100], labels[:100], supervised=True)


def test_missing_libraries_are_told_before_any_work(monkeypatch, codec, digits, labels):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtraError, match=r"torch.*pip install 'narrows\[train\]'"):
        probe(codec, digits, labels, supervised=True)
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(MissingExtraError, match=r"scikit-learn.*pip install 'narrows\[train\]'"):
        probe(codec, digits, labels)


# ------------------------------------------------------------------ the classifiers alone


def test_classifiers_find_what_is_plain_to_see():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(300, 4)) * [1, 1e6, 1e-6, 0], np.arange(300) % 3
    x[:, 2] += 1e-5 * y
    halves = x[:200], x[200:], y[:200], y[200:]
    assert linear_accuracy(*halves) > 0.95  # whatever the features' units
    assert neighbour_accuracy(*halves) < 0.6  # the distance is that of features as they are
    assert neighbour_accuracy(x[:200, 2:], x[200:, 2:], *halves[2:]) > 0.95


def test_pca_scores_keep_the_distances_where_there_are_components_enough():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 3)) @ rng.normal(size=(3, 20))
    scores = pca_scores(x[10:], x, 3, 0)
    assert np.linalg.norm(scores[0] - scores[1]) == pytest.approx(np.linalg.norm(x[0] - x[1]))
    assert pca_scores(x[:4], x, 9, 0).shape == (50, 4)
