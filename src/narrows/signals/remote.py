"""Data at a URL of fsspec's, such as https://, s3:// or zip://: copied here to be read.

A URL is read when it is asked for, and nothing else goes to the network. What is copied lies in
the folder for temporary files until the process ends.
"""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

from narrows.errors import DataError
from narrows.signals.names import check_names
from narrows.urls import located, reading


def copy_of(url: str) -> tuple[Path, str | None]:
    """Return a copy of the file or the folder at a URL, and the name of an array in it.

    `s3://bucket/x.npz:name` names an array; a pattern, `https://.../*.wav`, is a folder of what
    it finds.

    Raises
    ------
    DataError
        If there is nothing, or it cannot be copied.
    MissingExtraError
        If fsspec, or what it needs for this kind of URL, is not installed.
    """
    last = url.rpartition("/")[2]
    inner = last.rpartition(":")[2] if ":" in last and "::" not in last else None
    place = url if inner is None else url[: -len(inner) - 1]
    return _copied(place), inner


@cache
def _copied(url: str) -> Path:
    system, place = located(url)
    with reading(url):
        return _copy(system, place, url)


def _copy(system: Any, place: str, url: str) -> Path:
    folder, name = Path(_folder().name), PurePosixPath(place).name or "data"
    target = folder / str(len(list(folder.iterdir()))) / name.replace("*", "_")
    target.parent.mkdir()
    if any(sign in name for sign in "*?["):
        found = [path for path in system.glob(place) if system.isfile(path)]
        names = [PurePosixPath(path).name for path in found]
    elif url.endswith("/") or not system.isfile(place):  # servers take all for files
        found = sorted(path for path in system.find(place) if not path.endswith("/"))
        names = [path.removeprefix(place).lstrip("/") for path in found]
    else:
        system.get_file(place, str(target))
        return target
    if not found:
        raise DataError(f"there is nothing at {url!r}")
    check_names(names, DataError)
    for path, own in zip(found, names, strict=True):
        (target / own).parent.mkdir(parents=True, exist_ok=True)
        system.get_file(path, str(target / own))
    return target


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="narrows-")
