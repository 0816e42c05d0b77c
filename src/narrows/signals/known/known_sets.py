"""The data sets that narrows knows by name."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from narrows.errors import needing
from narrows.signals.formats.registry import open_file
from narrows.signals.known.fetch import (
    ENVIRONMENT,
    KNOWN_SETS,
    MIRRORS,
    KnownFile,
    fetch,
    find_local,
)

Part = Literal["images", "labels"]


def read_known(
    name: str, part: Part, mirrors: Mapping[str, Sequence[str]] = MIRRORS
) -> npt.NDArray[Any]:
    """Read the images or the labels of a known set.

    Parameters
    ----------
    name : str
        One of `KNOWN_NAMES`.
    part : "images" or "labels"
        Which of the two.
    mirrors : mapping from set to folder addresses
        Where to download from what is neither in NARROWS_DATA nor in the cache.

    Returns
    -------
    (n, height, width) uint8, or (n,) integers
        The images or the labels, possibly read-only.

    Raises
    ------
    MissingExtraError
        If scikit-learn (for `digits`) or pooch (for a download) is not installed.
    DataError
        If the file cannot be obtained, or is not the published one.
    """
    if name == "digits":
        return _read_digits(part)
    known = KNOWN_SETS[name]
    file = known.images if part == "images" else known.labels
    return open_file(_locate(file, mirrors[file.folder])).read()


def _locate(file: KnownFile, mirrors: Sequence[str]) -> Path:
    folder = os.environ.get(ENVIRONMENT)
    found = find_local(file, Path(folder)) if folder else None
    return found or fetch(file, mirrors)


def _read_digits(part: Part) -> npt.NDArray[Any]:
    with needing("scikit-learn", "the set digits", "train"):
        from sklearn.datasets import load_digits
    digits = load_digits()
    # 17 grey levels, 0 to 16, which scikit-learn holds as float64
    return digits.images.astype(np.uint8) if part == "images" else np.asarray(digits.target)
