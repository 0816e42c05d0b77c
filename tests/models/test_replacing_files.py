"""Output files appear whole or not at all."""

import os
import stat
import threading
from pathlib import Path

import pytest

from narrows.errors import OutputExistsError
from narrows.files import refuse_existing, replacing


class Interruption(BaseException):
    """What stops a program and is no Exception, as KeyboardInterrupt."""


def write_and_raise(path, error):
    with replacing(path) as stream:
        stream.write(b"new" * 100_000)
        raise error


def test_a_file_appears_under_its_name_when_all_is_written(tmp_path):
    path = tmp_path / "out"
    with replacing(path) as stream:
        stream.write(b"half")
        assert not path.exists()
        stream.write(b" and half")
        assert not path.exists()
    assert path.read_bytes() == b"half and half"
    assert os.listdir(tmp_path) == ["out"]


def test_an_old_file_is_whole_until_the_new_one_is(tmp_path):
    path = tmp_path / "out"
    path.write_bytes(b"old")
    with replacing(path) as stream:
        stream.write(b"new" * 100_000)
        stream.flush()
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new" * 100_000
    assert os.listdir(tmp_path) == ["out"]


@pytest.mark.parametrize("error", [ValueError, OSError, KeyboardInterrupt, Interruption])
@pytest.mark.parametrize("old", [None, b"old"])
def test_after_an_error_all_is_as_it_was(tmp_path, error, old):
    path = tmp_path / "out"
    if old is not None:
        path.write_bytes(old)
    with pytest.raises(error):
        write_and_raise(path, error)
    assert os.listdir(tmp_path) == ([] if old is None else ["out"])
    assert old is None or path.read_bytes() == old


def test_an_error_at_the_last_step_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(handle):
        raise OSError("no space left")

    path = tmp_path / "out"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space left"), replacing(path) as stream:
        stream.write(b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["out"]


def test_a_folder_of_that_name_is_left_alone(tmp_path):
    path = tmp_path / "out"
    path.mkdir()
    (path / "inside").write_bytes(b"kept")
    with pytest.raises(OSError), replacing(path) as stream:  # noqa: PT011
        stream.write(b"new")
    assert os.listdir(tmp_path) == ["out"]
    assert (path / "inside").read_bytes() == b"kept"


@pytest.mark.parametrize("old", [None, b"old"])
def test_a_link_keeps_pointing_to_the_file_that_is_replaced(tmp_path, old):
    (tmp_path / "there").mkdir()
    path, target = tmp_path / "link", tmp_path / "there" / "out"
    path.symlink_to(target)
    if old is not None:
        target.write_bytes(old)
    with replacing(path) as stream:
        stream.write(b"new")
    assert path.is_symlink()
    assert target.read_bytes() == b"new"
    assert os.listdir(tmp_path / "there") == ["out"]


@pytest.mark.skipif(os.name != "posix", reason="the device is POSIX's")
def test_a_device_is_written_into(tmp_path):
    refuse_existing(Path(os.devnull))
    with replacing(Path(os.devnull)) as stream:
        stream.write(b"new")
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)


def test_an_empty_file_is_a_file(tmp_path):
    with replacing(tmp_path / "out"):
        pass
    assert (tmp_path / "out").read_bytes() == b""


@pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX's")
@pytest.mark.parametrize("mask", [0o022, 0o077, 0o000])
def test_the_permissions_are_those_of_any_new_file(tmp_path, mask):
    before = os.umask(mask)
    try:
        with replacing(tmp_path / "out"):
            pass
        (tmp_path / "usual").touch()
        assert os.umask(mask) == mask
    finally:
        os.umask(before)
    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("out", "usual")}
    assert len(modes) == 1


def test_two_writers_of_one_file_do_not_mix(tmp_path):
    path, started = tmp_path / "out", threading.Barrier(2)

    def write(letter):
        with replacing(path) as stream:
            started.wait()
            for _ in range(50):
                stream.write(letter * 1000)

    threads = [threading.Thread(target=write, args=(letter,)) for letter in (b"a", b"b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_bytes() in (b"a" * 50_000, b"b" * 50_000)
    assert os.listdir(tmp_path) == ["out"]


def test_an_existing_file_is_refused_unless_forced(tmp_path):
    path = tmp_path / "out"
    refuse_existing(path)
    path.touch()
    with pytest.raises(OutputExistsError) as caught:
        refuse_existing(path)
    assert str(path) in str(caught.value)
    assert "-f" in str(caught.value)
    refuse_existing(path, force=True)
