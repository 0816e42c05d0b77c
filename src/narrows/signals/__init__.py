"""Signals to frames and back: files, arrays and known data sets <-> arrays `(n, *frame_shape)`."""

from narrows.signals.checks import DTYPES, check_signals
from narrows.signals.files import SUFFIXES, write_signals
from narrows.signals.known_files import KNOWN_NAMES
from narrows.signals.numpy_files import NpyWriter
from narrows.signals.sources import read_labels, read_signals
from narrows.signals.streams import ArraySource, NpyPipe

__all__ = [
    "DTYPES",
    "KNOWN_NAMES",
    "SUFFIXES",
    "ArraySource",
    "NpyPipe",
    "NpyWriter",
    "check_signals",
    "read_labels",
    "read_signals",
    "write_signals",
]
