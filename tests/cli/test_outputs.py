"""Outputs that are devices, links or inputs, and what a signal to the command leaves of them."""

import io
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import narrows
from narrows.models import load_codec
from tests.helpers.command_line import fails_with_one_line

posix = pytest.mark.skipif(os.name != "posix", reason="devices and signals are POSIX's")


def names(folder):
    return sorted(path.name for path in folder.iterdir())


# ---------------------------------------------------------------- devices and links


def through_a_fifo(run, *arguments):
    """Run a command with `-o` a FIFO, and give its result and what came through."""
    os.mkfifo("fifo")
    came = []
    reader = threading.Thread(target=lambda: came.append(Path("fifo").read_bytes()), daemon=True)
    reader.start()
    result = run(*arguments, "-o", "fifo")
    assert Path("fifo").is_fifo()
    reader.join(timeout=10)
    Path("fifo").unlink()
    return result, came[0]


@posix
def test_devices_and_fifos_are_written_into_unasked(run, folder, digits):
    codec = load_codec(folder / "m.narrows")
    done, blob = through_a_fifo(run, "compress", "x.npy", "-m", "m.narrows")
    assert done.code == 0, done.err
    assert blob == codec.compress(digits[:50])
    (folder / "x.nrw").write_bytes(blob)
    done, signals = through_a_fifo(run, "decompress", "x.nrw", "-m", "m.narrows")
    assert done.code == 0, done.err
    assert np.array_equal(np.load(io.BytesIO(signals)), codec.decompress(blob))
    assert run("decompress", "x.nrw", "-m", "m.narrows", "-o", os.devnull).code == 0
    assert run("train", "x.npy", "-o", os.devnull, "--latent-size", 2, "--epochs", 1).code == 0
    assert not Path(os.devnull).is_file()
    assert names(folder) == ["m.narrows", "x.npy", "x.nrw"]


@posix
def test_nothing_can_be_appended_to_a_device(run, folder):
    done = run("compress", "x.npy", "-m", "m.narrows", "-o", os.devnull, "--append")
    assert done.code == 2
    assert "--append" in done.err


@posix
def test_a_link_stays_and_the_file_behind_it_is_written(run, folder):
    (folder / "there").mkdir()
    for target in ("there/x.nrw", "nowhere/x.nrw"):
        (folder / "link.nrw").unlink(missing_ok=True)
        (folder / "link.nrw").symlink_to(target)
        done = run("compress", "x.npy", "-m", "m.narrows", "-o", "link.nrw")
        if target.startswith("there"):
            assert done.code == 0, done.err
            assert names(folder / "there") == ["x.nrw"]
            assert run("compress", "x.npy", "-m", "m.narrows", "-o", "link.nrw").code == 1
            assert run("compress", "x.npy", "-m", "m.narrows", "-o", "link.nrw", "-f").code == 0
        else:
            assert fails_with_one_line(done, "nowhere")
        assert (folder / "link.nrw").is_symlink()
    assert names(folder / "there") == ["x.nrw"]


# ---------------------------------------------------------------- inputs as outputs


@pytest.mark.parametrize("force", [(), ("-f",)], ids=["", "-f"])
@pytest.mark.parametrize(
    ("arguments", "output"),
    [
        (("compress", "x.npy", "-m", "m.narrows"), "x.npy"),
        (("compress", "x.npy", "-m", "m.narrows"), "m.narrows"),
        (("compress", "x.npy", "-m", "m.narrows"), "hard.npy"),
        (("compress", "x.npy", "-m", "m.narrows"), "soft.npy"),
        (("compress", "x.npy", "-m", "m.narrows", "--append"), "m.narrows"),
        (("compress", "x.npz:signals", "-m", "m.narrows"), "x.npz"),
        (("decompress", "x.nrw", "-m", "m.narrows"), "x.nrw"),
        (("decompress", "x.nrw", "-m", "m.narrows"), "m.narrows"),
        (("encode", "x.npy", "-m", "m.narrows"), "x.npy"),
        (("decode", "y.npy", "-m", "m.narrows"), "y.npy"),
        (("decode", "y.npy", "-m", "m.narrows"), "m.narrows"),
        (("export-decoder", "m.narrows"), "m.narrows"),
        (("train", "x.npy", "--epochs", "1"), "x.npy"),
        (("train", "x.npy", "--epochs", "1", "--validation", "y.npy"), "y.npy"),
        (("report", "x.npy", "-m", "m.narrows", "--labels", "labels.npy"), "labels.npy"),
    ],
)
def test_an_input_is_never_overwritten(run, folder, digits, arguments, output, force):
    codec = load_codec(folder / "m.narrows")
    np.save("y.npy", codec.encode(digits[:50]))
    np.save("labels.npy", np.zeros(50, int))
    np.savez("x.npz", signals=digits[:50])
    Path("x.nrw").write_bytes(codec.compress(digits[:50]))
    os.link("x.npy", "hard.npy")
    os.symlink("x.npy", "soft.npy")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert fails_with_one_line(run(*arguments, "-o", output, *force), output, "same file")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@posix
def test_standard_input_is_never_overwritten(folder):
    command = ["compress", "-", "-m", "m.narrows", "-o", "x.npy", "-f"]
    before = (folder / "x.npy").read_bytes()
    with open("x.npy", "rb") as given:
        done = subprocess.run(
            [sys.executable, "-m", "narrows", *command], stdin=given, capture_output=True,
            text=True, check=False, env=ENVIRONMENT,
        )  # fmt: skip
    assert done.returncode == 1
    assert "same file" in done.stderr
    assert (folder / "x.npy").read_bytes() == before


def test_a_copy_of_an_input_is_no_input(run, folder):
    shutil.copy("x.npy", "copy.npy")
    assert run("compress", "x.npy", "-m", "m.narrows", "-o", "copy.npy", "-f").code == 0


# ---------------------------------------------------------------- signals

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(narrows.__file__).parent.parent)}
START = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # pytest may run with them ignored
signal.signal(signal.SIGTERM, signal.SIG_DFL)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
from narrows.cli import main
main()
"""


@posix
@pytest.mark.parametrize(
    ("number", "code", "words"),
    [
        ("SIGINT", 130, "interrupted"),
        ("SIGTERM", 143, "ended by SIGTERM"),
        ("SIGHUP", 129, "ended by SIGHUP"),
    ],
)
def test_a_signal_leaves_no_file_and_one_line(folder, number, code, words):
    command = ["compress", "-", "-m", "m.narrows", "-o", "x.nrw"]
    with subprocess.Popen(
        [sys.executable, "-c", START, *command],
        stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT,
    ) as process:  # fmt: skip
        try:
            process.stdin.write((folder / "x.npy").read_bytes()[:-10])  # and it waits for the rest
            process.stdin.flush()
            end = time.monotonic() + 60
            while not list(folder.glob(".x.nrw.*")):
                assert time.monotonic() < end
                time.sleep(0.02)
            process.send_signal(getattr(signal, number))
            process.wait(timeout=60)
        finally:
            process.kill()
        told = process.stderr.read().decode()
    assert process.returncode == code
    assert told == f"narrows: {words}; nothing was written\n"
    assert names(folder) == ["m.narrows", "x.npy"]


def test_the_command_leaves_the_handlers_of_signals_as_they_were(run, folder):
    before = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)]
    assert run("info", "m.narrows").code == 0
    assert [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)] == before
