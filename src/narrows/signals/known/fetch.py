"""Where the files of known sets come from: the folder NARROWS_DATA, else a mirror, once.

NARROWS_DATA/<set>/<file>.gz or <file> ──► checksum ──► path
     └─ not there ──► pooch's cache, filled from the first mirror that delivers ──┘
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import ModuleType

from narrows.errors import DataError, needing
from narrows.signals.known.download_bar import download_bar
from narrows.signals.known.known_files import KnownFile

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
    needing
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
