"""The `.nrw` container: `layout` alone knows its bytes, the others read and write archives."""

from narrows.codec.archive.layout import (
    DTYPE_CODES,
    DTYPES,
    MAGIC,
    MAX_BLOCK_BYTES,
    MAX_BLOCK_SIGNALS,
    MAX_FRAME_BYTES,
    MODEL_ID_BYTES,
    NO_MODEL,
    SEVERAL_QUALITIES,
    USUAL_BLOCK_SIGNALS,
    VERSION,
    Block,
    Entry,
    Header,
)
from narrows.codec.archive.metadata import Metadata
from narrows.codec.archive.modes import Mode
from narrows.codec.archive.streams import ArchiveReader, ArchiveWriter, IndexedArchive

__all__ = [
    "DTYPES",
    "DTYPE_CODES",
    "MAGIC",
    "MAX_BLOCK_BYTES",
    "MAX_BLOCK_SIGNALS",
    "MAX_FRAME_BYTES",
    "MODEL_ID_BYTES",
    "NO_MODEL",
    "SEVERAL_QUALITIES",
    "USUAL_BLOCK_SIGNALS",
    "VERSION",
    "ArchiveReader",
    "ArchiveWriter",
    "Block",
    "Entry",
    "Header",
    "IndexedArchive",
    "Metadata",
    "Mode",
]
