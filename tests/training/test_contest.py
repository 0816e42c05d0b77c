"""Architecture auto: what takes fewest bytes of held-out signals is kept, and it is said why."""

import logging
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs torch; extra train")

import narrows
from narrows.clock import Clock
from narrows.signals.inputs import TrainingSamples
from narrows.training import contest, run, small_pictures
from narrows.training.contest import Contest, is_open
from narrows.training.data.frames import split_rows
from narrows.training.data.in_order import in_order_of
from narrows.training.loop.pace import Pace, budgeted
from narrows.training.plan import plan_of
from narrows.training.preparing import prepare
from narrows.training.small_pictures import may_be_convolved, with_enough_updates
from narrows.training.solved import Solver
from tests.training.test_predictive import beats


@pytest.fixture(scope="module")
def noise():
    """Gaussian signals, for which no codec of single signals is better than PCA."""
    rng, falling = np.random.default_rng(0), 100.0 / (1 + np.arange(48))
    turned = np.linalg.qr(rng.standard_normal((48, 48)))[0]
    return (rng.standard_normal((1500, 48)) * falling @ turned).astype(np.float32)


def test_where_networks_gain_nothing_linear_is_kept_and_told(noise, caplog):
    with caplog.at_level(logging.INFO, logger="narrows"):
        codec = narrows.train(noise, aim="snr:15", epochs=3)
    training = codec.model.training
    assert codec.model.architecture == "linear"
    assert training["candidates"]["linear"] < training["candidates"]["dense"]
    assert "architecture: linear, of fewest bytes at 15.0 dB of SNR: dense" in caplog.text
    assert training["why"]["architecture"] in caplog.text
    assert training["reached"]["snr"] == pytest.approx(15.0, abs=0.5)


def test_networks_that_take_fewer_bytes_are_kept(digits):
    codec = narrows.train(digits, aim="snr:14", epochs=12)
    assert codec.model.architecture == "dense"
    figures = codec.model.training["candidates"]
    assert figures["dense"] == min(figures.values())
    assert len(codec.model.training["history"]) == 12


def test_small_pictures_have_convolutions_where_the_time_is_enough(digits):
    prepared = prepare(TrainingSamples(digits, None, {}), {"minutes": 1.0})
    assert may_be_convolved(prepared)

    def chosen(seconds_of_an_update):
        pace = Pace(seconds_of_an_update, 0.1)
        return with_enough_updates(prepared, lambda each: budgeted(each.plan, pace, 60.0, 0.0)).plan

    assert chosen(1.0).architecture == "dense"
    assert chosen(1e-4).architecture == "conv"
    assert chosen(1e-4).why("architecture") == "for 1,797 small pictures and 300 updates or more"
    whole = prepare(TrainingSamples(digits, None, {}), {})
    tiny = prepare(TrainingSamples(digits[:, :6], None, {}), {"minutes": 1.0})
    few = prepare(TrainingSamples(digits[:900], None, {}), {"minutes": 1.0})
    floats = prepare(TrainingSamples(digits.astype(np.float32), None, {}), {"minutes": 1.0})
    assert not any(map(may_be_convolved, (whole, tiny, few, floats)))


def test_auto_trains_the_networks_that_were_chosen(digits, monkeypatch):
    monkeypatch.setattr(small_pictures, "MIN_UPDATES", 1)
    monkeypatch.setattr(contest, "MIN_UPDATES", 1)
    codec = narrows.train(digits, aim="snr:14", minutes=0.1)
    assert "conv" in codec.model.training["candidates"]


def test_recordings_that_are_predicted_well_need_no_networks(caplog):
    x = np.concatenate([beats(150, seed).reshape(-1, 2) for seed in range(3)])
    with caplog.at_level(logging.INFO, logger="narrows"):
        codec = narrows.train(x, window=32, progress=pytest.fail)
    assert codec.model.architecture == "predictive"
    assert "were not trained" in caplog.text
    assert codec.model.training["candidates"].keys() == {"predictive"}


def test_rows_of_an_array_that_are_in_order_are_predicted_too():
    x = np.concatenate([beats(250, seed) for seed in range(2)])
    codec = narrows.train(x, epochs=2)
    assert codec.model.architecture == "predictive"
    mixed = np.random.default_rng(0).permutation(x)
    assert in_order_of(TrainingSamples(x, None, {}), 0) is not None
    assert in_order_of(TrainingSamples(mixed, None, {}), 0) is None


def test_rows_in_order_are_held_out_as_for_other_architectures():
    x = np.concatenate([beats(250, seed) for seed in range(2)])
    samples = in_order_of(TrainingSamples(x, None, {}), 5)()
    learned, held_out = split_rows(x, 5, has_validation=False)
    assert np.array_equal(samples.x, x[learned])
    assert np.array_equal(samples.validation, x[held_out])
    ends = np.cumsum(samples.recordings)
    assert ends[-1] == len(learned)
    assert np.array_equal(np.flatnonzero(np.diff(learned) > 1) + 1, ends[:-1])
    given = in_order_of(TrainingSamples(x[:300], x[300:], {}), 5)()
    assert given.recordings == (300,)
    assert np.array_equal(given.validation, x[300:])


def test_arrays_are_coded_as_a_whole_beside_the_others():
    rng = np.random.default_rng(0)
    waves = np.fft.irfft2(np.fft.rfft2(rng.normal(size=(80, 80))) / (4 + ramp(80)) ** 2)
    codec = narrows.train(
        (1000 * waves / waves.std()).astype(np.float32), tile=(8, 8), aim="snr:25", epochs=1
    )
    figures = codec.model.training["candidates"]
    assert figures.keys() == {"predictive", "linear", "dense"}
    assert figures[codec.model.architecture] <= 1.06 * min(figures.values())


def ramp(n):
    """Return the frequencies of an n x n field."""
    return np.hypot(n * np.fft.fftfreq(n)[:, None], np.arange(n // 2 + 1))


def test_windows_that_cannot_be_predicted_are_left_to_the_others():
    x = np.random.default_rng(0).normal(size=(40 * 16, 2)).astype(np.float32)
    codec = narrows.train(x, window=64, aim="snr:5", epochs=1)  # nine windows are learnt from
    assert codec.model.architecture in ("linear", "dense")


@pytest.mark.parametrize(
    "asked",
    [
        {"latent_size": 4, "bits_per_latent": 2.0},
        {"lambda_": 3.0},
        {"aim": "snr:9", "latent_size": 4},
        {"aim": "snr:9", "architecture": "dense"},
        {"aim": "snr:9", "loss": "l1"},
        {"aim": "snr:9", "corrupt": "noise:0.1"},
        {"aim": "snr:9", "sparse": 0.1},
        {"preset": "dense-25"},
    ],
)
def test_who_asks_for_more_than_an_aim_gets_what_was_asked_for(asked, noise):
    assert is_open({"aim": "snr:9"}, prepare(TrainingSamples(noise, None, {}), {}).plan, 48)
    plan = prepare(TrainingSamples(noise, None, {}), asked).plan
    assert not is_open(asked, plan, 48)


def test_frames_too_large_for_all_components_are_left_to_networks(noise):
    plan = prepare(TrainingSamples(noise, None, {}), {}).plan
    assert not is_open({}, plan, 5000)


def test_linear_is_estimated_near_what_its_codec_takes(noise):
    prepared = prepare(TrainingSamples(noise, None, {}), {"aim": "snr:15"})
    solver = Solver(prepared, prepared.plan_for("linear"), Clock())
    size, snr = solver.estimate()
    _, reached = solver.solve(1)
    assert size == pytest.approx(reached.bytes_per_signal, rel=0.15)
    assert snr == pytest.approx(reached.snr, abs=0.5)


def test_bytes_at_two_qualities_are_compared_at_one(noise):
    """The same codec, aimed at other qualities, gets the same figure."""
    prepared = prepare(TrainingSamples(noise, None, {}), {"aim": "snr:15"})
    contest = Contest(prepared, {"aim": "snr:15"}, None, Clock())
    figures = []
    for snr in (13.5, 15.0, 16.5):
        own = prepare(TrainingSamples(noise, None, {}), {"aim": f"snr:{snr}"})
        codec, reached = Solver(own, own.plan_for("linear"), Clock()).solve()
        assert reached.snr == pytest.approx(snr, abs=0.3)
        figures.append(contest.measured(codec))
    assert max(figures) < 1.06 * min(figures)


def test_a_plan_without_signals_to_measure_chooses_by_the_shape_alone():
    assert plan_of({}, (60_000, 28, 28), np.uint8).architecture == "conv"


def test_a_time_too_short_for_networks_gives_linear_and_says_what_they_would_take(
    noise, monkeypatch, caplog
):
    def in_no_time(plan, pace, budget, spent):
        return budgeted(plan, replace(pace, update=30.0), budget, spent)

    monkeypatch.setattr(run, "budgeted", in_no_time)
    with caplog.at_level(logging.INFO, logger="narrows"):
        codec = narrows.train(noise, aim="snr:15", minutes=1.0, progress=pytest.fail)
    assert codec.model.architecture == "linear"
    assert codec.model.training["candidates"].keys() == {"linear"}
    told = codec.model.training["why"]["architecture"]
    assert "networks were not trained, as the time is far too short: 4 updates where" in told
    assert "would be enough to judge by" in told
    assert told in caplog.text
    by_name = narrows.train(noise[:300], aim="snr:15", minutes=0.05, architecture="dense")
    assert by_name.model.architecture == "dense"


def test_a_time_in_which_networks_learn_enough_is_given_to_them(noise):
    prepared = prepare(TrainingSamples(noise, None, {}), {"minutes": 1.0})
    open_to_all = Contest(prepared, {"minutes": 1.0}, None, Clock())

    def worth(updates):
        plan = prepared.plan.lasting(1, "", updates, f"far too short: {updates} updates")
        return open_to_all.is_worth_it(plan)

    assert worth(90)
    assert not worth(89)
    assert open_to_all.is_worth_it(prepared.plan.lasting(1, "", 30))  # which is as many as it needs


@pytest.mark.parametrize(
    ("aim", "latents", "kept"),
    [("snr:40", 200, 0.0), ("snr:40", 10, 3.0), ("bytes:30", 10, 6.0)],
)
def test_a_budget_has_room_for_as_many_context_models_as_linear_may_have(
    noise, aim, latents, kept, monkeypatch
):
    monkeypatch.setattr(contest, "fitting_seconds", lambda n, k, n_qualities: 3.0)
    settings = {"aim": aim, "minutes": 1.0}
    prepared = prepare(TrainingSamples(noise, None, {}), settings)
    own = Contest(prepared, settings, None, Clock())
    solver = own._solvers["linear"]
    solver.plan = replace(solver.plan, latent_size=latents)
    assert own.seconds_to_come() == kept
