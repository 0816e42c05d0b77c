"""Archives for the tests of the container: small ones, damaged ones, and slow streams."""

import io
from zlib import crc32

import numpy as np

from narrows.codec.archive import ArchiveReader, ArchiveWriter, Block, Header, IndexedArchive, Mode
from narrows.errors import FormatError
from tests.helpers import tiny_models

MODEL_ID = bytes(range(16))
BLOCK_LIMIT = "narrows.codec.archive.layout.MAX_BLOCK_BYTES"


def with_crc(data):
    return data + crc32(data).to_bytes(4, "little")


def header_of(dtype="uint8", frame_shape=(3, 2), embedded=None):
    return Header(MODEL_ID, np.dtype(dtype), frame_shape, embedded)


def written(header, blocks):
    stream = io.BytesIO()
    writer = ArchiveWriter(stream, header)
    for block in blocks:
        writer.write(block)
    writer.close()
    return stream.getvalue()


def read(data):
    """Return the header, the blocks and what the reader counted."""
    stream = data if hasattr(data, "read") else io.BytesIO(data)
    reader = ArchiveReader(stream)
    blocks = list(reader)
    return reader.header, blocks, (reader.n_signals, reader.n_blocks)


def indexed(data):
    """Read all blocks through the index, the last first."""
    archive = IndexedArchive(io.BytesIO(data))
    blocks = [archive.block(number) for number in reversed(range(len(archive.entries)))]
    return archive.header, blocks[::-1], archive.n_signals


def refusal(data, read=read):
    """Return the message of the FormatError that reading raises."""
    return tiny_models.refusal(read, data, error=FormatError)


def small_archive(embedded=None):
    blocks = [
        Block(Mode.CODED, 1, 2, b"coded"),
        Block(Mode.STORED, 0, 1, b"stored"[:6]),
        Block(Mode.DEFLATED, 15, 3, b""),
    ]
    return written(header_of(embedded=embedded), blocks)


class ShortReads:
    """A pipe: it cannot seek, and gives fewer bytes than asked for."""

    def __init__(self, data, most=3):
        self._data = data
        self._position = 0
        self._most = most

    def read(self, size=-1):
        assert size > 0
        part = self._data[self._position : self._position + min(size, self._most)]
        self._position += len(part)
        return part
