"""Folders, and files that are several, that appear whole or not at all.

    writing_folder:  lock ─> .NAME.tmp/, filled ─> NAME/ ─> unlock

What is in the folder already is never replaced unless that is asked for, and no link in it is
followed: a file that takes the place of a link is a file.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from narrows.errors import DataError, OutputExistsError
from narrows.files import restrict
from narrows.locks import helper_of, locked
from narrows.paths import Source, output_folder, refuse_url


@contextmanager
def writing_folder(
    path: Path, *, force: bool = False, sources: Collection[Source] = ()
) -> Iterator[Path]:
    """Yield an empty folder whose content is in `path` when the block ends well.

    Parameters
    ----------
    path : Path
        A folder, or where one is to be; the folder that it is in exists.
    force : bool
        Put files into a folder that holds some already, and replace those of the same names.
    sources : paths or file descriptors
        The files that the new ones are made from: what cannot be read by all, they keep private.

    Raises
    ------
    OutputExistsError
        If `path` holds anything and `force` is not given.
    """
    path = _absolute(path)
    if os.path.lexists(path) and (not path.is_dir() or path.is_symlink()):
        raise DataError(f"{path} is no folder, and files are to be written into it; give another")
    if not force and path.is_dir() and any(path.iterdir()):
        raise OutputExistsError(f"{path} exists and is not empty; give -f to write into it")
    with locked(path):
        staged = helper_of(path, "tmp")
        shutil.rmtree(staged, ignore_errors=True)  # of a process that was killed
        staged.mkdir()
        try:
            yield staged
            _settle(staged, sources)
            _put_in_place(staged, path, force)
        finally:
            shutil.rmtree(staged, ignore_errors=True)


@contextmanager
def writing_beside(
    path: Path, *, force: bool = False, sources: Collection[Source] = ()
) -> Iterator[Path]:
    """Yield an empty folder; what is made in it, `path` and others, is put beside at the end.

    For a file that is a folder, or comes with others; parameters and errors as of
    `writing_folder`.
    """
    path = _absolute(path)
    with locked(path):
        staged = helper_of(path, "tmp")
        shutil.rmtree(staged, ignore_errors=True)
        staged.mkdir()
        try:
            yield staged
            made = sorted(staged.iterdir())
            for each in made:
                if os.path.lexists(path.parent / each.name) and not force:
                    raise OutputExistsError(
                        f"{path.parent / each.name} exists already; give -f to overwrite it"
                    )
            _settle(staged, sources)
            for each in made:
                _replace(each, path.parent / each.name)
        finally:
            shutil.rmtree(staged, ignore_errors=True)


def _settle(staged: Path, sources: Collection[Source]) -> None:
    """Make files as private as what they are made from, and bring them to the disk."""
    for file in _files(staged):
        with file.open("rb+") as stream:
            restrict(file, os.fstat(stream.fileno()), sources)
            os.fsync(stream.fileno())


def _replace(new: Path, target: Path) -> None:
    """Give a file or a folder its name, in place of what has it."""
    if os.path.lexists(target) and (new.is_dir() or target.is_dir()):
        target.rename(new.with_name(f".{new.name}.old"))  # which goes with the staged folder
    new.replace(target)


def _absolute(path: Path) -> Path:
    """Return a path that has a name, also for `.`; DataError if its folder is not there."""
    refuse_url(path)
    whole = Path(os.path.abspath(path))
    if not whole.name:
        raise DataError(f"{path} cannot be written into; give the name of a folder in it")
    output_folder(whole)
    return whole


def _put_in_place(staged: Path, path: Path, force: bool) -> None:
    if not path.exists():
        staged.rename(path)
        return
    if not force and any(path.iterdir()):
        raise OutputExistsError(f"{path} was filled meanwhile; nothing was written: do it again")
    files = _files(staged)
    for file in files:
        _check_place(path, file.relative_to(staged))
    for file in files:
        target = path / file.relative_to(staged)
        target.parent.mkdir(parents=True, exist_ok=True)
        file.replace(target)


def _check_place(path: Path, name: Path) -> None:
    """Refuse a name below a link or a file, or that is a folder."""
    for folder in [path / parent for parent in reversed(name.parents[:-1])]:
        if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
            raise DataError(f"{folder} is a link or a file where a folder is to be; move it away")
    if (path / name).is_dir() and not (path / name).is_symlink():
        raise DataError(f"{path / name} is a folder where a file is to be; move it away")


def _files(folder: Path) -> list[Path]:
    return [Path(place, name) for place, _, files in os.walk(folder) for name in sorted(files)]
