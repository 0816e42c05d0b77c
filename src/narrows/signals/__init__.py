"""Signals to frames and back: files, arrays and known data sets <-> arrays `(n, *frame_shape)`."""

from narrows.signals.checks import DTYPES, check_signals
from narrows.signals.formats.npy_streams import NpyPipe, NpyWriter
from narrows.signals.formats.registry import SUFFIXES, check_head, write_signals
from narrows.signals.frames import Frames
from narrows.signals.known.fetch import KNOWN_NAMES
from narrows.signals.labels import as_labels, read_labels
from narrows.signals.reading import Reading
from narrows.signals.source import ArraySource, Source
from narrows.signals.sources import open_signals, read_signals

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
