"""The parameters of the scikit-learn transformer: those of a training, and some of its own."""

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="the transformer is scikit-learn's; extra train")
pytest.importorskip("torch", reason="training needs torch; extra train")

from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from narrows.errors import SettingError
from narrows.sklearn import Autoencoder
from narrows.training.plan import plan_of
from narrows.training.settings import SETTINGS
from tests.helpers.transformers import mixtures, quick


@pytest.fixture(scope="module")
def flat_digits(digits):
    return digits.reshape(len(digits), -1)


def test_its_parameters_are_the_settings_of_a_training():
    own = {"n_components", "random_state", "verbose"}
    assert Autoencoder().get_params().keys() == SETTINGS.keys() - {"seed", "decoder"} | own
    changed = clone(Autoencoder(3, sparse=0.5)).set_params(corrupt="mask:0.5")
    assert (changed.n_components, changed.sparse, changed.corrupt) == (3, 0.5, "mask:0.5")
    assert "{settings}" not in Autoencoder.__doc__
    assert SETTINGS["sparse"].help in " ".join(Autoencoder.__doc__.split())
    with pytest.raises(TypeError, match=r"'seed'; give random_state"):
        Autoencoder(seed=3)


def test_n_components_and_latent_size_are_one_number(flat_digits):
    named = quick(n_components=3).fit(mixtures(50))
    assert named.transform(mixtures(50)).shape == (50, 3)
    assert quick(latent_size=3).fit(mixtures(50)).codec_.model_id == named.codec_.model_id
    with pytest.raises(SettingError, match=r"n_components 3 and latent_size 4, .* give one"):
        quick(n_components=3, latent_size=4).fit(mixtures(50))
    for wrong in (0, 0.5, "mle"):
        with pytest.raises(SettingError, match=rf"n_components {wrong!r}; .* at least 1"):
            quick(n_components=wrong).fit(mixtures(50))


def test_settings_of_numpy_s_whole_numbers_are_taken():
    whole = np.int64
    model = Autoencoder(whole(2), epochs=whole(1), batch_size=whole(16), patience=whole(3))
    assert len(model.fit(mixtures(40)).history_) == 1


def test_several_qualities_make_one_codec_that_transforms_at_the_middle_one():
    x = mixtures(300)
    model = quick(n_components=3, qualities=3, bits_per_latent=4.0).fit(x)
    assert model.codec_.model.n_qualities == 3
    assert np.array_equal(model.transform(x), model.codec_.latents(x, quality=2))
    symbols = model.codec_.encode(x, quality=2, effort=0)
    back = model.inverse_transform(model.transform(x))
    assert np.array_equal(back, model.codec_.decode(symbols, quality=2))


def test_a_lambda_is_no_sign_of_a_fit(flat_digits):
    model = clone(Autoencoder(4, lambda_=50.0, epochs=1))
    with pytest.raises(NotFittedError):
        model.transform(flat_digits)
    summary = model.fit(flat_digits[:200]).codec_.model.training
    assert summary["settings"]["lambda"] == 50.0


def test_a_fit_of_no_given_length_makes_a_thousand_updates(flat_digits, monkeypatch):
    asked, codec = [], quick(n_components=2).fit(mixtures(50)).codec_
    monkeypatch.setattr(
        "narrows.integrations.sklearn.train",
        lambda x, **settings: asked.append(settings["epochs"]) or codec,
    )
    for n in (300, 1797):
        Autoencoder(4).fit(flat_digits[:n])
        plan = plan_of({"latent_size": 4}, (n, 64), np.uint8)
        assert abs(asked[-1] * plan.updates_per_epoch - 1000) < plan.updates_per_epoch
    Autoencoder(4).fit(np.zeros((100_000, 5), np.float32))
    assert asked[-1] == 3
    for given in ({"minutes": 1.0}, {"preset": "dense-32"}):
        Autoencoder(4, **given).fit(flat_digits)
        assert asked[-1] is None


def test_a_fit_prints_what_it_is_asked_to(flat_digits, capsys):
    for verbose, lines in ((0, 0), (1, 22), (2, 41)):
        Autoencoder(2, epochs=40, verbose=verbose).fit(flat_digits[:40])
        out = capsys.readouterr().out.splitlines()
        assert len(out) == lines
        assert all(line.startswith("[Autoencoder] ") for line in out)
    assert "epoch 1/40, loss " in out[0]
    assert "fitted 40 samples in " in out[-1]
