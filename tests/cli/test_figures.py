"""Every figure says what it refers to, in words and in JSON."""

import json
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest

import narrows
from narrows.evaluation.metrics import evaluate
from narrows.signals.channels import by_channel

RNG = np.random.default_rng(3)


def sensors(n, factor=1.0):
    """Windows of 40 samples of two sensors, the second a thousand times the first."""
    walks = RNG.normal(size=(n, 40, 2)).cumsum(axis=1) * [1.0, 1000.0] * factor
    return walks.astype(np.float32)


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    folder = tmp_path_factory.mktemp("figures")
    x = sensors(300)
    narrows.train(x, latent_size=8, architecture="linear").save(folder / "s.narrows")
    np.save(folder / "s.npy", sensors(50))
    np.save(folder / "hundredth.npy", sensors(50, 0.01))
    return folder


@pytest.fixture
def here(kept, monkeypatch):
    monkeypatch.chdir(kept)
    return kept


def test_evaluate_tells_the_peak_and_figures_by_channel(run, here):
    figures = json.loads(run("evaluate", "s.npy", "-m", "s.narrows", "--json").out)
    x, codec = np.load("s.npy"), narrows.load("s.narrows")
    error = codec.decompress(codec.compress(x)).astype(float) - x
    assert figures["peak"] == codec.model.peak
    assert figures["peak_is"] == "the training signals' range"
    assert figures["value_range"] == [x.min(), x.max()]
    assert figures["range_remark"] is None
    for c, channel in enumerate(figures["channels"]):
        spread = x[..., c].astype(float) - x[..., c].mean(dtype=float)
        expected = 10 * np.log10(np.square(spread).sum() / np.square(error[..., c]).sum())
        assert channel["snr"] == pytest.approx(expected)
        assert channel["max_abs_error"] == np.abs(by_channel(error)[..., c]).max()
    shown = run("evaluate", "s.npy", "-m", "s.narrows").out
    assert f"{figures['psnr']:.2f} dB (peak " in shown
    assert f"{figures['snr']:.2f} dB (variance about each channel's mean / MSE)" in shown
    assert "PRDN" in shown
    assert all(len(line) <= 80 for line in shown.splitlines())


def test_signals_of_a_hundredth_of_the_range_are_not_said_to_be_good(run, here):
    shown = " ".join(run("evaluate", "hundredth.npy", "-m", "s.narrows").out.split())
    assert "PSNR has a peak of" in shown
    assert "times this range; see SNR" in shown


def test_verify_tells_the_same_figures_as_evaluate(run, here):
    evaluated = json.loads(run("evaluate", "s.npy", "-m", "s.narrows", "--json").out)
    run("compress", "s.npy", "-m", "s.narrows", "-f")
    options = ("s.npy.nrw", "-m", "s.narrows", "--against", "s.npy")
    verified = json.loads(run("verify", *options, "--json").out)
    same = ("psnr", "peak", "peak_is", "snr", "prdn", "rms_error", "channels", "range_remark")
    assert [verified[name] for name in same] == [evaluated[name] for name in same]
    shown = run("verify", *options).out
    assert f"{verified['snr']:.2f} dB (variance about each channel's mean / MSE)" in shown
    unknown = json.loads(run("verify", "s.npy.nrw", "--json").out)
    assert unknown.keys() == verified.keys()
    assert unknown["snr"] is None


def test_the_report_tells_them_by_channel_with_the_range(here):
    pytest.importorskip("matplotlib", reason="drawing needs matplotlib; extra report")
    from narrows.evaluation.report.facts import fidelity

    codec = narrows.load("s.narrows")
    measured = evaluate(codec, np.load("hundredth.npy"))
    title, rows = fidelity(SimpleNamespace(measured=measured))
    told = dict(rows)
    assert title == "What came back"
    assert f"{measured.snr:.2f} dB: variance about each channel's mean / MSE" in told["SNR"]
    assert {"PRDN", "root-mean-square error", "channel 0", "channel 1"} <= told.keys()
    assert f"SNR {measured.channels[1].snr:.2f} dB, PRDN " in told["channel 1"]
    assert "times this range" in told["their range"]


def test_integers_are_printed_as_integers(run, folder):
    shown = run("evaluate", "x.npy", "-m", "m.narrows").out
    error = json.loads(run("evaluate", "x.npy", "-m", "m.narrows", "--json").out)["max_abs_error"]
    assert f"{error:.0f} (" in shown
    assert "(peak 16, the training signals' range)" in shown


def test_train_tells_where_all_of_its_time_went(tmp_path, digits):
    np.save(tmp_path / "x.npy", digits[:200])
    command = ["-m", "narrows", "train", "x.npy", "-o", "m.narrows", "--epochs", "1", "--json"]
    began = time.perf_counter()
    done = subprocess.run([sys.executable, *command], cwd=tmp_path, capture_output=True, check=True)
    wall = time.perf_counter() - began
    told = json.loads(done.stdout)
    steps = told["seconds_by_step"]
    assert {"starting", "reading", "importing", "training", "freezing"} <= steps.keys()
    assert sum(steps.values()) == pytest.approx(told["seconds"], abs=0.1)
    assert 0.6 * wall < told["seconds"] < wall + 0.1
    summary = narrows.load(tmp_path / "m.narrows").model.training
    assert summary["seconds_by_step"] == steps
    assert "plan: 1 epoch of" in done.stderr.decode()
