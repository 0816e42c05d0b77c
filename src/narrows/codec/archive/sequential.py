"""Archives from front to back: through pipes, in memory that does not grow with them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from narrows.codec.archive.indexed import IndexedArchive
from narrows.codec.archive.layout import (
    Block,
    CheckedStream,
    Entry,
    Header,
    pack_block,
    pack_header,
    pack_trailer,
    take_block,
    take_header,
    take_trailer,
)
from narrows.errors import FormatError


class ArchiveWriter:
    """Writes an archive to a stream, block by block; `close` adds the index.

    Parameters
    ----------
    stream : binary stream
        It need not seek.
    header : Header
    present : IndexedArchive, optional
        An archive to go on with: the stream stands where its blocks end.

    Attributes
    ----------
    n_bytes : int
        The length of the archive so far.
    """

    def __init__(
        self, stream: BinaryIO, header: Header, present: IndexedArchive | None = None
    ) -> None:
        self._stream = stream
        self._entries: list[Entry] = []
        self.n_bytes = 0
        if present is None:
            self._write(pack_header(header))
        else:
            self._entries, self.n_bytes = list(present.entries), present.index_offset

    def write(self, block: Block) -> None:
        """Append a block."""
        packed = pack_block(block)
        self._write(packed)
        self._entries.append(Entry(block.n_signals, len(packed)))

    def close(self) -> None:
        """Write the index and the tail; the stream stays open."""
        self._write(pack_trailer(self._entries))

    def _write(self, data: bytes) -> None:
        self._stream.write(data)
        self.n_bytes += len(data)


class ArchiveReader:
    """Reads an archive from a stream; seeking is not needed.

    Raises
    ------
    FormatError
        For anything that `ArchiveWriter` would not have written: each byte is checked.

    Attributes
    ----------
    header : Header
    n_signals, n_blocks : int
        Read so far.
    blocks_are_whole : bool
        Whether the last block has been read; only the index can be damaged then.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._source = CheckedStream(stream)
        self.header = take_header(self._source)
        self.blocks_are_whole = False
        self.n_signals = 0
        self.n_blocks = 0

    def __iter__(self) -> Iterator[Block]:
        """Return the blocks in order; the index and the end are checked after the last."""
        entries: list[Entry] = []
        begin = self._source.position
        while (block := take_block(self._source, self.header, len(entries))) is not None:
            entries.append(Entry(block.n_signals, self._source.position - begin))
            begin = self._source.position
            self.n_signals += block.n_signals
            self.n_blocks += 1
            yield block
        self.blocks_are_whole = True
        if take_trailer(self._source, len(entries)) != entries:
            raise FormatError("archive whose index does not agree with its blocks")
