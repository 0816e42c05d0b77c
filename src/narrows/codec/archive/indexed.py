"""Archives at random: the index at the end says where every block is."""

from __future__ import annotations

from itertools import accumulate
from typing import BinaryIO

from narrows.codec.archive.layout import (
    END_OF_BLOCKS,
    MIN_BLOCK_BYTES,
    TAIL_BYTES,
    TAIL_MAGIC,
    Block,
    CheckedStream,
    Entry,
    take_block,
    take_header,
    take_trailer,
)
from narrows.errors import FormatError


class IndexedArchive:
    """Reads single blocks of an archive in a file that seeks.

    Parameters
    ----------
    stream : binary file

    Raises
    ------
    FormatError
        If header or index are damaged. A damaged block is found when it is read.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        stream.seek(0)
        source = CheckedStream(stream)
        self.header = take_header(source)
        self.first_block = source.position
        self.entries = self._read_index()
        self.starts = list(accumulate((e.n_signals for e in self.entries), initial=0))
        self.offsets = list(accumulate((e.n_bytes for e in self.entries), initial=self.first_block))

    @property
    def n_signals(self) -> int:
        """The number of signals in the archive."""
        return self.starts[-1]

    @property
    def index_offset(self) -> int:
        """Where the blocks end and the index begins."""
        return self.offsets[-1]

    def block(self, number: int) -> Block:
        """Read a block; FormatError if it is damaged or not what the index says."""
        self._stream.seek(self.offsets[number])
        source = CheckedStream(self._stream, self.offsets[number])
        block = take_block(source, self.header, number)
        n_bytes = source.position - self.offsets[number]
        if block is None or Entry(block.n_signals, n_bytes) != self.entries[number]:
            raise FormatError(f"block {number} is not what the index says")
        return block

    def _read_index(self) -> list[Entry]:
        size = self.n_bytes = self._stream.seek(0, 2)
        self._stream.seek(max(0, size - TAIL_BYTES))
        tail = self._stream.read(TAIL_BYTES)
        begin = size - TAIL_BYTES - int.from_bytes(tail[:4], "little")
        if tail[4:] != TAIL_MAGIC or begin < self.first_block:
            raise FormatError("archive without a whole index at its end: truncated or damaged")
        self._stream.seek(begin)
        source = CheckedStream(self._stream, begin)
        if source.take(1)[0] != END_OF_BLOCKS:
            raise FormatError("archive whose index is not where its tail says")
        entries = take_trailer(source, (begin - self.first_block) // MIN_BLOCK_BYTES)
        most = self.header.block_signals
        if not all(0 < entry.n_signals <= most and entry.n_bytes for entry in entries):
            raise FormatError("archive whose index holds a block of impossible size")
        if self.first_block + sum(entry.n_bytes for entry in entries) != begin:
            raise FormatError("archive whose index does not agree with its length")
        return entries
