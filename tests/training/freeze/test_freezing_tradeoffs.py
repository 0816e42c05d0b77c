"""What a trained model knows of bits against errors, for a search to go by."""

import io
import math

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs torch; extra train")

import narrows
from narrows.codec.archive import ArchiveReader
from narrows.codec.encoding.symbol_search import SymbolSearch
from narrows.training.rate_distortion.trainer import FIRST_LAMBDA_RATIO

STEP_IS_WORTH = 6 / math.log(2)  # bits, where steps are chosen well
LAMBDA = 3000.0


@pytest.fixture(scope="module")
def linear(digits):
    """A linear codec of three qualities."""
    return narrows.train(digits[:1400], latent_size=8, architecture="linear", qualities=3)


@pytest.fixture(scope="module")
def dense(digits):
    """A dense codec of two qualities, whose lambda was given."""
    settings = {"latent_size": 4, "architecture": "dense", "epochs": 2}
    return narrows.train(digits[:600], **settings, qualities=2, lambda_=LAMBDA)


@pytest.fixture(scope="module")
def floats():
    """Signals of a narrow range, far from 0, and a linear codec for them."""
    rng = np.random.default_rng(0)
    x = (7 + rng.normal(size=(2000, 6)) @ rng.normal(size=(6, 12)) / 50).astype(np.float32)
    return x, narrows.train(x, latent_size=4, architecture="linear", channels="none")


def mean_distortions(codec, x, quality):
    """Return the mean distortion of one step of each latent, up and down, decoded alone."""
    y, unit = codec.encode(x, quality, effort=0), codec.model.tradeoffs.unit
    before, found = codec.decode(y, quality).astype(np.float64), []
    for step in np.eye(codec.model.latent_size, dtype=np.int32):
        ends = [codec.decode(y + step, quality), codec.decode(y - step, quality)]
        squares = [np.square((end - before) * unit).reshape(len(x), -1).sum(1) for end in ends]
        found.append(np.mean(squares))
    return np.array(found)


@pytest.mark.parametrize("name", ["linear", "dense", "tiny_codec"])
def test_every_trained_model_has_tradeoffs_at_all_its_qualities(name, request):
    model = request.getfixturevalue(name).model
    tradeoffs = model.tradeoffs
    assert tradeoffs.curvature.shape == (model.n_qualities, model.latent_size)
    assert len(tradeoffs.lambda_) == model.n_qualities
    assert (tradeoffs.curvature > 0).all()
    assert list(tradeoffs.lambda_) == sorted(set(tradeoffs.lambda_))


def test_a_convolutional_model_has_tradeoffs(digits):
    settings = {"latent_size": 3, "architecture": "conv", "epochs": 1}
    codec = narrows.train(digits[:200], **settings)
    assert (codec.model.tradeoffs.curvature > 0).all()
    assert (codec.encode(digits[:50], effort=1) != codec.encode(digits[:50], effort=0)).any()


def test_errors_count_in_whole_steps_of_integers_and_fine_ones_of_floats(linear, floats, digits):
    assert linear.model.tradeoffs.unit == 1.0
    _, codec = floats
    unit, peak = codec.model.tradeoffs.unit, codec.model.peak
    assert math.frexp(unit)[0] == 0.5  # a power of two
    assert 2**11 < peak * unit <= 2**12
    wide = (digits[:300].reshape(300, 64).astype(np.int32) - 8) * 10**8
    codec = narrows.train(wide, latent_size=3, architecture="linear")
    assert 2**15 < codec.model.peak * codec.model.tradeoffs.unit <= 2**16


def test_lambda_is_that_of_training_in_units_of_error(dense):
    tradeoffs = dense.model.tradeoffs
    units = dense.model.peak * tradeoffs.unit
    expected = [LAMBDA / units**2, LAMBDA * FIRST_LAMBDA_RATIO / units**2]
    assert tradeoffs.lambda_ == pytest.approx(expected, rel=1e-9)


def test_a_lambda_that_training_finds_is_taken_too(tiny_codec):
    model = tiny_codec.model
    last = model.training["history"][-1]["lambda"]
    units = model.peak * model.tradeoffs.unit
    assert model.tradeoffs.lambda_ == pytest.approx([last / units**2], rel=1e-9)


@pytest.mark.parametrize(
    "settings",
    [
        {"architecture": "linear", "qualities": 3},
        {"architecture": "linear", "latent_size": 48},
        {"architecture": "dense", "epochs": 1, "loss": "l1"},
        {"architecture": "dense", "epochs": 1, "loss": "bce"},
        {"preset": "dense-25", "epochs": 1},
    ],
    ids=lambda settings: " ".join(map(str, settings.values())),
)
def test_without_a_lambda_of_squared_errors_it_is_found_from_steps_and_bits(settings, digits):
    x = digits[:400]
    codec = narrows.train(x, **{"latent_size": 3} | settings)
    tradeoffs = codec.model.tradeoffs
    for quality, lambda_ in enumerate(tradeoffs.lambda_, 1):
        of_steps = STEP_IS_WORTH / tradeoffs.curvature[quality - 1].mean()
        blob = codec.compress(x, quality, effort=0)
        error = (codec.decompress(blob).astype(np.float64) - x) * tradeoffs.unit
        (block,) = ArchiveReader(io.BytesIO(blob))
        bits = max(1.0, 8 * len(block.payload) / len(x))
        of_bits = bits / (np.square(error).sum() / len(x))
        assert lambda_ == pytest.approx(min(of_steps, of_bits), rel=0.15)
        assert (of_steps < of_bits) == ("latent_size" in settings)


def test_the_curvature_of_a_linear_model_is_the_squared_error_of_a_step(floats):
    x, codec = floats
    expected = mean_distortions(codec, x[:100], 1)
    assert codec.model.tradeoffs.curvature[0] == pytest.approx(expected, rel=0.01)
    y = codec.encode(x[:1], effort=0)
    there = codec.decode(y + np.array([0, 5, 0, 0])).astype(np.float64)
    five_steps = np.square((there - codec.decode(y)) * codec.model.tradeoffs.unit).sum()
    assert codec.model.tradeoffs.curvature[0, 1] == pytest.approx(five_steps / 25, rel=0.01)


@pytest.mark.parametrize("name", ["linear", "dense", "tiny_codec"])
def test_the_curvature_is_about_the_squared_error_of_a_step_on_unseen_signals(
    name, request, digits
):
    codec = request.getfixturevalue(name)
    for quality in range(1, codec.model.n_qualities + 1):
        expected = mean_distortions(codec, digits[1400:], quality)
        curvature = codec.model.tradeoffs.curvature[quality - 1]
        assert curvature == pytest.approx(expected, rel=0.25)
        assert curvature.mean() == pytest.approx(expected.mean(), rel=0.1)


def test_a_better_quality_has_smaller_steps_and_minds_errors_more(linear):
    curvature, lambdas = linear.model.tradeoffs.curvature, linear.model.tradeoffs.lambda_
    assert (np.diff(curvature.mean(axis=1)) < 0).all()
    assert (np.diff(lambdas) > 0).all()


@pytest.mark.parametrize("name", ["linear", "dense", "tiny_codec"])
def test_a_saved_model_keeps_its_tradeoffs(name, request, digits, tmp_path):
    codec = request.getfixturevalue(name)
    codec.save(tmp_path / "m.narrows")
    loaded = narrows.load(tmp_path / "m.narrows")
    before, after = codec.model.tradeoffs, loaded.model.tradeoffs
    assert loaded.model_id == codec.model_id
    assert (after.unit, list(after.lambda_)) == (before.unit, list(before.lambda_))
    np.testing.assert_array_equal(after.curvature, before.curvature, strict=True)
    x = digits[1400:1430]
    for effort in (1, 9):
        assert loaded.compress(x, effort=effort) == codec.compress(x, effort=effort)


@pytest.mark.parametrize("name", ["linear", "dense"])
def test_without_its_encoder_a_model_has_no_tradeoffs_and_the_same_id(name, request, digits):
    codec = request.getfixturevalue(name)
    half = narrows.Codec(codec.model.without_encoder())
    assert half.model.tradeoffs is None
    assert half.model_id == codec.model_id
    blob = codec.compress(digits[:30], effort=7)
    assert np.array_equal(half.decompress(blob), codec.decompress(blob))


@pytest.mark.parametrize("name", ["linear", "dense"])
def test_a_search_lowers_the_cost_at_every_quality(name, request, digits):
    codec, x = request.getfixturevalue(name), digits[1400:1600]
    for quality in range(1, codec.model.n_qualities + 1):
        search = SymbolSearch(codec.decoder.transform, quality)
        costs = [search.cost(x, codec.encode(x, quality, effort)).mean() for effort in (0, 2, 7)]
        assert costs[0] > costs[1] > costs[2]
