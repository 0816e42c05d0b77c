"""The scikit-learn transformer: its conventions, and the inverse that no check of theirs covers."""

import doctest
import pickle
import sys
import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="the transformer is scikit-learn's; extra train")
pytest.importorskip("torch", reason="training needs torch; extra train")

from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

import narrows
from narrows.codec.codec import Codec
from narrows.errors import DataError, MissingExtraError, SettingError
from narrows.integrations.conversions import in_float32
from narrows.sklearn import Autoencoder
from tests.helpers.interrupted import stop_at
from tests.helpers.transformers import mixtures, quick


@pytest.fixture(scope="module")
def flat_digits(digits):
    return digits.reshape(len(digits), -1)


@pytest.fixture(scope="module")
def dense(flat_digits):
    return Autoencoder(8, epochs=5, random_state=0).fit(flat_digits[:1400])


@pytest.mark.parametrize("estimator", [quick(), Autoencoder(epochs=2)], ids=["linear", "dense"])
def test_every_check_of_scikit_learn_passes(estimator):
    check_estimator(estimator, on_skip=None)


@pytest.mark.slow
def test_every_check_of_scikit_learn_passes_as_it_is_by_default(monkeypatch):
    """The settings are the default ones; `stop` ends each of the trainings after 30 updates."""

    def train(*args, **settings):
        return narrows.train(*args, **settings, stop=stop_at(30))

    monkeypatch.setattr("narrows.integrations.sklearn.train", train)
    check_estimator(Autoencoder(), on_skip=None)


def test_a_preset_is_trained_as_narrows_trains_it(flat_digits):
    model = Autoencoder(25, preset="dense-25", epochs=2, random_state=3).fit(flat_digits[:300])
    trained = narrows.train(flat_digits[:300], latent_size=25, preset="dense-25", epochs=2, seed=3)
    assert model.codec_.model_id == trained.model_id


# ------------------------------------------------------------------ transform and its inverse


def test_transform_gives_what_the_codec_rounds(dense, flat_digits):
    x = flat_digits[1400:]
    latents = dense.transform(x)
    assert latents.dtype == np.float64
    assert latents.shape == (len(x), 8)
    assert np.array_equal(np.floor(latents + 0.5), dense.codec_.encode(x, effort=0))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_inverse_is_what_the_codec_decodes(dtype):
    x = mixtures(300).astype(dtype)
    model = quick(latent_size=4).fit(x)
    back = model.inverse_transform(model.transform(x))
    assert back.dtype == dtype
    assert back.shape == x.shape
    assert np.array_equal(back, model.codec_.decode(model.codec_.encode(x, effort=0)))


@pytest.mark.parametrize("fitted", [np.float32, np.float64, np.int16])
@pytest.mark.parametrize("given", [np.float32, np.float64, np.int16, np.int64])
def test_samples_of_any_dtype_are_taken_whatever_it_was_fitted_on(fitted, given):
    x = np.round(100 * mixtures(100))
    model = quick(n_components=3).fit(x.astype(fitted))
    latents = model.transform(x.astype(given))
    assert latents.dtype == (np.float32 if given == np.float32 else np.float64)
    symbols = model.codec_.encode(x.astype(fitted), effort=0)
    assert np.array_equal(np.floor(latents.astype(np.float64) + 0.5), symbols)
    assert model.score(x.astype(given)) == model.score(x.astype(fitted))


@pytest.mark.parametrize(("scale", "offset"), [(1.0, 0.0), (1e-3, 273.15), (1e6, -5e7), (40, 128)])
def test_the_inverse_is_in_the_units_of_the_samples(scale, offset):
    x = mixtures(400) * scale + offset
    model = quick(latent_size=3).fit(x[:300])
    error = x[300:] - model.inverse_transform(model.transform(x[300:]))
    assert np.sqrt(np.square(error).mean()) < 0.1 * scale  # a third or so of it is noise
    assert model.score(x[300:]) > 0.98


def test_standardised_features_come_back_in_units_of_their_own():
    scales = np.array([1, 1e3, 1e-3, 1e6] * 3)
    x = mixtures(400) * scales + 7 * scales
    model = make_pipeline(StandardScaler(), quick(latent_size=3)).fit(x[:300])
    error = x[300:] - model.inverse_transform(model.transform(x[300:]))
    assert (np.sqrt(np.square(error).mean(axis=0)) < 0.15 * x.std(axis=0)).all()
    alone = quick(latent_size=3).fit(x[:300])  # few features have scales of their own
    error = x[300:] - alone.inverse_transform(alone.transform(x[300:]))
    assert (np.sqrt(np.square(error).mean(axis=0)) < 0.15 * x.std(axis=0)).all()


def test_integers_make_a_decoder_for_integers_and_come_back_as_floats(dense, flat_digits):
    assert dense.codec_.model.dtype == np.uint8
    x = flat_digits[1400:]
    back = dense.inverse_transform(dense.transform(x))
    assert back.dtype == np.float64  # so that x - back cannot wrap around
    assert np.array_equal(back, dense.codec_.decompress(dense.codec_.compress(x, effort=0)))
    assert np.array_equal(dense.transform(x), dense.transform(x.astype(np.float64)))
    assert np.array_equal(dense.transform(x), dense.transform(x + 0.25))
    assert np.array_equal(
        dense.transform(np.full((1, 64), 400.0)), dense.transform(np.full((1, 64), 255))
    )


def test_a_row_does_not_depend_on_those_beside_it(dense, flat_digits):
    x = flat_digits[1400:]
    latents = dense.transform(x)
    order = np.random.default_rng(0).permutation(len(x))
    assert np.array_equal(dense.transform(x[order]), latents[order])
    assert np.array_equal(np.concatenate([dense.transform(row[None]) for row in x[:50]]),
                          latents[:50])  # fmt: skip


def test_latentsin_float32_round_to_the_symbols_they_rounded_to():
    below = np.nextafter(np.array([[0.5, 7.5, -2.5, 1000.5]]), -np.inf)
    assert (np.floor(below.astype(np.float32) + np.float32(0.5)) > np.floor(below + 0.5)).any()
    latents = np.concatenate([below, [[0.5, 7.5, -2.5, 1000.5]], [[0.0, -0.25, 3.0, 1e7]]])
    assert in_float32(latents).dtype == np.float32
    assert np.array_equal(np.floor(in_float32(latents).astype(float) + 0.5),
                          np.floor(latents + 0.5))  # fmt: skip


def test_latents_of_another_width_are_refused(dense):
    with pytest.raises(DataError, match=r"\(n, 8\)"):
        dense.inverse_transform(np.zeros((3, 7)))
    with pytest.raises(ValueError, match="NaN"):
        dense.inverse_transform(np.full((3, 8), np.nan))


# ------------------------------------------------------------------ fit and score


def test_the_default_latent_size_is_about_half_the_features_and_at_most_32():
    for n_features, expected in ((1, 1), (2, 1), (3, 1), (12, 6), (64, 32), (100, 32)):
        model = quick().fit(np.random.default_rng(0).normal(size=(40, n_features)))
        assert model.transform(np.zeros((1, n_features))).shape == (1, expected)
        assert model.latent_size is None


def test_few_samples_all_serve_for_training_and_validation():
    for n, counts in ((2, (2, 2)), (99, (99, 99)), (100, (90, 10))):
        summary = quick(latent_size=1).fit(mixtures(n)).codec_.model.training
        assert (summary["signals"], summary["validation_signals"]) == counts


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.uint8])
def test_constant_samples_come_back(dtype):
    x = np.full((20, 3), 7, dtype)
    model = quick().fit(x)
    assert np.array_equal(model.inverse_transform(model.transform(x)), x)
    assert model.score(x) == 1.0


def test_the_history_has_one_record_an_epoch(dense):
    assert [record["epoch"] for record in dense.history_] == [1, 2, 3, 4, 5]
    assert dense.history_[-1]["loss"] < dense.history_[0]["loss"]
    assert quick(latent_size=2).fit(mixtures(50)).history_ == []


def test_the_score_is_the_share_of_variance_explained(dense, flat_digits):
    x = flat_digits[1400:].astype(np.float64)
    back = dense.inverse_transform(dense.transform(x))
    mean = flat_digits[:1400].mean(axis=0)
    expected = 1 - np.square(x - back).sum() / np.square(x - mean).sum()
    assert dense.score(x) == pytest.approx(expected)
    assert 0.0 < expected < 1.0
    assert dense.score(x[:1]) < 1.0  # one sample has a score as well


def test_the_score_does_not_depend_on_the_units():
    x = mixtures(300)
    scores = [quick(latent_size=3).fit(x * f).score(x * f) for f in (1.0, 2.0**40, 2.0**-60)]
    assert scores[1] == pytest.approx(scores[0], abs=1e-3)
    assert scores[2] == pytest.approx(scores[0], abs=1e-3)


def test_an_int_as_random_state_gives_one_model(flat_digits):
    def model_id(**options):
        return Autoencoder(4, epochs=1, **options).fit(flat_digits[:200]).codec_.model_id

    assert model_id(random_state=3) == model_id(random_state=np.int64(3))
    assert model_id(random_state=3) != model_id(random_state=4)
    generator = np.random.RandomState
    assert model_id(random_state=generator(5)) == model_id(random_state=generator(5))


def test_the_same_samples_and_seed_give_the_model_that_narrows_train_gives(flat_digits):
    codec = narrows.train(flat_digits[:300], latent_size=4, epochs=2, seed=11)
    model = Autoencoder(4, epochs=2, random_state=11).fit(flat_digits[:300])
    assert model.codec_.model_id == codec.model_id


def test_what_cannot_be_trained_on_is_a_value_error():
    x = mixtures(30)
    with pytest.raises(SettingError, match="n_components 13; at most 12"):
        Autoencoder(13).fit(x)
    with pytest.raises(SettingError, match="accepted are"):
        Autoencoder(2, architecture="deep").fit(x)
    with pytest.raises(ValueError, match="NaN"):
        quick().fit(np.where(x > 2, np.nan, x))
    with pytest.raises(NotFittedError):
        quick().inverse_transform(x)
    with pytest.raises(NotFittedError):
        quick().score(x)


# ------------------------------------------------------------------ life among other estimators


def test_a_pipeline_classifies_latents(digits, flat_digits):
    from narrows.signals import read_labels

    labels = read_labels("digits")
    model = make_pipeline(
        Autoencoder(8, epochs=5, random_state=0), StandardScaler(), LogisticRegression()
    )
    model.fit(flat_digits[:1400], labels[:1400])
    assert model.score(flat_digits[1400:], labels[1400:]) > 0.7  # chance is 0.1


def test_a_grid_search_finds_the_latents_that_the_samples_have():
    search = GridSearchCV(
        quick(random_state=0), {"latent_size": np.arange(1, 4), "loss": ["mse"]}, cv=3
    ).fit(mixtures(240))
    assert search.best_params_["latent_size"] == 3
    assert np.all(np.diff(search.cv_results_["mean_test_score"]) > 0)
    assert search.best_estimator_.score(mixtures(50, seed=1)) == search.score(mixtures(50, seed=1))


@pytest.mark.slow
def test_other_processes_receive_it_whole():
    scores = cross_val_score(quick(latent_size=3), mixtures(120), cv=3, n_jobs=2)
    assert np.array_equal(scores, cross_val_score(quick(latent_size=3), mixtures(120), cv=3))


def test_a_clone_has_the_parameters_and_nothing_learnt(dense):
    copy = clone(dense)
    assert copy.get_params() == dense.get_params()
    assert not hasattr(copy, "codec_")


@pytest.mark.parametrize("protocol", [2, pickle.HIGHEST_PROTOCOL])
def test_a_pickle_comes_back_whole(dense, flat_digits, protocol):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        copy = pickle.loads(pickle.dumps(dense, protocol))  # noqa: S301 - written in this line
    x = flat_digits[1400:]
    assert isinstance(copy.codec_, Codec)
    assert copy.codec_.model_bytes == dense.codec_.model_bytes
    assert copy.history_ == dense.history_
    assert copy.get_params() == dense.get_params()
    assert np.array_equal(copy.transform(x), dense.transform(x))
    assert copy.score(x) == dense.score(x)
    assert isinstance(dense.codec_, Codec)  # pickling has changed nothing


def test_a_pickle_holds_the_bytes_of_the_model_file_and_no_class_of_the_codec(dense):
    pickled = pickle.dumps(dense)
    assert dense.codec_.model_bytes in pickled
    assert b"narrows.codec" not in pickled
    unfitted = pickle.loads(pickle.dumps(quick(latent_size=5)))  # noqa: S301 - as above
    assert unfitted.latent_size == 5


def test_the_features_have_names(dense):
    names = [f"autoencoder{i}" for i in range(8)]
    assert dense.get_feature_names_out().tolist() == names
    assert dense.n_features_in_ == 64


def test_a_data_frame_comes_out_where_it_is_asked_for():
    pandas = pytest.importorskip("pandas", reason="for data frames alone")
    x = pandas.DataFrame(mixtures(60), columns=[f"f{i}" for i in range(12)]).set_index(
        np.arange(100, 160)
    )
    model = quick(latent_size=2).set_output(transform="pandas").fit(x)
    latents = model.transform(x)
    assert latents.columns.tolist() == ["autoencoder0", "autoencoder1"]
    assert latents.index.tolist() == list(range(100, 160))
    assert model.feature_names_in_.tolist() == x.columns.tolist()
    assert model.inverse_transform(latents).shape == (60, 12)
    with pytest.raises(ValueError, match="feature names"):
        model.transform(x[x.columns[::-1]])


def test_the_codec_writes_real_bytes_of_the_samples(dense, flat_digits, tmp_path):
    blob = dense.codec_.compress(flat_digits[1400:], effort=0)
    assert len(blob) < 0.2 * flat_digits[1400:].nbytes
    dense.codec_.save(tmp_path / "m.narrows")
    decoded = narrows.load(tmp_path / "m.narrows").decompress(blob)
    back = dense.inverse_transform(dense.transform(flat_digits[1400:]))
    assert np.array_equal(decoded, back)


def test_the_example_of_the_documentation_runs():
    (example,) = doctest.DocTestFinder(recurse=False).find(Autoencoder, globs={})
    assert doctest.DocTestRunner().run(example) == (0, 6)


def test_without_scikit_learn_or_torch_the_line_that_installs_them_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtraError, match=r"torch.*pip install 'narrows\[train\]'"):
        quick().fit(mixtures(10))
    monkeypatch.delitem(sys.modules, "narrows.sklearn")
    monkeypatch.delitem(sys.modules, "narrows.integrations.sklearn")
    monkeypatch.setitem(sys.modules, "sklearn.base", None)
    with pytest.raises(MissingExtraError, match=r"scikit-learn.*pip install 'narrows\[train\]'"):
        import narrows.sklearn  # noqa: F401
