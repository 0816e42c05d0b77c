"""`narrows advise`: what is measured, and what it says of it."""

import json
from dataclasses import replace

import numpy as np
import pytest

from tests.helpers.command_line import fails_with_one_line

pytest.importorskip("torch", reason="advice trains; extra train")
pytest.importorskip("sklearn", reason="the digits are scikit-learn's; extra train")

from narrows.errors import SettingError
from narrows.evaluation.advice import Advice, AtQuality, advise, verdict
from narrows.evaluation.rate_point import RatePoint
from narrows.evaluation.reference import Reference


@pytest.fixture(scope="module")
def advice(digits):
    told = []
    found = advise(digits, latent_size=12, minutes=0.05, tell=told.append)
    return found, told


def test_every_figure_is_measured_on_the_last_signals(advice, digits):
    found, told = advice
    assert (found.signals, found.held_out) == (1797 - 179, 179)
    assert found.raw.bytes_per_signal == 64
    assert len(found.points) == 3
    sizes = [point.narrows.bytes_per_signal for point in found.points]
    assert sizes == sorted(sizes)
    assert len(told) == 5  # training, lossless codecs, three times peers
    names = [row.name for row in found.points[0].peers]
    assert "PCA codec" in names
    assert all(row.psnr >= found.points[0].narrows.psnr for row in found.points[0].peers)
    assert found.full_seconds > found.trained_seconds
    assert found.model_bytes > 1000


def test_the_table_and_the_json_hold_the_same_figures(advice):
    found, _ = advice
    written = json.loads(json.dumps(found.as_json()))
    assert [each["narrows"]["bytes_per_signal"] for each in written["points"]] == [
        point.narrows.bytes_per_signal for point in found.points
    ]
    assert written["verdict"] == verdict(found)
    assert written["break_even_signals"] == found.break_even_signals


def made_up(ours: float, **changes: object) -> Advice:
    pca = RatePoint("PCA codec", 20.0, 30.0, 4000)
    point = AtQuality(RatePoint("narrows", ours, 30.0, 50_000), [pca])
    made = Advice(
        signals=1000, held_out=100, architecture="dense", trained_seconds=120.0,
        full_seconds=600.0, model_bytes=50_000, break_even_signals=900,
        reference=Reference(255.0, "the range of uint8", ((0, 255),), ()),
        raw=RatePoint("raw", 100.0, float("inf")),
        lossless=[RatePoint("lzma -9e", 50.0, float("inf"))],
        points=[point] * 3,
    )  # fmt: skip
    return replace(made, **changes)


def test_the_verdict_names_what_is_better():
    better = " ".join(verdict(made_up(10.0)))
    assert "10.0 bytes a signal at 30.0 dB, 10 times less than raw" in better
    assert (
        "PCA takes 2.0 times the bytes at the same quality: 20.00 bytes a signal against 10.00 "
        "at 30.00 dB; "
        "with the model counted, narrows is the smaller from 4,600 signals on."
    ) in better
    assert "That PSNR has a peak of 255, the range of uint8" in better
    assert "paid for itself after 900 signals" in better
    assert "about 10 min here" in better

    worse = " ".join(verdict(made_up(25.0)))
    assert "PCA does better on this data: 20.00 bytes a signal against 25.00 at 30.00 dB" in worse
    assert "Try --architecture=linear" in worse
    assert "too short" not in worse
    assert "Use that" not in worse

    lossless = " ".join(verdict(made_up(49.0, break_even_signals=None)))
    assert "lzma -9e is lossless at nearly this size: 50.00 bytes a signal against 49" in lossless
    assert "not smaller than the signals themselves" in lossless


@pytest.mark.parametrize(
    ("ours", "psnr", "said"),
    [
        (21.0, 22.6, "WebP mosaic does better: 20.00 bytes a signal against 21.00, at 22.60 dB "
         "against 12.80 dB, and needs no model."),
        (10.0, 22.6, "WebP mosaic cannot be compared at this quality: at its lowest it takes 20.00 "
         "bytes a signal for 22.60 dB, where narrows takes 10.00 for 12.80 dB."),
        (21.0, np.inf, "20.00 bytes a signal against 21.00, at no loss at all against 12.80 dB"),
        (10.0, np.inf, "it takes 20.00 bytes a signal for no loss at all"),
    ],
)  # fmt: skip
def test_a_peer_of_another_quality_is_told_with_both(ours, psnr, said):
    narrows = RatePoint("narrows", ours, 12.8, 50_000)
    point = AtQuality(narrows, [RatePoint("WebP mosaic", 20.0, psnr)])
    assert said in " ".join(verdict(made_up(ours, points=[point] * 3)))


def test_a_training_too_short_to_judge_by_says_how_long_would_do():
    short = " ".join(verdict(made_up(25.0, trained_seconds=18.0, full_seconds=1500.0)))
    assert "This training, 1 % of a full one, was too short to judge by: give --minutes 3." in short


@pytest.mark.parametrize("minutes", ["0", "-1", "nan", "inf"])
def test_minutes_that_are_none_are_refused_before_anything_else(run, folder, minutes):
    done = run("advise", "no such file.npy", f"--minutes={minutes}")
    fails_with_one_line(done, "minutes", "finite number above 0")
    told = []
    with pytest.raises(SettingError, match="minutes"):
        advise(np.zeros((50, 4), np.uint8), minutes=float(minutes), tell=told.append)
    assert told == []


def test_constant_signals_are_advised_on():
    found = advise(np.zeros((50, 8, 8), np.uint8), minutes=0.01)
    json.dumps(found.as_json(), allow_nan=False)
    assert [point.peers for point in found.points] == [[], [], []]
    assert np.isinf(found.middle.narrows.psnr)
    assert "without loss" in verdict(found)[0]


def test_the_command_prints_a_table_and_sentences(run, folder, monkeypatch):
    monkeypatch.setattr("narrows.evaluation.advice.advise", lambda *arguments: made_up(10.0))
    done = run("advise", "x.npy")
    assert (done.code, done.err) == (0, "")
    assert "times smaller" in done.out
    assert "Expect 10.0 bytes a signal" in done.out
    found = json.loads(run("advise", "x.npy", "--json").out)
    assert found["model_bytes"] == 50_000


def test_too_few_signals_are_told_at_once(run, folder):
    np.save("few.npy", np.zeros((19, 8, 8), np.uint8))
    fails_with_one_line(run("advise", "few.npy"), "19 signals", "at least 20")
