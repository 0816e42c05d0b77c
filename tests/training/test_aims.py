"""Aims: what they are, the latents that follow from them, and that they are met."""

import logging
import sys

import numpy as np
import pytest

import narrows
from narrows.errors import SettingError
from narrows.evaluation.report.facts import train_command
from narrows.signals.inputs import TrainingSamples
from narrows.training import solved
from narrows.training.aims import DEFAULT_AIM, parse_aim
from narrows.training.closed_form.spectrum import spectrum_of, weights_for
from narrows.training.plan import plan_of
from narrows.training.preparing import prepare
from narrows.training.reached import Reached
from narrows.training.settings import completed
from narrows.training.water_filling import Spectrum

LINEAR = {"architecture": "linear"}


@pytest.fixture(scope="module")
def waves():
    """Smooth signals of 64 int16, whose components' variances fall."""
    rng, falling = np.random.default_rng(0), 1000.0 / (1 + np.arange(64)) ** 1.5
    cosines = np.cos(np.pi * np.outer(np.arange(64), np.arange(64) + 0.5) / 64)
    return np.round(rng.standard_normal((2000, 64)) * falling @ cosines).astype(np.int16)


def reached(codec):
    return codec.model.training["reached"]


@pytest.mark.parametrize(
    "text",
    [
        "snr:20",
        "snr:20,30.5",
        "psnr:41.5",
        "cosine:0.93",
        "cosine:0.99999999",
        "ratio:50",
        "bytes:12",
        "bits-per-element:0.5",
    ],
)
def test_an_aim_is_a_kind_and_a_number(text):
    assert str(parse_aim(text)) == text


@pytest.mark.parametrize(
    "text",
    ["", "20", "snr", "snr:", "snr:x", "snr:0", "snr:-3", "snr:nan", "bytes:inf", "dB:20",
     "snr:20,", "snr:20,0", "psnr:20,30", "cosine:1", "cosine:0.9,0.8"],
)  # fmt: skip
def test_what_is_no_aim_is_refused_with_all_that_is_accepted(text):
    with pytest.raises(SettingError, match=r"accepted are snr:dB, .* and bits-per-element:X"):
        completed({"aim": text})


@pytest.mark.parametrize(
    "other", [{"bits_per_latent": 3.2}, {"lambda_": 9.0}, {"preset": "dense-32"}]
)
def test_a_training_aims_at_one_thing(other):
    with pytest.raises(SettingError, match=f"aim snr:20 and {next(iter(other)).rstrip('_')}"):
        completed({"aim": "snr:20", **other})


@pytest.mark.parametrize("aim", ["ratio:64", "bytes:2", "bits-per-element:0.25"])
def test_aims_of_rate_are_bits_a_signal(aim, waves):
    plan = plan_of({"aim": aim}, waves.shape, waves.dtype, spectrum=lambda: spectrum_of(waves))
    assert plan.aimed_bits == pytest.approx(16.0)
    assert plan.aimed_snr is None


def test_convolutions_have_latents_of_few_bits_at_a_rate_that_is_aimed_at():
    spectrum = Spectrum(np.geomspace(1000.0, 1e-3, 784), 0.0, 99.0)
    plans = {
        aim: plan_of({"aim": aim}, (60_000, 28, 28), np.uint8, spectrum=lambda: spectrum)
        for aim in ("bytes:9", "bytes:18", "bytes:0.1")
    }
    assert [plan.architecture for plan in plans.values()] == ["conv"] * 3
    assert [plan.latent_size for plan in plans.values()] == [26, 52, 2]
    assert plans["bytes:18"].bits_per_latent == pytest.approx(2.75, rel=0.02)
    assert plans["bytes:18"].why("latent_size") == "2.75 bits of each, for bytes:18"


@pytest.mark.parametrize(
    "aim", ["ratio:0.5", "ratio:1", "bytes:900", "bits-per-element:99", "ratio:1e9"]
)
def test_aims_that_no_training_can_meet_are_refused(aim, waves):
    with pytest.raises(
        SettingError, match=r"bytes a signal; accepted are 0\.01 or more, and fewer"
    ):
        plan_of({"aim": aim}, waves.shape, waves.dtype, spectrum=lambda: spectrum_of(waves))


@pytest.mark.parametrize("snr", [3.0, 10.0, 20.0, 45.0])
def test_components_share_a_distortion_or_are_left_out(snr):
    """The water level is found by bisection here."""
    falling = 64.0 / np.arange(1, 51) ** 2
    spectrum = Spectrum(falling / falling.mean(), 0.0, 99.0)
    low, high = 1e-9, 99.0
    for _ in range(100):
        level = np.sqrt(low * high)
        enough = np.minimum(spectrum.variances, level).mean() <= 10 ** (-snr / 10)
        low, high = (level, high) if enough else (low, level)
    above = spectrum.variances[spectrum.variances > level]
    filled = spectrum.at_snr(snr)
    assert filled.components == len(above)
    assert filled.bits == pytest.approx(0.5 * np.log2(above / level).sum())
    assert spectrum.at_bits(filled.bits).components == filled.components


def test_an_snr_that_the_mean_has_takes_nothing():
    assert Spectrum(np.ones(5), 0.0, 99.0).at_snr(-0.1) == (0, 0.0)


@pytest.mark.parametrize("n", [40, 3000])
def test_a_spectrum_is_in_units_of_the_mean_variance(n):
    x = np.random.default_rng(0).normal(7.0, 30.0, (n, 60)).astype(np.float32)
    spectrum = spectrum_of(x)
    assert spectrum.variances.mean() == pytest.approx(1.0, abs=0.05)
    assert np.all(np.diff(spectrum.variances) <= 0)
    assert spectrum.psnr_of_mean == pytest.approx(20 * np.log10(np.ptp(x) / x.std()), abs=0.01)


def test_latents_and_bits_follow_from_the_spectrum(waves):
    plans = [
        plan_of(
            {"aim": f"snr:{snr}"}, waves.shape, waves.dtype, spectrum=lambda: spectrum_of(waves)
        )
        for snr in (10, 20)
    ]
    assert plans[0].latent_size < plans[1].latent_size < 64
    assert plans[0].aimed_bits < plans[1].aimed_bits
    assert "principal components count for snr:20" in plans[1].why("latent_size")
    given = plan_of(
        {"aim": "snr:20", "latent_size": 5}, waves.shape, waves.dtype,
        spectrum=lambda: spectrum_of(waves),
    )  # fmt: skip
    assert (given.latent_size, given.why("latent_size")) == (5, "given")


@pytest.mark.parametrize("aim", ["snr:15", "snr:25", "psnr:35"])
def test_linear_models_meet_an_aim_of_quality(aim, waves):
    codec = narrows.train(waves, aim=aim, **LINEAR)
    kind, _, value = aim.partition(":")
    assert reached(codec)[kind] == pytest.approx(float(value), abs=0.3)
    x, back = waves[:500], codec.decompress(codec.compress(waves[:500]))
    error = np.square(x.astype(float) - back).mean()
    assert 10 * np.log10(x.var() / error) == pytest.approx(reached(codec)["snr"], abs=0.6)


@pytest.mark.parametrize("aim", [0.8, 0.97])
@pytest.mark.parametrize("length", [1.0, 30.0])
def test_vectors_come_back_at_the_cosine_aimed_at(aim, length, caplog):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3000, 40)) * np.linspace(3, 0.3, 40) + 0.5
    x = (length * x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)
    with caplog.at_level("INFO"):
        codec = narrows.train(x[:2500], architecture="linear", aim=f"cosine:{aim}")
    decoded = codec.decompress(codec.compress(x[2500:]))
    products = (x[2500:] * decoded).sum(axis=1) / length
    cosine = (products / np.linalg.norm(decoded, axis=1)).mean()
    assert cosine == pytest.approx(aim, abs=0.15 * (1 - aim))
    assert f"aimed at cosine:{aim}" in caplog.text
    assert "mean cosine of 0." in caplog.text


def test_linear_models_meet_an_aim_of_rate(waves):
    codec = narrows.train(waves, aim="bytes:9", **LINEAR)
    assert reached(codec)["bytes_per_signal"] == pytest.approx(9.0, rel=0.05)
    assert reached(codec)["ratio"] == pytest.approx(128 / 9, rel=0.05)


@pytest.mark.parametrize("qualities", [1, 3])
def test_networks_meet_an_aim_of_quality_at_the_middle_one(digits, qualities):
    codec = narrows.train(digits, aim="snr:13", qualities=qualities, epochs=20)
    assert reached(codec)["snr"] == pytest.approx(13.0, abs=1.0)
    sizes = [len(codec.compress(digits[:500], q)) for q in range(1, qualities + 1)]
    assert sizes == sorted(sizes)


def test_an_aim_of_quality_is_met_whatever_distortion_is_minimised(digits):
    """Symbols are searched for a smaller squared error, which such networks leave room for."""
    codec = narrows.train(digits, aim="snr:13", loss="l1", epochs=20)
    back = codec.decompress(codec.compress(digits[::4], effort=0))
    error = np.square(digits[::4].astype(float) - back).mean()
    assert 10 * np.log10(digits.var() / error) == pytest.approx(13.0, abs=1.5)


def test_a_resumed_run_that_aims_at_a_quality_gives_the_same_model(digits, tmp_path):
    kept, settings = tmp_path / "kept", {"aim": "snr:12", "qualities": 2, "epochs": 4}
    whole = narrows.train(digits[:300], **settings)
    seen = []
    narrows.train(
        digits[:300], **settings, checkpoint=kept, progress=seen.append, stop=lambda: len(seen) > 1
    )
    resumed = narrows.train(digits[:300], **settings, checkpoint=kept, resume=True)
    assert resumed.model_id == whole.model_id


@pytest.mark.parametrize("aim", ["snr:120", "psnr:120", "cosine:0.999999"])
def test_an_aim_beyond_whole_numbers_is_refused_with_what_can_be_had(digits, aim):
    with pytest.raises(
        SettingError, match=r"such signals can have (p?snr:\d\d|cosine:0.999\d?) at most"
    ) as error:
        narrows.train(digits, aim=aim)
    most = str(error.value).split("can have ")[1].split()[0]
    plan_of({"aim": most}, digits.shape, digits.dtype, spectrum=lambda: spectrum_of(digits))


def test_what_was_reached_is_told_beside_the_aim(digits, caplog):
    with caplog.at_level(logging.INFO, logger="narrows"):
        narrows.train(digits, aim="snr:10", **LINEAR)
    assert "dB PSNR; aimed at snr:10" in caplog.text


def test_an_aim_that_was_missed_is_told_with_what_comes_nearer(digits):
    plan = plan_of(
        {"aim": "snr:20"}, (900, 8, 8), digits.dtype, spectrum=lambda: spectrum_of(digits)
    )
    given = {"signals": 9, "bytes_per_signal": 9.0, "ratio": 7.1, "psnr": 25.0, "channels": []}
    near, far = (Reached(snr=snr, **given).lines(plan) for snr in (19.3, 14.0))
    assert len(near) == 1
    assert far[1].startswith("6.0 dB short of the aim: ")
    assert far[1].endswith("more signals or --architecture linear come nearer")
    linear = plan_of(
        {"aim": "snr:20", **LINEAR}, (900, 8, 8), digits.dtype, spectrum=lambda: spectrum_of(digits)
    )
    assert Reached(snr=18.8, **given).lines(linear)[1].endswith("--aim snr:21.2 comes nearer")
    asked = {"latent_size": 25, "bits_per_latent": 3.2, **LINEAR}
    rate = plan_of(asked, (900, 8, 8), digits.dtype)
    told = Reached(snr=9.0, **given | {"bytes_per_signal": 7.3}).lines(rate)[1]
    assert told == "7.3 bytes a signal where 10.0 were aimed at: --aim bytes:10 comes nearer"


def test_what_a_short_training_leaves_over_is_corrected_until_the_aim_is_met(digits):
    codec = narrows.train(digits, aim="snr:17", latent_size=8, epochs=3)
    assert codec.model.groups["corrected"] > 0
    assert reached(codec)["snr"] == pytest.approx(17.0, abs=1.0)


def test_by_default_a_training_aims_at_a_quality_unless_latents_bits_or_lambda_are_given():
    x = np.random.default_rng(0).normal(size=(200, 40))
    plans = [
        plan_of(given, x.shape, x.dtype, spectrum=lambda: spectrum_of(x))
        for given in ({}, {"latent_size": 9}, {"bits_per_latent": 2.0}, {"lambda_": 5.0})
    ]
    assert [plan.aimed_snr for plan in plans] == [20.0, None, None, None]
    assert plans[0].aim_in_words == DEFAULT_AIM
    assert (plans[1].latent_size, plans[1].bits_per_latent) == (9, 3.2)


def test_the_command_of_a_model_names_its_aim_and_not_the_bits_that_followed(digits):
    codec = narrows.train(digits, aim="snr:10", **LINEAR)
    command = train_command(codec.model.training["settings"], "linear", "m.narrows")
    assert "--aim snr:10" in command
    assert "--bits-per-latent" not in command


@pytest.mark.parametrize("most", [1, 2])
def test_signals_too_steady_for_the_usual_aim_are_trained_without_it(most):
    x = np.random.default_rng(0).integers(0, most, (300, 16)).astype(np.int32)
    codec = narrows.train(x, architecture="linear")
    assert codec.model.training["settings"]["aim"] is None
    assert codec.decompress(codec.compress(x)).shape == x.shape


@pytest.fixture(scope="module")
def leads():
    """Windows of 32 samples of two leads that drift apart, of unlike size, float32."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((1500, 32, 2)).cumsum(axis=1) + rng.standard_normal((1500, 1, 2))
    return (x * [3.0, 500.0]).astype(np.float32)


@pytest.mark.parametrize("aim", ["snr:12,20", "snr:20,12"])
def test_each_channel_comes_to_its_own_aim(aim, leads):
    codec = narrows.train(leads, aim=aim, **LINEAR)
    wanted = [float(each) for each in aim.removeprefix("snr:").split(",")]
    assert reached(codec)["channels"] == pytest.approx(wanted, abs=0.7)
    back = codec.decompress(codec.compress(leads)).astype(float)
    each = 10 * np.log10(leads.var(axis=(0, 1)) / np.square(back - leads).mean(axis=(0, 1)))
    assert each.tolist() == pytest.approx(wanted, abs=1.0)


def test_the_same_aim_of_each_channel_is_that_of_all(leads):
    assert weights_for(leads, (15.0, 15.0)) == pytest.approx([1.0, 1.0], abs=0.1)
    asked = {"aim": "snr:15,15"}
    plan = prepare(TrainingSamples(leads, None, {}), {**asked, **LINEAR}).plan
    assert plan.aimed_snr == pytest.approx(15.0, abs=0.01)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"aim": "snr:20,30,10"}, r"aim snr:20,30,10 of 3 channels; .* have 2"),
        ({"aim": "snr:20,30", "weights": "1,2"}, "aim snr:20,30 and weights"),
        ({"aim": "snr:20,30", "loss": "bce"}, "aim snr:20,30 with loss bce"),
        ({"aim": "snr:200,190"}, r"such signals can have snr:\d\d,\d\d at most"),
    ],
)
def test_aims_of_channels_that_cannot_be_are_refused(asked, words, leads):
    with pytest.raises(SettingError, match=words):
        narrows.train(leads, **asked)


def test_advice_names_the_aims_of_all_channels():
    aim = parse_aim("snr:20,30")
    assert str(aim.raised(1.26)) == "snr:21.3,31.3"


def test_context_models_are_fitted_once_however_often_an_aim_is_tried(monkeypatch):
    """Elements of a signal are equally loud, which tables cannot know."""
    rng, tried, fitted = np.random.default_rng(1), [], []
    loud = np.exp(1.5 * rng.standard_normal((12_000, 1)))
    x = np.round(30.0 * loud * rng.standard_normal((12_000, 24))).astype(np.int16)
    with_contexts = sys.modules["narrows.training.freeze.with_contexts"]
    finished, fit_contexts = solved.finished, with_contexts.fit_contexts
    monkeypatch.setattr(
        solved, "finished", lambda *given, **how: tried.append(1) or finished(*given, **how)
    )
    monkeypatch.setattr(
        with_contexts, "fit_contexts", lambda *given: fitted.append(1) or fit_contexts(*given)
    )
    monkeypatch.setattr("narrows.training.reached.MAX_NEAR_DB", 1e-6)  # so that it is tried again
    codec = narrows.train(x, aim="snr:12", trellis=False, **LINEAR)
    assert (len(tried) > 1, len(fitted)) == (True, 1)
    assert codec.model.contexts[0] is not None
    narrows.Codec.from_bytes(codec.model_bytes)  # by the answers that it is known by
