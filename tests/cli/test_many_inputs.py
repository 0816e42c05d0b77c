"""Several inputs and several processes: each output is as it is alone."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import narrows
from narrows.errors import SettingError
from tests.helpers.command_line import Result, fails_with_one_line

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


SMALL = ("--block-signals", "7", "--effort", "2")
posix = pytest.mark.skipif(os.name != "posix", reason="signals and /proc are POSIX's")


@pytest.mark.parametrize("jobs", [2, 3])
def test_compress_and_decompress_write_the_same_bytes_for_any_number(run, folder, jobs):
    many = ("-j", jobs)
    assert run("compress", "x.npy", *MODEL, *SMALL, "-o", "1.nrw").code == 0
    assert run("compress", "x.npy", *MODEL, *SMALL, *many, "-o", "n.nrw").code == 0
    assert Path("1.nrw").read_bytes() == Path("n.nrw").read_bytes()
    for name, more in (("1", ()), ("n", many)):
        assert run("decompress", "1.nrw", *MODEL, *more, "-o", f"{name}.npy").code == 0
    assert Path("1.npy").read_bytes() == Path("n.npy").read_bytes()


def test_python_gives_the_same_for_any_number(folder, tiny_codec, digits):
    x = digits[:50]
    blob = tiny_codec.compress(x, block_signals=7)
    assert blob == tiny_codec.compress(x, block_signals=7, jobs=2)
    assert blob == narrows.compress("x.npy", "m.narrows", block_signals=7, jobs=2)
    decoded = tiny_codec.decompress(blob)
    assert np.array_equal(decoded, tiny_codec.decompress(blob, jobs=2))
    assert np.array_equal(decoded, narrows.decompress(blob, "m.narrows", jobs=2))


def test_files_that_were_cut_come_back_the_same_for_any_number(run, folder, tiny_codec):
    Path("many").mkdir()
    for name in "ab":
        np.save(f"many/{name}.npy", np.load("x.npy")[:20])
    assert run("compress", "many", *MODEL, *SMALL, "-j", 2).code == 0
    for jobs in (1, 2):
        assert run("decompress", "many.nrw", *MODEL, "-o", f"back{jobs}", "-j", jobs).code == 0
    blob = Path("many.nrw").read_bytes()
    both = (narrows.decompress(blob, "m.narrows", jobs=jobs) for jobs in (1, 2))
    for one, two in zip(*(each.items() for each in both), strict=True):
        assert one[0] == two[0]
        assert np.array_equal(one[1], two[1])
        assert np.array_equal(one[1], np.load(f"back1/{one[0]}"))
        assert np.array_equal(one[1], np.load(f"back2/{one[0]}"))


def test_what_is_kept_exactly_is_counted_from_all_processes(run, folder, monkeypatch):
    from tests.helpers.tiny_models import tiny_codec, typical_frames

    codec = tiny_codec(dtype="float32")
    codec.save("f.narrows")
    x = typical_frames(codec.model, 30, np.random.default_rng(0))
    x[[3, 20]] = np.nan
    np.save("f.npy", x)
    told = [
        run(
            "compress", "f.npy", "-m", "f.narrows", *SMALL[:2], "-o", f"f{jobs}.nrw", "-j", jobs
        ).err
        for jobs in (1, 2)
    ]
    assert f"{2 * x[0].size} values of NaN, infinity or missing, in 2 signals" in told[1]
    assert told[0].replace("f1", "") == told[1].replace("f2", "")
    assert Path("f1.nrw").read_bytes() == Path("f2.nrw").read_bytes()


def test_evaluate_measures_the_same(run, folder):
    one, two = (run("evaluate", "x.npy", *MODEL, "-j", jobs).out for jobs in (1, 2))
    assert one == two


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_damaged_block_is_named(run, folder, jobs):
    run("compress", "x.npy", *MODEL, *SMALL, "-o", "x.nrw")
    blob = bytearray(Path("x.nrw").read_bytes())
    blob[len(blob) // 2] ^= 1
    Path("x.nrw").write_bytes(blob)
    result = run("decompress", "x.nrw", *MODEL, "-o", "y.npy", "-j", jobs)
    assert fails_with_one_line(result, "block 3")
    assert not Path("y.npy").exists()


def test_blocks_are_of_as_many_signals_as_asked(run, folder, tiny_codec, digits):
    assert run("compress", "x.npy", *MODEL, *SMALL, "-o", "x.nrw").code == 0
    assert '"blocks": 8' in run("info", "x.nrw", "--json").out
    with narrows.open("x.nrw", "m.narrows") as archive:
        assert np.array_equal(
            archive[20:30], tiny_codec.decompress(tiny_codec.compress(digits[:50]))[20:30]
        )
    assert fails_with_one_line(
        run("compress", "x.npy", *MODEL, "--block-signals", 99999, "-o", "y.nrw"), "1 to 32,767"
    )
    with pytest.raises(SettingError, match="block_signals 0"):
        tiny_codec.compress(digits[:50], block_signals=0)


def children(process):
    """Return the processes that a process started."""
    tasks = Path(f"/proc/{process}/task").glob("*/children")
    return [child for task in tasks for child in task.read_text().split()]


@pytest.fixture
def busy(folder, digits):
    """A compression in two processes that takes a minute."""
    np.save("long.npy", np.concatenate([digits] * 20))
    command = [sys.executable, "-m", "narrows", "compress", "long.npy", *MODEL]
    command += ["--effort", "9", "-j", "2", "--block-signals", "1000"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL) as process:
        try:
            deadline = time.monotonic() + 30
            while len(started := children(process.pid)) < 2 and time.monotonic() < deadline:
                time.sleep(0.05)
            time.sleep(0.5)
            yield process, started
        finally:
            process.kill()


@posix
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="children are found in /proc")
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, "worker"])
def test_one_line_no_file_and_no_process_is_left(busy, ending):
    process, started = busy
    assert len(started) == 2
    assert process.poll() is None
    if ending == "worker":
        os.kill(int(started[0]), signal.SIGKILL)
        code, words = 1, "was ended by SIGKILL"
    else:
        process.send_signal(ending)
        code, words = 128 + ending, "nothing was written"
    _, err = process.communicate(timeout=30)
    assert process.returncode == code
    assert words in err.decode()
    assert err.count(b"\n") == 1
    assert not any(Path(f"/proc/{each}").exists() for each in started)
    assert not [path for path in Path().iterdir() if "long.npy." in path.name]


def test_a_script_needs_no_guard(folder):
    script = (
        "import narrows, numpy as np\n"
        "x, codec = np.load('x.npy'), narrows.load('m.narrows')\n"
        "print(len(codec.compress(x, block_signals=7, jobs=2)))\n"
    )
    Path("script.py").write_text(script)
    done = subprocess.run([sys.executable, "script.py"], capture_output=True, check=False)
    assert Result(done.returncode, "", done.stderr.decode()).err == ""
    assert done.stdout.count(b"\n") == 1


def test_processes_share_many_files_and_write_the_same(run, tree, digits):
    for number in range(6):
        np.save(f"tree/one/{number}.npy", digits[number : number + 5])
    (Path("tree") / "bad.npy").write_bytes(b"no signals")
    for jobs in (1, 2):
        done = run("compress", "-r", "tree", *MODEL, "--output-dir", f"out{jobs}", "-j", jobs)
        assert done.code == 1
        assert done.err.count("tree/bad.npy") == 1
        lines = [line.replace(f"out{jobs}", "out") for line in done.err.splitlines()]
        if jobs == 1:
            expected = lines
    assert lines == expected
    assert names("out1") == names("out2")
    for name in names("out1"):
        assert Path("out1", name).read_bytes() == Path("out2", name).read_bytes()
    back = run("decompress", "-r", "out1", *MODEL, "--output-dir", "back", "-j", 2, "--json")
    assert back.code == 0
    assert len(json.loads(back.out)["done"]) == 9
    assert np.load("back/one/5.npy").shape == (5, 8, 8)
    again = run("decompress", "-r", "out1", *MODEL, "--output-dir", "back", "-j", 2)
    assert again.code == 1
    assert again.err.count("exists already") == 9


def test_a_file_where_the_output_folder_is_to_be_is_told(run, folder):
    for place in ("x.npy", "x.npy/in"):
        done = run("compress", "x.npy", "-m", "m.narrows", "--output-dir", place)
        assert done.code == 1
        assert f"{place} is, or is in, a file; give --output-dir a folder" in done.err
