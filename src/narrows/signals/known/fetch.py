"""The files of known sets: names and checksums, and their download with a bar."""

from __future__ import annotations

import hashlib
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType

from narrows.errors import DataError, needing


@dataclass(frozen=True)
class KnownFile:
    """One IDX file of a known data set."""

    folder: str
    """The data set, which is also the folder that the file lies in."""

    name: str
    """The name without `.gz`."""

    sha256_gz: str
    """SHA-256 of the gzipped file, as published."""

    sha256: str
    """SHA-256 of the file unpacked."""

    @property
    def name_gz(self) -> str:
        """The name under which mirrors hold it."""
        return f"{self.name}.gz"


@dataclass(frozen=True)
class KnownSet:
    """The two files of a known data set."""

    images: KnownFile
    labels: KnownFile


MIRRORS = {
    "mnist": (
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
    "fashion-mnist": (
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    ),
}
"""Folder addresses, tried in this order; the checksums make their origin irrelevant."""


def _known(folder: str, prefix: str, images: str, labels: str) -> KnownSet:
    """Return a set of two files, from the SHA-256 of each gzipped and unpacked."""
    return KnownSet(
        KnownFile(folder, f"{prefix}-images-idx3-ubyte", *images.split()),
        KnownFile(folder, f"{prefix}-labels-idx1-ubyte", *labels.split()),
    )


KNOWN_SETS = {
    "mnist:train": _known(
        "mnist",
        "train",
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609 "
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c "
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    ),
    "mnist:test": _known(
        "mnist",
        "t10k",
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6 "
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6 "
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
    "fashion-mnist:train": _known(
        "fashion-mnist",
        "train",
        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84 "
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845 "
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    ),
    "fashion-mnist:test": _known(
        "fashion-mnist",
        "t10k",
        "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073 "
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5 "
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ),
}

KNOWN_NAMES = ("digits", *KNOWN_SETS)
"""Every name that `read_signals` accepts besides paths."""


class DownloadBar:
    """Bytes received of bytes announced, drawn by rich from when the total is known.

    pooch sets `total` when the server has answered and then calls the methods; where the file
    is in the cache already it does neither, and nothing is drawn.
    """

    def __init__(self, name: str) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

        columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn()
        self._progress = Progress(*columns, console=Console(stderr=True), transient=True)
        self._task = self._progress.add_task(name, total=None)
        self._total = 0

    @property
    def total(self) -> int:
        """The bytes announced by the server, 0 if it did not tell."""
        return self._total

    @total.setter
    def total(self, n_bytes: int) -> None:
        self._total = n_bytes
        self._progress.update(self._task, total=n_bytes or None)
        self._progress.start()

    def update(self, n_bytes: int) -> None:
        """Count bytes received."""
        self._progress.advance(self._task, n_bytes)

    def reset(self) -> None:
        """Count from zero again."""
        self._progress.reset(self._task)

    def close(self) -> None:
        """Remove the bar; it may have been removed before."""
        self._progress.stop()


@contextmanager
def download_bar(name: str) -> Iterator[DownloadBar | bool]:
    """Yield a bar for the download of `name`, or False where stderr is no terminal."""
    if sys.stderr is None or not sys.stderr.isatty():  # None: closed, or no console
        yield False
        return
    bar = DownloadBar(name)
    try:
        yield bar
    finally:
        bar.close()


ENVIRONMENT = "NARROWS_DATA"
_TIMEOUT_SECONDS = 15.0
_CHUNK_BYTES = 2**16


def find_local(file: KnownFile, folder: Path) -> Path | None:
    """Look for a file in a folder laid out as `<set>/<file>.gz` or `<set>/<file>`.

    Raises
    ------
    DataError
        If it is there with other content than the published one.
    """
    for name, sha256 in ((file.name_gz, file.sha256_gz), (file.name, file.sha256)):
        path = folder / file.folder / name
        if path.is_file():
            if _sha256(path) == sha256:
                return path
            raise DataError(
                f"{str(path)!r} is not the published {name} of {file.folder}: its SHA-256 is "
                f"not {sha256}; remove it, or put the published file in its place"
            )
    return None


def fetch(file: KnownFile, mirrors: Sequence[str], cache: Path | None = None) -> Path:
    """Return the path of a file in the cache, downloading it first where it is not there.

    Parameters
    ----------
    file : KnownFile
        What to fetch; its checksum must agree.
    mirrors : sequence of str
        Folder addresses that end in "/", tried in order.
    cache : Path, optional
        The cache folder; by default the user's own for narrows.

    Raises
    ------
    MissingExtraError
        If pooch is not installed.
    DataError
        If no mirror delivers the file with the right checksum.
    """
    folder = (cache or _user_cache(file)) / file.folder
    tried = []
    for mirror in mirrors:
        try:
            return _retrieve(file, mirror, folder)
        except (OSError, ValueError) as error:
            tried.append(f"{mirror} ({_reason(error)})")
    raise DataError(_nowhere(file, tried))


def _user_cache(file: KnownFile) -> Path:
    pooch = _import_pooch(file)
    return Path(pooch.os_cache("narrows"))


def _import_pooch(file: KnownFile) -> ModuleType:
    purpose = f"downloading {file.folder} ({file.name_gz} is not in {ENVIRONMENT})"
    with needing("pooch", purpose, "train"):
        return import_module("pooch")


def _retrieve(file: KnownFile, mirror: str, folder: Path) -> Path:
    pooch = _import_pooch(file)
    with _quiet(pooch.get_logger()), download_bar(file.name_gz) as bar:
        downloader = pooch.HTTPDownloader(
            progressbar=bar, chunk_size=_CHUNK_BYTES, timeout=_TIMEOUT_SECONDS
        )
        path = pooch.retrieve(
            mirror + file.name_gz,
            known_hash=f"sha256:{file.sha256_gz}",
            fname=file.name_gz,
            path=folder,
            downloader=downloader,
        )
    return Path(path)


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _reason(error: OSError | ValueError) -> str:
    response = getattr(error, "response", None)
    if response is not None:
        return f"HTTP status {response.status_code}"
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return "wrong checksum"


def _nowhere(file: KnownFile, tried: Sequence[str]) -> str:
    folder = os.environ.get(ENVIRONMENT)
    state = f"it is {folder!r}" if folder else "it is not set"
    place = Path(f"${ENVIRONMENT}", file.folder, file.name_gz).as_posix()
    return (
        f"cannot get {file.name_gz} of {file.folder}: tried {', '.join(tried)}; put the file at "
        f"{place}, where {ENVIRONMENT} is an environment variable that names a folder ({state})"
    )


@contextmanager
def _quiet(logger: logging.Logger) -> Iterator[None]:
    """Keep pooch from writing to stderr: errors are ours to tell, progress is drawn."""
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)
