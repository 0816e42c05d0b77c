"""`-j`: the same bytes for any number of processes, and one line where one of them fails."""

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
        run("compress", "x.npy", *MODEL, "--block-signals", 99999, "-o", "y.nrw"), "1 to 16,383"
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
