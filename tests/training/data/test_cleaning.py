"""What is missing or broken in training signals is found, left out, and harms nothing else."""

import numpy as np
import pytest

import narrows
from narrows.errors import SettingError
from narrows.training.data.bulk import bulk_range, sorted_sample, stand_ins
from narrows.training.data.cleaning import Cleaner
from narrows.training.data.scaling import Channels

N = 20_000


def rng():
    return np.random.default_rng(0)


USUAL = {
    "normal": rng().normal(size=N),
    "exponential": rng().exponential(size=N),
    "lognormal": np.exp(1.5 * rng().normal(size=N)),
    "light at night 0": np.maximum(rng().normal(size=N) * 1e4, 0),
    "rain by the minute": np.where(
        rng().random(N) < 0.95, 0, np.round(rng().gamma(0.5, 20, N)) / 5
    ),
    "seldom rain": np.where(rng().random(N) < 0.995, 0, rng().gamma(0.5, 4, N)),
    "spikes of one percent": np.where(rng().random(N) < 0.01, 10 + rng().normal(size=N), 0.01),
    "two clusters": np.where(rng().random(N) < 0.6, 0, 100) + rng().normal(size=N),
    "saturated": np.minimum(rng().normal(size=N), 1.5),
    "constant": np.ones(N),
    "one in thousand": np.float64(rng().random(N) < 0.001),
    "whole numbers": rng().integers(0, 10, N).astype(float),
    "a single one": np.array([5.0]),
    "two": np.array([0.0, 1e30]),
}


@pytest.mark.parametrize("name", USUAL)
def test_usual_values_are_inside_however_long_their_tails(name):
    x = sorted_sample(USUAL[name])
    low, high = bulk_range(x)
    assert low <= x[0] <= x[-1] <= high
    assert stand_ins(x) == []


@pytest.mark.parametrize("name", ["normal", "exponential", "lognormal", "rain by the minute"])
@pytest.mark.parametrize("value", [1e6, -1e6])
def test_one_value_far_from_all_others_is_outside(name, value):
    x = USUAL[name].copy()
    x[77] = value
    low, high = bulk_range(sorted_sample(x))
    assert not low <= value <= high
    assert low <= np.delete(x, 77).min() <= np.delete(x, 77).max() <= high


@pytest.mark.parametrize("scale", [30.0, 3e3])
@pytest.mark.parametrize("dtype", ["float32", "int16"])
def test_a_repeated_value_that_lies_apart_stands_for_missing_ones(dtype, scale):
    x = (rng().normal(size=N) * scale + 20).clip(-1e4, 1e4)
    x[rng().random(N) < 0.02] = x.min() - 2 * scale - 1
    x = x.astype(dtype)
    assert stand_ins(sorted_sample(x)) == [x.min()]


def waves(n=600, seed=1):
    draw, t = np.random.default_rng(seed), np.linspace(0, 1, 64)
    parts = (
        draw.normal(size=(n, 1)) * np.sin(2 * np.pi * (k + 1) * t + draw.uniform(0, 6, (n, 1)))
        for k in range(6)
    )
    return (sum(parts) * 10 + 20).astype("float32")


def snr(x, decoded, counted=slice(None)):
    x, decoded = x[counted].astype(float), decoded[counted].astype(float)
    return 10 * np.log10(x.var() / np.square(decoded - x).mean())


def trained(x, **settings):
    return narrows.train(x, architecture="linear", latent_size=12, **settings)


def spoilt(x, how):
    x, broken = x.copy(), np.zeros(x.shape, bool)
    if how == "1e6":
        broken[17, 3] = True
        x[broken] = 1e6
    else:
        broken = np.random.default_rng(2).random(x.shape) < 0.02
        x[broken] = np.nan if how == "nan" else -9999
    return x, broken


@pytest.mark.parametrize("how", ["1e6", "-9999", "nan"])
def test_good_signals_keep_the_quality_that_they_have_alone(how, caplog):
    x, test = waves(), waves(300, seed=3)
    bad, broken = spoilt(x, how)
    with caplog.at_level("INFO"):
        alone, codec = trained(x), trained(bad)
    assert caplog.text.count("training leaves out") == 1
    assert abs(snr(test, codec.decompress(codec.compress(test)))
               - snr(test, alone.decompress(alone.compress(test)))) < 0.3  # fmt: skip
    decoded = codec.decompress(codec.compress(bad))
    assert decoded[broken].tobytes() == bad[broken].tobytes()
    own = alone.decompress(alone.compress(x))
    assert snr(x, decoded, ~broken) > snr(x, own, ~broken) - 0.3
    assert codec.model.peak < 200


def test_values_that_are_given_as_missing_are_kept_by_the_model():
    x = waves()
    x[np.random.default_rng(2).random(x.shape) < 0.02] = 21.5  # in the middle of the range
    codec = trained(x, missing=21.5)
    assert codec.model.fit.missing == [21.5]
    decoded = codec.decompress(codec.compress(x))
    assert (decoded[x == 21.5] == 21.5).all()
    again = type(codec).from_bytes(codec.model_bytes)
    assert again.compress(x) == codec.compress(x)


def test_networks_do_not_learn_from_missing_values():
    x = waves(500)
    hole = np.zeros(x.shape, bool)
    hole[:, 20:40] = True
    bad = np.where(hole, np.float32(np.nan), x)
    codec = narrows.train(bad, architecture="dense", latent_size=12, epochs=40, seed=1)
    decoded = codec.decompress(codec.compress(bad))
    assert np.isnan(decoded[hole]).all()
    assert snr(x, decoded, ~hole) > 12


@pytest.mark.parametrize("text", ["", "a", "nan", "1;2", "inf"])
def test_what_is_no_list_of_numbers_is_refused(text):
    with pytest.raises(SettingError, match="-9999"):
        trained(waves(20), missing=text)


def test_signals_without_values_stay_where_order_counts():
    x = np.random.default_rng(2).normal(size=(20, 6)).astype(np.float32)
    x[7] = np.nan
    cleaner = Cleaner.of(x, [], Channels("none", None, (6,)))
    dropped, kept = (cleaner.clean(x, "x", in_order=each) for each in (False, True))
    assert (len(dropped.x), len(kept.x)) == (19, 20)
    assert np.allclose(kept.x[7], np.nanmean(x), atol=1e-6)
    assert kept.missing[7].all()
