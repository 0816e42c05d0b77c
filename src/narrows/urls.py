"""URLs of fsspec's, such as https://, s3:// and hf://: what is read at one, and what goes wrong.

    hf://user/model ──fsspec──► a file there ──RemoteFile──► a stream that seeks

Nothing goes to the network but for a URL that was given, and of a file no more than is read: an
archive's index and the blocks that are wanted. What cannot be read in parts, members of a zip and
files of servers that do not answer ranges, is copied to a temporary file first.
"""

from __future__ import annotations

import io
import re
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, BinaryIO, cast

from narrows.errors import DataError, MissingExtraError, NarrowsError, needing

SIGN = "://"
USUAL = "https://, s3://, gs://, hf:// and zip://"
EXTRAS = {
    "http": ("aiohttp", "remote"), "https": ("aiohttp", "remote"),
    "hf": ("huggingface_hub", "hub"),
}  # fmt: skip
"""What reads a kind of URL, and the extra that installs it."""
PACKAGES = {
    "s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "abfs": "adlfs", "az": "adlfs",
    "sftp": "paramiko", "ssh": "paramiko", "smb": "smbprotocol", "github": "requests",
}  # fmt: skip
REPOSITORY = re.compile(r"(^|::)hf://[^/:]+/[^/:]+/?$")
HUB_MODEL = "model.narrows"
"""The name of the model in a repository of the Hub, which the repository's URL stands for."""
LEAST_AHEAD, MOST_AHEAD = 1 << 14, 1 << 23  # bytes that are read at once


def is_url(name: object) -> bool:
    """Return whether a name is a URL."""
    return isinstance(name, str) and SIGN in name and "\0" not in name


def local_name(name: str) -> str:
    """Return what a file made from `name` is named after: of a URL, its last part."""
    if not is_url(name):
        return name
    first = name.partition("::")[0]
    if first.startswith("http"):
        first = re.split(r"[?#]", first)[0]
    return first.partition(SIGN)[2].rstrip("/").rpartition("/")[2] or "data"


@contextmanager
def reading(url: str) -> Iterator[None]:
    """Raise what goes wrong at a URL as an error of one line that names it."""
    try:
        yield
    except NarrowsError:
        raise
    except ImportError as error:
        kinds = [part.partition(SIGN)[0] for part in url.split("::")]
        for kind in filter(EXTRAS.__contains__, kinds):
            package, extra = EXTRAS[kind]
            raise MissingExtraError(package, f"reading {kind}://", extra) from error
        needed = " ".join(PACKAGES[kind] for kind in kinds if kind in PACKAGES)
        way_out = f"install it with: pip install {needed}" if needed else "install that"
        raise DataError(
            f"{url!r} needs a package that is not installed ({line_of(error)}); {way_out}"
        ) from error
    # Each kind of URL has errors of its own, of connections, rights and names.
    except Exception as error:
        raise DataError(f"{url!r} cannot be read ({line_of(error)})") from error


def located(url: str) -> tuple[Any, str]:
    """Return the file system of fsspec's that a URL is of, and the place in it.

    Raises
    ------
    DataError
        If fsspec knows no such URLs.
    MissingExtraError
        If fsspec, or what it needs for this kind of URL, is not installed.
    """
    with needing("fsspec", "reading URLs", "remote"):
        import fsspec
    kind = url.partition("::")[0].partition(SIGN)[0]
    if kind not in fsspec.available_protocols():
        raise DataError(
            f"{url!r} is of a kind {kind!r} that fsspec does not know; {USUAL} are usual"
        )
    with reading(url):
        system, place = fsspec.core.url_to_fs(url)
    return system, place


def line_of(error: BaseException) -> str:
    """Return the first line of an error, or its kind."""
    return next(iter(str(error).splitlines()), "") or type(error).__name__


def open_url(url: str) -> BinaryIO:
    """Open the file at a URL to be read at any place; a repository of the Hub is its model.

    Raises
    ------
    DataError
        If there is none, or it cannot be read, now or later.
    MissingExtraError
        If fsspec, or what it needs for this kind of URL, is not installed.
    """
    if REPOSITORY.search(url):
        url = f"{url.rstrip('/')}/{HUB_MODEL}"
    return cast(BinaryIO, RemoteFile(url))


class RemoteFile(io.RawIOBase):
    """A file at a URL, of which no more is read than is asked for, and something ahead.

    Who reads on where they stopped gets twice as much each time, so that whole files take few
    requests.
    """

    def __init__(self, url: str) -> None:
        self.name, self._opened = url, ExitStack()
        self._system, self._place = located(url)
        self._held, self._start, self._position = b"", 0, 0
        self._ahead = LEAST_AHEAD
        with reading(url):
            self._file = self._open()
            self._size: int = self._file.seek(0, io.SEEK_END)

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Go to a place; nothing is read yet."""
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(0, origin + offset)
        return self._position

    def tell(self) -> int:
        """Return the place that is read next."""
        return self._position

    def read(self, size: int | None = -1, /) -> bytes:
        """Read `size` bytes, or all; fewer at the end alone."""
        most = max(0, self._size - self._position)
        size = most if size is None or size < 0 else min(size, most)
        some = self.peek()[:size]
        if len(some) < size:
            self._fetch(self._position + len(some), size - len(some))
            some += self._held[: size - len(some)]
        self._position += size
        return some

    def peek(self, size: int = 0, /) -> bytes:
        """Return what is held of what comes next, at least one byte where `size` is not 0."""
        first = self._position - self._start
        if 0 <= first < len(self._held):
            return self._held[first:]
        if size:
            self._fetch(self._position, 1)
        return self._held if size else b""

    def close(self) -> None:
        """Close the file, and remove the copy where there is one."""
        if not self.closed:
            self._opened.close()
        super().close()

    def _fetch(self, start: int, least: int) -> None:
        goes_on = self._held and start == self._start + len(self._held)
        self._ahead = min(2 * self._ahead, MOST_AHEAD) if goes_on else LEAST_AHEAD
        size = min(max(least, self._ahead), max(0, self._size - start))
        with reading(self.name):
            try:
                self._held = self._part(start, size)
            except ValueError:  # a server that answers no ranges
                self._file = self._copy()
                self._held = self._part(start, size)
        self._start = start
        if len(self._held) < size:
            raise DataError(
                f"{self.name!r} gave {len(self._held):,} of {size:,} bytes at byte {start:,}: it "
                "has changed or the connection ended; open it again"
            )

    def _part(self, start: int, size: int) -> bytes:
        if not size:
            return b""
        self._file.seek(start)
        return bytes(self._file.read(size))

    def _open(self) -> BinaryIO:
        """Open the file, or a copy where it is not read at any place."""
        from fsspec.archive import AbstractArchiveFileSystem

        if isinstance(self._system, AbstractArchiveFileSystem):  # it is unpacked as it is read
            return self._copy()
        file: BinaryIO = self._system.open(self._place, "rb", cache_type="none")
        self._opened.callback(file.close)
        try:
            file.seek(0, io.SEEK_END)
        except ValueError:  # one that goes one way
            return self._copy()
        return file

    def _copy(self) -> BinaryIO:
        """Copy all of the file, and open the copy, which goes when this is closed."""
        self._opened.close()
        folder = self._opened.enter_context(tempfile.TemporaryDirectory(prefix="narrows-"))
        copy = f"{folder}/data"
        self._system.get_file(self._place, copy)
        return self._opened.enter_context(open(copy, "rb"))
