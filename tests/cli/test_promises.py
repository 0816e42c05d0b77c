"""Commands with a bound, or without loss: no model anywhere."""

import json

import numpy as np
import pytest

from tests.helpers.command_line import fails_with_one_line


@pytest.fixture
def waves(tmp_path, monkeypatch):
    """A file x.npy of smooth float32 with a missing value, in a folder that is the current one."""
    monkeypatch.chdir(tmp_path)
    x = np.sin(np.add.outer(np.arange(40), np.arange(50)) / 9).astype("float32") * 20
    x[3, 4] = np.nan
    np.save("x.npy", x)
    return x


def test_lossless_needs_no_model_and_every_bit_comes_back(run, waves):
    told = run("compress", "x.npy", "--lossless").err
    assert "lossless; blocks: 1 " in told
    assert run("decompress", "x.npy.nrw", "-o", "y.npy").code == 0
    assert np.load("y.npy").tobytes() == waves.tobytes()


def test_nothing_is_said_of_learning_where_nothing_is_learnt(run, waves):
    np.save("few.npy", np.zeros((3, 70, 70), "float32"))
    assert "learn" not in run("compress", "few.npy", "--lossless").err
    told = run("train", "few.npy", "-o", "m.narrows").err.splitlines()
    assert "few to learn from" in told[0]
    assert "all the same: networks have nothing to learn" in told[-1]


def test_a_bound_is_kept_told_and_verified(run, waves):
    command = ("compress", "x.npy", "--max-relative-error", "0.01", "-o", "x.nrw")
    figures = json.loads(run(*command, "--json").out)
    assert figures["blocks_by_mode"] == {"levels": 1}
    assert figures["compressed_bytes"] < waves.nbytes / 5
    assert run("decompress", "x.nrw", "-o", "y.npy").code == 0
    bound = 0.01 * float(np.nanmax(waves) - np.nanmin(waves))
    assert np.nanmax(np.abs(np.load("y.npy").astype(float) - waves)) <= bound
    told = json.loads(run("info", "x.nrw", "--json").out)
    assert told["promise"] == f"max error {bound:.6g} (0.01 of the value range)"
    found = json.loads(run("verify", "x.nrw", "--against", "x.npy", "--json").out)
    assert (found["promise"], found["beyond_promise"]) == (told["promise"], 0)
    assert found["max_abs_error"] <= bound
    assert ", kept" in run("verify", "x.nrw", "--against", "x.npy").out


def test_a_broken_promise_is_counted(run, waves):
    run("compress", "x.npy", "--max-error", "0.5", "-o", "x.nrw")
    waves[0, :7] += 3
    np.save("other.npy", waves)
    told = run("verify", "x.nrw", "--against", "other.npy").out
    assert "max error 0.5, broken by 7 elements" in told


def test_more_is_appended_under_the_same_promise_alone(run, waves):
    first = ("compress", "x.npy", "--max-error", "0.5", "-o", "x.nrw")
    assert run(*first).code == 0
    assert "80 signals in" in run(*first, "--append").err
    other = ("compress", "x.npy", "--max-error", "0.25", "-o", "x.nrw", "--append")
    assert fails_with_one_line(run(*other), "the archive promises max error 0.5")


@pytest.mark.parametrize(("options", "text"), [
    (("--max-error", "0"), "--lossless"),
    (("--max-error", "-1"), "above 0"),
    (("--max-error", "nan"), "finite"),
    (("--max-error", "1,2,3"), "as many as the last axis has channels"),
    (("--max-error", "few"), "accepted are a number"),
    (("--max-error", "1e-50"), "below the resolution of float32"),
    (("--max-relative-error", "1e-9"), "below the resolution of float32"),
    (("--lossless", "--target-bytes", "5"), "give one of the two"),
    (("--lossless", "--max-error", "1"), "give one of the two"),
])  # fmt: skip
def test_what_cannot_be_promised_is_one_line(run, waves, options, text):
    assert fails_with_one_line(run("compress", "x.npy", *options), text)


@pytest.mark.parametrize(
    "options", [(), ("--lossless", "--packets"), ("--lossless", "--embed-model")]
)
def test_options_that_have_no_use_are_refused(run, waves, options):
    assert run("compress", "x.npy", *options).code == 2


def test_a_recording_comes_back_from_windows_without_loss(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    x = (np.cumsum(np.random.default_rng(0).normal(size=(3000, 2)), axis=0) * 9).astype("int16")
    np.save("r.npy", x)
    assert run("compress", "r.npy", "--lossless", "--window", "256").code == 0
    assert run("decompress", "r.npy.nrw", "-o", "back.npy").code == 0
    assert np.array_equal(np.load("back.npy"), x)
