"""Figures of the command line: by channel, what was kept exactly, what a model costs."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import narrows
from narrows.codec.codec import Codec
from narrows.errors import DataError
from narrows.evaluation.metrics import evaluate
from narrows.models import load_codec
from narrows.signals.channels import by_channel
from tests.helpers.tiny_models import tiny_model, typical_frames

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


def children_s_seconds():
    """Return the processor's seconds of all processes that were started here and have ended."""
    times = os.times()
    return times.children_user + times.children_system


def test_train_tells_where_all_of_its_time_went(tmp_path, digits):
    np.save(tmp_path / "x.npy", digits[:200])
    command = ["-m", "narrows", "train", "x.npy", "-o", "m.narrows", "--epochs", "1", "--json"]
    alone = {**os.environ, "OMP_NUM_THREADS": "1"}
    began, worked = time.perf_counter(), children_s_seconds()
    done = subprocess.run(
        [sys.executable, *command], cwd=tmp_path, env=alone, capture_output=True, check=True
    )
    wall, worked = time.perf_counter() - began, children_s_seconds() - worked
    told = json.loads(done.stdout)
    steps = told["seconds_by_step"]
    assert {"starting", "reading", "importing", "training", "freezing"} <= steps.keys()
    assert sum(steps.values()) == pytest.approx(told["seconds"], abs=0.1)
    # On a busy machine a process waits to begin and to end: what it worked is less than the wall.
    assert 0.6 * worked < told["seconds"] < wall + 0.1
    summary = narrows.load(tmp_path / "m.narrows").model.training
    assert summary["seconds_by_step"] == steps
    assert "plan: 1 epoch of" in done.stderr.decode()


CODEC = Codec(tiny_model("float32", (6, 4), 3))
X = typical_frames(CODEC.model, 400)


@pytest.fixture
def unfit(tmp_path, monkeypatch):
    """A folder with a model, signals that fit, and the same with one NaN and two values outside."""
    monkeypatch.chdir(tmp_path)
    CODEC.save("m.narrows")
    x = X.copy()
    x[3, 1, 2], x[9, 0, :2] = np.nan, 1e6
    np.save("fit.npy", X)
    np.save("x.npy", x)
    return x


def test_compress_says_once_what_was_kept_and_info_counts_it(run, unfit):
    told = run("compress", "x.npy", "-m", "m.narrows")
    words = "kept exactly: 1 value of NaN, infinity or missing and 2 values outside the range"
    assert told.out.count(words) + told.err.count(words) == 1
    assert "in 2 signals" in told.out + told.err
    info = json.loads(run("info", "x.npy.nrw", "--json").out)
    assert info["blocks_by_mode"] == {"learned_patched": 1}
    assert (info["signals_kept_exactly"], info["other_values_kept_exactly"]) == (0, 3)
    assert run("decompress", "x.npy.nrw", "-m", "m.narrows", "-o", "y.npy").code == 0
    y = np.load("y.npy")
    kept = ~np.isfinite(unfit) | (unfit == 1e6)
    assert y[kept].tobytes() == unfit[kept].tobytes()
    assert run("compress", "fit.npy", "-m", "m.narrows").out.count("kept") == 0


def test_they_cost_little(run, unfit):
    sizes = [
        json.loads(run("compress", f, "-m", "m.narrows", "--json").out)["compressed_bytes"]
        for f in ("fit.npy", "x.npy")
    ]
    assert sizes[1] < sizes[0] + 100


def test_strict_refuses_them_and_leaves_no_file(run, unfit, tmp_path):
    told = run("compress", "x.npy", "-m", "m.narrows", "--strict")
    assert told.code == 1
    assert "1 value of NaN, infinity or missing and 2 values outside" in told.err
    assert told.err.count("\n") == 1
    assert not (tmp_path / "x.npy.nrw").exists()
    assert run("compress", "fit.npy", "-m", "m.narrows", "--strict").code == 0


def test_json_has_the_counts(run, unfit):
    figures = json.loads(run("compress", "x.npy", "-m", "m.narrows", "--json").out)
    assert figures["kept_exactly"] == {"missing": 1, "outside": 2, "signals": 2, "unlike": 0}
    figures = json.loads(run("compress", "fit.npy", "-m", "m.narrows", "--json").out)
    assert figures["kept_exactly"] is None


def test_in_python_a_warning_is_logged_once_or_strict_refuses(unfit, caplog):
    CODEC.compress(unfit)
    assert [record.getMessage()[:21] for record in caplog.records] == ["kept exactly: 1 value"]
    with pytest.raises(DataError, match="refused by strict"):
        CODEC.compress(unfit, strict=True)


def test_single_signals_of_an_archive_have_them_too(unfit, tmp_path):
    (tmp_path / "x.nrw").write_bytes(CODEC.compress(unfit))
    whole = CODEC.decompress(CODEC.compress(unfit))
    with narrows.open(tmp_path / "x.nrw", tmp_path / "m.narrows") as archive:
        assert archive[9].tobytes() == whole[9].tobytes()
        assert archive[2:5].tobytes() == whole[2:5].tobytes()
        assert archive[9:2:-3].tobytes() == whole[9:2:-3].tobytes()


def test_packets_of_values_outside_are_told_of(unfit, caplog):
    CODEC.compress_packet(unfit[9])
    assert "2 values outside the range" in caplog.text


def test_figures_leave_them_out_and_would_show_one_that_was_lost(run, unfit, tmp_path):
    def figures(*command):
        return json.loads(run(*command, "-m", "m.narrows", "--json").out)

    whole, holed = (figures("evaluate", f) for f in ("fit.npy", "x.npy"))
    for name in ("rms_error", "snr", "psnr"):
        assert holed[name] == pytest.approx(whole[name], rel=0.01)
    run("compress", "x.npy", "-m", "m.narrows")
    found = figures("verify", "x.npy.nrw", "--against", "x.npy")
    assert found["psnr"] == pytest.approx(holed["psnr"])
    lost = unfit.copy()
    lost[5, 2, 1] = np.nan  # which the archive has not
    np.save("lost.npy", lost)
    assert figures("verify", "x.npy.nrw", "--against", "lost.npy")["psnr"] is None


def test_values_given_as_missing_come_back(run, unfit):
    x = X.copy()
    x[:, 2, 1] = 0.5  # a usual value
    np.save("s.npy", x)
    told = run("compress", "s.npy", "-m", "m.narrows", "--missing", "0.5,-7").err
    assert "kept exactly: 400 values of NaN, infinity or missing, in 400 signals" in told
    decoded = CODEC.decompress(Path("s.npy.nrw").read_bytes())
    assert (decoded[:, 2, 1] == 0.5).all()
    blob = CODEC.compress(x, missing=[0.5])
    assert CODEC.decompress(blob).tobytes() == decoded.tobytes()
    assert run("compress", "s.npy", "-m", "m.narrows", "-f", "--missing", "x").code == 1


COMPRESS = ("compress", "x.npy", "-m", "m.narrows", "-f", "-o", "x.nrw")


def test_compress_says_what_the_model_takes_besides_and_when_that_is_not_worth_it(run, folder):
    size = Path("m.narrows").stat().st_size
    told = run(*COMPRESS).err
    assert f"; {size:,} bytes more for its model" in told
    more = Path("x.nrw").stat().st_size + size > 50 * 64
    assert ("together no less than the signals" in told) == more


def test_an_embedded_model_is_the_decoder_and_an_archive_larger_than_its_input_says_so(run, folder):
    figures = json.loads(run(*COMPRESS, "--embed-model", "--json").out)
    decoder = load_codec(folder / "m.narrows").without_encoder().model_bytes
    assert (figures["embedded"], figures["model_bytes"]) == (True, len(decoder))
    assert decoder in Path("x.nrw").read_bytes()
    told = run(*COMPRESS, "--embed-model").err
    assert f"; {len(decoder):,} bytes of them the decoder's" in told
    larger = figures["compressed_bytes"] > figures["raw_bytes"]
    assert ("leave --embed-model out" in told) == larger


def test_train_says_after_how_many_signals_a_model_pays_at_the_earliest(run, folder):
    command = ("train", "x.npy", "--architecture", "linear", "--latent-size", 2, "-f", "-o")
    figures = json.loads(run(*command, "n.narrows", "--json").out)
    n = -(-Path("n.narrows").stat().st_size // 64)
    assert figures["pays_after_signals"] == n
    assert f"it pays after {n} signals at the earliest" in run(*command, "n.narrows").err
