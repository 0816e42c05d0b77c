"""Output files that appear whole or not at all; devices and FIFOs are written directly.

    writing:  lock ─> .NAME.tmp, written and flushed to the disk ─> NAME ─> unlock

What a new file permits: as any new file, but nobody may read it who may not read all the files
that it was made from. These are all inputs that a command names: signals, labels, models,
archives. A checkpoint is its owner's alone. A file that is replaced or added to keeps its mode
and attributes, and its owner and group where that is permitted. `Codec.save` knows of no inputs.
"""

from __future__ import annotations

import glob
import io
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, nullcontext, suppress
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, Literal, cast

from narrows.errors import OutputExistsError
from narrows.locks import helper_of, locked
from narrows.paths import Source, is_device, output_path

IfExists = Literal["refuse", "extend", "replace"]
"""What becomes of a file that has the name already. It is never replaced where it appeared, or is
to be extended and was changed, while the new one was written."""


@contextmanager
def writing(
    name: str | Path,
    if_exists: IfExists = "replace",
    sources: Collection[Source] = (),
    on_wait: Callable[[], None] | None = None,
) -> Iterator[BinaryIO]:
    """Write a file as `replacing` does, as the only process that writes it; see `locked`."""
    path = output_path(name)
    lock = nullcontext() if is_device(path) else locked(path, on_wait)
    with lock, replacing(path, if_exists, sources) as stream:
        yield stream


@contextmanager
def replacing(
    path: Path,
    if_exists: IfExists = "replace",
    sources: Collection[Source] = (),
    private: bool = False,
) -> Iterator[BinaryIO]:
    """Open a file beside `path` that takes its name when the block ends well.

    After an error it is gone and `path` is as it was. A symbolic link stays: the file that it
    points to is replaced. Hard links to a replaced file keep what it held. A device or FIFO cannot
    be replaced and is written directly.

    Parameters
    ----------
    path : Path
        What to write; only one process may do so at a time.
    if_exists : "refuse", "extend" or "replace"
        See `IfExists`.
    sources : paths or file descriptors
        The files that a new one is made from: what cannot be read by all, it keeps private.
    private : bool
        A new file is the owner's alone.

    Raises
    ------
    OutputExistsError
        If the file exists and is not to be replaced; also if it appeared or changed meanwhile.
    """
    if is_device(path):
        with _open(path, "wb", path) as stream:
            yield stream
        return
    target = Path(os.path.realpath(path))
    before = os.stat(target) if target.exists() else None
    if before is not None and if_exists == "refuse":
        raise OutputExistsError(f"{path} exists already; give -f to overwrite it")
    working = helper_of(target, "tmp")
    try:
        working.unlink(missing_ok=True)  # of a process that was killed
        with _open(working, "xb", path) as stream:
            restrict(working, os.fstat(stream.fileno()), sources, private or before is not None)
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        if before is not None:
            _keep_attributes(working, target)
        _put_in_place(working, target, before, if_exists)
    except BaseException:
        working.unlink(missing_ok=True)
        raise


def restrict(
    working: Path, new: os.stat_result, sources: Collection[Source], private: bool = False
) -> None:
    """Take from a new, empty file the permissions that others may not have."""
    mode = stat.S_IMODE(new.st_mode) & (0o600 if private else 0o777)
    for source in chain.from_iterable(map(_files_of, sources)):
        try:
            status = os.stat(source)
        except (OSError, ValueError):
            continue  # no file: a known set, or an array in a file
        is_stored = stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)
        if not is_stored or status.st_mode & stat.S_IROTH:
            continue
        mode &= ~stat.S_IRWXO
        if not status.st_mode & stat.S_IRGRP or status.st_gid != new.st_gid:
            mode &= ~stat.S_IRWXG
    _set_mode(working, mode)


def _files_of(source: Source) -> Iterator[Source]:
    """Yield a source, and the files in a folder or of a pattern."""
    yield source
    if isinstance(source, int):
        return
    if os.path.isdir(source):
        for place, folders, names in os.walk(source):
            yield from (os.path.join(place, name) for name in (*folders, *names))
    elif glob.has_magic(str(source)) and not os.path.exists(source):
        yield from glob.glob(str(source))


def _keep_attributes(working: Path, target: Path) -> None:
    """Give the new file what the old one has: owner, group, mode, access lists."""
    status = target.stat()
    if hasattr(os, "chown"):
        for owner in (status.st_uid, -1):
            try:
                os.chown(working, owner, status.st_gid)
                break
            except OSError:
                continue
    with suppress(OSError):
        shutil.copystat(target, working)
        os.utime(working)
    if working.stat().st_gid != status.st_gid:  # another group gets no more than all others
        mode = stat.S_IMODE(status.st_mode)
        _set_mode(working, mode & ~stat.S_IRWXG | (mode & mode << 3 & stat.S_IRWXG))


def _set_mode(path: Path, mode: int) -> None:
    with suppress(OSError):  # a file system without permissions
        path.chmod(mode)


def _put_in_place(
    working: Path, target: Path, before: os.stat_result | None, if_exists: IfExists
) -> None:
    """Give the new file its name, or raise OutputExistsError."""
    if if_exists == "extend" and before is not None and not _is_unchanged(target, before):
        raise OutputExistsError(
            f"{target} was changed by another program meanwhile; nothing was added: do it again"
        )
    if if_exists != "refuse":
        working.replace(target)
        return
    try:
        try:
            os.link(working, target)  # which, unlike a renaming, replaces nothing
        except FileExistsError:
            raise
        except OSError:  # the file system has no links
            target.touch(exist_ok=False)
            working.replace(target)
    except FileExistsError:
        raise OutputExistsError(
            f"{target} appeared meanwhile, and was left as it is; give another output, or -f to "
            "overwrite it"
        ) from None
    working.unlink(missing_ok=True)


def _is_unchanged(target: Path, before: os.stat_result) -> bool:
    try:
        now = os.stat(target)
    except FileNotFoundError:
        return False
    same = (now.st_size, now.st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    return same and os.path.samestat(now, before)


class _NamedFile(io.FileIO):
    """A file whose errors name what it is for: the output, not the file beside it."""

    def __init__(self, path: Path, mode: str, shown: str) -> None:
        self._shown = shown
        with self._naming():
            super().__init__(os.fspath(path), mode)

    def write(self, data: Any) -> int:
        with self._naming():
            return super().write(data)

    @contextmanager
    def _naming(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            error.filename = self._shown
            raise


def _open(path: Path, mode: str, shown: Path) -> BinaryIO:
    return cast(BinaryIO, io.BufferedWriter(_NamedFile(path, mode, str(shown))))


@contextmanager
def temporary_file() -> Iterator[BinaryIO]:
    """Open a new file to write, and to read again by its name or as it is; it ends with the block.

    Where it cannot be written, the error names its folder.
    """
    with tempfile.TemporaryDirectory() as folder, open_temporary(Path(folder) / "data") as stream:
        yield stream


def open_temporary(path: Path) -> BinaryIO:
    """Make a file in a temporary folder, as `temporary_file` does."""
    where = f"in the temporary folder {tempfile.gettempdir()}; TMPDIR names another one"
    return cast(BinaryIO, io.BufferedRandom(_NamedFile(path, "x+b", where)))
