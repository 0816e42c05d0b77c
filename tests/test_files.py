"""Output files appear whole or not at all, and are as private as what they are made from."""

import os
import stat
from pathlib import Path

import pytest

from narrows import files
from narrows.errors import DataError, OutputExistsError
from narrows.files import replacing, writing

as_root = pytest.mark.skipif(
    getattr(os, "geteuid", lambda: 1)() != 0, reason="only root gives files away"
)
posix = pytest.mark.skipif(os.name != "posix", reason="devices and permissions are POSIX's")


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
    with pytest.raises(DataError, match="is a folder"), writing(path) as stream:
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


@posix
def test_a_device_is_written_into(tmp_path):
    with writing(os.devnull, "refuse") as stream:
        stream.write(b"new")
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)


def test_an_empty_file_is_a_file(tmp_path):
    with replacing(tmp_path / "out"):
        pass
    assert (tmp_path / "out").read_bytes() == b""


@posix
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


def test_an_existing_file_is_refused_unless_it_may_be_replaced(tmp_path):
    path = tmp_path / "out"
    with writing(path, "refuse") as stream:
        stream.write(b"old")
    with pytest.raises(OutputExistsError) as caught, writing(path, "refuse") as stream:
        stream.write(b"new")
    assert str(path) in str(caught.value)
    assert "-f" in str(caught.value)
    assert path.read_bytes() == b"old"
    with writing(path, "replace") as stream:
        stream.write(b"new")
    assert path.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["out"]


def not_permitted(*_):
    raise PermissionError("not on this file system")


def write_while(path, if_exists, content, meanwhile):
    """Write a file while another program writes something else there."""
    with writing(path, if_exists) as stream:
        stream.write(content)
        path.write_bytes(meanwhile)


@pytest.mark.parametrize("has_links", [True, False])
def test_what_appeared_meanwhile_is_not_replaced(tmp_path, monkeypatch, has_links):
    if not has_links:
        monkeypatch.setattr(files.os, "link", not_permitted)
    path = tmp_path / "out"
    with pytest.raises(OutputExistsError, match="appeared"):
        write_while(path, "refuse", b"ours", b"theirs")
    assert path.read_bytes() == b"theirs"
    path.unlink()
    with writing(path, "refuse") as stream:
        stream.write(b"ours")
    assert path.read_bytes() == b"ours"
    assert os.listdir(tmp_path) == ["out"]


def test_what_was_changed_while_it_was_extended_is_left_as_it_is(tmp_path):
    path = tmp_path / "out"
    path.write_bytes(b"old")
    with pytest.raises(OutputExistsError, match="changed"):
        write_while(path, "extend", b"old and new", b"other")
    assert path.read_bytes() == b"other"
    with writing(path, "extend") as stream:
        stream.write(b"other and new")
    assert path.read_bytes() == b"other and new"


@pytest.mark.parametrize("name", ["no/", "no/.", "no/..", "no/out", "file/"])
def test_a_folder_that_is_not_there_is_no_file(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    with pytest.raises(DataError, match="no folder"), writing(name):
        pass
    assert os.listdir(tmp_path) == ["file"]


# ---------------------------------------------------------------- what files permit


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def usual_mask():
    before = os.umask(0o022)
    yield
    os.umask(before)


@posix
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644, 0o666, 0o444, 0o755])
@pytest.mark.parametrize("if_exists", ["replace", "extend"])
def test_a_file_keeps_its_mode(tmp_path, usual_mask, mode, if_exists):
    path = tmp_path / "out"
    path.touch()
    path.chmod(mode)
    with writing(path, if_exists, sources=[__file__]) as stream:
        assert mode_of(tmp_path / ".out.tmp") == 0o600
        stream.write(b"new")
    assert mode_of(path) == mode
    assert path.read_bytes() == b"new"


@posix
def test_a_file_is_as_new_as_its_content(tmp_path):
    path = tmp_path / "out"
    path.touch()
    os.utime(path, (0, 0))
    with writing(path):
        pass
    assert path.stat().st_mtime > 0


@as_root
def test_a_file_keeps_its_owner_and_group(tmp_path):
    path = tmp_path / "out"
    path.touch()
    os.chown(path, 1234, 2345)
    path.chmod(0o640)
    with writing(path) as stream:
        stream.write(b"new")
    status = path.stat()
    assert (status.st_uid, status.st_gid, mode_of(path)) == (1234, 2345, 0o640)


@as_root
def test_where_the_group_cannot_be_kept_its_rights_go_to_no_other(tmp_path, monkeypatch):
    path = tmp_path / "out"
    path.touch()
    os.chown(path, -1, 2345)
    path.chmod(0o664)
    monkeypatch.setattr(files.os, "chown", not_permitted)
    with writing(path):
        pass
    assert mode_of(path) == 0o644


@posix
@pytest.mark.parametrize(
    ("modes", "expected"),
    [
        ([], 0o644),
        ([0o644], 0o644),
        ([0o755, 0o444], 0o644),
        ([0o600], 0o600),
        ([0o400, 0o644], 0o600),
        ([0o644, 0o640], 0o640),
        ([0o604], 0o644),
    ],
)
def test_a_new_file_is_as_private_as_what_it_is_made_from(tmp_path, usual_mask, modes, expected):
    sources = [tmp_path / f"source-{n}" for n in range(len(modes))]
    for source, mode in zip(sources, modes, strict=True):
        source.touch()
        source.chmod(mode)
    with writing(tmp_path / "out", sources=[*sources, "no such file", 1 << 20]):
        assert mode_of(tmp_path / ".out.tmp") == expected
    assert mode_of(tmp_path / "out") == expected


@posix
def test_a_pipe_is_no_private_source(tmp_path, usual_mask):
    os.mkfifo(tmp_path / "fifo", 0o600)
    with writing(tmp_path / "out", sources=[tmp_path / "fifo"]):
        pass
    assert mode_of(tmp_path / "out") == 0o644


@posix
def test_what_is_the_owner_s_alone_is_so_from_the_beginning(tmp_path, usual_mask):
    with replacing(tmp_path / "out", private=True):
        assert mode_of(tmp_path / ".out.tmp") == 0o600
    assert mode_of(tmp_path / "out") == 0o600
