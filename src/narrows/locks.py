"""The right to write a file, held by one process at a time.

A process that holds it has an empty file `.NAME.lock` beside, locked by the operating system, which
ends the lock with the process, however it ends. The file is removed with the lock; where a process
was killed, the next one takes it over. On NFS, hosts exclude each other only where the server's
lock service runs.

Where there is no `flock` (Windows), the file itself is the lock: it is made only where there is
none, and the system removes it with the process. On a file system without locks nobody removes it
after a process was killed; the error then names it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path

from narrows.errors import OutputBusyError

try:
    from fcntl import LOCK_EX, LOCK_NB, flock
except ImportError:
    flock = None  # type: ignore[assignment]

MAX_HELPER_BYTES = 128  # of a helper's name: far below what a file system takes
TEMPORARY: int = getattr(os, "O_TEMPORARY", 0)  # Windows removes such a file when it is closed
POLL_SECONDS = 0.02


def helper_of(path: Path, kind: str) -> Path:
    """Return the hidden file `.NAME.KIND` beside a file, the same for every process.

    It has a short name of its own where that would be long: any name that the file system takes
    can be written.
    """
    helper = path.with_name(f".{path.name}.{kind}")
    if len(os.fsencode(helper.name)) <= MAX_HELPER_BYTES:
        return helper
    return path.with_name(f".{sha256(os.fsencode(path.name)).hexdigest()[:32]}.{kind}")


@contextmanager
def locked(path: Path, on_wait: Callable[[], None] | None = None) -> Iterator[None]:
    """Hold the right to write `path` while the block runs.

    Parameters
    ----------
    path : Path
        It need not exist, but its folder must. A symbolic link stands for the file it points to.
    on_wait : callable, optional
        Called once where another process holds the right, before waiting for it.

    Raises
    ------
    OutputBusyError
        If another process, or another thread, holds it, and `on_wait` is not given.
    """
    target = Path(os.path.realpath(path))
    lock = helper_of(target, "lock")
    try:
        handle = _take(lock)
        if handle is None:
            if on_wait is None:
                raise OutputBusyError(
                    f"{path} is being written by another process; wait for it to end, or give "
                    "another output"
                )
            on_wait()
        while handle is None:
            time.sleep(POLL_SECONDS)
            handle = _take(lock)
    except OSError as error:
        if error.filename is not None:
            error.filename = str(path)  # the user knows nothing of the file beside
        raise
    except BaseException:  # Ctrl-C while it was made, or while this process waited for others
        _remove_if_free(lock)
        raise
    try:
        yield
    finally:
        if not TEMPORARY:
            lock.unlink(missing_ok=True)  # before others can lock it
        os.close(handle)


def _take(lock: Path) -> int | None:
    """Return the handle of the file, made and locked; None while others have it."""
    try:
        handle, is_new = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_EXCL | TEMPORARY, 0o666), True
    except FileExistsError:
        if flock is None:
            return None
        try:
            handle, is_new = os.open(lock, os.O_RDWR), False
        except FileNotFoundError:
            return None
    try:
        if flock is None or _lock(handle, lock, is_new):
            return handle
    except BaseException:
        os.close(handle)
        raise
    os.close(handle)
    return None


def _remove_if_free(lock: Path) -> None:
    """Remove the file that nobody holds: it was made, and not locked yet."""
    if flock is None:
        return  # the file itself is the lock: it may be of others
    with suppress(OSError):
        handle = os.open(lock, os.O_RDWR)
        try:
            if _lock(handle, lock, is_new=False):
                lock.unlink()
        finally:
            os.close(handle)


def _lock(handle: int, lock: Path, is_new: bool) -> bool:
    """Return whether the open file could be locked, and is still the one of that name."""
    try:
        flock(handle, LOCK_EX | LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if is_new:
            return True
        raise OutputBusyError(
            f"{lock} is there, and its file system has no locks ({error.strerror}): another "
            "process writes, or was killed while it wrote; if there is none, remove that file"
        ) from None
    try:
        return os.path.samestat(os.fstat(handle), os.stat(lock))
    except FileNotFoundError:
        return False
