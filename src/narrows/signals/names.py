"""Names of files that came in an archive: any of them may have been made to do harm."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Sequence

from narrows.errors import NarrowsError

MAX_NAME_LENGTH = 1000  # characters; file systems take at most 255 bytes a part
DEVICES = frozenset(
    ["con", "prn", "aux", "nul", "conin$", "conout$", "clock$"]
    + [f"{port}{n}" for port in ("com", "lpt") for n in "123456789¹²³"]
)
"""What Windows takes for a device, whatever the folder and the suffix."""


def check_names(names: Sequence[str], error: type[NarrowsError]) -> None:
    """Refuse names that are no plain relative paths, or that would meet in one file.

    Parameters
    ----------
    names : sequence of str
        Relative paths with `/`.
    error : type
        What to raise: a DataError for files of the user's, a FormatError for those of an archive.
    """
    files: dict[str, str] = {}
    folders: dict[str, str] = {}
    for name in names:
        fault = _fault(name)
        if fault:
            raise error(f"the name {name[:80]!r} {fault}; rename it: plain relative names are kept")
        key = _alike(name)
        if key in files:
            raise error(
                f"the names {files[key]!r} and {name!r} would be one file where case or accents "
                "are not told apart; rename one"
            )
        files[key] = name
        parts = key.split("/")
        folders.update(("/".join(parts[:n]), name) for n in range(1, len(parts)))
    for folder in folders.keys() & files.keys():
        raise error(f"{files[folder]!r} is a file, and a folder in {folders[folder]!r}; rename one")


def _fault(name: str) -> str:
    """Return what is wrong with a name, or nothing."""
    if not 0 < len(name) <= MAX_NAME_LENGTH:
        return f"has {len(name)} characters, not 1 to {MAX_NAME_LENGTH}"
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in name):
        return "holds characters that are no text"
    if name.startswith("/") or "\\" in name or re.match("[A-Za-z]:", name):
        return "is absolute, or has a drive or a backslash"
    if ":" in name and os.name == "nt":
        return "has a colon, which Windows takes for more than a name"
    return next(filter(None, map(_fault_of_part, name.split("/"))), "")


def _fault_of_part(part: str) -> str:
    if part in ("", ".", "..") or part[-1] in ". ":
        return f"has the part {part!r}, which is no name everywhere"
    if part.partition(".")[0].rstrip(" ").lower() in DEVICES:
        return f"has the part {part!r}, which is a device on Windows"
    return ""


def _alike(name: str) -> str:
    """Return one form of all names that some file system takes for the same."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
