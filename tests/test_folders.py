"""Folders, and files that are several, appear whole or not at all, and replace nothing unasked."""

import os
from pathlib import Path

import pytest

from narrows.errors import DataError, OutputBusyError, OutputExistsError
from narrows.folders import writing_beside, writing_folder
from narrows.locks import locked


def fill(staged, *names):
    for name in names:
        (staged / name).parent.mkdir(parents=True, exist_ok=True)
        (staged / name).write_text("new")


def names(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def test_a_folder_appears_with_all_its_files(tmp_path):
    with writing_folder(tmp_path / "out") as staged:
        fill(staged, "a", "in/b")
        assert not (tmp_path / "out").exists()
    assert names(tmp_path) == ["out/a", "out/in/b"]


@pytest.mark.parametrize("writing", [writing_folder, writing_beside])
def test_after_an_error_nothing_is_left(tmp_path, writing):
    with pytest.raises(ZeroDivisionError), writing(tmp_path / "out") as staged:  # noqa: PT012
        fill(staged, "out")
        raise ZeroDivisionError
    assert not list(tmp_path.iterdir())


def test_a_folder_that_was_filled_meanwhile_is_left_alone(tmp_path):
    with pytest.raises(OutputExistsError), writing_folder(tmp_path / "out") as staged:  # noqa: PT012
        fill(staged, "a")
        fill(tmp_path / "out", "b")
    assert names(tmp_path) == ["out/b"]


def test_an_empty_folder_is_filled_and_a_full_one_only_by_force(tmp_path):
    (tmp_path / "out").mkdir()
    with writing_folder(tmp_path / "out") as staged:
        fill(staged, "a")
    with pytest.raises(OutputExistsError, match="-f"), writing_folder(tmp_path / "out"):
        pass
    (tmp_path / "out" / "mine").write_text("mine")
    with writing_folder(tmp_path / "out", force=True) as staged:
        fill(staged, "a", "b")
    assert names(tmp_path / "out") == ["a", "b", "mine"]


@pytest.mark.parametrize("there", ["file", "link"])
def test_what_is_no_folder_is_refused(tmp_path, there):
    if there == "file":
        (tmp_path / "out").write_text("mine")
    else:
        (tmp_path / "other").mkdir()
        os.symlink(tmp_path / "other", tmp_path / "out")
    with (
        pytest.raises(DataError, match="is no folder"),
        writing_folder(tmp_path / "out", force=True) as staged,
    ):
        fill(staged, "a")
    assert "a" not in names(tmp_path)


def test_a_folder_where_a_file_is_to_be_is_refused_before_anything_is_moved(tmp_path):
    (tmp_path / "out" / "z").mkdir(parents=True)
    with (
        pytest.raises(DataError, match="is a folder where a file"),
        writing_folder(tmp_path / "out", force=True) as staged,
    ):
        fill(staged, "a", "z")
    assert not names(tmp_path)


def test_only_one_process_writes_a_folder(tmp_path):
    with locked(tmp_path / "out"), pytest.raises(OutputBusyError), writing_folder(tmp_path / "out"):
        pass


def test_files_are_as_private_as_what_they_were_made_from(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("mine")
    secret.chmod(0o600)
    with writing_folder(tmp_path / "out", sources=[secret]) as staged:
        fill(staged, "a")
    assert (tmp_path / "out" / "a").stat().st_mode & 0o077 == 0


def test_a_file_of_several_is_put_beside_each_other(tmp_path):
    with writing_beside(tmp_path / "x.hea") as staged:
        fill(staged, "x.hea", "x.dat")
    assert names(tmp_path) == ["x.dat", "x.hea"]
    with (
        pytest.raises(OutputExistsError, match=r"x\.dat"),
        writing_beside(tmp_path / "y.hea") as staged,
    ):
        fill(staged, "y.hea", "x.dat")
    assert names(tmp_path) == ["x.dat", "x.hea"]


def test_a_store_that_is_a_folder_is_replaced_as_a_whole_by_force(tmp_path):
    fill(tmp_path / "x.zarr", "old", "in/old")
    with writing_beside(tmp_path / "x.zarr", force=True) as staged:
        fill(staged, "x.zarr/new")
    assert names(tmp_path) == ["x.zarr/new"]


def test_the_folder_where_one_is_can_be_filled_and_the_root_cannot(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with writing_folder(Path(), force=True) as staged:
        fill(staged, "a", "in/b")
    assert names(tmp_path) == ["here/a", "here/in/b"]
    with pytest.raises(DataError, match="cannot be written into"), writing_folder(Path("/")):
        pass
