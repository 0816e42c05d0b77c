"""`narrows sweep`: models of many sizes, side by side or one after another."""

import json
import re

import numpy as np
import pytest

import narrows
from narrows.evaluation.sweep import latent_sizes_for, sweep
from tests.helpers.command_line import fails_with_one_line

pytest.importorskip("matplotlib", reason="pictures need matplotlib; extra report")

QUICK = ("--preset", "dense-25", "--epochs", 3, "--jobs", 1)


@pytest.fixture
def swept(run, folder):
    result = run("sweep", "digits", "-o", "s", *QUICK, "--latent-size", "8,2,4")
    assert result.code == 0, result.err
    return result


def test_a_sweep_gives_table_json_pictures_and_models(swept, folder):
    found = json.loads((folder / "s" / "sweep.json").read_text())
    assert [p["latent_size"] for p in found["points"]] == [2, 4, 8]
    assert {"sweep.png", "reconstructions.png"} < {p.name for p in (folder / "s").iterdir()}
    psnr = [p["psnr"] for p in found["points"]]
    size = [p["bytes_per_signal"] for p in found["points"]]
    assert psnr == sorted(psnr)
    assert max(size) == size[-1]  # of two latents or four, tables that learn may take fewer bytes
    for point in found["points"]:
        codec = narrows.load(folder / "s" / point["model"])
        assert codec.model_id == point["model_id"]
        assert codec.model.latent_size == point["latent_size"] == point["pca"]["latent_size"]
        assert point["pca"]["bytes_per_signal"] == pytest.approx(
            point["bytes_per_signal"], rel=0.2, abs=0.25
        )
        assert f"{point['bytes_per_signal']:.2f}" in swept.out


def test_a_sweep_measures_on_as_many_signals_as_are_asked_for(run, folder):
    options = ("--latent-size", 2, "--architecture", "linear", "--jobs", 1, "--signals", 7)
    result = run("sweep", "digits", "-o", "s", *options)
    assert result.code == 0, result.err
    assert "7 signals held out from training" in result.out
    assert json.loads((folder / "s" / "sweep.json").read_text())["test_signals"] == 7
    assert (
        "digits: 7 signals;" in run("sweep", "digits", "-o", "u", *options, "--test", "digits").out
    )
    assert run("sweep", "digits", "-o", "t", *options[:-1], 0).code == 2


def test_a_model_of_a_sweep_is_the_one_that_train_gives(swept, folder, digits, run):
    from narrows.evaluation.demo import train_and_test

    x_train, x_test = train_and_test("digits", 0)
    np.save("train.npy", x_train)
    codec = narrows.load(folder / "s" / "latents-4.narrows")
    trained = narrows.train(x_train, preset="dense-25", epochs=3, latent_size=4)
    assert codec.model_id == trained.model_id
    point = json.loads((folder / "s" / "sweep.json").read_text())["points"][1]
    assert len(codec.compress(x_test)) / len(x_test) == point["bytes_per_signal"]


def test_one_job_and_several_give_the_same(digits):
    points = [{"preset": "dense-25", "epochs": 2, "latent_size": k} for k in (3, 5)]
    seen = []
    alone = sweep(digits[:300], digits[300:400], points, jobs=1, done=seen.append)
    beside = sweep(digits[:300], digits[300:400], points, jobs=2)
    assert [t.point.latent_size for t in alone] == [3, 5]
    assert seen == alone
    assert [t.model for t in alone] != []
    assert [t.model_id for t in alone] == [t.model_id for t in beside]


def test_the_table_is_whole_at_80_columns(run, folder, monkeypatch):
    monkeypatch.setattr("rich.console.Console.is_terminal", True)
    monkeypatch.setenv("COLUMNS", "80")
    done = run("sweep", "x.npy", "-o", "s", "--latent-size", 2, "--architecture", "linear",
               "--jobs", 1)  # fmt: skip
    assert done.code == 0
    plain = re.sub(r"\x1b\[[0-9;]*m", "", done.out)
    assert max(map(len, plain.splitlines())) <= 80
    assert "…" not in plain


def test_lambdas_give_a_rate_distortion_curve(run, folder):
    result = run(
        "sweep", "digits", "-o", "s", "--lambda", "5,500", "--latent-size", 6, "--epochs", 8,
        "--jobs", 1, "--json", "--quiet",
    )  # fmt: skip
    assert result.code == 0, result.err
    low, high = json.loads(result.out)["points"]
    assert (low["lambda"], high["lambda"]) == (5.0, 500.0)
    assert low["bytes_per_signal"] < high["bytes_per_signal"]
    assert low["psnr"] < high["psnr"]


@pytest.mark.parametrize(("size", "sizes"), [(784, [2, 4, 8, 16, 32, 64]), (10, [2, 4]), (2, [1])])
def test_sizes_that_are_tried_compress(size, sizes):
    assert latent_sizes_for(size) == sizes


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--latent-size", "4,0"), ["latent_size 0"]),
        (("--latent-size", "4,65"), ["latent_size 65", "64 elements"]),
        (("--latent-size", "4", "--preset", "dense-99"), ["unknown preset", "dense-25"]),
        (("--latent-size", "4", "--preset", "dense-25", "--lambda", "3"), ["no rate term"]),
    ],
)
def test_a_sweep_that_cannot_be_says_so_before_it_trains(run, folder, options, words):
    assert fails_with_one_line(run("sweep", "digits", "-o", "s", *options, "--quiet"), *words)
    assert not (folder / "s").exists()


@pytest.mark.parametrize(
    "options",
    [
        ("--latent-size", "4,x"),
        ("--latent-size", ""),
        ("--latent-size", "2,4", "--lambda", "3,4"),
        ("--jobs", "0"),
    ],
)
def test_wrong_usage_of_sweep(run, folder, options):
    result = run("sweep", "digits", "-o", "s", *options)
    assert result.code == 2
    assert not (folder / "s").exists()


def test_signals_to_measure_on_of_another_kind_are_told_before_training(run, folder):
    np.save(folder / "other.npy", np.zeros((9, 4, 4), np.uint8))
    result = run("sweep", "digits", "-o", "s", "--test", "other.npy", "--quiet")
    assert fails_with_one_line(result, "--test other.npy", "(4, 4)", "(8, 8)")
    assert not (folder / "s").exists()


def test_a_sweep_is_not_overwritten(run, folder):
    (folder / "s").mkdir()
    (folder / "s" / "sweep.json").write_text("{}")
    assert fails_with_one_line(run("sweep", "digits", "-o", "s"), "sweep.json", "-f")
    (folder / "file").write_text("")
    assert fails_with_one_line(run("sweep", "digits", "-o", "file"), "folder")
    assert fails_with_one_line(run("sweep", "digits", "-o", "no/such"), "no folder")


def test_what_changes_a_training_changes_each_of_a_sweep(run, folder):
    result = run(
        "sweep", "digits", "-o", "s", *QUICK, "--latent-size", "4", "--corrupt", "mask:0.5",
        "--sparse", 0.01, "--learning-rate", 0.002, "--no-augment", "--json",
    )  # fmt: skip
    assert result.code == 0, result.err
    trained = narrows.load(folder / "s" / "latents-4.narrows").model.training["settings"]
    assert (trained["corrupt"], trained["sparse"]) == ("mask:0.5", 0.01)
    assert (trained["learning_rate"], trained["augment"]) == (0.002, False)
    assert json.loads(result.out)["settings"]["corrupt"] == "mask:0.5"
