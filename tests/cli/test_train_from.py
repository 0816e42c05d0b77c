"""`train --from`: a model file is gone on from, its signals cut as it takes them."""

import json

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs torch; extra train")

import narrows
from narrows.evaluation.report.facts import train_command

SHORT = "--epochs", "1", "--batch-size", "16"


def test_a_model_file_is_gone_on_from_and_info_says_so(run, folder, tiny_codec):
    done = run("train", "x.npy", "--from", "m.narrows", "-o", "new.narrows", *SHORT, "--json")
    assert (done.code, json.loads(done.out)["plan"]["architecture"]) == (0, "dense")
    assert f"architecture: dense, of model {tiny_codec.model_id[:8]}" in done.err
    training = narrows.load("new.narrows").model.training
    assert training["started_from"] == tiny_codec.model_id
    shown = run("info", "new.narrows")
    assert f"started from model {tiny_codec.model_id}" in " ".join(shown.out.split())
    command = train_command(training["settings"], "dense", "new.narrows", tiny_codec.model_id)
    assert f"--from {tiny_codec.model_id[:8]}.narrows" in command


def test_recordings_are_cut_as_the_model_takes_them(run, folder):
    walk = np.random.default_rng(0).normal(size=4000).cumsum().astype("float32")
    np.save("walk.npy", walk)
    options = "--architecture", "dense", "--latent-size", "4", *SHORT
    assert run("train", "walk.npy", "-o", "w.narrows", "--window", "32", *options).code == 0
    done = run("train", "walk.npy", "--from", "w.narrows", "-o", "v.narrows", *SHORT, "--quiet")
    assert (done.code, done.out, done.err) == (0, "", "")
    assert narrows.load("v.narrows").model.frame_shape == (32,)
    other = run("train", "walk.npy", "--from", "w.narrows", "-o", "u.narrows", "--window", "64")
    assert (other.code, other.err.count("\n")) == (1, 1)
    assert "window 64, but this model takes windows of 32" in other.err


def test_a_checkpoint_of_it_is_gone_on_with(run, folder):
    words = "train", "x.npy", "--from", "m.narrows", "-o", "new.narrows", *SHORT
    assert run(*words, "--resume", "--quiet").code == 0
    assert not (folder / "new.narrows.checkpoint").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--from", "none.narrows"), "none.narrows"),
        (("--from", "x.npy"), "x.npy"),
        (("--from", "m.narrows", "--latent-size", "9"), "latent_size 9, but model"),
    ],
)
def test_a_mistake_gives_one_line_and_no_file(run, folder, options, words):
    done = run("train", "x.npy", "-o", "new.narrows", *options)
    assert (done.code, done.err.count("\n")) == (1, 1)
    assert words in done.err
    assert not (folder / "new.narrows").exists()
