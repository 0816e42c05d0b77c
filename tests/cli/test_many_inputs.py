"""Several inputs: each to an output of its own, and one that fails stops no other."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.command_line import fails_with_one_line

MODEL = ("-m", "m.narrows")


@pytest.fixture
def tree(folder, digits):
    """A tree of three files in three folders."""
    for number, name in enumerate(("a.npy", "one/b.npy", "one/two/c.npy")):
        path = Path("tree", name)
        path.parent.mkdir(exist_ok=True)
        np.save(path, digits[number : number + 9])
    return folder


def names(root):
    return sorted(path.relative_to(root).as_posix() for path in Path(root).rglob("*.*"))


def test_several_inputs_go_to_archives_of_their_own_and_back(run, tree):
    files = ["tree/a.npy", "tree/one/b.npy"]
    done = run("compress", *files, *MODEL, "--output-dir", "out/new")
    assert done.code == 0
    assert done.err.count("\n") == 2
    assert names("out/new") == ["a.npy.nrw", "b.npy.nrw"]
    assert run("compress", files[0], *MODEL, "-o", "alone.nrw").code == 0
    assert Path("alone.nrw").read_bytes() == Path("out/new/a.npy.nrw").read_bytes()
    archives = ["out/new/a.npy.nrw", "out/new/b.npy.nrw"]
    assert run("decompress", *archives, *MODEL, "--output-dir", "back").code == 0
    assert names("back") == ["a.npy", "b.npy"]
    assert np.load("back/b.npy").shape == (9, 8, 8)


def test_outputs_are_beside_their_inputs_by_default(run, tree):
    assert run("compress", "tree/a.npy", "tree/one/b.npy", *MODEL).code == 0
    assert names("tree") == ["a.npy", "a.npy.nrw", "one/b.npy", "one/b.npy.nrw", "one/two/c.npy"]


def test_a_tree_goes_to_a_tree_and_back(run, tree):
    assert run("compress", "-r", "tree", *MODEL, "--output-dir", "out", "-j", 2).code == 0
    assert names("out") == ["a.npy.nrw", "one/b.npy.nrw", "one/two/c.npy.nrw"]
    assert run("decompress", "-r", "out", *MODEL, "--output-dir", "back").code == 0
    assert names("back") == names("tree")
    assert run("compress", "-r", "tree", *MODEL).code == 0
    assert run("compress", "-r", "tree", *MODEL, "-f").code == 0  # archives there are no inputs
    assert len(names("tree")) == 6


def test_a_bad_input_is_named_and_the_others_are_done(run, tree):
    Path("tree/bad.npy").write_bytes(b"no numbers")
    result = run("compress", "-r", "tree", *MODEL, "--output-dir", "out", "--quiet")
    assert result.code == 1
    assert "tree/bad.npy" in result.err
    assert result.err.count("\n") == 1
    assert names("out") == ["a.npy.nrw", "one/b.npy.nrw", "one/two/c.npy.nrw"]
    Path("out/one/b.npy.nrw").write_bytes(b"no archive")
    result = run("decompress", "-r", "out", *MODEL, "--output-dir", "back", "--json")
    assert result.code == 1
    figures = json.loads(result.out)
    assert [each["output"] for each in figures["done"]] == ["back/a.npy", "back/one/two/c.npy"]
    assert [each["input"] for each in figures["failed"]] == ["out/one/b.npy.nrw"]
    assert "3 inputs are done" not in result.err
    assert names("back") == ["a.npy", "one/two/c.npy"]


def test_how_many_are_done_is_told_where_one_fails(run, tree):
    result = run("compress", "tree/a.npy", "nowhere.npy", *MODEL)
    assert result.code == 1
    assert result.err.splitlines()[-1] == "1 of 2 inputs are done"


def test_what_is_there_already_is_named_and_kept(run, tree):
    assert run("compress", "tree/a.npy", *MODEL).code == 0
    result = run("compress", "-r", "tree", *MODEL)
    assert result.code == 1
    assert "tree/a.npy.nrw exists already" in result.err
    assert Path("tree/one/b.npy.nrw").exists()


def test_names_that_would_meet_in_one_file_are_refused_before_any_is_written(run, tree, digits):
    np.save("a.npy", digits[:5])
    both = run("compress", "a.npy", "tree/a.npy", *MODEL, "--output-dir", "out")
    assert fails_with_one_line(both, "a.npy and tree/a.npy would both", "one by one")
    assert not Path("out").exists()
    assert run("compress", "a.npy", *MODEL, "-o", "x.nrw").code == 0
    assert run("compress", "a.npy", *MODEL, "-o", "x.npy.nrw").code == 0
    both = run("decompress", "x.nrw", "x.npy.nrw", *MODEL, "--output-dir", "out", "-f")
    assert fails_with_one_line(both, "would both be written to out/x.npy")


def test_folders_that_come_back_under_one_name_are_not_mixed(run, tree):
    for name in ("tree", "tree/one"):
        Path(f"{Path(name).name}-archives").mkdir()
        assert run("compress", name, *MODEL, "-o", f"{Path(name).name}-archives/x.nrw").code == 0
    both = [f"{name}-archives/x.nrw" for name in ("tree", "one")]
    result = run("decompress", *both, *MODEL, "--output-dir", "out", "-f")
    assert fails_with_one_line(result, "would both")
    assert run("decompress", both[0], *MODEL, "--output-dir", "out").code == 0
    assert names("out") == ["x/a.npy", "x/one/b.npy", "x/one/two/c.npy"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("compress", "x.npy", "x.npy", "-o", "y.nrw"), "--output-dir FOLDER"),
        (("compress", "-", "x.npy"), "a pipe or a device"),
        (("decompress", "x.nrw", "y.nrw", "--list"), "of one FILE"),
        (("decompress", "x.nrw", "y.nrw", "--member", "a"), "of one FILE"),
    ],
)
def test_what_is_of_one_input_is_refused(run, folder, arguments, words):
    result = run(*arguments, *MODEL)
    assert result.code == 2
    assert words in " ".join(result.err.split())


def test_packets_of_several_inputs_go_to_folders_of_their_own(run, tree):
    files = ["tree/a.npy", "tree/one/b.npy"]
    assert run("compress", *files, *MODEL, "--packets", "--output-dir", "out").code == 0
    assert sorted(os.listdir("out")) == ["a.npy.packets", "b.npy.packets"]


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")
def test_ctrl_c_says_how_many_are_done(folder, digits):
    np.save("long.npy", np.concatenate([digits] * 20))
    command = [sys.executable, "-m", "narrows", "compress", "x.npy", "long.npy", *MODEL]
    command += ["--effort", "9"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL) as process:
        try:
            deadline = time.monotonic() + 60
            while not Path(".long.npy.nrw.tmp").exists() and time.monotonic() < deadline:
                time.sleep(0.05)
            process.send_signal(signal.SIGINT)
            err = process.communicate(timeout=30)[1].decode()
        finally:
            process.kill()
    assert process.returncode == 130
    assert err.splitlines()[-1] == "narrows: interrupted; 1 of 2 inputs are done"
    assert Path("x.npy.nrw").exists()
    assert not [path for path in Path().iterdir() if "long.npy." in path.name]
