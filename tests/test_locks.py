"""Only one process at a time may write a file, and a killed one leaves nothing in the way."""

import errno
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import narrows
from narrows import locks
from narrows.errors import OutputBusyError
from narrows.files import writing
from narrows.locks import locked

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(narrows.__file__).parent.parent)}
HOLD = """
import sys, time
from pathlib import Path
from narrows.locks import locked
with locked(Path("out")):
    print("held", flush=True)
    time.sleep(600)
"""

posix = pytest.mark.skipif(os.name != "posix", reason="signals and flock are POSIX's")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture(params=["flock", "no flock", "a file system without locks"])
def kind(request, monkeypatch):
    """Lock as the system does, and as others do."""

    def has_no_locks(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    if request.param == "no flock":
        monkeypatch.setattr(locks, "flock", None)
    elif request.param.startswith("a file"):
        monkeypatch.setattr(locks, "flock", has_no_locks)


@pytest.mark.parametrize("name", ["out", "out" * 85])
def test_the_second_is_refused_until_the_first_has_ended(kind, name):
    with locked(Path(name)):
        with pytest.raises(OutputBusyError, match=r"out|\.lock"), locked(Path(name)):
            pass
        with locked(Path("other")):
            pass
    with locked(Path("out")):
        pass
    assert os.listdir() == []


def test_after_an_error_nothing_is_held(kind):
    with pytest.raises(ZeroDivisionError), locked(Path("out")):
        1 / 0  # noqa: B018
    with locked(Path("out")):
        pass
    assert os.listdir() == []


@pytest.mark.parametrize("has_flock", [True, False])
def test_those_who_wait_come_one_after_another(monkeypatch, has_flock):
    if not has_flock:
        monkeypatch.setattr(locks, "flock", None)
    monkeypatch.setattr(locks, "POLL_SECONDS", 0.001)
    Path("count").write_text("0")

    def count():
        for _ in range(50):
            with locked(Path("count"), lambda: None):
                Path("count").write_text(str(int(Path("count").read_text()) + 1))

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Path("count").read_text() == "200"
    assert os.listdir() == ["count"]


def test_who_waits_says_so_once():
    told, held, end = [], threading.Event(), threading.Event()

    def hold():
        with locked(Path("out")):
            held.set()
            end.wait(timeout=30)

    def tell():
        told.append("waiting")
        end.set()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(timeout=30)
    with locked(Path("out"), tell):
        assert told == ["waiting"]
    thread.join()


@posix
def test_a_lock_ends_with_its_process():
    with subprocess.Popen(
        [sys.executable, "-c", HOLD], stdout=subprocess.PIPE, env=ENVIRONMENT
    ) as process:
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(OutputBusyError), locked(Path("out")):
            pass
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=30)
    with locked(Path("out")):
        pass
    assert os.listdir() == []


def test_a_file_that_a_killed_process_left_is_named_where_there_are_no_locks(monkeypatch):
    def has_no_locks(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(locks, "flock", has_no_locks)
    Path(".out.lock").touch()
    with pytest.raises(OutputBusyError, match=r"\.out\.lock.*remove"), locked(Path("out")):
        pass


@posix
def test_an_error_names_the_output_and_not_the_file_beside():
    Path("file").touch()
    with pytest.raises(OSError, match="file/out") as caught, locked(Path("file/out")):
        pass
    assert ".lock" not in str(caught.value)


def test_two_writers_of_one_file_do_not_mix():
    def write(letter):
        with writing("out", on_wait=lambda: None) as stream:
            for _ in range(50):
                stream.write(letter * 1000)

    threads = [threading.Thread(target=write, args=(letter,)) for letter in (b"a", b"b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Path("out").read_bytes() in (b"a" * 50_000, b"b" * 50_000)
    assert os.listdir() == ["out"]


@posix
@pytest.mark.parametrize("step", ["open", "flock"])
def test_an_interrupt_while_the_lock_is_taken_leaves_no_file(step, monkeypatch):
    whole = {"open": os.open, "flock": locks.flock}[step]
    calls = []

    def interrupted(*arguments):
        done = whole(*arguments)
        calls.append(step)
        if len(calls) == 1:
            raise KeyboardInterrupt
        return done

    monkeypatch.setattr(os if step == "open" else locks, step, interrupted)
    with pytest.raises(KeyboardInterrupt), locked(Path("out")):
        pass
    assert calls
    assert os.listdir() == []


@posix
def test_an_interrupt_while_waiting_leaves_the_lock_of_others():
    def interrupt():
        raise KeyboardInterrupt

    with locked(Path("out")):
        with pytest.raises(KeyboardInterrupt), locked(Path("out"), interrupt):
            pass
        assert os.listdir() == [".out.lock"]
        with pytest.raises(OutputBusyError), locked(Path("out")):
            pass
