"""Signals to frames and back: files, arrays and known data sets <-> arrays `(n, *frame_shape)`.

The names are imported when they are first used: who decompresses needs few of them.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from narrows.signals.checks import DTYPES, check_signals
    from narrows.signals.formats.npy_streams import NpyPipe, NpyWriter
    from narrows.signals.formats.registry import SUFFIXES, check_head, write_signals
    from narrows.signals.frames import Frames
    from narrows.signals.known.fetch import KNOWN_NAMES
    from narrows.signals.labels import as_labels, read_labels
    from narrows.signals.reading import Reading
    from narrows.signals.source import ArraySource, Source
    from narrows.signals.sources import open_signals, read_signals

_HOMES = {
    "DTYPES": "checks",
    "KNOWN_NAMES": "known.fetch",
    "SUFFIXES": "formats.registry",
    "ArraySource": "source",
    "Frames": "frames",
    "NpyPipe": "formats.npy_streams",
    "NpyWriter": "formats.npy_streams",
    "Reading": "reading",
    "Source": "source",
    "as_labels": "labels",
    "check_head": "formats.registry",
    "check_signals": "checks",
    "open_signals": "sources",
    "read_labels": "labels",
    "read_signals": "sources",
    "write_signals": "formats.registry",
}
__all__ = [
    "DTYPES",
    "KNOWN_NAMES",
    "SUFFIXES",
    "ArraySource",
    "Frames",
    "NpyPipe",
    "NpyWriter",
    "Reading",
    "Source",
    "as_labels",
    "check_head",
    "check_signals",
    "open_signals",
    "read_labels",
    "read_signals",
    "write_signals",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'narrows.signals' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"narrows.signals.{_HOMES[name]}"), name)
