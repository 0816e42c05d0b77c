"""What a file format consists of. Each has a file of its own here and a line in the registry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy.typing as npt

from narrows.signals.source import StoredSource


@dataclass(frozen=True)
class Format:
    """A format of files that signals are read from and, where `write` is given, written to."""

    name: str
    """What error messages call it."""

    matches: Callable[[bytes, Path], bool]
    """Return whether a file is one, by its first `HEAD_BYTES` bytes or its path."""

    open: Callable[[Path, str | None], StoredSource]
    """Open a file; the second argument names one of its arrays, for `has_members` only."""

    suffix: str = ""
    """What asks for the format where it is written, with its dot."""

    write: Callable[[BinaryIO, npt.NDArray[Any]], None] | None = None
    """Write signals from front to back, so that a pipe will do."""

    has_members: bool = False
    """Whether a file can hold several arrays, each with a name."""


HEAD_BYTES = 6
