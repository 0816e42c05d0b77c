"""`narrows train`, killed and interrupted: what it leaves, says, and goes on to."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs torch; extra train")

import narrows
from narrows.cli import main
from tests.helpers.interrupted import OPTIONS


@pytest.fixture
def narrows_train(folder, sample, capsys, monkeypatch):
    """Run `narrows train x.npy -o m.narrows ...` here and give the exit code and stderr."""
    np.save("x.npy", sample)

    def call(*more):
        monkeypatch.setattr(sys, "argv", ["narrows", "train", "x.npy", "-o", "m.narrows", *more])
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code or 0
        return code, capsys.readouterr().err

    return call


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_command_removes_the_checkpoint_when_the_model_is_written(
    narrows_train, whole, folder, checkpoint
):
    code, told = narrows_train(*OPTIONS)
    assert code == 1
    assert told.count("\n") == 1
    assert "--resume" in told
    code, told = narrows_train(*OPTIONS, "--resume")
    assert code == 0
    assert "going on after epoch 2 of 6" in told
    assert narrows.load("m.narrows").model_id == whole.model_id
    assert names(folder) == ["m.narrows", "x.npy"]


def test_the_command_refuses_wrong_uses(narrows_train, folder):
    assert narrows_train("--minutes", "1", "--epochs", "2")[0] == 2
    assert narrows_train("-o", "-", "--resume")[0] == 2
    assert names(folder) == ["x.npy"]


def test_a_mismatch_leaves_output_and_checkpoint_as_they_were(narrows_train, folder, checkpoint):
    (folder / "m.narrows").write_bytes(b"precious")
    before = checkpoint.read_bytes()
    code, told = narrows_train(*OPTIONS, "--resume", "--seed", "5")
    assert (code, told.count("\n")) == (1, 1)
    assert "seed was 0 and is 5" in told
    assert narrows_train(*OPTIONS)[0] == 1
    assert narrows_train(*OPTIONS, "--architecture", "linear")[0] == 1
    assert (folder / "m.narrows").read_bytes() == b"precious"
    assert checkpoint.read_bytes() == before


SLOW = {"latent_size": 4, "epochs": 6, "batch_size": 4}  # some tenths of a second an epoch
SLOW_OPTIONS = ["--latent-size", "4", "--epochs", "6", "--batch-size", "4"]
START = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # pytest may run with it ignored
from narrows.cli import main
from narrows.training import finishing
freeze, seconds = finishing.freeze, float(sys.argv.pop(1))
def freeze_after_a_while(*arguments, **options):
    time.sleep(seconds)
    return freeze(*arguments, **options)
finishing.freeze = freeze_after_a_while
main()
"""


class Process:
    """`narrows train x.npy -o m.narrows ...` in a process of its own."""

    def __init__(self, *options, slow_freezing=0):
        command = ["train", "x.npy", "-o", "m.narrows", *options]
        self.process = subprocess.Popen(
            [sys.executable, "-c", START, str(slow_freezing), *command],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(Path(narrows.__file__).parent.parent)},
        )
        self.told = ""

    def send(self, number):
        self.process.send_signal(number)

    def wait_for(self, words):
        for line in self.process.stderr:
            self.told += line
            if words in line:
                return
        pytest.fail(f"no {words!r} in {self.told!r}")

    def end(self):
        self.told += self.process.communicate(timeout=60)[1]
        return self.process.returncode


@pytest.fixture(scope="module")
def whole_slow(sample):
    began = time.perf_counter()
    codec = narrows.train(sample, **SLOW)
    return codec, (time.perf_counter() - began) / 6


def test_a_run_killed_at_random_moments_goes_on_to_the_same_model(
    narrows_train, whole_slow, folder
):
    codec, seconds = whole_slow
    for _ in range(2):
        process = Process(*SLOW_OPTIONS, "--resume")
        process.wait_for("epoch ")
        time.sleep(np.random.default_rng().uniform(0, seconds))
        process.send(signal.SIGKILL)
        assert process.end() == -signal.SIGKILL
        assert not (folder / "m.narrows").exists()
    assert narrows_train(*SLOW_OPTIONS, "--resume")[0] == 0
    assert narrows.load("m.narrows").model_id == codec.model_id
    assert names(folder) == ["m.narrows", "x.npy"]


def test_the_first_ctrl_c_writes_the_model_so_far(narrows_train, whole_slow, folder):
    process = Process(*SLOW_OPTIONS)
    process.wait_for("epoch 2/6")
    process.send(signal.SIGINT)
    assert process.end() == 130
    assert re.search(r"interrupted in epoch \d: freezing .*\(best epoch \d of 6\)", process.told)
    assert "--resume" in process.told.splitlines()[-1]
    assert names(folder) == ["m.narrows", "m.narrows.checkpoint", "x.npy"]
    assert narrows.load("m.narrows").model.training["interrupted"]
    assert narrows_train(*SLOW_OPTIONS)[0] == 1
    assert narrows_train(*SLOW_OPTIONS, "--resume")[0] == 0
    resumed = narrows.load("m.narrows")
    assert resumed.model_id == whole_slow[0].model_id
    assert not resumed.model.training["interrupted"]
    assert names(folder) == ["m.narrows", "x.npy"]


def test_a_second_ctrl_c_stops_at_once(narrows_train, whole_slow, folder):
    process = Process(*SLOW_OPTIONS, slow_freezing=60)
    process.wait_for("epoch 1/6")
    process.send(signal.SIGINT)
    process.wait_for("interrupted in epoch")
    process.send(signal.SIGINT)
    assert process.end() == 130
    assert "nothing was written" in process.told.splitlines()[-1]
    assert names(folder) == ["m.narrows.checkpoint", "x.npy"]
    assert narrows_train(*SLOW_OPTIONS, "--resume")[0] == 0
    assert narrows.load("m.narrows").model_id == whole_slow[0].model_id


def test_sigterm_stops_at_once_and_keeps_the_checkpoint(folder, sample):
    np.save("x.npy", sample)
    process = Process(*SLOW_OPTIONS, slow_freezing=60)
    process.wait_for("epoch 2/6")
    process.send(signal.SIGTERM)
    assert process.end() == 143
    last = process.told.splitlines()[-1]
    assert last.startswith("narrows: ended by SIGTERM; no model was written; go on from m.narrows.")
    assert names(folder) == ["m.narrows.checkpoint", "x.npy"]


def test_ctrl_c_in_the_first_epoch_leaves_nothing(narrows_train, folder):
    process = Process("--architecture", "dense", "--epochs", "2", "--batch-size", "1", "--resume")
    process.wait_for("starting from the beginning")
    process.send(signal.SIGINT)
    assert process.end() == 130
    assert process.told.count("\n") == 3  # the notice waited for, the plan, and this
    last = process.told.splitlines()[-1]
    assert last.startswith("narrows: interrupted: ")
    assert names(folder) == ["x.npy"]
